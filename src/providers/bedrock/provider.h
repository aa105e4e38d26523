// AWS Bedrock: chats by Converse (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html),
// embeddings by InvokeModel.
#pragma once
#include <memory>
#include <string>

#include "llm/provider.h"
#include "providers/bedrock/signature.h"
#include "providers/internal/http_provider.h"
#include "providers/internal/vendor.h"

namespace fairlead::providers::bedrock {

struct Options {
  internal::ProviderParts parts;  // with an api_key, requests carry it as a bearer token and are not signed
  std::string region;
  Credentials credentials;
};

// Immutable, thread-safe. Error: invalid_url.
Result<std::shared_ptr<llm::Provider>> make_provider(Options options);

internal::Vendor vendor();

}  // namespace fairlead::providers::bedrock
