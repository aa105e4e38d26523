#include "providers/gemini/translator.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "providers/internal/chat_writer.h"
#include "providers/internal/json_reader.h"
#include "providers/internal/json_writer.h"

namespace fairlead::providers::gemini {
namespace {

namespace dom = simdjson::dom;
using internal::count_of;
using internal::invalid_answer;
using internal::text_of;

// https://ai.google.dev/api/generate-content#UsageMetadata: candidates come without thoughts, prompts with what was
// cached.
void read_usage(dom::object object, llm::Usage& usage) {
  usage.reported = true;
  usage.input = count_of(object, "promptTokenCount") + count_of(object, "toolUsePromptTokenCount");
  usage.cached_input = std::min(count_of(object, "cachedContentTokenCount"), usage.input);
  usage.reasoning = count_of(object, "thoughtsTokenCount");
  usage.output = count_of(object, "candidatesTokenCount") + usage.reasoning;
}

// https://ai.google.dev/api/generate-content#FinishReason. Empty: the answer is none.
std::string_view finish_reason(std::string_view reason, bool called) {
  if (reason == "MAX_TOKENS") return "length";
  if (reason == "MALFORMED_FUNCTION_CALL" || reason == "UNEXPECTED_TOOL_CALL" || reason == "TOO_MANY_TOOL_CALLS")
    return {};
  constexpr std::string_view kFiltered[] = {"SAFETY",          "RECITATION",         "LANGUAGE",
                                            "BLOCKLIST",       "PROHIBITED_CONTENT", "SPII",
                                            "IMAGE_SAFETY",    "NO_IMAGE",           "IMAGE_PROHIBITED_CONTENT",
                                            "IMAGE_RECITATION"};
  if (std::ranges::find(kFiltered, reason) != std::end(kFiltered)) return "content_filter";
  return called ? "tool_calls" : "stop";
}

// What is written of an answer: chunks, or one message.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void text(std::string_view text) = 0;
  virtual void reasoning(std::string_view text) = 0;
  virtual void call(std::string id, std::string_view name, std::string arguments, std::string_view signature) = 0;
};

std::string extra_content(std::string_view signature) {
  if (signature.empty()) return {};
  internal::JsonObject google;
  google.text("thought_signature", signature);
  return R"({"google":)" + std::move(google).finish() + "}";
}

class Chunks final : public Sink {
 public:
  Chunks(internal::ChunkWriter& writer, std::string& out) : writer_(writer), out_(out) {}
  void text(std::string_view text) override { writer_.text(text, out_); }
  void reasoning(std::string_view text) override { writer_.reasoning(text, out_); }
  void call(std::string id, std::string_view name, std::string arguments, std::string_view signature) override {
    const int tool = writer_.tool_call(id, name, out_, extra_content(signature));
    writer_.arguments(tool, arguments, out_);
  }

 private:
  internal::ChunkWriter& writer_;
  std::string& out_;
};

class OneMessage final : public Sink {
 public:
  explicit OneMessage(internal::WholeMessage& message) : message_(message) {}
  void text(std::string_view text) override {
    message_.has_text = true;
    message_.text += text;
  }
  void reasoning(std::string_view text) override { message_.reasoning += text; }
  void call(std::string id, std::string_view name, std::string arguments, std::string_view signature) override {
    message_.tool_calls.push_back({.id = std::move(id), .name = std::string(name), .arguments = std::move(arguments)});
    message_.extra_content.push_back(extra_content(signature));
  }

 private:
  internal::WholeMessage& message_;
};

class GeminiTranslator final : public internal::EventTranslator {
 public:
  explicit GeminiTranslator(internal::TranslatorOptions options)
      : options_(std::move(options)), writer_(options_.include_usage, options_.created) {}

  bool ended() const override { return ended_; }
  bool complete() const override { return writer_.finished(); }
  const llm::Outcome& outcome() const override { return writer_.outcome; }

