#include "providers/anthropic/answer.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <optional>
#include <utility>

#include "platform/http/sse.h"
#include "platform/json/text.h"
#include "providers/anthropic/events.h"

namespace fairlead::providers::anthropic {
namespace {

using namespace std::chrono_literals;
namespace dom = simdjson::dom;
using llm::Delta;

constexpr std::size_t kBodyLimit = 64 * 1024 * 1024;
constexpr std::size_t kErrorBodyLimit = 64 * 1024;
constexpr auto kPatienceAfterStop = 200ms;

std::unexpected<Error> invalid(std::string_view what) {
  return fail(ErrorKind::kUpstream, "upstream_invalid", fmt::format("The upstream's answer makes no sense: {}.", what));
}

std::string_view text_of(dom::object object, std::string_view name) {
  std::string_view value;
  return object.at_key(name).get_string().get(value) ? std::string_view() : value;
}

// What the blocks of a message come to.
struct Content {
  std::string text, thinking, tool_calls;
  bool has_text = false;
};

Result<Content> read_content(dom::object message) {
  Content content;
  dom::array blocks;
  if (message.at_key("content").get_array().get(blocks)) return invalid("it has no content");
  for (const dom::element one : blocks) {
    dom::object block;
    if (one.get_object().get(block)) return invalid("a block is not an object");
    const std::string_view type = text_of(block, "type");
    if (type == "text") {
      content.has_text = true;
      content.text += text_of(block, "text");
    } else if (type == "thinking") {
      content.thinking += text_of(block, "thinking");
    } else if (type == "tool_use") {
      dom::element input;
      const std::string arguments = block.at_key("input").get(input) ? std::string("{}") : simdjson::minify(input);
      std::string& out = content.tool_calls;
      out += out.empty() ? R"([{"id":)" : R"(,{"id":)";
      json::append_string(out, text_of(block, "id"));
      out += R"(,"type":"function","function":{"name":)";
      json::append_string(out, text_of(block, "name"));
      out += R"(,"arguments":)";
      json::append_string(out, arguments);
      out += "}}";
    }
  }
  if (!content.tool_calls.empty()) content.tool_calls += ']';
  return content;
}

// The Message object as a chat.completion.
Result<std::string> translate_message(std::string_view body, std::int64_t created, const llm::Secrets& secrets,
                                      llm::Outcome& outcome) {
  dom::parser parser;
  dom::object message;
  if (parser.parse(body.data(), body.size()).get_object().get(message)) return invalid("it is not a JSON object");
  if (text_of(message, "type") == "error") {
    dom::element error;
    if (message.at_key("error").get(error)) return invalid("an error without words");
    return fail(llm::upstream_error_in_answer(simdjson::minify(error), secrets));
  }
  FAIRLEAD_TRY(const Content content, read_content(message));
  outcome.upstream_id = std::string(text_of(message, "id"));
  outcome.upstream_model = std::string(text_of(message, "model"));
  outcome.finish_reason = std::string(finish_reason(text_of(message, "stop_reason")));
  outcome.content_started = content.has_text || !content.tool_calls.empty() || !content.thinking.empty();
  dom::element usage;
  if (!message.at_key("usage").get(usage)) read_usage(simdjson::minify(usage), outcome.usage);

  std::string out = R"({"id":)";
  json::append_string(out, outcome.upstream_id);
  out += fmt::format(R"(,"object":"chat.completion","created":{},"model":)", created);
  json::append_string(out, outcome.upstream_model);
  out += R"(,"choices":[{"index":0,"message":{"role":"assistant","content":)";
  if (content.has_text) {
    json::append_string(out, content.text);
  } else {
    out += "null";
  }
  out += R"(,"refusal":null)";
  if (!content.thinking.empty()) {
    out += R"(,"reasoning_content":)";
    json::append_string(out, content.thinking);
  }
  if (!content.tool_calls.empty()) out += R"(,"tool_calls":)" + content.tool_calls;
  out += fmt::format(R"(}},"logprobs":null,"finish_reason":"{}"}}])", outcome.finish_reason);
  if (outcome.usage.reported) out += R"(,"usage":)" + usage_json(outcome.usage);
  out += '}';
  return out;
}

class WholeAnswer final : public llm::Completion {
 public:
  WholeAnswer(std::unique_ptr<http::ClientResponse> response, Answer answer)
      : answer_(std::move(answer)), response_(std::move(response)) {}

