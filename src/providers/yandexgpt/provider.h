// YandexGPT by its own text generation API
// (https://yandex.cloud/en/docs/ai-studio/text-generation/api-ref/TextGeneration/completion).
#pragma once
#include <memory>
#include <string>

#include "llm/provider.h"
#include "providers/internal/http_provider.h"
#include "providers/internal/vendor.h"

namespace fairlead::providers::yandexgpt {

struct Options {
  internal::ProviderParts parts;
  std::string folder;
  SecretText iam_token;  // instead of an api_key
};

// Immutable, thread-safe. Error: invalid_url.
Result<std::shared_ptr<llm::Provider>> make_provider(Options options);

internal::Vendor vendor();

}  // namespace fairlead::providers::yandexgpt