  Result<std::string> whole(std::string_view body) override {
    dom::object object;
    FAIRLEAD_CHECK(parse(body, object));
    internal::WholeMessage message;
    OneMessage sink(message);
    llm::Outcome& outcome = writer_.outcome;
    outcome.upstream_id = std::string(text_of(object, "responseId"));
    outcome.upstream_model = std::string(text_of(object, "modelVersion"));
    FAIRLEAD_TRY(const std::string_view reason, take_response(object, sink));
    if (reason.empty() && !message.says_something()) return invalid_answer("it has no candidates");
    outcome.finish_reason = reason.empty() ? "stop" : std::string(reason);
    outcome.content_started = message.says_something();
    if (outcome.upstream_id.empty()) outcome.upstream_id = options_.call_id;
    if (outcome.upstream_model.empty()) outcome.upstream_model = options_.model;
    return internal::completion_json(outcome, options_.created, message);
  }

 protected:
  Result<void> event(std::string_view data, std::string& out) override {
    dom::object object;
    FAIRLEAD_CHECK(parse(data, object));
    const std::string_view id = text_of(object, "responseId"), model = text_of(object, "modelVersion");
    writer_.begin(id.empty() ? options_.call_id : id, model.empty() ? options_.model : model, out);
    Chunks sink(writer_, out);
    FAIRLEAD_TRY(const std::string_view reason, take_response(object, sink));
    if (!reason.empty()) writer_.finish(reason, out);
    return {};
  }

  void close(std::string& out) override {
    ended_ = true;
    writer_.usage(out);
  }

 private:
  Result<void> parse(std::string_view text, dom::object& object) {
    dom::element root;
    if (parser_.parse(text.data(), text.size()).get(root)) return invalid_answer("it is not a JSON object");
    // An error of a stream may come as a list of one.
    if (dom::array list; !root.get_array().get(list) && list.size() == 1) root = list.at(0).value_unsafe();
    if (root.get_object().get(object)) return invalid_answer("it is not a JSON object");
    dom::element error;
    if (!object.at_key("error").get(error))
      return fail(llm::upstream_error_in_answer(simdjson::minify(error), options_.secrets));
    return {};
  }

  // Writes what a response holds, and returns why it ends, if it does.
  Result<std::string_view> take_response(dom::object object, Sink& sink) {
    dom::object usage, candidate, feedback;
    dom::array candidates;
    if (!object.at_key("usageMetadata").get_object().get(usage)) read_usage(usage, writer_.outcome.usage);
    if (object.at_key("candidates").get_array().get(candidates) || candidates.size() == 0) {
      const bool blocked =
          !object.at_key("promptFeedback").get_object().get(feedback) && !text_of(feedback, "blockReason").empty();
      return blocked ? std::string_view("content_filter") : std::string_view();
    }
    if (candidates.at(0).get_object().get(candidate)) return invalid_answer("a candidate is not an object");
    dom::array parts;
    if (!candidate.at_key("content").at_key("parts").get_array().get(parts)) FAIRLEAD_CHECK(take_parts(parts, sink));
    const std::string_view said = text_of(candidate, "finishReason");
    if (said.empty() || said == "FINISH_REASON_UNSPECIFIED") return std::string_view();
    const std::string_view reason = finish_reason(said, calls_ > 0);
    if (reason.empty()) return invalid_answer(fmt::format("it ends with {}", said));
    return reason;
  }

  Result<void> take_parts(dom::array parts, Sink& sink) {
    for (const dom::element one : parts) {
      dom::object part, call;
      if (one.get_object().get(part)) return invalid_answer("a part is not an object");
      std::string_view text;
      bool thought = false;
      if (part.at_key("thought").get_bool().get(thought)) thought = false;
      if (!part.at_key("text").get_string().get(text)) thought ? sink.reasoning(text) : sink.text(text);
      if (part.at_key("functionCall").get_object().get(call)) continue;
      dom::element arguments;
      std::string id(text_of(call, "id"));
      if (id.empty()) id = fmt::format("call_{}_{}", options_.call_id, calls_);
      ++calls_;
      sink.call(std::move(id), text_of(call, "name"),
                call.at_key("args").get(arguments) ? std::string("{}") : simdjson::minify(arguments),
                text_of(part, "thoughtSignature"));
    }
    return {};
  }

  internal::TranslatorOptions options_;
  internal::ChunkWriter writer_;
  dom::parser parser_;
  int calls_ = 0;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<internal::Translator> make_translator(internal::TranslatorOptions options) {
  return std::make_unique<GeminiTranslator>(std::move(options));
}

}  // namespace fairlead::providers::gemini
