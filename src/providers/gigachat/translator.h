// Answers of GigaChat in OpenAI's form: nearly the same, but for calls of functions and the count of tokens.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "providers/internal/translated.h"

namespace fairlead::providers::gigachat {

std::unique_ptr<internal::Translator> make_translator(internal::TranslatorOptions options);

// The vectors of an answer to POST /embeddings as OpenAI's. Error: upstream_invalid.
Result<std::string> translate_embeddings(std::string_view body, std::size_t inputs, bool base64, std::string_view model,
                                         llm::Outcome& outcome);

}  // namespace fairlead::providers::gigachat
