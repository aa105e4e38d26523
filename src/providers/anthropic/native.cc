#include "providers/anthropic/native.h"

#include <simdjson.h>

#include "providers/anthropic/usage.h"
#include "providers/internal/answer_body.h"
#include "providers/internal/json_writer.h"

namespace fairlead::providers::anthropic {
namespace {

namespace dom = simdjson::dom;
using internal::invalid_answer;
using internal::Pass;

class MessagesReader final : public internal::NativeReader {
 public:
  MessagesReader(bool counts, llm::Secrets secrets) : counts_(counts), secrets_(std::move(secrets)) {}

  Result<Pass> event(std::string_view, std::string_view data) override {
    dom::object object;
    if (parser_.parse(data.data(), data.size()).get_object().get(object))
      return invalid_answer("an event is not a JSON object");
    const std::string_view type = text_of(object, "type");
    if (type == "error") return error_in(object);
    dom::object message, usage, delta;
    if (type == "message_start" && !object.at_key("message").get_object().get(message)) take_message(message);
    if (type == "content_block_delta" || type == "content_block_start") outcome.content_started = true;
    if (type == "message_delta") {
      if (!object.at_key("usage").get_object().get(usage)) read_usage(usage, outcome.usage);
      if (!object.at_key("delta").get_object().get(delta)) take_reason(delta);
    }
    if (type == "message_stop") ended_ = true;
    return Pass::kOn;
  }

  Result<void> whole(std::string_view body) override {
    dom::object object;
    if (parser_.parse(body.data(), body.size()).get_object().get(object))
      return invalid_answer("it is not a JSON object");
    if (text_of(object, "type") == "error") return error_in(object);
    if (counts_) {
      std::int64_t tokens = 0;
      if (object.at_key("input_tokens").get_int64().get(tokens)) return invalid_answer("it counts nothing");
      return {};
    }
    dom::array content;
    if (object.at_key("content").get_array().get(content)) return invalid_answer("it has no content");
    take_message(object);
    take_reason(object);
    outcome.content_started = content.size() > 0;
    return {};
  }

  bool ended() const override { return ended_; }
  bool complete() const override { return ended_ || !outcome.finish_reason.empty(); }
  std::string_view closing() const override { return "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"; }

 private:
  std::unexpected<Error> error_in(dom::object object) const {
    dom::element error;
    if (object.at_key("error").get(error)) return invalid_answer("an error without words");
    return fail(llm::upstream_error_in_answer(simdjson::minify(error), secrets_));
  }

  void take_message(dom::object message) {
    outcome.upstream_id = std::string(text_of(message, "id"));
    outcome.upstream_model = std::string(text_of(message, "model"));
    dom::object usage;
    if (!message.at_key("usage").get_object().get(usage)) read_usage(usage, outcome.usage);
  }

  void take_reason(dom::object object) {
    if (const std::string_view reason = text_of(object, "stop_reason"); !reason.empty())
      outcome.finish_reason = std::string(finish_reason(reason));
  }

  bool counts_;
  llm::Secrets secrets_;
  dom::parser parser_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<internal::NativeReader> native_reader(llm::Format format, llm::Secrets secrets) {
  return std::make_unique<MessagesReader>(format == llm::Format::kCountTokens, std::move(secrets));
}

std::string native_body(std::span<const llm::Member> members, std::string_view upstream_model) {
  internal::JsonObject body;
  body.text("model", upstream_model);
  for (const llm::Member& member : members)
    if (member.name != "model" && member.name != "fairlead") body.raw(member.name, member.json);
  return std::move(body).finish();
}

}  // namespace fairlead::providers::anthropic
