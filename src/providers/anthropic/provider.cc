#include "providers/anthropic/provider.h"

#include "providers/anthropic/native.h"
#include "providers/anthropic/request.h"
#include "providers/anthropic/thinking.h"
#include "providers/anthropic/translator.h"
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
  bool speaks(llm::Format format) const override {
    return format == llm::Format::kMessages || format == llm::Format::kCountTokens;
  }
  llm::Prefill continues(std::string_view upstream_model) const override {
    return is_claude_4_5_or_older(upstream_model) ? llm::Prefill::kLastMessage : llm::Prefill::kNone;
  }

  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall call) override {
    auto body = messages_request(call.request, call.context.upstream_model);
    if (!body) co_return fail(std::move(body).error());
    internal::Translation translation{
        .stream = call.request.stream,
        .translator = make_translator({.include_usage = call.request.include_usage,
                                       .created = options_.clock->unix_micros() / 1'000'000,
                                       .secrets = options_.endpoint.secrets})};
    auto response = co_await send(target_, call.context, *std::move(body));
    if (!response) co_return fail(std::move(response).error());
    co_return internal::translate(*std::move(response), std::move(translation));
  }

  async::Task<Result<std::unique_ptr<llm::Completion>>> call(llm::NativeCall call) override {
    if (!speaks(call.format)) co_return co_await llm::Provider::call(call);
    const bool counts = call.format == llm::Format::kCountTokens;
    internal::NativeAnswer answer{.stream = call.stream && !counts,
                                  .reader = native_reader(call.format, options_.endpoint.secrets)};
    auto response = co_await send(target_ + (counts ? "/count_tokens" : ""), call.context,
                                  native_body(call.members, call.context.upstream_model));
    if (!response) co_return fail(std::move(response).error());
    co_return internal::pass_on(*std::move(response), std::move(answer));
  }

 private:
  async::Task<Result<std::unique_ptr<http::ClientResponse>>> send(std::string target, llm::CallContext context,
                                                                  std::string body) {
    internal::Exchange exchange{.origin = origin_,
                                .target = target,
                                .header_lines = header_lines_,
                                .body = body,
                                .timeout = options_.endpoint.timeout,
                                .secrets = options_.endpoint.secrets};
    auto response = co_await internal::send_chat(options_.client(context.loop), std::move(exchange), context.deadline,
                                                 context.cancellation);
    co_return std::move(response);
  }

  Options options_;
  http::Origin origin_;
  SecretText header_lines_;
  std::string target_;
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
