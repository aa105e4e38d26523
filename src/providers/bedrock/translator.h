// Answers of Converse and ConverseStream in OpenAI's form.
#pragma once
#include <memory>

#include "providers/internal/translated.h"

namespace fairlead::providers::bedrock {

// Reasoning becomes `reasoning_content`; exceptions in the stream become the call's error. The id is the call's, as
// the answer has none in its body.
std::unique_ptr<internal::Translator> make_translator(internal::TranslatorOptions options);

}  // namespace fairlead::providers::bedrock
