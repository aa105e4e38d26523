#include "platform/http/internal/socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <cassert>
#include <cerrno>
#include <utility>

#include "platform/http/internal/poller.h"

namespace fairlead::http {
namespace asio = boost::asio;
namespace {

Socket::ErrorCode system_error(int number) {
  return {number, boost::system::system_category()};
}

bool would_block(int number) {
  return number == EAGAIN || number == EWOULDBLOCK;
}

}  // namespace

Socket::Socket(async::Loop& loop) : loop_(loop) {}

void Socket::assign(int descriptor) {
  close();
  descriptor_ = descriptor;
  readable_ = true;
  if (Poller::of(loop_).add(*this) != 0) close();
}

async::Task<void> Socket::connect(Endpoint endpoint, ErrorCode& error) {
  close();
  error = {};
  const int descriptor = ::socket(endpoint.data()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) {
    error = system_error(errno);
    co_return;
  }
  const bool done = ::connect(descriptor, endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0;
  if (!done && errno != EINPROGRESS && errno != EINTR) {
    error = system_error(errno);
    ::close(descriptor);
    co_return;
  }
  descriptor_ = descriptor;
  readable_ = true;
  if (const int failed = Poller::of(loop_).add(*this); failed != 0) {
    error = system_error(failed);
    close();
    co_return;
  }
  if (done) co_return;
  co_await async_wait_writable(asio::redirect_error(async::use_task, error));
  if (error) co_return;
  int outcome = 0;
  socklen_t size = sizeof outcome;
  ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &outcome, &size);
  if (outcome == 0) co_return;
  error = system_error(outcome);
  close();
}

void Socket::complete(Handler handler, ErrorCode error, std::size_t count) {
  asio::post(loop_.context(), [handler = std::move(handler), error, count]() mutable { handler(error, count); });
}

void Socket::start_read(char* into, std::size_t size, Handler handler) {
  assert(!pending_.read);
  if (!is_open()) return complete(std::move(handler), asio::error::bad_descriptor, 0);
  ErrorCode error;
  std::size_t got = 0;
  if (size == 0 || (readable_ && read_now(into, size, error, got))) return complete(std::move(handler), error, got);
  into_ = into;
  room_ = size;
  pending_.read = std::move(handler);
}

bool Socket::read_now(char* into, std::size_t size, ErrorCode& error, std::size_t& got) {
  ssize_t count = 0;
  do count = ::recv(descriptor_, into, size, 0);
  while (count < 0 && errno == EINTR);
  if (count > 0) {
    got = static_cast<std::size_t>(count);
    // All that has come has been read: what comes now is told anew. The end is not, if it came with the bytes.
    if (got < size && !ended_) readable_ = false;
    return true;
  }
  if (count < 0 && would_block(errno)) {
    readable_ = false;
    return false;
  }
  error = count == 0 ? ErrorCode(asio::error::eof) : system_error(errno);
  return true;
}

void Socket::start_write(const Pieces& pieces, Handler handler) {
  if (!is_open()) return complete(std::move(handler), asio::error::bad_descriptor, 0);
  ErrorCode error;
  std::size_t sent = 0;
  if (pieces.count == 0 || (pending_.writes.empty() && write_now(pieces, error, sent)))
    return complete(std::move(handler), error, sent);
  pending_.writes.push_back({pieces, std::move(handler)});
}

void Socket::wait_writable(Handler handler) {
  if (!is_open()) return complete(std::move(handler), asio::error::bad_descriptor, 0);
  pending_.writes.push_back({{}, std::move(handler)});
}

bool Socket::write_now(const Pieces& pieces, ErrorCode& error, std::size_t& sent) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.at.data());
  message.msg_iovlen = pieces.count;
  ssize_t count = 0;
  do count = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
  while (count < 0 && errno == EINTR);
  if (count < 0 && would_block(errno)) return false;
  if (count < 0)
    error = system_error(errno);
  else
    sent = static_cast<std::size_t>(count);
  return true;
}

void Socket::wait_for_failure(Handler handler) {
  assert(!pending_.failure);
  if (!is_open()) return complete(std::move(handler), asio::error::bad_descriptor, 0);
  if (failed_) return complete(std::move(handler), {}, 0);
  pending_.failure = std::move(handler);
}

void Socket::on_events(std::uint32_t events) {
  const bool failed = (events & (EPOLLHUP | EPOLLERR)) != 0;
  if (failed || (events & EPOLLRDHUP) != 0) ended_ = true;
  if (ended_ || (events & EPOLLIN) != 0) readable_ = true;
  if (failed) {
    failed_ = true;
    if (pending_.failure) complete(std::exchange(pending_.failure, nullptr), {}, 0);
  }
  if (!pending_.writes.empty() && (failed || (events & EPOLLOUT) != 0)) on_writable();
  if (!pending_.read || !readable_) return;
  ErrorCode error;
  std::size_t got = 0;
  if (!read_now(into_, room_, error, got)) return;
  Handler handler = std::exchange(pending_.read, nullptr);
  handler(error, got);  // which may destroy this
}

void Socket::on_writable() {
  auto& writes = pending_.writes;
  auto one = writes.begin();
  for (; one != writes.end(); ++one) {
    ErrorCode error;
    std::size_t sent = 0;
    if (one->pieces.count > 0 && !write_now(one->pieces, error, sent)) break;
    complete(std::move(one->handler), error, sent);
  }
  writes.erase(writes.begin(), one);
}

bool Socket::quiet() {
  if (!readable_ || !is_open()) return is_open();
  char byte = 0;
  const ssize_t got = ::recv(descriptor_, &byte, 1, MSG_PEEK);
  return got < 0 && would_block(errno);
}

void Socket::shut_down_writing(ErrorCode& error) {
  error = ::shutdown(descriptor_, SHUT_WR) == 0 ? ErrorCode() : system_error(errno);
}

void Socket::reset_on_close() {
  const linger at_once{1, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

Socket::Pending Socket::drop_all() {
  return std::exchange(pending_, Pending());
}

void Socket::cancel() {
  Pending dropped = drop_all();
  const auto abort = [this](Handler& handler) {
    if (handler) complete(std::move(handler), asio::error::operation_aborted, 0);
  };
  abort(dropped.read);
  abort(dropped.failure);
  for (Write& write : dropped.writes) abort(write.handler);
}

void Socket::close() {
  if (!is_open()) return;
  cancel();
  if (is_linked()) Poller::of(loop_).remove(*this);
  ::close(std::exchange(descriptor_, -1));
  readable_ = ended_ = failed_ = false;
}

}  // namespace fairlead::http
