// GigaChat (https://developers.sber.ru/docs/ru/gigachat/api/overview): chats and embeddings, by tokens of its OAuth.
#pragma once
#include <memory>
#include <string>

#include "llm/provider.h"
#include "providers/internal/http_provider.h"
#include "providers/internal/vendor.h"

namespace fairlead::providers::gigachat {

struct Options {
  internal::ProviderParts parts;  // its api_key is the authorization key, which goes to `auth_url` alone
  std::string auth_url, scope;
};

// Thread-safe. Error: invalid_url.
Result<std::shared_ptr<llm::Provider>> make_provider(Options options);

internal::Vendor vendor();

}  // namespace fairlead::providers::gigachat
