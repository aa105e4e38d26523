#include "providers/yandexgpt/translator.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>

#include "providers/internal/chat_writer.h"
#include "providers/internal/json_reader.h"

namespace fairlead::providers::yandexgpt {
namespace {

namespace dom = simdjson::dom;
using internal::invalid_answer;
using internal::text_of;

// A count is the text of a number, as protocol buffers write 64 bits in JSON.
std::int64_t count(dom::object object, std::string_view name) {
  std::int64_t value = 0;
  if (object.at_key(name).get_int64().get(value)) {
    const std::string_view text = text_of(object, name);
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc()) value = 0;
  }
  return std::clamp<std::int64_t>(value, 0, internal::kMostTokens);
}

void read_usage(dom::object object, llm::Usage& usage) {
  usage.reported = true;
  usage.input = count(object, "inputTextTokens");
  usage.output = count(object, "completionTokens");
  usage.reasoning = 0;  // each line says all of it anew
  dom::object details;
  if (!object.at_key("completionTokensDetails").get_object().get(details))
    usage.reasoning = std::min(count(details, "reasoningTokens"), usage.output);
}

// Empty: it goes on.
std::string_view finish_reason(std::string_view status) {
  if (status == "ALTERNATIVE_STATUS_FINAL") return "stop";
  if (status == "ALTERNATIVE_STATUS_TRUNCATED_FINAL") return "length";
  if (status == "ALTERNATIVE_STATUS_CONTENT_FILTER") return "content_filter";
  return status == "ALTERNATIVE_STATUS_TOOL_CALLS" ? "tool_calls" : "";
}

struct Told {
  internal::WholeMessage message;
  std::string model;
  std::string_view reason;
};

class CompletionTranslator final : public internal::Translator {
 public:
  explicit CompletionTranslator(internal::TranslatorOptions options)
      : options_(std::move(options)), writer_(options_.include_usage, options_.created) {}

  bool ended() const override { return ended_; }
  bool complete() const override { return writer_.finished(); }
  const llm::Outcome& outcome() const override { return writer_.outcome; }

  Result<void> take(std::string_view bytes, std::string& out) override {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      if (line_.size() + std::min(end, bytes.size()) > internal::kAnswerLimit)
        return fail(ErrorKind::kUpstream, "upstream_too_large", "An event of the upstream's answer is too large.");
      line_ += bytes.substr(0, end);
      if (end == std::string_view::npos) return {};
      bytes.remove_prefix(end + 1);
      FAIRLEAD_CHECK(take_line(out));
    }
    return {};
  }

  Result<void> end(std::string& out) override {
    // The last line may lack its end. Half a line is no JSON; it came from an answer that broke off.
    if (auto last = take_line(out); !last && !complete())
      return fail(last.error().code == "upstream_invalid" ? internal::ended_early() : last.error());
    if (!complete()) return fail(internal::ended_early());
    ended_ = true;
    writer_.usage(out);
    return {};
  }

  Result<std::string> whole(std::string_view body) override {
    FAIRLEAD_TRY(const Told told, read(body));
    if (told.reason.empty()) return invalid_answer("it has not been ended");
    llm::Outcome& outcome = writer_.outcome;
    outcome.upstream_id = options_.call_id;
    outcome.upstream_model = told.model;
    outcome.finish_reason = std::string(told.reason);
    outcome.content_started = told.message.says_something();
    return internal::completion_json(outcome, options_.created, told.message);
  }

 private:
  Result<void> take_line(std::string& out) {
    const std::string line = std::exchange(line_, {});
    if (line.find_first_not_of(" \t\r") == std::string::npos || complete()) return {};
    FAIRLEAD_TRY(const Told told, read(line));
    writer_.begin(options_.call_id, told.model, out);
    if (told.message.has_text) {
      if (!told.message.text.starts_with(said_)) return invalid_answer("it takes back what it has said");
      writer_.text(std::string_view(told.message.text).substr(said_.size()), out);
      said_ = told.message.text;
    }
    if (told.reason.empty()) return {};
    for (const llm::ToolCall& call : told.message.tool_calls)
      writer_.arguments(writer_.tool_call(call.id, call.name, out), call.arguments, out);
    writer_.finish(told.reason, out);
    return {};
  }

  Result<Told> read(std::string_view text) {
    dom::object object, result, alternative, message, usage, list;
    dom::array alternatives;
    if (parser_.parse(text.data(), text.size()).get_object().get(object))
      return invalid_answer("it is not a JSON object");
    dom::element error;
    if (!object.at_key("error").get(error) && !error.is_null())
      return fail(llm::upstream_error_in_answer(simdjson::minify(error), options_.secrets));
    if (object.at_key("result").get_object().get(result) ||
        result.at_key("alternatives").get_array().get(alternatives) || alternatives.size() == 0 ||
        alternatives.at(0).get_object().get(alternative))
      return invalid_answer("it has no alternatives");
    if (!result.at_key("usage").get_object().get(usage)) read_usage(usage, writer_.outcome.usage);
    Told told;
    told.model = text_of(result, "modelVersion").empty()
                     ? options_.model
                     : fmt::format("{}@{}", options_.model, text_of(result, "modelVersion"));
    told.reason = finish_reason(text_of(alternative, "status"));
    if (alternative.at_key("message").get_object().get(message)) return told;
    std::string_view said;
    told.message.has_text = !message.at_key("text").get_string().get(said);
    told.message.text = said;
    if (!message.at_key("toolCallList").get_object().get(list)) FAIRLEAD_CHECK(read_calls(list, told.message));
    return told;
  }

  Result<void> read_calls(dom::object list, internal::WholeMessage& message) const {
    dom::array calls;
    if (list.at_key("toolCalls").get_array().get(calls)) return {};
    for (const dom::element one : calls) {
      dom::object call;
      dom::element arguments;
      if (one.at_key("functionCall").get_object().get(call)) return invalid_answer("a call is none of a function");
      message.tool_calls.push_back(
          {.id = fmt::format("call_{}_{}", options_.call_id, message.tool_calls.size()),
           .name = std::string(text_of(call, "name")),
           .arguments = call.at_key("arguments").get(arguments) ? std::string("{}") : simdjson::minify(arguments)});
    }
    return {};
  }

  internal::TranslatorOptions options_;
  internal::ChunkWriter writer_;
  dom::parser parser_;
  std::string line_;  // the beginning of one whose end has not come
  std::string said_;  // all of the text so far
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<internal::Translator> make_translator(internal::TranslatorOptions options) {
  return std::make_unique<CompletionTranslator>(std::move(options));
}

}  // namespace fairlead::providers::yandexgpt
