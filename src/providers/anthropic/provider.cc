#include "providers/anthropic/provider.h"

#include "providers/anthropic/answer.h"
#include "providers/anthropic/request.h"
#include "providers/internal/exchange.h"

namespace fairlead::providers::anthropic {
namespace {

constexpr std::string_view kVersion = "anthropic-version: 2023-06-01\r\n";

class AnthropicProvider final : public llm::Provider {
 public:
  AnthropicProvider(Options options, http::Origin origin) : options_(std::move(options)), origin_(std::move(origin)) {
    if (!options_.endpoint.api_key.empty()) header_lines_ = "x-api-key: " + options_.endpoint.api_key + "\r\n";
    if (options_.endpoint.header_lines.find("anthropic-version:") == std::string::npos) header_lines_ += kVersion;
    header_lines_ += options_.endpoint.header_lines;
    // Their own clients write the base without /v1; many write it with.
    target_ = origin_.prefix.ends_with("/v1") ? "/messages" : "/v1/messages";
  }

  std::string_view name() const override { return options_.endpoint.name; }
  std::string_view type() const override { return "anthropic"; }

  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall call) override {
    auto body = messages_request(call.request, call.context.upstream_model);
    if (!body) co_return fail(std::move(body).error());
    Answer answer{
        .stream = call.request.stream,
        .include_usage = call.request.include_usage,
        .created = options_.clock->unix_micros() / 1'000'000,
        .secrets = options_.endpoint.secrets,
        .cancellation = std::make_unique<llm::UpstreamCancellation>(call.context.cancellation, call.context.loop)};
    internal::Exchange exchange{.origin = origin_,
                                .target = target_,
                                .header_lines = header_lines_,
                                .body = *body,
                                .timeout = options_.endpoint.timeout,
                                .secrets = options_.endpoint.secrets};
    auto response = co_await internal::send_chat(options_.client(call.context.loop), std::move(exchange),
                                                 call.context.deadline, answer.cancellation->token());
    if (!response) co_return fail(std::move(response).error());
    co_return read_answer(*std::move(response), std::move(answer));
  }

 private:
  Options options_;
  http::Origin origin_;
  std::string header_lines_;
  std::string_view target_;
};

}  // namespace

Result<std::shared_ptr<llm::Provider>> make_provider(Options options) {
  FAIRLEAD_TRY(http::Origin origin, http::Origin::parse(options.endpoint.base_url));
  return std::make_shared<AnthropicProvider>(std::move(options), std::move(origin));
}

internal::Vendor vendor() {
  return {.type = "anthropic",
          .base_url = "https://api.anthropic.com",
          .fields = {internal::kApiKey},
          .make = [](internal::Making making) {
            return make_provider({.endpoint = std::move(making.endpoint),
                                  .client = making.dependencies.client,
                                  .clock = making.dependencies.clock});
          }};
}

}  // namespace fairlead::providers::anthropic
