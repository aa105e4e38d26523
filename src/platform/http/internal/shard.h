// The part of a server that lives on one loop.
#pragma once
#include <sys/socket.h>

#include <atomic>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <condition_variable>
#include <ctime>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "platform/async/runtime.h"
#include "platform/http/internal/router_table.h"
#include "platform/http/internal/tls.h"
#include "platform/http/server.h"

namespace fairlead::http {

class Connection;
class Shard;

// What all loops of a server share. Immutable once it has started, but for the count.
struct ServerState {
  ServerOptions options;
  Router router;
  std::shared_ptr<TlsContext> tls;  // null: plain
  int family = AF_INET;
  std::vector<std::shared_ptr<Shard>> shards;

  std::atomic<std::size_t> open{0};
  std::mutex mutex;
  std::condition_variable emptied;

  std::string error_body(int status, std::string_view code, std::string_view message) const;
};

// Accepts connections and knows those of its loop. Used on that loop only, but for its making.
class Shard : public std::enable_shared_from_this<Shard> {
 public:
  Shard(async::Loop& loop, std::shared_ptr<ServerState> state)
      : loop_(loop), state_(std::move(state)), acceptor_(loop.executor()) {}

  void listen(int descriptor);  // takes it over
  void start();
  // Takes what has been connected already, then no more; idle connections close, others after the call in flight.
  void drain();
  void cancel_calls();
  void abort();  // closes every connection
  bool draining() const { return draining_; }

  async::Loop& loop() { return loop_; }
  const ServerState& state() const { return *state_; }
  std::string_view date();  // "Tue, 24 Nov 2026 14:02:19 GMT", read once a second

 private:
  using Acceptor = boost::asio::posix::basic_stream_descriptor<async::Executor>;
  static async::Task<void> accept_all(std::shared_ptr<Shard> self);
  bool accept_pending();  // false: out of descriptors or memory
  void adopt(int descriptor, const sockaddr_storage& peer);
  void ended(Connection& connection);

  async::Loop& loop_;
  std::shared_ptr<ServerState> state_;
  Acceptor acceptor_;
  std::unordered_set<Connection*> connections_;
  bool draining_ = false;
  std::size_t next_shard_ = 0;
  std::time_t warned_ = 0;
  std::time_t date_time_ = 0;
  std::string date_;
};

}  // namespace fairlead::http
