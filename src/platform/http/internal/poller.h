// What the sockets of a loop wait with: docs/decisions/0042-sockets-that-know.md.
#pragma once
#include <sys/epoll.h>

#include <array>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/intrusive/list.hpp>

#include "platform/http/internal/socket.h"

namespace fairlead::http {

// An epoll of its own, edge-triggered, behind the loop's: unlike Asio's it tells its sockets that a peer has ended its
// side, and keeps what it knows of those that nobody waits for. One a loop, made with the first server or client of it
// by any thread; used on the loop only.
class Poller final : public boost::asio::execution_context::service {
 public:
  using key_type = Poller;
  static boost::asio::execution_context::id id;

  static Poller& of(async::Loop& loop) { return boost::asio::use_service<Poller>(loop.context()); }
  explicit Poller(boost::asio::execution_context& context);  // throws std::system_error
  ~Poller() override = default;

  // Tells it of what happens to its descriptor until it is removed. 0, or the errno.
  int add(Socket& socket);
  void remove(Socket& socket);

 private:
  using Sockets = boost::intrusive::list<Socket, boost::intrusive::constant_time_size<false>>;
  void shutdown() override;
  void wait();
  void run();

  async::IoContext& loop_;
  boost::asio::posix::basic_stream_descriptor<async::Executor> epoll_;
  Sockets sockets_;
  bool waiting_ = false;
  int told_ = 0;  // of events_
  int count_ = 0;
  std::array<epoll_event, 64> events_;
};

}  // namespace fairlead::http
