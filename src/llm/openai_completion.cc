#include "llm/openai_completion.h"

#include <cstring>
#include <utility>

#include "llm/internal/openai_chunk.h"
#include "platform/http/sse.h"

namespace fairlead::llm {
namespace {

constexpr std::string_view kDataField = "data: ";
constexpr std::string_view kDone = "[DONE]";
constexpr std::size_t kErrorBodyLimit = 64 * 1024;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

Error ended_early() {
  return Error{ErrorKind::kUpstream, "upstream_reset", "The upstream ended its answer early."};
}

class WholeAnswer final : public Completion {
 public:
  WholeAnswer(std::unique_ptr<http::ClientResponse> response, OpenAiAnswer answer)
      : answer_(std::move(answer)),
        response_(std::move(response)),
        reader_({.n = answer_.n, .secrets = answer_.secrets}) {}

  async::Task<Result<Delta>> next() override {
    if (ended_) co_return Delta{.wire = {}, .end = true};
    auto body = co_await response_->read_all(answer_.body_limit);
    if (!body) co_return fail(std::move(body).error());
    body_ = answer_.says_reasoning ? internal::with_reasoning_content(*body) : *std::move(body);
    ended_ = true;
    FAIRLEAD_CO_CHECK(reader_.whole(body_));
    co_return Delta{.wire = trimmed(body_), .end = true};
  }

  const Outcome& outcome() const override { return reader_.outcome(); }

 private:
  OpenAiAnswer answer_;
  std::unique_ptr<http::ClientResponse> response_;
  internal::AnswerReader reader_;
  std::string body_;
  bool ended_ = false;
};

class StreamedAnswer final : public Completion {
 public:
  StreamedAnswer(std::unique_ptr<http::ClientResponse> response, OpenAiAnswer answer)
      : answer_(std::move(answer)),
        response_(std::move(response)),
        reader_({.include_usage = answer_.include_usage,
                 .n = answer_.n,
                 .says_reasoning = answer_.says_reasoning,
                 .secrets = answer_.secrets}),
        parser_(answer_.body_limit) {}

  async::Task<Result<Delta>> next() override {
    if (first_) {
      first_ = false;
      const auto type = response_->header("content-type");
      if (type && type->starts_with("application/json")) {
        auto error = co_await read_unstreamed();
        co_return fail(std::move(error));
      }
    }
    if (failure_) co_return fail(*std::exchange(failure_, std::nullopt));
    while (!done_ && !ended_) {
      forget();
      auto bytes = co_await response_->read();
      if (!bytes) {
        // A transport that breaks after every choice had its end has lost nothing that the client waits for.
        if (bytes.error().code != "upstream_reset" || !reader_.every_choice_finished())
          co_return fail(std::move(bytes).error());
        ended_ = true;
      } else if (bytes->empty()) {
        ended_ = true;
        FAIRLEAD_CO_CHECK(finish());
      } else {
        auto taken = take(*bytes);
        if (!taken) {
          if (wire().empty() || !reader_.outcome().content_started) co_return fail(std::move(taken).error());
          failure_ = std::move(taken).error();  // what came before it goes out first
        }
      }
      if (done_ || ended_) add_usage();
      if (done_) response_->dismiss();  // whether the upstream closes its answer in order is nobody's concern
      if (const std::string_view out = wire(); !out.empty()) co_return Delta{.wire = out, .end = done_ || ended_};
    }
    co_return Delta{.wire = {}, .end = true};
  }

  const Outcome& outcome() const override { return reader_.outcome(); }

 private:
  // What the last call handed out is no longer needed.
  void forget() {
    out_.clear();
    pass_ = {};
    if (carried_ > 0) carry_.erase(0, carried_);
    carried_ = 0;
  }

  std::string_view wire() const { return out_.empty() ? pass_ : std::string_view(out_); }

  // Puts `bytes`, which lie behind what is handed out already, into it: as a view as long as that is one stretch.
  void pass(std::string_view bytes) {
    if (bytes.empty()) return;
    if (out_.empty() && (pass_.empty() || pass_.data() + pass_.size() == bytes.data())) {
      pass_ = {pass_.empty() ? bytes.data() : pass_.data(), pass_.size() + bytes.size()};
    } else {
      own();
      out_ += bytes;
    }
  }

  void own() {
    constexpr std::size_t kMore = 1024;  // what is added mostly is an event or two
    if (!pass_.empty()) out_.reserve(out_.size() + pass_.size() + kMore);
    out_ += pass_;
    pass_ = {};
  }

  void add_event(std::string_view data) {
    own();
    out_ += kDataField;
    out_ += data;
    out_ += "\n\n";
  }

  Result<void> take(std::string_view bytes) {
    if (!plain_) return take_any(bytes);
    if (carry_.empty()) {
      FAIRLEAD_TRY(const std::size_t used, take_plain(bytes));
      if (plain_) carry_ = bytes.substr(used);
      return {};
    }
    if (carry_.size() + bytes.size() > answer_.body_limit)
      return fail(ErrorKind::kUpstream, "upstream_too_large", "An event of the upstream's answer is too large.");
    carry_ += bytes;
    FAIRLEAD_TRY(const std::size_t used, take_plain(carry_));
    if (plain_) {
      carried_ = used;
    } else {
      carry_.clear();
    }
    return {};
  }