  async::Task<Result<Delta>> next() override {
    if (ended_) co_return Delta{.wire = {}, .end = true};
    auto body = co_await response_->read_all(kBodyLimit);
    if (!body) co_return fail(std::move(body).error());
    ended_ = true;
    auto object = translate_message(*body, answer_.created, answer_.secrets, outcome_);
    if (!object) co_return fail(std::move(object).error());
    object_ = *std::move(object);
    co_return Delta{.wire = object_, .end = true};
  }

  const llm::Outcome& outcome() const override { return outcome_; }

 private:
  Answer answer_;  // first: its cancellation outlives the response
  std::unique_ptr<http::ClientResponse> response_;
  llm::Outcome outcome_;
  std::string object_;
  bool ended_ = false;
};

class StreamedAnswer final : public llm::Completion {
 public:
  StreamedAnswer(std::unique_ptr<http::ClientResponse> response, Answer answer)
      : answer_(std::move(answer)),
        response_(std::move(response)),
        translator_(answer_.include_usage, answer_.created, answer_.secrets) {}

  async::Task<Result<Delta>> next() override {
    if (failure_) co_return fail(*std::exchange(failure_, std::nullopt));
    while (!translator_.ended() && !ended_) {
      out_.clear();
      auto bytes = co_await response_->read();
      if (!bytes) {
        if (bytes.error().code != "upstream_reset" || !translator_.has_reason())
          co_return fail(std::move(bytes).error());
        end_without_stop();
      } else if (bytes->empty()) {
        if (!translator_.has_reason())
          co_return fail(ErrorKind::kUpstream, "upstream_reset", "The upstream ended its answer early.");
        end_without_stop();
      } else {
        auto taken = take(*bytes);
        if (!taken) {
          if (out_.empty() || !translator_.outcome().content_started) co_return fail(std::move(taken).error());
          failure_ = std::move(taken).error();  // what came before it goes out first
        }
      }
      if (!out_.empty()) co_return Delta{.wire = out_, .end = ended_};
    }
    if (!ended_) co_await drain();
    co_return Delta{.wire = {}, .end = true};
  }

  const llm::Outcome& outcome() const override { return translator_.outcome(); }

 private:
  Result<void> take(std::string_view bytes) {
    Result<void> result;
    FAIRLEAD_CHECK(parser_.feed(bytes, [this, &result](const http::ServerSentEvent& event) {
      if (result && !event.data.empty()) result = translator_.take(event.data, out_);
    }));
    return result;
  }

  // Everything that matters had come; only message_stop is missing.
  void end_without_stop() {
    ended_ = true;
    translator_.add_usage(out_);
  }

  // Reads to the end of the body, so that the connection can be used again.
  async::Task<void> drain() {
    if (answer_.cancellation) answer_.cancellation->request_in(kPatienceAfterStop);
    std::size_t drained = 0;
    while (drained < kErrorBodyLimit) {
      auto bytes = co_await response_->read();
      if (!bytes || bytes->empty()) break;
      drained += bytes->size();
    }
    response_.reset();
    ended_ = true;
  }

  Answer answer_;  // first: its cancellation outlives the response
  std::unique_ptr<http::ClientResponse> response_;
  http::SseParser parser_;
  EventTranslator translator_;
  std::string out_;
  std::optional<Error> failure_;  // of the next call
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<llm::Completion> read_answer(std::unique_ptr<http::ClientResponse> response, Answer answer) {
  if (answer.stream) return std::make_unique<StreamedAnswer>(std::move(response), std::move(answer));
  return std::make_unique<WholeAnswer>(std::move(response), std::move(answer));
}

}  // namespace fairlead::providers::anthropic
