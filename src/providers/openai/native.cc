#include "providers/openai/native.h"

#include <simdjson.h>

#include <algorithm>

#include "providers/internal/answer_body.h"
#include "providers/internal/json_reader.h"

namespace fairlead::providers::openai {
namespace {

namespace dom = simdjson::dom;
using internal::invalid_answer;
using internal::Pass;
using internal::text_of;

std::int64_t count(dom::object object, std::string_view name) {
  std::int64_t value = 0;
  return object.at_key(name).get_int64().get(value) ? 0 : std::max<std::int64_t>(0, value);
}

std::int64_t count(dom::object object, std::string_view details, std::string_view name) {
  dom::object inner;
  return object.at_key(details).get_object().get(inner) ? 0 : count(inner, name);
}

// Responses count input and output, all else prompt and completion.
void read_usage(dom::object object, llm::Usage& usage) {
  usage.reported = true;
  usage.input = std::max(count(object, "prompt_tokens"), count(object, "input_tokens"));
  usage.output = std::max(count(object, "completion_tokens"), count(object, "output_tokens"));
  usage.cached_input = std::max(count(object, "prompt_tokens_details", "cached_tokens"),
                                count(object, "input_tokens_details", "cached_tokens"));
  usage.cache_write = std::max(count(object, "prompt_tokens_details", "cache_write_tokens"),
                               count(object, "input_tokens_details", "cache_write_tokens"));
  usage.reasoning = std::max(count(object, "completion_tokens_details", "reasoning_tokens"),
                             count(object, "output_tokens_details", "reasoning_tokens"));
  usage.cached_input = std::min(usage.cached_input, usage.input);
  usage.cache_write = std::min(usage.cache_write, usage.input - usage.cached_input);
  usage.reasoning = std::min(usage.reasoning, usage.output);
}

// What the formats share: the object of a whole answer, errors within.
class OpenAiReader : public internal::NativeReader {
 public:
  explicit OpenAiReader(llm::Secrets secrets) : secrets_(std::move(secrets)) {}

  Result<void> whole(std::string_view body) override {
    dom::parser parser;
    dom::object object;
    FAIRLEAD_CHECK(parse(parser, body, object));
    take_identity(object);
    outcome.content_started = true;
    return whole_object(object);
  }

 protected:
  virtual Result<void> whole_object(dom::object /*object*/) { return {}; }

  Result<void> parse(dom::parser& parser, std::string_view text, dom::object& object) const {
    if (parser.parse(text.data(), text.size()).get_object().get(object))
      return invalid_answer("it is not a JSON object");
    dom::element error;
    if (!object.at_key("error").get(error) && !error.is_null())
      return fail(llm::upstream_error_in_answer(simdjson::minify(error), secrets_));
    return {};
  }

  void take_identity(dom::object object) {
    if (outcome.upstream_id.empty()) outcome.upstream_id = std::string(text_of(object, "id"));
    if (outcome.upstream_model.empty()) outcome.upstream_model = std::string(text_of(object, "model"));
    dom::object usage;
    if (!object.at_key("usage").get_object().get(usage)) read_usage(usage, outcome.usage);
  }

  llm::Secrets secrets_;
};

// Embeddings and moderations are never streamed.
class PlainReader final : public OpenAiReader {
 public:
  using OpenAiReader::OpenAiReader;
  Result<Pass> event(std::string_view, std::string_view) override {
    return invalid_answer("it is streamed, which was not asked for");
  }
};

class CompletionsReader final : public OpenAiReader {
 public:
  CompletionsReader(bool with_usage, llm::Secrets secrets) : OpenAiReader(std::move(secrets)), usage_(with_usage) {}

