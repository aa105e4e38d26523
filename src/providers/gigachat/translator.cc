#include "providers/gigachat/translator.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "providers/internal/chat_writer.h"
#include "providers/internal/embeddings.h"
#include "providers/internal/json_reader.h"

namespace fairlead::providers::gigachat {
namespace {

namespace dom = simdjson::dom;
using internal::count_of;
using internal::invalid_answer;
using internal::text_of;

// Tokens from the cache are counted apart from prompt_tokens.
void read_usage(dom::object object, llm::Usage& usage) {
  usage.reported = true;
  usage.cached_input = count_of(object, "precached_prompt_tokens");
  usage.input = count_of(object, "prompt_tokens") + usage.cached_input;
  usage.output = count_of(object, "completion_tokens");
}

// Empty: the answer is none.
std::string_view finish_reason(std::string_view reason) {
  if (reason == "length") return "length";
  if (reason == "function_call") return "tool_calls";
  if (reason == "blacklist") return "content_filter";
  return reason == "error" ? "" : "stop";
}

// The call of a message or a delta, if it makes one.
bool read_call(dom::object message, std::string_view call_id, llm::ToolCall& call) {
  dom::object function;
  if (message.at_key("function_call").get_object().get(function)) return false;
  dom::element arguments;
  call.id = text_of(message, "functions_state_id");
  if (call.id.empty()) call.id = fmt::format("call_{}", call_id);
  call.name = text_of(function, "name");
  call.arguments = "{}";
  std::string_view text;
  if (!function.at_key("arguments").get(arguments))
    call.arguments = arguments.get_string().get(text) ? simdjson::minify(arguments) : std::string(text);
  return true;
}

class GigaChatTranslator final : public internal::EventTranslator {
 public:
  explicit GigaChatTranslator(internal::TranslatorOptions options)
      : options_(std::move(options)), writer_(options_.include_usage, options_.created) {}

  bool ended() const override { return ended_; }
  bool complete() const override { return writer_.finished(); }
  const llm::Outcome& outcome() const override { return writer_.outcome; }

  Result<std::string> whole(std::string_view body) override {
    dom::object object, choice, message;
    FAIRLEAD_CHECK(parse(body, object));
    FAIRLEAD_TRY(const bool found, first_choice(object, choice));
    if (!found || choice.at_key("message").get_object().get(message)) return invalid_answer("it has no message");
    internal::WholeMessage said;
    said.text = text_of(message, "content");
    said.reasoning = text_of(message, "reasoning_content");
    llm::ToolCall call;
    if (read_call(message, options_.call_id, call)) said.tool_calls.push_back(std::move(call));
    said.has_text = !said.text.empty() || said.tool_calls.empty();
    const std::string_view reason = finish_reason(text_of(choice, "finish_reason"));
    if (reason.empty()) return invalid_answer("it ends with an error");
    llm::Outcome& outcome = writer_.outcome;
    outcome.upstream_id = options_.call_id;
    outcome.upstream_model = std::string(text_of(object, "model"));
    outcome.finish_reason = std::string(reason);
    outcome.content_started = said.says_something();
    return internal::completion_json(outcome, options_.created, said);
  }

 protected:
  Result<void> event(std::string_view data, std::string& out) override {
    if (data == "[DONE]") {
      if (!complete()) return fail(internal::ended_early());
      close(out);
      return {};
    }
    dom::object object, choice, delta;
    FAIRLEAD_CHECK(parse(data, object));
    FAIRLEAD_TRY(const bool found, first_choice(object, choice));
    if (!found) return {};
    writer_.begin(options_.call_id, text_of(object, "model"), out);
    if (!choice.at_key("delta").get_object().get(delta)) {
      writer_.reasoning(text_of(delta, "reasoning_content"), out);
      writer_.text(text_of(delta, "content"), out);
      llm::ToolCall call;
      if (read_call(delta, options_.call_id, call) && writer_.tool_calls() == 0)
        writer_.arguments(writer_.tool_call(call.id, call.name, out), call.arguments, out);
    }
    std::string_view said;
    if (choice.at_key("finish_reason").get_string().get(said) || said.empty()) return {};
    const std::string_view reason = finish_reason(said);
    if (reason.empty()) return fail(ErrorKind::kUpstream, "upstream_error", "The upstream failed while it answered.");
    writer_.finish(reason, out);
    return {};
  }

  void close(std::string& out) override {
    ended_ = true;
    writer_.usage(out);
  }

 private:
  Result<void> parse(std::string_view text, dom::object& object) {
    if (parser_.parse(text.data(), text.size()).get_object().get(object))
      return invalid_answer("it is not a JSON object");
    dom::element error;
    if (!object.at_key("error").get(error) && !error.is_null())
      return fail(llm::upstream_error_in_answer(simdjson::minify(error), options_.secrets));
    std::int64_t status = 0;
    if (!object.at_key("status").get_int64().get(status) && status >= 400 && status < 600)
      return fail(llm::upstream_error(static_cast<int>(status), text, {}, options_.secrets));
    dom::object usage;
    if (!object.at_key("usage").get_object().get(usage)) read_usage(usage, writer_.outcome.usage);
    return {};
  }

  static Result<bool> first_choice(dom::object object, dom::object& choice) {
    dom::array choices;
    if (object.at_key("choices").get_array().get(choices)) return invalid_answer("it has no choices");
    if (choices.size() == 0) return false;
    if (choices.at(0).get_object().get(choice)) return invalid_answer("a choice is not an object");
    return true;
  }

  internal::TranslatorOptions options_;
  internal::ChunkWriter writer_;
  dom::parser parser_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<internal::Translator> make_translator(internal::TranslatorOptions options) {
  return std::make_unique<GigaChatTranslator>(std::move(options));
}

Result<std::string> translate_embeddings(std::string_view body, std::size_t inputs, bool base64, std::string_view model,
                                         llm::Outcome& outcome) {
  dom::parser parser;
  dom::object object, usage;
  dom::array data;
  if (parser.parse(body.data(), body.size()).get_object().get(object) || object.at_key("data").get_array().get(data))
    return invalid_answer("it holds no embeddings");
  std::vector<std::vector<float>> vectors(inputs);
  std::size_t at = 0, seen = 0;
  for (const dom::element one : data) {
    dom::array numbers;
    std::uint64_t index = at++;
    if (!one.at_key("index").get_uint64().get(index) && index >= inputs)
      return invalid_answer("an index is out of range");
    if (index >= inputs || one.at_key("embedding").get_array().get(numbers))
      return invalid_answer("an embedding is none");
    for (const dom::element number : numbers) {
      double value = 0;
      if (number.get_double().get(value)) return invalid_answer("an embedding holds what is no number");
      vectors[index].push_back(static_cast<float>(value));
    }
    ++seen;
    if (!one.at_key("usage").get_object().get(usage)) {
      outcome.usage.input += count_of(usage, "prompt_tokens");
      outcome.usage.reported = true;
    }
  }
  if (seen != inputs) return invalid_answer("it holds not one embedding for each text");
  outcome.upstream_model = std::string(text_of(object, "model"));
  outcome.content_started = true;
  return internal::embeddings_json(vectors, base64, outcome.upstream_model.empty() ? model : outcome.upstream_model,
                                   outcome.usage);
}

}  // namespace fairlead::providers::gigachat
