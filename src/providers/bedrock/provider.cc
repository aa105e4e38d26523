#include "providers/bedrock/provider.h"

#include <fmt/format.h>

#include <algorithm>

#include "providers/bedrock/embeddings.h"
#include "providers/bedrock/request.h"
#include "providers/bedrock/translator.h"

namespace fairlead::providers::bedrock {
namespace {

constexpr internal::Language kEmbeddings{.vendor = "a Bedrock upstream", .says = {}};

class BedrockProvider final : public internal::HttpProvider {
 public:
  BedrockProvider(Options options, http::Origin origin)
      : HttpProvider(std::move(options.parts), std::move(origin)),
        region_(std::move(options.region)),
        credentials_(std::move(options.credentials)) {}

  std::string_view type() const override { return "bedrock"; }
  bool speaks(llm::Format format) const override { return format == llm::Format::kEmbeddings; }

  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall call) override {
    auto body = converse_request(call.request, call.context.upstream_model);
    if (!body) co_return fail(std::move(body).error());
    internal::Translation translation{
        .stream = call.request.stream,
        .translator = make_translator(translator_options(call.context, call.request.include_usage))};
    auto response =
        co_await send_signed(call.request.stream ? "/converse-stream" : "/converse", *std::move(body), call.context);
    if (!response) co_return fail(std::move(response).error());
    co_return internal::translate(*std::move(response), std::move(translation));
  }

  async::Task<Result<std::unique_ptr<llm::Completion>>> call(llm::NativeCall call) override {
    if (!speaks(call.format)) co_return co_await llm::Provider::call(call);
    auto ask = internal::read_embeddings_ask(call.members, kEmbeddings);
    if (!ask) co_return fail(std::move(ask).error());
    auto bodies = embeddings_bodies(*ask, call.context.upstream_model, kEmbeddings);
    if (!bodies) co_return fail(std::move(bodies).error());
    llm::Outcome outcome;
    std::vector<std::vector<float>> vectors;
    for (std::string& body : *bodies) {
      auto answer = co_await invoke(std::move(body), call.context);
      if (!answer) co_return fail(std::move(answer).error());
      auto read = read_embeddings(*answer, vectors, outcome.usage);
      if (!read) co_return fail(std::move(read).error());
    }
    if (vectors.size() != ask->input.size())
      co_return internal::invalid_answer("it holds not one embedding for each text");
    outcome.upstream_model = call.context.upstream_model;
    outcome.content_started = true;
    std::string wire = internal::embeddings_json(vectors, ask->base64, call.context.upstream_model, outcome.usage);
    co_return internal::answer_at_hand(std::move(wire), std::move(outcome));
  }

 private:
  // The body of one InvokeModel's answer.
  async::Task<Result<std::string>> invoke(std::string body, llm::CallContext context) {
    auto response = co_await send_signed("/invoke", std::move(body), context);
    if (!response) co_return fail(std::move(response).error());
    auto answer = co_await (*response)->read_all(internal::kAnswerLimit);
    co_return std::move(answer);
  }

  async::Task<Response> send_signed(std::string_view action, std::string body, llm::CallContext context) {
    std::string target = "/model/" + in_path(context.upstream_model) + std::string(action);
    SecretText header_lines;
    if (!parts_.endpoint.api_key.empty()) {
      header_lines = "authorization: Bearer " + parts_.endpoint.api_key + "\r\n";
    } else if (!credentials_.access_key_id.empty()) {
      const std::string path = origin_.prefix + target;
      header_lines = signed_headers({.method = "POST",
                                     .host = origin_.host_header,
                                     .path = path,
                                     .content_type = "application/json",
                                     .body = body,
                                     .region = region_,
                                     .service = "bedrock",
                                     .unix_seconds = parts_.clock->unix_micros() / 1'000'000},
                                    credentials_);
    }
    auto response = co_await send(std::move(target), std::move(header_lines), std::move(body), context);
    co_return std::move(response);
  }

  std::string region_;
  Credentials credentials_;
};

void check(const boost::json::object& spec, std::vector<resources::SpecError>& errors) {
  const std::string_view region = internal::text_or(spec, "region", "");
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  if (!std::ranges::all_of(region, fits)) errors.push_back({"/region", "must be the name of a region, as us-east-1"});
  const bool id = spec.contains("access_key_id"), secret = spec.contains("secret_access_key");
  if (id != secret)
    errors.push_back({"", fmt::format("must have `{}` too", id ? "secret_access_key" : "access_key_id")});
  if (spec.contains("session_token") && !id) errors.push_back({"/session_token", "belongs to an `access_key_id`"});
  if (spec.contains("api_key") && id)
    errors.push_back({"/api_key", "cannot go with `access_key_id`: a request carries one or is signed with the other"});
}

SecretText credential(const internal::Endpoint& endpoint, std::string_view field) {
  const auto found = endpoint.credentials.find(field);
  return found == endpoint.credentials.end() ? SecretText() : found->second;
}

}  // namespace

Result<std::shared_ptr<llm::Provider>> make_provider(Options options) {
  FAIRLEAD_TRY(http::Origin origin, http::Origin::parse(options.parts.endpoint.base_url));
  return std::make_shared<BedrockProvider>(std::move(options), std::move(origin));
}

internal::Vendor vendor() {
  return {.type = "bedrock",
          .base_url = "https://bedrock-runtime.{region}.amazonaws.com",
          .fields = {internal::kApiKey,
                     {"access_key_id", true},
                     {"secret_access_key", true},
                     {"session_token", true},
                     {.name = "region", .required = true}},
          .check = check,
          .make = [](internal::Making making) {
            Credentials credentials{.access_key_id = credential(making.endpoint, "access_key_id"),
                                    .secret_access_key = credential(making.endpoint, "secret_access_key"),
                                    .session_token = credential(making.endpoint, "session_token")};
            return make_provider({.parts = {.endpoint = std::move(making.endpoint),
                                            .client = making.dependencies.client,
                                            .clock = making.dependencies.clock},
                                  .region = std::string(internal::text_or(making.spec, "region", "")),
                                  .credentials = std::move(credentials)});
          }};
}

}  // namespace fairlead::providers::bedrock
