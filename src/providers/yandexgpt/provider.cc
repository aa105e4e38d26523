#include "providers/yandexgpt/provider.h"

#include <algorithm>

#include "providers/yandexgpt/request.h"
#include "providers/yandexgpt/translator.h"

namespace fairlead::providers::yandexgpt {
namespace {

class YandexProvider final : public internal::HttpProvider {
 public:
  YandexProvider(Options options, http::Origin origin)
      : HttpProvider(std::move(options.parts), std::move(origin)), folder_(std::move(options.folder)) {
    if (!parts_.endpoint.api_key.empty()) header_lines_ = "authorization: Api-Key " + parts_.endpoint.api_key + "\r\n";
    if (!options.iam_token.empty()) header_lines_ = "authorization: Bearer " + options.iam_token + "\r\n";
    header_lines_.append("x-folder-id: ").append(folder_).append("\r\n");
  }

  std::string_view type() const override { return "yandexgpt"; }

  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall call) override {
    auto body = completion_request(call.request, call.context.upstream_model, folder_);
    if (!body) co_return fail(std::move(body).error());
    internal::Translation translation{
        .stream = call.request.stream,
        .translator = make_translator(translator_options(call.context, call.request.include_usage))};
    auto response = co_await send("/foundationModels/v1/completion", header_lines_, *std::move(body), call.context);
    if (!response) co_return fail(std::move(response).error());
    co_return internal::translate(*std::move(response), std::move(translation));
  }

 private:
  std::string folder_;
  SecretText header_lines_;
};

void check(const boost::json::object& spec, std::vector<resources::SpecError>& errors) {
  if (spec.contains("api_key") && spec.contains("iam_token"))
    errors.push_back({"/iam_token", "cannot go with `api_key`: a request carries one of them"});
  const std::string_view folder = internal::text_or(spec, "folder", "");
  if (std::ranges::any_of(folder, [](char c) { return c == '/' || c == ' '; }))
    errors.push_back({"/folder", "must be the id of a folder"});
}

}  // namespace

Result<std::shared_ptr<llm::Provider>> make_provider(Options options) {
  FAIRLEAD_TRY(http::Origin origin, http::Origin::parse(options.parts.endpoint.base_url));
  return std::make_shared<YandexProvider>(std::move(options), std::move(origin));
}

internal::Vendor vendor() {
  return {.type = "yandexgpt",
          .base_url = "https://llm.api.cloud.yandex.net",
          .fields = {internal::kApiKey, {"iam_token", true}, {.name = "folder", .required = true}},
          .check = check,
          .make = [](internal::Making making) {
            const auto iam = making.endpoint.credentials.find("iam_token");
            SecretText iam_token = iam == making.endpoint.credentials.end() ? SecretText() : iam->second;
            return make_provider({.parts = {.endpoint = std::move(making.endpoint),
                                            .client = making.dependencies.client,
                                            .clock = making.dependencies.clock},
                                  .folder = std::string(internal::text_or(making.spec, "folder", "")),
                                  .iam_token = std::move(iam_token)});
          }};
}

}  // namespace fairlead::providers::yandexgpt
