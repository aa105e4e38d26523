#include "platform/http/internal/poller.h"

#include <boost/asio/post.hpp>
#include <cerrno>
#include <system_error>

namespace fairlead::http {
namespace asio = boost::asio;

asio::execution_context::id Poller::id;

Poller::Poller(asio::execution_context& context)
    : service(context), loop_(static_cast<async::IoContext&>(context)), epoll_(loop_.get_executor()) {
  const int descriptor = ::epoll_create1(EPOLL_CLOEXEC);
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  epoll_.assign(descriptor);
}

int Poller::add(Socket& socket) {
  epoll_event wanted{};
  wanted.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  wanted.data.ptr = &socket;
  if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, socket.native_handle(), &wanted) != 0) return errno;
  sockets_.push_back(socket);
  if (!waiting_ && count_ == 0) wait();
  return 0;
}

void Poller::remove(Socket& socket) {
  epoll_event unused{};
  ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, socket.native_handle(), &unused);
  sockets_.erase(sockets_.iterator_to(socket));
  for (int i = told_; i < count_; ++i)
    if (events_[static_cast<std::size_t>(i)].data.ptr == &socket)
      events_[static_cast<std::size_t>(i)].data.ptr = nullptr;
  // A loop that nothing else keeps may end.
  if (sockets_.empty() && waiting_) epoll_.cancel();
}

void Poller::wait() {
  waiting_ = true;
  epoll_.async_wait(asio::posix::descriptor_base::wait_read, [this](const boost::system::error_code& error) {
    waiting_ = false;
    if (!error)
      run();
    else if (!sockets_.empty())
      wait();
  });
}

void Poller::run() {
  count_ = ::epoll_wait(epoll_.native_handle(), events_.data(), static_cast<int>(events_.size()), 0);
  const int came = count_;
  for (told_ = 0; told_ < count_;) {
    const epoll_event& event = events_[static_cast<std::size_t>(told_++)];
    if (event.data.ptr != nullptr) static_cast<Socket*>(event.data.ptr)->on_events(event.events);
  }
  count_ = told_ = 0;
  if (sockets_.empty()) return;
  // Where several came at once more have come meanwhile: to look costs less than to wait.
  if (came < 2) return wait();
  waiting_ = true;
  asio::post(loop_, [this] {
    waiting_ = false;
    run();
  });
}

// What waits owns its coroutine, which may own the socket and others.
void Poller::shutdown() {
  while (!sockets_.empty()) {
    Socket& first = sockets_.front();
    remove(first);
    const Socket::Pending dropped = first.drop_all();
  }
}

}  // namespace fairlead::http
