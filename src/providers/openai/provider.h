// Any upstream that speaks the OpenAI chat-completions API (https://platform.openai.com/docs/api-reference/chat).
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "llm/provider.h"
#include "platform/http/client.h"
#include "providers/internal/spec.h"

namespace fairlead::providers::openai {

struct Options {
  internal::Endpoint endpoint;
  std::string organization, project;
  std::function<http::Client&(async::Loop&)> client;
};

// Immutable, thread-safe. Error: invalid_url.
Result<std::shared_ptr<llm::Provider>> make_provider(Options options);

// The body for the upstream: every member of the request as it was sent, but `model`, which becomes the upstream's
// name, `fairlead`, which is left out, and, when streaming, stream_options.include_usage, which is set.
std::string upstream_body(const llm::ChatRequest& request, std::string_view upstream_model);

}  // namespace fairlead::providers::openai
