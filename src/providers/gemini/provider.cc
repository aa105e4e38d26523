#include "providers/gemini/provider.h"

#include "providers/gemini/embeddings.h"
#include "providers/gemini/request.h"
#include "providers/gemini/translator.h"

namespace fairlead::providers::gemini {
namespace {

class GeminiProvider final : public internal::HttpProvider {
 public:
  GeminiProvider(internal::ProviderParts parts, http::Origin origin)
      : HttpProvider(std::move(parts), std::move(origin)) {
    if (!parts_.endpoint.api_key.empty()) key_line_ = "x-goog-api-key: " + parts_.endpoint.api_key + "\r\n";
  }

  std::string_view type() const override { return "gemini"; }
  bool speaks(llm::Format format) const override { return format == llm::Format::kEmbeddings; }

  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall call) override {
    auto body = generate_request(call.request, call.context.upstream_model);
    if (!body) co_return fail(std::move(body).error());
    internal::Translation translation{
        .stream = call.request.stream,
        .translator = make_translator(translator_options(call.context, call.request.include_usage))};
    std::string target = path_of(call.context.upstream_model) +
                         (call.request.stream ? ":streamGenerateContent?alt=sse" : ":generateContent");
    auto response = co_await send(std::move(target), key_line_, *std::move(body), call.context);
    if (!response) co_return fail(std::move(response).error());
    co_return internal::translate(*std::move(response), std::move(translation));
  }

  async::Task<Result<std::unique_ptr<llm::Completion>>> call(llm::NativeCall call) override {
    if (!speaks(call.format)) co_return co_await llm::Provider::call(call);
    auto made = embeddings_call(call.members, call.context.upstream_model);
    if (!made) co_return fail(std::move(made).error());
    internal::Translation translation{.translator = internal::translate_whole(std::move(made->reader))};
    auto response = co_await send(path_of(call.context.upstream_model) + ":batchEmbedContents", key_line_,
                                  std::move(made->body), call.context);
    if (!response) co_return fail(std::move(response).error());
    co_return internal::translate(*std::move(response), std::move(translation));
  }

 private:
  // "/models/gemini-2.5-flash"; a tuned model is named with its collection.
  static std::string path_of(std::string_view model) {
    const std::size_t slash = model.find('/');
    if (slash == std::string_view::npos) return "/models/" + in_path(model);
    return "/" + in_path(model.substr(0, slash)) + "/" + in_path(model.substr(slash + 1));
  }

  SecretText key_line_;
};

}  // namespace

Result<std::shared_ptr<llm::Provider>> make_provider(internal::ProviderParts parts) {
  FAIRLEAD_TRY(http::Origin origin, http::Origin::parse(parts.endpoint.base_url));
  return std::make_shared<GeminiProvider>(std::move(parts), std::move(origin));
}

internal::Vendor vendor() {
  return {.type = "gemini",
          .base_url = "https://generativelanguage.googleapis.com/v1beta",
          .fields = {internal::kApiKey},
          .make = [](internal::Making making) {
            return make_provider({.endpoint = std::move(making.endpoint),
                                  .client = making.dependencies.client,
                                  .clock = making.dependencies.clock});
          }};
}

}  // namespace fairlead::providers::gemini
