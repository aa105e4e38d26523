#include "providers/internal/native.h"

#include <simdjson.h>

#include <optional>
#include <utility>

#include "platform/http/sse.h"
#include "providers/internal/answer_body.h"

namespace fairlead::providers::internal {
namespace {

using llm::Delta;

class WholeNative final : public llm::Completion {
 public:
  WholeNative(std::unique_ptr<http::ClientResponse> response, NativeAnswer answer)
      : answer_(std::move(answer)), response_(std::move(response)) {}

  async::Task<Result<Delta>> next() override {
    if (ended_) co_return Delta{.wire = {}, .end = true};
    auto body = co_await response_->read_all(kAnswerLimit);
    if (!body) co_return fail(std::move(body).error());
    ended_ = true;
    body_ = *std::move(body);
    FAIRLEAD_CO_CHECK(answer_.reader->whole(body_));
    co_return Delta{.wire = body_, .end = true};
  }

  const llm::Outcome& outcome() const override { return answer_.reader->outcome; }

 private:
  NativeAnswer answer_;
  std::unique_ptr<http::ClientResponse> response_;
  std::string body_;
  bool ended_ = false;
};

class StreamedNative final : public llm::Completion {
 public:
  StreamedNative(std::unique_ptr<http::ClientResponse> response, NativeAnswer answer)
      : answer_(std::move(answer)), response_(std::move(response)) {}

  async::Task<Result<Delta>> next() override {
    if (failure_) co_return fail(*std::exchange(failure_, std::nullopt));
    while (!answer_.reader->ended() && !ended_) {
      out_.clear();
      auto bytes = co_await response_->read();
      Result<void> taken;
      if (!bytes) {
        if (bytes.error().code != "upstream_reset" || !answer_.reader->complete())
          co_return fail(std::move(bytes).error());
        ended_ = true;
      } else if (bytes->empty()) {
        ended_ = true;
        if (cutter_.held() > 0) taken = take("\n\n");  // the last event without its empty line
        if (answer_.reader->complete())
          taken = {};
        else if (taken)
          taken = fail(ended_early());
      } else {
        taken = take(*bytes);
      }
      if (ended_ && taken && !answer_.reader->ended()) out_ += answer_.reader->closing();
      if (!taken) {
        if (out_.empty()) co_return fail(std::move(taken).error());
        failure_ = std::move(taken).error();  // what came before it goes out first
        ended_ = true;
        co_return Delta{.wire = out_, .end = false};
      }
      if (answer_.reader->ended()) response_->dismiss();
      if (!out_.empty()) co_return Delta{.wire = out_, .end = ended_ || answer_.reader->ended()};
    }
    co_return Delta{.wire = {}, .end = true};
  }

  const llm::Outcome& outcome() const override { return answer_.reader->outcome; }

 private:
  Result<void> take(std::string_view bytes) {
    cutter_.add(bytes);
    for (std::string_view event = cutter_.next(); !event.empty(); event = cutter_.next()) {
      Result<Pass> pass = Pass::kDrop;  // of what holds no data: a comment, or bytes that are no event
      FAIRLEAD_CHECK(parser_.feed(event, [this, &pass](const http::ServerSentEvent& parsed) {
        pass = answer_.reader->event(parsed.event, parsed.data);
      }));
      if (!pass) return fail(std::move(pass).error());
      if (*pass == Pass::kOn) {
        if (!simdjson::validate_utf8(event)) return invalid_answer("an event is not UTF-8");
        out_ += event;
      }
      if (answer_.reader->ended()) break;
    }
    if (cutter_.held() > kAnswerLimit)
      return fail(ErrorKind::kUpstream, "upstream_too_large", "An event of the upstream's answer is too large.");
    return {};
  }

  NativeAnswer answer_;
  std::unique_ptr<http::ClientResponse> response_;
  EventCutter cutter_;
  http::SseParser parser_{kAnswerLimit};
  std::string out_;
  std::optional<Error> failure_;  // of the next call
  bool ended_ = false;
};

}  // namespace

void EventCutter::add(std::string_view bytes) {
  text_.erase(0, start_);
  line_ -= start_;
  seen_ -= start_;
  start_ = 0;
  text_ += bytes;
}

std::string_view EventCutter::next() {
  for (;;) {
    const std::size_t end = text_.find_first_of("\r\n", seen_);
    if (end == std::string::npos) {
      seen_ = text_.size();
      return {};
    }
    std::size_t after = end + 1;
    if (text_[end] == '\r') {
      // The line feed of a pair may be on its way.
      if (after == text_.size()) {
        seen_ = end;
        return {};
      }
      if (text_[after] == '\n') ++after;
    }
    const bool empty_line = end == line_;
    line_ = seen_ = after;
    if (!empty_line) continue;
    const std::string_view event = std::string_view(text_).substr(start_, after - start_);
    start_ = after;
    return event;
  }
}

std::unique_ptr<llm::Completion> pass_on(std::unique_ptr<http::ClientResponse> response, NativeAnswer answer) {
  if (answer.stream) return std::make_unique<StreamedNative>(std::move(response), std::move(answer));
  return std::make_unique<WholeNative>(std::move(response), std::move(answer));
}

}  // namespace fairlead::providers::internal
