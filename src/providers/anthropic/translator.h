// Answers of the Messages API in OpenAI's form.
#pragma once
#include <memory>

#include "providers/internal/translated.h"

namespace fairlead::providers::anthropic {

// Follows one answer, streamed (https://docs.anthropic.com/en/api/messages-streaming) or whole. Thinking becomes
// `reasoning_content`, a tool's input its arguments. Events that are not known are passed over, as their documentation
// asks.
std::unique_ptr<internal::Translator> make_translator(internal::TranslatorOptions options);

}  // namespace fairlead::providers::anthropic