  Result<Pass> event(std::string_view, std::string_view data) override {
    if (data == "[DONE]") {
      ended_ = true;
      return Pass::kOn;
    }
    dom::parser parser;
    dom::object object;
    FAIRLEAD_CHECK(parse(parser, data, object));
    take_identity(object);
    FAIRLEAD_TRY(const std::size_t choices, take_choices(object));
    dom::object usage;
    const bool usage_alone = choices == 0 && !object.at_key("usage").get_object().get(usage);
    return usage_alone && !usage_ ? Pass::kDrop : Pass::kOn;
  }

  bool ended() const override { return ended_; }
  bool complete() const override { return ended_ || !outcome.finish_reason.empty(); }

 private:
  Result<void> whole_object(dom::object object) override {
    dom::array choices;
    if (object.at_key("choices").get_array().get(choices)) return invalid_answer("it has no choices");
    FAIRLEAD_TRY(const std::size_t seen, take_choices(object));
    static_cast<void>(seen);
    return {};
  }

  Result<std::size_t> take_choices(dom::object object) {
    dom::array choices;
    if (object.at_key("choices").get_array().get(choices)) return std::size_t{0};
    for (const dom::element choice : choices) {
      dom::object one;
      if (choice.get_object().get(one)) return invalid_answer("a choice is not an object");
      if (!text_of(one, "text").empty()) outcome.content_started = true;
      if (outcome.finish_reason.empty()) outcome.finish_reason = std::string(text_of(one, "finish_reason"));
    }
    return choices.size();
  }

  bool usage_;
  bool ended_ = false;
};

// https://platform.openai.com/docs/api-reference/responses-streaming
class ResponsesReader final : public OpenAiReader {
 public:
  using OpenAiReader::OpenAiReader;

  Result<Pass> event(std::string_view, std::string_view data) override {
    if (data == "[DONE]") return Pass::kOn;  // some imitators
    dom::parser parser;
    dom::object object;
    if (parser.parse(data.data(), data.size()).get_object().get(object))
      return invalid_answer("an event is not a JSON object");
    const std::string_view type = text_of(object, "type");
    if (type == "error") {
      dom::element inner;
      const bool nested = !object.at_key("error").get(inner) && inner.is_object();
      return fail(llm::upstream_error_in_answer(nested ? simdjson::minify(inner) : std::string(data), secrets_));
    }
    if (type.ends_with(".delta") || type == "response.output_item.done") outcome.content_started = true;
    dom::object response;
    if (object.at_key("response").get_object().get(response)) return Pass::kOn;
    take_identity(response);
    if (type == "response.failed" && !outcome.content_started) {
      // Nothing is lost yet: another route may do better.
      dom::element error;
      if (!response.at_key("error").get(error) && error.is_object())
        return fail(llm::upstream_error_in_answer(simdjson::minify(error), secrets_));
    }
    if (type == "response.completed" || type == "response.incomplete" || type == "response.failed") {
      ended_ = true;
      take_reason(response);
    }
    return Pass::kOn;
  }

  bool ended() const override { return ended_; }

 private:
  Result<void> whole_object(dom::object object) override {
    if (text_of(object, "object") != "response") return invalid_answer("it is no response");
    take_reason(object);
    return {};
  }

  void take_reason(dom::object response) {
    const std::string_view status = text_of(response, "status");
    outcome.finish_reason = status == "completed" ? "stop" : "error";
    dom::object details;
    if (status == "incomplete" && !response.at_key("incomplete_details").get_object().get(details))
      outcome.finish_reason = text_of(details, "reason") == "content_filter" ? "content_filter" : "length";
  }

  bool ended_ = false;
};

}  // namespace

std::unique_ptr<internal::NativeReader> native_reader(llm::Format format, bool with_usage, llm::Secrets secrets) {
  if (format == llm::Format::kCompletions) return std::make_unique<CompletionsReader>(with_usage, std::move(secrets));
  if (format == llm::Format::kResponses) return std::make_unique<ResponsesReader>(std::move(secrets));
  return std::make_unique<PlainReader>(std::move(secrets));
}

}  // namespace fairlead::providers::openai
