#include "providers/openai/provider.h"

#include <simdjson.h>

#include "llm/openai_completion.h"
#include "platform/json/text.h"
#include "providers/internal/exchange.h"

namespace fairlead::providers::openai {
namespace {

constexpr std::string_view kAskForUsage = R"({"include_usage":true})";

// The client's stream options with include_usage set.
std::string with_usage(std::string_view stream_options) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(stream_options.data(), stream_options.size()).get_object().get(object))
    return std::string(kAskForUsage);
  std::string out = R"({"include_usage":true)";
  for (const simdjson::dom::key_value_pair member : object) {
    if (member.key == "include_usage") continue;
    out += ',';
    json::append_string(out, member.key);
    out += ':';
    out += simdjson::minify(member.value);
  }
  out += '}';
  return out;
}

class OpenAiProvider final : public llm::Provider {
 public:
  OpenAiProvider(Options options, http::Origin origin) : options_(std::move(options)), origin_(std::move(origin)) {
    if (!options_.endpoint.api_key.empty())
      header_lines_ = "authorization: Bearer " + options_.endpoint.api_key + "\r\n";
    header_lines_ += internal::header_line("openai-organization", options_.organization);
    header_lines_ += internal::header_line("openai-project", options_.project);
    header_lines_ += options_.endpoint.header_lines;
  }

  std::string_view name() const override { return options_.endpoint.name; }
  std::string_view type() const override { return "openai"; }

  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall call) override {
    const std::string body = upstream_body(call.request, call.context.upstream_model);
    std::string with_key;
    if (!call.context.idempotency_key.empty())
      with_key = header_lines_ + internal::header_line("idempotency-key", call.context.idempotency_key);
    llm::OpenAiAnswer answer{
        .stream = call.request.stream,
        .include_usage = call.request.include_usage,
        .n = call.request.n,
        .secrets = options_.endpoint.secrets,
        .cancellation = std::make_unique<llm::UpstreamCancellation>(call.context.cancellation, call.context.loop)};
    internal::Exchange exchange{.origin = origin_,
                                .target = "/chat/completions",
                                .header_lines = with_key.empty() ? header_lines_ : with_key,
                                .body = body,
                                .timeout = options_.endpoint.timeout,
                                .secrets = options_.endpoint.secrets};
    auto response = co_await internal::send_chat(options_.client(call.context.loop), std::move(exchange),
                                                 call.context.deadline, answer.cancellation->token());
    if (!response) co_return fail(std::move(response).error());
    co_return llm::read_openai_completion(*std::move(response), std::move(answer));
  }

 private:
  Options options_;
  http::Origin origin_;
  std::string header_lines_;
};

}  // namespace

std::string upstream_body(const llm::ChatRequest& request, std::string_view upstream_model) {
  std::size_t size = 64 + upstream_model.size();
  for (const llm::Member& member : request.members) size += member.name.size() + member.json.size() + 4;
  std::string out;
  out.reserve(size);
  out = R"({"model":)";
  json::append_string(out, upstream_model);
  bool options_sent = !request.stream;
  for (const llm::Member& member : request.members) {
    if (member.name == "model" || member.name == "fairlead") continue;
    out += ",\"";
    out += member.name;
    out += "\":";
    if (member.name == "stream_options" && request.stream) {
      out += request.include_usage ? std::string(member.json) : with_usage(member.json);
      options_sent = true;
    } else {
      out += member.json;
    }
  }
  if (!options_sent) {
    out += R"(,"stream_options":)";
    out += kAskForUsage;
  }
  out += '}';
  return out;
}

Result<std::shared_ptr<llm::Provider>> make_provider(Options options) {
  FAIRLEAD_TRY(http::Origin origin, http::Origin::parse(options.endpoint.base_url));
  return std::make_shared<OpenAiProvider>(std::move(options), std::move(origin));
}

}  // namespace fairlead::providers::openai
