// A connection's answers.
#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>

#include "base/append.h"
#include "platform/http/internal/connection.h"

namespace fairlead::http {
using namespace std::string_view_literals;
namespace {

bool is_clean(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

bool has_no_body(int status) {
  return status == 204 || status == 304 || status < 200;
}

// A number's digits.
class Digits {
 public:
  explicit Digits(std::size_t number, int base = 10)
      : size_(static_cast<std::size_t>(std::to_chars(text_.data(), text_.data() + text_.size(), number, base).ptr -
                                       text_.data())) {}
  operator std::string_view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 24> text_;
  std::size_t size_;
};

}  // namespace

std::unexpected<Error> Connection::gone() {
  gone_ = true;
  cancellation_.request();
  return fail(ErrorKind::kCancelled, "client_closed", "The client has closed the connection.");
}

void Connection::add_header(std::string_view name, std::string_view value) {
  assert(!answered_ && !name.empty() && is_clean(name) && is_clean(value));
  append_all(extra_headers_, name, ": ", value, "\r\n");
}

// Puts the head of an answer into out_. Without a length the body is chunked, or ends with the connection.
void Connection::write_head(int status, std::string_view content_type, std::optional<std::size_t> length) {
  const bool typed = !content_type.empty();
  const bool sized = length && !has_no_body(status);
  append_all(out_, "HTTP/1.1 ", Digits(static_cast<std::size_t>(status)), " ", reason_phrase(status),
             "\r\ndate: ", shard_->date(), typed ? "\r\ncontent-type: "sv : ""sv, content_type,
             sized                        ? "\r\ncontent-length: "sv
             : !length && chunked_answer_ ? "\r\ntransfer-encoding: chunked"sv
                                          : ""sv,
             sized ? std::string_view(Digits(*length)) : std::string_view(), keep_ ? ""sv : "\r\nconnection: close"sv,
             "\r\n", extra_headers_, "\r\n");
}

async::Task<Result<void>> Connection::respond(int status, std::string_view content_type, std::string_view body) {
  assert(!answered_);
  answered_ = true;
  keep_ = keep_ && !drain_ && !shard_->draining() && body_can_be_discarded();
  write_head(status, content_type, body.size());
  if (head().method == Method::kHead || has_no_body(status)) body = {};
  answer_started_ = true;
  if (out_.size() + body.size() <= kOneSend) {
    out_.append(body);
    body = {};
    if (keep_ && !gone_ && transport_.send_soon(out_)) {
      complete_ = true;
      co_return Result<void>{};
    }
  }
  // The whole of it in one call of the kernel is the usual case, and needs no second coroutine.
  std::array<iovec, 2> pieces = {iovec{out_.data(), out_.size()}, iovec{const_cast<char*>(body.data()), body.size()}};
  const std::size_t total = out_.size() + body.size();
  const std::size_t sent = gone_ ? 0 : transport_.send_now(pieces);
  if (sent == total) {
    out_.clear();
    complete_ = true;
    co_return Result<void>{};
  }
  const std::size_t of_head = std::min(sent, out_.size());
  out_.erase(0, of_head);
  body.remove_prefix(sent - of_head);
  auto rest = co_await send(body, {});
  complete_ = rest.has_value();
  co_return rest;
}

void Connection::begin_stream(int status, std::string_view content_type) {
  assert(!answered_);
  answered_ = streaming_ = true;
  chunked_answer_ = parser_.minor_version() == 1;
  events_ = content_type.starts_with("text/event-stream") && head().method != Method::kHead;
  keep_ = keep_ && chunked_answer_ && !drain_ && !shard_->draining() && body_can_be_discarded();
  write_head(status, content_type, std::nullopt);
}

async::Task<Result<void>> Connection::write(std::string_view bytes) {
  assert(streaming_ && !complete_);
  answer_started_ = true;
  if (head().method == Method::kHead) bytes = {};
  if (bytes.empty()) co_return co_await send({}, {});
  std::string_view end;
  if (chunked_answer_) {
    append_all(out_, Digits(bytes.size(), 16), "\r\n");
    end = "\r\n";
  }
  if (out_.size() + bytes.size() <= kOneSend) {
    out_.reserve(out_.size() + bytes.size() + end.size());
    out_.append(bytes).append(end);
    if (transport_.failed()) co_return gone();
    if (!gone_ && transport_.send_soon(out_)) co_return Result<void>{};
    const iovec piece{out_.data(), out_.size()};
    const std::size_t sent = gone_ ? 0 : transport_.send_now({&piece, 1});
    out_.erase(0, sent);
    if (out_.empty() && out_.capacity() > kKeptOfOut) out_.shrink_to_fit();
    if (out_.empty()) co_return Result<void>{};
    co_return co_await send({}, {});
  }
  co_return co_await send(bytes, end);
}

async::Task<Result<void>> Connection::finish(std::string_view last) {
  assert(streaming_ && !complete_);
  answer_started_ = true;
  if (head().method == Method::kHead) last = {};
  std::string_view end;
  if (chunked_answer_ && head().method != Method::kHead) {
    end = "\r\n0\r\n\r\n";
    if (last.empty()) {
      end.remove_prefix(2);
    } else {
      append_all(out_, Digits(last.size(), 16), "\r\n");
    }
  }
  if (out_.size() + last.size() <= kOneSend) {
    out_.append(last).append(end);
    last = end = {};
    // With what was put off, and now: whether the client has seen the end is to be known.
    if (keep_ && !gone_ && transport_.send_soon(out_)) {
      transport_.flush();
      if (transport_.failed()) co_return gone();
      complete_ = true;
      co_return Result<void>{};
    }
  }
  auto sent = co_await send(last, end);
  complete_ = sent.has_value();
  co_return sent;
}

// Sends out_, then `more`, then `end`.
async::Task<Result<void>> Connection::send(std::string_view more, std::string_view end) {
  std::array<iovec, 3> pieces = {iovec{out_.data(), out_.size()}, iovec{const_cast<char*>(more.data()), more.size()},
                                 iovec{const_cast<char*>(end.data()), end.size()}};
  auto sent = co_await send_rest(pieces);
  out_.clear();
  co_return sent;
}

async::Task<Result<void>> Connection::send_rest(Pieces pieces) {
  if (gone_ || !transport_.is_open()) co_return gone();
  const Phase before = phase_;
  std::size_t sent = transport_.send_now(pieces);
  while (true) {
    while (!pieces.empty() && sent >= pieces.front().iov_len) {
      sent -= pieces.front().iov_len;
      pieces = pieces.subspan(1);
    }
    if (pieces.empty()) break;
    pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + sent;
    pieces.front().iov_len -= sent;
    wait_in(Phase::kWriting, LazyTimer::now() + limits().write_timeout);
    Transport::ErrorCode error;
    sent = co_await transport_.write_some(pieces, error);
    if (error) co_return gone();
  }
  if (phase_ == Phase::kWriting) {
    timer_.clear();
    wait_in(before, watch_due_);
  }
  co_return Result<void>{};
}

}  // namespace fairlead::http
