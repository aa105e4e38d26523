#include "platform/http/internal/connection.h"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "platform/http/internal/listener.h"
#include "platform/http/internal/log.h"
#include "platform/http/problem.h"

namespace fairlead::http {
namespace {

constexpr std::chrono::milliseconds kWatchAfter{200};
constexpr std::chrono::milliseconds kLingerSilence{2'000};
constexpr std::chrono::milliseconds kLingerInAll{10'000};

HeadLimits head_limits(const ServerLimits& limits) {
  return {limits.head_bytes, limits.header_lines, HeadLimits{}.target_bytes};
}

}  // namespace

Connection::Connection(std::shared_ptr<Shard> shard, int descriptor, const sockaddr_storage& peer)
    : shard_(std::move(shard)),
      transport_(shard_->loop(), shard_->state().family, descriptor),
      timer_(
          shard_->loop().wheel(), [](void* self) { static_cast<Connection*>(self)->on_due(); }, this),
      parser_(head_limits(limits())),
      peer_(peer) {}

void Connection::on_due() {
  switch (phase_) {
    case Phase::kHandshake:
    case Phase::kIdle:
    case Phase::kLeaving:
      return transport_.close();
    case Phase::kHead:
    case Phase::kBody:
      timed_out_ = true;
      return transport_.cancel();
    case Phase::kWriting:
      transport_.close();
      return cancellation_.request();
    case Phase::kHandling:
      return look_after_peer();
  }
}

void Connection::drain() {
  drain_ = true;
  if ((phase_ == Phase::kIdle && !transport_.lags()) || phase_ == Phase::kHandshake) transport_.close();
}

void Connection::cancel_call() {
  if (handling_)
    cancellation_.request();
  else
    transport_.close();
}

void Connection::abort() {
  timer_.stop();
  transport_.close();
}

async::Task<void> Connection::serve() {
  if (const auto& tls = shard_->state().tls) {
    wait_in(Phase::kHandshake, LazyTimer::now() + limits().head_timeout);
    Transport::ErrorCode error;
    co_await transport_.accept_tls(*tls, error);
    if (error) co_return;
  }
  while (true) {
    const bool complete = co_await read_head();
    if (!complete) break;
    begin_call();
    co_await call_handler();
    const bool another = co_await end_call();
    if (!another) break;
  }
  co_await leave();
}

// True when a request's head is there and good; otherwise it has been answered, or there is nobody to answer.
async::Task<bool> Connection::read_head() {
  parser_.reset();
  timed_out_ = false;
  if (input_.empty()) input_.release();
  auto status = input_.empty() ? HeadParser::Status::kNeedMore : parser_.parse_request(input_.text());
  Time head_due = Time::max();
  while (status == HeadParser::Status::kNeedMore) {
    if (input_.empty()) {
      if (drain_ || shard_->draining()) co_return false;
      wait_in(Phase::kIdle, LazyTimer::now() + limits().idle_timeout);
    } else {
      if (head_due == Time::max()) head_due = LazyTimer::now() + limits().head_timeout;
      wait_in(Phase::kHead, head_due);
    }
    if (input_.room() == 0) {
      input_.grow();
      parser_.reset();
    }
    Transport::ErrorCode error;
    const std::size_t got = co_await transport_.read(input_.free_space(), input_.room(), error);
    if (error) {
      if (timed_out_)
        co_await refuse(408, "head_timeout", "The head of the request did not come in time.");
      else if (error == boost::asio::error::eof && !input_.empty())
        co_await refuse(400, "invalid_request", "The head of the request ended early.");
      co_return false;
    }
    input_.commit(got);
    status = parser_.parse_request(input_.text());
  }
  if (status == HeadParser::Status::kFault) {
    const HeadFault fault = parser_.fault();
    co_await refuse(fault.status, fault.code, fault.message);
    co_return false;
  }
  if (head().content_length.value_or(0) > limits().body_bytes) {
    co_await refuse(413, "body_too_large",
                    "The body is larger than " + std::to_string(limits().body_bytes) + " bytes.");
    co_return false;
  }
  // Now, while no view into the buffer has been handed out.
  const std::uint64_t came = input_.size() - parser_.head_size(), length = head().content_length.value_or(0);
  if (input_.make_room(head().chunked ? kRoomForBody : length - std::min(length, came))) {
    parser_.reset();
    parser_.parse_request(input_.text());
  }
  co_return true;
}

void Connection::begin_call() {
  head_size_ = parser_.head_size();
  answered_ = answer_started_ = complete_ = streaming_ = chunked_answer_ = events_ = false;
  probed_ = false;
  keep_ = head().keep_alive;
  extra_headers_.clear();
  out_.clear();
  cancellation_.reset();
  expect_body();
  handling_ = true;
  watch_due_ = LazyTimer::now() + kWatchAfter;
  wait_in(Phase::kHandling, watch_due_);
}

async::Task<void> Connection::call_handler() {
  const Router::Table& table = shard_->state().router.table();
  route_ = nullptr;
  const bool found = table.find(head().path, match_);
  if (found) route_ = route_for(*match_.node, head().method);
  decoded_parameters_.clear();
  // A handler must not throw; memory that runs out still should cost one call and not all of them.
  try {
    if (route_) {
      co_await route_->handler(*this);
    } else if (head().method == Method::kOptions && (found || head().path == "*")) {
      if (found) add_header("allow", allowed_methods(*match_.node));
      co_await respond(204, {}, {});
    } else {
      const std::string allow = found ? allowed_methods(*match_.node) : std::string();
      const int status = head().method == Method::kOther ? 501 : found ? 405 : 404;
      if (table.fallback) {
        co_await table.fallback(*this, status, allow);
      } else {
        if (found) add_header("allow", allow);
        const std::string body =
            status == 501 ? shard_->state().error_body(501, "unsupported_method", "No path here takes that method.")
            : found ? shard_->state().error_body(405, "method_not_allowed", "This path does not take that method.")
                    : shard_->state().error_body(404, "not_found", "There is nothing at this path.");
        co_await respond(status, "application/json", body);
      }
    }
  } catch (const std::exception&) {
    kLog.error("a handler threw", {{"path", route_ ? "of a route" : "fallback"}});
  }
}

// Whether another call may follow on this connection.
async::Task<bool> Connection::end_call() {
  if (watching_) co_await stop_watching();
  handling_ = false;
  if (!complete_ || gone_) {
    // No end of the answer: a connection that just closes says so, except where closing is the end.
    if (streaming_ && !chunked_answer_ && transport_.is_open()) transport_.reset_on_close();
    transport_.close();
    co_return false;
  }
  if (body_state_ == Body::kFailed) keep_ = false;
  if (keep_ && body_state_ == Body::kUnread) {
    const bool discarded = co_await discard_body();
    if (!discarded) keep_ = false;
  }
  if (!keep_) {
    linger_ = body_state_ != Body::kNone && body_state_ != Body::kRead;
    co_return false;
  }
  input_.consume(head_size_ + body_in_input_);
  body_.clear();
  body_.release();
  co_return true;
}

// The server's own answer to what it will not hand to a handler.
async::Task<void> Connection::refuse(int status, std::string_view code, std::string_view message) {
  const std::string body = shard_->state().error_body(status, code, message);
  const bool headless = parser_.request().method != Method::kHead;
  out_.clear();
  extra_headers_ = status == 415 ? "accept-encoding: identity\r\n" : "";
  keep_ = false;
  linger_ = true;
  write_head(status, "application/json", body.size());
  co_await send(headless ? std::string_view(body) : std::string_view(), {});
}

// Closes so that the client can read the answer first: a socket closed with bytes unread resets the connection.
async::Task<void> Connection::leave() {
  if (!transport_.is_open()) co_return;
  const Time last = LazyTimer::now() + kLingerInAll;
  wait_in(Phase::kLeaving, std::min(last, LazyTimer::now() + kLingerSilence));
  linger_ = linger_ || input_.size() > head_size_ + body_in_input_;
  Transport::ErrorCode error;
  co_await transport_.end_writing(error);
  std::size_t left = limits().body_bytes + 4 * 1024 * 1024;
  while (linger_ && !error && left > 0) {
    input_.clear();
    input_.reserve(Buffer::kUsual);
    const std::size_t got = co_await transport_.read(input_.free_space(), input_.room(), error);
    left -= std::min(left, got);
    wait_in(Phase::kLeaving, std::min(last, LazyTimer::now() + kLingerSilence));
  }
  transport_.close();
}

std::string_view Connection::path_parameter(std::string_view name) const {
  if (!route_) return {};
  for (std::size_t i = 0; i < route_->parameters.size(); ++i) {
    if (route_->parameters[i] != name) continue;
    const std::string_view value = match_.values[i];
    if (value.find('%') == std::string_view::npos) return value;
    decoded_parameters_.resize(route_->parameters.size());
    decoded_parameters_[i] = percent_decode(value);
    return decoded_parameters_[i];
  }
  return {};
}

std::string_view Connection::remote_address() const {
  if (remote_text_.empty()) remote_text_ = address_text(peer_);
  return remote_text_;
}

}  // namespace fairlead::http
