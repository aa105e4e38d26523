// What the providers with words of their own have in common.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "llm/openai_completion.h"
#include "llm/provider.h"
#include "platform/http/client.h"
#include "providers/internal/spec.h"
#include "providers/internal/translated.h"

namespace fairlead::providers::internal {

struct ProviderParts {
  Endpoint endpoint;
  std::function<http::Client&(async::Loop&)> client;
  const Clock* clock = nullptr;  // for "created" and for signatures
};

// Immutable, thread-safe.
class HttpProvider : public llm::Provider {
 public:
  HttpProvider(ProviderParts parts, http::Origin origin) : parts_(std::move(parts)), origin_(std::move(origin)) {}
  std::string_view name() const override { return parts_.endpoint.name; }

 protected:
  using Response = Result<std::unique_ptr<http::ClientResponse>>;
  // Sends JSON to `target` below the base URL and waits for a 2xx head; `header_lines` go before those of the spec.
  async::Task<Response> send(std::string target, SecretText header_lines, std::string body, llm::CallContext context);
  TranslatorOptions translator_options(llm::CallContext context, bool include_usage) const;
  // The name of a route's model in a path.
  static std::string in_path(std::string_view model);

  ProviderParts parts_;
  http::Origin origin_;
};

// An answer that is already here, in one piece.
std::unique_ptr<llm::Completion> answer_at_hand(std::string wire, llm::Outcome outcome);

// A translator of answers that are never streamed.
using WholeAnswerReader = std::function<Result<std::string>(std::string_view body, llm::Outcome& outcome)>;
std::unique_ptr<Translator> translate_whole(WholeAnswerReader reader);

}  // namespace fairlead::providers::internal
