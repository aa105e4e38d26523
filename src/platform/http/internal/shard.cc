#include "platform/http/internal/shard.h"

#include <unistd.h>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <cerrno>
#include <cstring>

#include "platform/http/internal/connection.h"
#include "platform/http/internal/log.h"
#include "platform/http/problem.h"

namespace fairlead::http {
namespace asio = boost::asio;
namespace {

std::time_t coarse_time() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now.tv_sec;
}

}  // namespace

std::string ServerState::error_body(int status, std::string_view code, std::string_view message) const {
  return options.error_body ? options.error_body(status, code, message) : http::error_body(status, code, message);
}

void Shard::listen(int descriptor) {
  boost::system::error_code ignored;
  acceptor_.assign(descriptor, ignored);
}

void Shard::start() {
  if (!acceptor_.is_open() || draining_) return;
  asio::co_spawn(loop_.executor(), accept_all(shared_from_this()), [](std::exception_ptr error) {
    if (error) std::terminate();
  });
}

async::Task<void> Shard::accept_all(std::shared_ptr<Shard> self) {
  using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                                           async::Executor>;
  Timer pause(self->loop_.executor());
  while (self->acceptor_.is_open()) {
    boost::system::error_code error;
    co_await self->acceptor_.async_wait(Acceptor::wait_read, asio::redirect_error(async::use_task, error));
    if (error || !self->acceptor_.is_open()) co_return;
    if (self->accept_pending()) continue;
    // Nothing to do but wait until somebody leaves; those who come stay in the kernel's queue.
    pause.expires_after(std::chrono::milliseconds(100));
    co_await pause.async_wait(asio::redirect_error(async::use_task, error));
  }
}

bool Shard::accept_pending() {
  constexpr int kAtOnce = 64;  // then let the connections have their turn
  for (int i = 0; i < kAtOnce; ++i) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const int descriptor =
        ::accept4(acceptor_.native_handle(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) {
      if (state_->open.fetch_add(1) >= state_->options.limits.connections) {
        state_->open.fetch_sub(1);
        ::close(descriptor);
        continue;
      }
      if (state_->family != AF_UNIX) {
        adopt(descriptor, peer);
        continue;
      }
      peer.ss_family = AF_UNIX;
      const std::shared_ptr<Shard> target = state_->shards[next_shard_++ % state_->shards.size()];
      target->loop_.post([target, descriptor, peer] { target->adopt(descriptor, peer); });
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return true;
    if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
      continue;  // that client has left again
    const int error = errno;
    if (const std::time_t now = coarse_time(); now - warned_ >= 10) {
      warned_ = now;
      kLog.warning("cannot accept connections", {{"reason", std::strerror(error)}, {"open", state_->open.load()}});
    }
    return false;
  }
  return true;
}

void Shard::adopt(int descriptor, const sockaddr_storage& peer) {
  auto connection = std::make_shared<Connection>(shared_from_this(), descriptor, peer);
  connections_.insert(connection.get());
  asio::co_spawn(loop_.executor(), connection->serve(), [connection](std::exception_ptr error) {
    if (error) kLog.error("a connection failed", {{"reason", "exception"}});
    connection->abort();
    connection->shard().ended(*connection);
  });
}

void Shard::ended(Connection& connection) {
  connections_.erase(&connection);
  if (state_->open.fetch_sub(1) != 1) return;
  const std::lock_guard lock(state_->mutex);
  state_->emptied.notify_all();
}

void Shard::drain() {
  if (acceptor_.is_open()) {
    accept_pending();
    boost::system::error_code ignored;
    acceptor_.close(ignored);
  }
  draining_ = true;
  for (Connection* const connection : connections_) connection->drain();
}

void Shard::cancel_calls() {
  for (Connection* const connection : connections_) connection->cancel_call();
}

void Shard::abort() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  for (Connection* const connection : connections_) connection->abort();
}

std::string_view Shard::date() {
  const std::time_t now = coarse_time();
  if (now == date_time_) return date_;
  date_time_ = now;
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  char text[64];
  std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[utc.tm_wday], utc.tm_mday,
                kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  date_ = text;
  return date_;
}

}  // namespace fairlead::http
