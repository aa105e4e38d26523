#include "providers/openai/provider.h"

#include <algorithm>

#include "llm/openai_completion.h"
#include "providers/internal/exchange.h"
#include "providers/internal/native.h"
#include "providers/openai/body.h"
#include "providers/openai/native.h"

namespace fairlead::providers::openai {
namespace {

using llm::Format;

std::string_view path_of(Format format) {
  switch (format) {
    case Format::kCompletions:
      return "/completions";
    case Format::kResponses:
      return "/responses";
    case Format::kEmbeddings:
      return "/embeddings";
    case Format::kModerations:
      return "/moderations";
    default:
      return "/chat/completions";
  }
}

class OpenAiProvider final : public llm::Provider {
 public:
  OpenAiProvider(Options options, http::Origin origin)
      : options_(std::move(options)), origin_(std::move(origin)), azure_(options_.dialect->type == "azure") {
    if (!options_.endpoint.api_key.empty())
      header_lines_ = (azure_ ? "api-key: " : "authorization: Bearer ") + options_.endpoint.api_key + "\r\n";
    header_lines_ += internal::header_line("openai-organization", options_.organization);
    header_lines_ += internal::header_line("openai-project", options_.project);
    header_lines_ += options_.endpoint.header_lines;
  }

  std::string_view name() const override { return options_.endpoint.name; }
  std::string_view type() const override { return options_.dialect->type; }

  bool speaks(Format format) const override {
    // Azure's deployments are from before responses.
    if (format == Format::kResponses && !options_.api_version.empty()) return false;
    return std::ranges::find(options_.dialect->speaks, format) != options_.dialect->speaks.end();
  }

  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall call) override {
    auto body = chat_body(call.request, call.context.upstream_model, *options_.dialect);
    if (!body) co_return fail(std::move(body).error());
    llm::OpenAiAnswer answer{.stream = call.request.stream,
                             .include_usage = call.request.include_usage,
                             .n = call.request.n,
                             .says_reasoning = options_.dialect->says_reasoning,
                             .secrets = options_.endpoint.secrets};
    auto response = co_await send(Format::kChat, call.context, *std::move(body));
    if (!response) co_return fail(std::move(response).error());
    co_return llm::read_openai_completion(*std::move(response), std::move(answer));
  }

  async::Task<Result<std::unique_ptr<llm::Completion>>> call(llm::NativeCall call) override {
    if (!speaks(call.format)) co_return co_await llm::Provider::call(call);
    const bool stream = call.stream && (call.format == Format::kCompletions || call.format == Format::kResponses);
    const bool ask_usage = stream && call.format == Format::kCompletions && options_.dialect->stream_options;
    std::string body = native_body(call.members, call.context.upstream_model, ask_usage);
    internal::NativeAnswer answer{
        .stream = stream, .reader = native_reader(call.format, asks_usage(call.members), options_.endpoint.secrets)};
    auto response = co_await send(call.format, call.context, std::move(body));
    if (!response) co_return fail(std::move(response).error());
    co_return internal::pass_on(*std::move(response), std::move(answer));
  }

 private:
  std::string azure_target(Format format, std::string_view model) const {
    const std::string path(path_of(format));
    if (options_.api_version.empty()) return origin_.prefix.ends_with("/v1") ? path : "/openai/v1" + path;
    return (origin_.prefix.ends_with("/openai") ? "" : "/openai") + ("/deployments/" + http::percent_encode(model)) +
           path + "?api-version=" + http::percent_encode(options_.api_version);
  }

  async::Task<Result<std::unique_ptr<http::ClientResponse>>> send(Format format, llm::CallContext context,
                                                                  std::string body) {
    SecretText with_key;
    if (!context.idempotency_key.empty())
      with_key.append(header_lines_).append(internal::header_line("idempotency-key", context.idempotency_key));
    const std::string of_deployment = azure_ ? azure_target(format, context.upstream_model) : std::string();
    internal::Exchange exchange{.origin = origin_,
                                .target = azure_ ? std::string_view(of_deployment) : path_of(format),
                                .header_lines = with_key.empty() ? header_lines_ : with_key,
                                .body = body,
                                .timeout = options_.endpoint.timeout,
                                .secrets = options_.endpoint.secrets};
    auto response = co_await internal::send_chat(options_.client(context.loop), std::move(exchange), context.deadline,
                                                 context.cancellation);
    co_return std::move(response);
  }

  Options options_;
  http::Origin origin_;
  bool azure_;
  SecretText header_lines_;
};

const Dialect& dialect_of(std::string_view type) {
  const auto found = std::ranges::find(dialects(), type, &Dialect::type);
  return found == dialects().end() ? dialects().front() : *found;
}

Result<std::shared_ptr<llm::Provider>> make(internal::Making making) {
  return make_provider({.endpoint = std::move(making.endpoint),
                        .dialect = &dialect_of(internal::text_or(making.spec, "type", "")),
                        .organization = std::string(internal::text_or(making.spec, "organization", "")),
                        .project = std::string(internal::text_or(making.spec, "project", "")),
                        .api_version = std::string(internal::text_or(making.spec, "api_version", "")),
                        .client = making.dependencies.client});
}

}  // namespace

Result<std::shared_ptr<llm::Provider>> make_provider(Options options) {
  FAIRLEAD_TRY(http::Origin origin, http::Origin::parse(options.endpoint.base_url));
  return std::make_shared<OpenAiProvider>(std::move(options), std::move(origin));
}

std::vector<internal::Vendor> vendors() {
  std::vector<internal::Vendor> all;
  for (const Dialect& dialect : dialects()) {
    internal::Vendor vendor{.type = dialect.type, .base_url = dialect.base_url, .fields = {internal::kApiKey}};
    if (dialect.type == "openai") vendor.fields.insert(vendor.fields.end(), {{"organization"}, {"project"}});
    if (dialect.type == "azure") vendor.fields.push_back({"api_version"});
    vendor.make = make;
    all.push_back(std::move(vendor));
  }
  return all;
}

}  // namespace fairlead::providers::openai
