// Is the client still there while a handler works? See docs/decisions/0005-half-close.md.
#include <boost/asio/post.hpp>

#include "platform/http/internal/connection.h"

namespace fairlead::http {
namespace {

constexpr std::chrono::milliseconds kProbeAfter{2'000};
constexpr std::chrono::milliseconds kProbeEventsAfter{200};

}  // namespace

// Called by the timer while a handler works, first when it has worked for a while: short calls pay nothing.
void Connection::look_after_peer() {
  watch_due_ = Time::max();
  if (!peer_finished_) return watch();
  // It has ended its side. If it has only done that it will skip an interim answer (RFC 9110 section 15.2), or a
  // comment between events; if it has closed the socket its kernel resets the connection, which watch() waits for.
  if (probed_) return;
  if (!answer_started_ && parser_.minor_version() == 1) {
    probed_ = true;
    transport_.send_and_forget("HTTP/1.1 100 Continue\r\n\r\n", shared_from_this());
  } else if (events_ && !complete_) {
    probed_ = true;
    transport_.send_and_forget(chunked_answer_ ? "3\r\n:\n\n\r\n" : ":\n\n", shared_from_this());
  }
}

// An answer that has begun can be probed soon: a comment is no news to its reader.
void Connection::look_soon() {
  if (!peer_finished_ || probed_) return;
  watch_due_ = LazyTimer::now() + (answer_started_ ? kProbeEventsAfter : kProbeAfter);
  if (phase_ == Phase::kHandling) wait_in(Phase::kHandling, watch_due_);
}

void Connection::watch() {
  if (watching_ || !handling_ || gone_ || !transport_.is_open()) return;
  // A body that is still being read must not lose bytes to the watch; a pipelined request may be read ahead.
  const bool may_read =
      !peer_finished_ && (body_state_ == Body::kNone || body_state_ == Body::kRead) && input_.room() > 0;
  watching_ = true;
  if (may_read) {
    transport_.read(input_.free_space(), input_.room(),
                    [self = shared_from_this()](Transport::ErrorCode error, std::size_t got) {
                      self->on_watched_read(error, got);
                    });
    return;
  }
  transport_.wait_for_failure([self = shared_from_this()](Transport::ErrorCode error, std::size_t) {
    self->watching_ = false;
    if (error == boost::asio::error::operation_aborted || !self->handling_) return;
    self->gone_ = true;
    self->cancellation_.request();
  });
}

void Connection::on_watched_read(Transport::ErrorCode error, std::size_t got) {
  watching_ = false;
  input_.commit(got);
  if (error == boost::asio::error::operation_aborted || !handling_) return;
  if (!error) return watch();
  // Over TLS too: whether it ended with close_notify or without, the connection itself tells what it meant.
  const bool ended = error == boost::asio::error::eof || transport_.is_tls();
  if (!ended) {
    gone_ = true;
    return cancellation_.request();
  }
  peer_finished_ = true;
  look_soon();
  watch();
}

async::Task<void> Connection::stop_watching() {
  handling_ = false;
  transport_.cancel();
  while (watching_) co_await boost::asio::post(shard_->loop().executor(), async::use_task);
}

}  // namespace fairlead::http