  // Takes the whole events of a stream that writes them as we do: one line "data: …", one empty line. Returns how many
  // bytes they were. The first other thing sends all that follows through the full parser.
  Result<std::size_t> take_plain(std::string_view bytes) {
    if (std::memchr(bytes.data(), '\r', bytes.size()) != nullptr) return switch_parser(bytes, 0);
    std::size_t at = 0;
    while (at < bytes.size() && !done_) {
      const std::string_view rest = bytes.substr(at);
      if (const auto known = stencil_.match(rest); known.size > 0) {
        pass_known(rest.substr(0, known.size), known.cut);
        at += known.size;
        continue;
      }
      const bool is_data = rest.starts_with(kDataField);
      if (!is_data && !kDataField.starts_with(rest)) return switch_parser(bytes, at);
      const std::size_t end = rest.find('\n');
      if (end == std::string_view::npos || end + 1 == rest.size()) break;
      if (rest[end + 1] != '\n') return switch_parser(bytes, at);
      const std::string_view event = rest.substr(0, end + 2),
                             data = event.substr(kDataField.size(), end - kDataField.size());
      FAIRLEAD_CHECK(take_event(data, event));
      if (const auto& usual = reader_.usual(); usual && !answer_.says_reasoning)
        stencil_.learn(event, {usual->from + (trimmed(data).data() - event.data()), usual->size});
      at += event.size();
      begun_ = true;
    }
    return done_ ? bytes.size() : at;
  }

  void pass_known(std::string_view event, internal::Cut cut) {
    pass(event.substr(0, cut.size > 0 ? cut.from : event.size()));
    if (cut.size > 0) pass(event.substr(cut.from + cut.size));
  }

  Result<std::size_t> switch_parser(std::string_view bytes, std::size_t from) {
    plain_ = false;
    own();  // `bytes` may be the carry, which is given up
    // A byte order mark counts at the start of a stream alone, and the parser takes its first line for that.
    if (begun_) FAIRLEAD_CHECK(parser_.feed("\n", [](const http::ServerSentEvent&) {}));
    FAIRLEAD_CHECK(take_any(bytes.substr(from)));
    return bytes.size();
  }

  // `event` is the same on the wire as it came, if it may go out unchanged; else empty.
  Result<void> take_event(std::string_view data, std::string_view event) {
    data = trimmed(data);
    if (data.empty() || done_) return {};
    if (data == kDone) {
      if (!reader_.any_chunk())
        return fail(ErrorKind::kUpstream, "upstream_invalid", "The upstream's answer makes no sense: it is empty.");
      done_ = true;
      return {};
    }
    replacement_.clear();
    FAIRLEAD_TRY(const internal::Verdict verdict, reader_.event(data, replacement_));
    if (verdict == internal::Verdict::kDrop) return {};
    if (verdict == internal::Verdict::kReplace) {
      add_event(replacement_);
    } else if (event.empty()) {
      add_event(data);
    } else {
      pass(event);
    }
    return {};
  }

  Result<void> take_any(std::string_view bytes) {
    Result<void> result;
    FAIRLEAD_CHECK(parser_.feed(bytes, [this, &result](const http::ServerSentEvent& event) {
      if (!result) return;
      std::string_view data = event.data;
      if (data.find('\n') != std::string_view::npos) {
        joined_ = data;
        for (char& c : joined_)
          if (c == '\n') c = ' ';  // JSON has line breaks between tokens only
        data = joined_;
      }
      result = take_event(data, {});
    }));
    return result;
  }

  // The upstream has ended its answer: in the middle of an event, without [DONE], or properly.
  Result<void> finish() {
    Result<void> rest;
    if (plain_) {
      const std::string_view last = trimmed(carry_);
      if (last.starts_with("data:")) {
        carry_ = last.substr(5);
        rest = take_event(carry_, {});
      } else if (!last.empty()) {
        rest = fail(ended_early());
      }
    } else if (parser_.unfinished()) {
      rest = take_any("\n\n");
    }
    // Half an event is no JSON; it came from an answer that broke off.
    if (!rest) return fail(rest.error().code == "upstream_invalid" ? ended_early() : std::move(rest).error());
    if (!done_ && !reader_.every_choice_finished()) return fail(ended_early());
    return {};
  }

  void add_usage() {
    if (!reader_.usage_chunk().empty()) add_event(reader_.usage_chunk());
  }

  // A stream was asked for and one object came: an error, or an upstream that cannot stream.
  async::Task<Error> read_unstreamed() {
    ended_ = true;
    auto body = co_await response_->read_all(kErrorBodyLimit);
    if (!body) co_return std::move(body).error();
    internal::AnswerReader reader({.n = answer_.n, .secrets = answer_.secrets});
    if (auto whole = reader.whole(*body); !whole) co_return std::move(whole).error();
    co_return Error{ErrorKind::kUpstream, "upstream_invalid",
                    "The upstream did not stream its answer although it was asked to."};
  }

  OpenAiAnswer answer_;
  std::unique_ptr<http::ClientResponse> response_;
  internal::AnswerReader reader_;
  internal::EventStencil stencil_;
  http::SseParser parser_;
  std::string
      carry_;  // the beginning of an event whose end has not come, behind `carried_` bytes that have been handed out
  std::size_t carried_ = 0;
  std::string_view pass_;  // handed out as received
  std::string out_;        // handed out as written anew
  std::string replacement_, joined_;
  std::optional<Error> failure_;  // of the next call
  bool begun_ = false;            // an event has been taken without the parser
  bool plain_ = true;             // every event so far was written as we write them
  bool first_ = true;
  bool done_ = false;   // [DONE] has come
  bool ended_ = false;  // the body has ended
};

}  // namespace

std::unique_ptr<Completion> read_openai_completion(std::unique_ptr<http::ClientResponse> response,
                                                   OpenAiAnswer answer) {
  if (answer.stream) return std::make_unique<StreamedAnswer>(std::move(response), std::move(answer));
  return std::make_unique<WholeAnswer>(std::move(response), std::move(answer));
}

}  // namespace fairlead::llm
