// Answers of YandexGPT in OpenAI's form.
#pragma once
#include <memory>

#include "providers/internal/translated.h"

namespace fairlead::providers::yandexgpt {

// Follows one answer. A stream is JSON objects, one a line, each of which holds all of the text so far: what is new in
// it becomes a chunk. Calls of functions have no ids there; they are given some.
std::unique_ptr<internal::Translator> make_translator(internal::TranslatorOptions options);

}  // namespace fairlead::providers::yandexgpt
