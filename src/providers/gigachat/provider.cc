#include "providers/gigachat/provider.h"

#include "providers/gigachat/request.h"
#include "providers/gigachat/token.h"
#include "providers/gigachat/translator.h"
#include "providers/internal/embeddings.h"
#include "providers/internal/json_writer.h"

namespace fairlead::providers::gigachat {
namespace {

constexpr std::string_view kAuthUrl = "https://ngw.devices.sberbank.ru:9443/api/v2/oauth";
constexpr std::string_view kScope = "GIGACHAT_API_PERS";
constexpr internal::Language kEmbeddings{.vendor = "a GigaChat upstream", .says = {}};

class GigaChatProvider final : public internal::HttpProvider {
 public:
  GigaChatProvider(internal::ProviderParts parts, http::Origin origin, std::unique_ptr<TokenSource> tokens)
      : HttpProvider(std::move(parts), std::move(origin)), tokens_(std::move(tokens)) {}

  std::string_view type() const override { return "gigachat"; }
  bool speaks(llm::Format format) const override { return format == llm::Format::kEmbeddings; }

  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall call) override {
    auto body = chat_request(call.request, call.context.upstream_model);
    if (!body) co_return fail(std::move(body).error());
    internal::Translation translation{
        .stream = call.request.stream,
        .translator = make_translator(translator_options(call.context, call.request.include_usage))};
    auto response = co_await send_with_token("/chat/completions", *std::move(body), call.context);
    if (!response) co_return fail(std::move(response).error());
    co_return internal::translate(*std::move(response), std::move(translation));
  }

  async::Task<Result<std::unique_ptr<llm::Completion>>> call(llm::NativeCall call) override {
    if (!speaks(call.format)) co_return co_await llm::Provider::call(call);
    auto ask = internal::read_embeddings_ask(call.members, kEmbeddings);
    if (!ask) co_return fail(std::move(ask).error());
    if (ask->dimensions) co_return kEmbeddings.unsupported("dimensions", "its vectors have the size that they have");
    internal::JsonObject body;
    internal::JsonArray input;
    for (const std::string& text : ask->input) input.text(text);
    body.text("model", call.context.upstream_model);
    body.raw("input", std::move(input).finish());
    for (const llm::Member& other : ask->others) body.raw(other.name, other.json);
    internal::Translation translation{
        .translator = internal::translate_whole(
            [inputs = ask->input.size(), base64 = ask->base64, model = std::string(call.context.upstream_model)](
                std::string_view answer, llm::Outcome& outcome) {
              return translate_embeddings(answer, inputs, base64, model, outcome);
            })};
    auto response = co_await send_with_token("/embeddings", std::move(body).finish(), call.context);
    if (!response) co_return fail(std::move(response).error());
    co_return internal::translate(*std::move(response), std::move(translation));
  }

 private:
  // A token that the upstream has let go before its time is replaced once.
  async::Task<Response> send_with_token(std::string target, std::string body, llm::CallContext context) {
    for (int attempt = 1;; ++attempt) {
      auto token = co_await tokens_->get(context);
      if (!token) co_return fail(std::move(token).error());
      auto response = co_await send(target, "authorization: Bearer " + *token + "\r\n", body, context);
      if (response) co_return std::move(response);
      Error error = std::move(response).error();
      const auto secret = std::make_shared<const std::vector<std::string>>(std::vector{std::string(*token)});
      error.message = llm::without_secrets(std::move(error.message), secret);
      if (error.code != "upstream_auth" || attempt > 1) co_return fail(std::move(error));
      tokens_->forget(*token);
    }
  }

  std::unique_ptr<TokenSource> tokens_;
};

void check(const boost::json::object& spec, std::vector<resources::SpecError>& errors) {
  const std::string_view url = internal::text_or(spec, "auth_url", "");
  if (url.empty()) return;
  if (!url.starts_with("https://") && !url.starts_with("http://")) {
    errors.push_back({"/auth_url", "must begin with https:// or http://"});
  } else if (const auto origin = http::Origin::parse(url); !origin) {
    errors.push_back({"/auth_url", origin.error().message});
  }
}

}  // namespace

Result<std::shared_ptr<llm::Provider>> make_provider(Options options) {
  internal::ProviderParts& parts = options.parts;
  FAIRLEAD_TRY(http::Origin origin, http::Origin::parse(parts.endpoint.base_url));
  FAIRLEAD_TRY(std::unique_ptr<TokenSource> tokens, TokenSource::create({.auth_url = std::move(options.auth_url),
                                                                         .key = parts.endpoint.api_key,
                                                                         .scope = std::move(options.scope),
                                                                         .timeout = parts.endpoint.timeout,
                                                                         .secrets = parts.endpoint.secrets,
                                                                         .client = parts.client,
                                                                         .clock = parts.clock}));
  return std::make_shared<GigaChatProvider>(std::move(parts), std::move(origin), std::move(tokens));
}

internal::Vendor vendor() {
  return {.type = "gigachat",
          .base_url = "https://gigachat.devices.sberbank.ru/api/v1",
          .fields = {{.name = "api_key", .is_reference = true, .required = true}, {"auth_url"}, {"scope"}},
          .check = check,
          .make = [](internal::Making making) {
            return make_provider({.parts = {.endpoint = std::move(making.endpoint),
                                            .client = making.dependencies.client,
                                            .clock = making.dependencies.clock},
                                  .auth_url = std::string(internal::text_or(making.spec, "auth_url", kAuthUrl)),
                                  .scope = std::string(internal::text_or(making.spec, "scope", kScope))});
          }};
}

}  // namespace fairlead::providers::gigachat
