// A connection's request bodies.
#include <algorithm>
#include <cstring>

#include "platform/http/internal/connection.h"

namespace fairlead::http {
namespace {

constexpr std::uint64_t kSlowestBytesPerSecond = 1024;
constexpr std::size_t kDiscard = 256 * 1024;  // of a body that a handler did not want

}  // namespace

void Connection::expect_body() {
  body_state_ = Body::kNone;
  body_in_input_ = 0;
  body_received_ = 0;
  body_view_ = {};
  if (head().chunked) {
    body_state_ = Body::kUnread;
    chunks_.reset();
  } else if (const std::uint64_t size = head().content_length.value_or(0); size > 0) {
    body_in_input_ = std::min<std::size_t>(static_cast<std::size_t>(size), input_.size() - head_size_);
    body_received_ = body_in_input_;
    body_state_ = Body::kUnread;
  }
}

async::Task<Result<std::span<char>>> Connection::read_body() {
  if (body_state_ == Body::kFailed) co_return fail(ErrorKind::kInvalid, "invalid_body", "The body could not be read.");
  if (body_state_ == Body::kNone) co_return std::span<char>(input_.data() + head_size_, 0);
  if (body_state_ == Body::kRead) co_return body_view_;
  if (!head().chunked && body_in_input_ == *head().content_length) {
    body_view_ = {input_.data() + head_size_, body_in_input_};
    body_state_ = Body::kRead;
    co_return body_view_;
  }
  auto filled = co_await fill_body();
  watch_due_ = LazyTimer::now() + std::chrono::milliseconds(200);
  wait_in(Phase::kHandling, watch_due_);
  if (!filled) {
    body_state_ = Body::kFailed;
    keep_ = false;
    co_return fail(std::move(filled).error());
  }
  body_state_ = Body::kRead;
  co_return body_view_;
}

async::Task<Result<void>> Connection::fill_body() {
  body_started_ = LazyTimer::now();
  if (head().expect_continue && !answered_ && input_.size() == head_size_) {
    out_ = "HTTP/1.1 100 Continue\r\n\r\n";
    auto sent = co_await send({}, {});
    if (!sent) co_return fail(std::move(sent).error());
  }
  if (head().chunked) co_return co_await read_chunked_body();
  co_return co_await read_sized_body(static_cast<std::size_t>(*head().content_length));
}

// Reads once, within the time that the limits leave. `got` is at least 1.
async::Task<Result<void>> Connection::read_more(char* where, std::size_t room, std::size_t& got) {
  const auto earned = std::chrono::seconds(body_received_ / kSlowestBytesPerSecond);
  wait_in(Phase::kBody,
          std::min(LazyTimer::now() + limits().body_timeout, body_started_ + limits().body_timeout + earned));
  Transport::ErrorCode error;
  got = co_await transport_.read(where, room, error);
  if (!error) co_return Result<void>{};
  if (timed_out_) co_return fail(ErrorKind::kTimeout, "body_timeout", "The body of the request did not come in time.");
  if (error == boost::asio::error::eof) co_return fail(ErrorKind::kInvalid, "invalid_body", "The body ended early.");
  co_return gone();
}

async::Task<Result<void>> Connection::read_sized_body(std::size_t size) {
  std::size_t got = 0;
  if (input_.size() - head_size_ + input_.room() >= size) {
    while (body_in_input_ < size) {
      auto more = co_await read_more(input_.free_space(), input_.room(), got);
      if (!more) co_return fail(std::move(more).error());
      input_.commit(got);
      body_in_input_ = std::min(size, input_.size() - head_size_);
      body_received_ = body_in_input_;
    }
    body_view_ = {input_.data() + head_size_, size};
    co_return Result<void>{};
  }
  body_.clear();
  body_.reserve(std::min(size, std::max<std::size_t>(4 * body_in_input_, 64 * 1024)));
  std::memcpy(body_.free_space(), input_.data() + head_size_, body_in_input_);
  body_.commit(body_in_input_);
  input_.take_back(body_in_input_);
  body_in_input_ = 0;
  while (body_.size() < size) {
    // Memory follows what has come, not what was announced.
    if (body_.room() == 0) body_.reserve(std::min(size, 2 * body_.size()));
    auto more = co_await read_more(body_.free_space(), std::min(body_.room(), size - body_.size()), got);
    if (!more) co_return fail(std::move(more).error());
    body_.commit(got);
    body_received_ += got;
  }
  body_view_ = {body_.data(), size};
  co_return Result<void>{};
}

async::Task<Result<void>> Connection::read_chunked_body() {
  body_.clear();
  body_.reserve(Buffer::kUsual);
  while (!decode_chunks(true)) {
    std::size_t got = 0;
    auto more = co_await read_more(input_.free_space(), input_.room(), got);
    if (!more) co_return fail(std::move(more).error());
    input_.commit(got);
  }
  if (chunks_.failed()) co_return fail(ErrorKind::kInvalid, "invalid_body", std::string(chunks_.fault()));
  if (!chunks_.done())
    co_return fail(ErrorKind::kTooLarge, "body_too_large",
                   "The body is larger than " + std::to_string(limits().body_bytes) + " bytes.");
  body_view_ = {body_.data(), body_.size()};
  co_return Result<void>{};
}

// Decodes what lies behind the head and takes it out of input_, but for what follows the end. True when no more is
// needed: done, failed, or over the limit.
bool Connection::decode_chunks(bool keep) {
  char* const data = input_.data() + head_size_;
  const std::size_t size = input_.size() - head_size_;
  const ChunkDecoder::Step step = chunks_.decode(data, size);
  body_received_ += step.payload;
  const std::size_t limit = keep ? limits().body_bytes : kDiscard;
  const bool over = body_received_ > limit || chunks_.announced() > limit - body_received_;
  if (keep && !over && !chunks_.failed()) {
    if (body_.room() < step.payload) body_.reserve(std::max(2 * body_.capacity(), body_.size() + step.payload));
    std::memcpy(body_.free_space(), data, step.payload);
    body_.commit(step.payload);
  }
  std::memmove(data, data + step.consumed, size - step.consumed);
  input_.take_back(step.consumed);
  if (over) chunks_.reset();  // never done
  return over || chunks_.done() || chunks_.failed();
}

bool Connection::body_can_be_discarded() const {
  if (body_state_ != Body::kUnread) return body_state_ != Body::kFailed;
  if (head().expect_continue) return false;  // it may come or not
  return head().chunked || *head().content_length - body_received_ <= kDiscard;
}

// Reads a body that the handler left unread to its end; false if the connection must close instead.
async::Task<bool> Connection::discard_body() {
  body_started_ = LazyTimer::now();
  std::size_t got = 0;
  if (head().chunked) {
    while (!decode_chunks(false)) {
      const auto more = co_await read_more(input_.free_space(), input_.room(), got);
      if (!more) co_return false;
      input_.commit(got);
    }
    if (!chunks_.done()) co_return false;
  } else {
    const std::size_t size = static_cast<std::size_t>(*head().content_length);
    input_.take_back(body_in_input_ < size ? body_in_input_ : 0);
    if (body_in_input_ < size) body_in_input_ = 0;
    while (body_received_ < size) {
      const auto more = co_await read_more(
          input_.free_space(), std::min<std::size_t>(input_.room(), size - static_cast<std::size_t>(body_received_)),
          got);
      if (!more) co_return false;
      body_received_ += got;
    }
  }
  body_state_ = Body::kRead;
  co_return true;
}

}  // namespace fairlead::http
