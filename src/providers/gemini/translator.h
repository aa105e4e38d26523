// Answers of the Gemini API in OpenAI's form.
#pragma once
#include <memory>

#include "providers/internal/translated.h"

namespace fairlead::providers::gemini {

// Follows one answer, streamed (each event is a GenerateContentResponse) or whole. Thoughts become `reasoning_content`,
// blocked prompts and answers end with `content_filter`; a call of a function keeps its thought signature in
// `extra_content`.
std::unique_ptr<internal::Translator> make_translator(internal::TranslatorOptions options);

}  // namespace fairlead::providers::gemini
