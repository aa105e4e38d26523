// A connection to Redis, of one event loop.
#pragma once
#include <atomic>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "platform/async/runtime.h"
#include "platform/async/task_group.h"

namespace fairlead::shared {

struct Reply {
  enum class Kind : std::uint8_t { kNothing, kInteger, kText, kList, kError } kind = Kind::kNothing;
  std::int64_t integer = 0;
  std::string text{};  // of an error too
  std::vector<Reply> list{};
  // The number at that place of a list, or `fallback`.
  std::int64_t number(std::size_t at, std::int64_t fallback = 0) const {
    return at < list.size() && list[at].kind == Kind::kInteger ? list[at].integer : fallback;
  }
};

struct RedisOptions {
  std::string host;
  std::string port = "6379";
  std::string unix_path;  // in place of the two
  std::string user;
  SecretText password;
  int database = 0;
  std::chrono::milliseconds timeout{1'000};  // to reach it; for the answer to each command
  std::string name() const { return unix_path.empty() ? host + ":" + port : unix_path; }
};
// "redis://[USER@]HOST[:PORT][/DATABASE]", "redis+unix:///PATH[?db=DATABASE]". Error: invalid_setting, which says what
// is wrong with it, names `setting` as its place, and shows no password.
Result<RedisOptions> parse_redis_url(std::string_view url, std::string_view setting = "redis.url");

// Lua that runs as one step in Redis. Static.
class Script {
 public:
  explicit Script(std::string text);
  const std::string& text() const { return text_; }
  const std::string& digest() const { return digest_; }

 private:
  std::string text_, digest_;
};

// Commands go out at once, in order, without waiting for the answers of those before. When the connection breaks, or an
// answer takes longer than the timeout, all that wait are told so, and what became of their commands is not known; then
// it connects anew (so also when a server says that it is a replica, full or loading), after 50 ms and up to twice as
// long after each failure, to 500 ms, less a random half. What is sent before it is ready fails at once. Belongs to its
// loop, where all of it is called.
class Redis {
 public:
  using Done = std::function<void(Result<Reply>)>;  // errors: kUnavailable redis_unavailable; kUpstream redis_error
  using Greeting = std::function<async::Task<Result<void>>()>;

  Redis(async::Loop& loop, RedisOptions options);
  ~Redis();  // stop() has ended, or the loop runs no more
  Redis(const Redis&) = delete;
  Redis& operator=(const Redis&) = delete;

  // `greeting` is what is said on each new connection before anybody else may speak; if it fails, the connection does.
  void start(Greeting greeting);
  async::Task<void> stop();
  // Closes the connection, so that it begins anew.
  void drop(std::string reason);

  bool ready() const { return ready_; }  // any thread
  Error unavailable() const;             // as now

  void send(std::span<const std::string> arguments, Done done);
  // EVALSHA of a script without KEYS, or EVAL where Redis does not know it.
  void run(const Script& script, std::vector<std::string> arguments, Done done);
  async::Task<Result<Reply>> ask(std::vector<std::string> arguments);
  async::Task<Result<Reply>> ask(const Script& script, std::vector<std::string> arguments);

  std::uint64_t errors() const { return errors_; }  // connections that failed or broke; any thread

 private:
  using Socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, async::Executor>;
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, async::Executor>;
  struct Pending {
    Done done;
    std::chrono::steady_clock::time_point due;
  };
  class Replies;

  async::Task<void> live();
  async::Task<Result<void>> connect();
  async::Task<Result<void>> introduce();
  async::Task<void> read();
  async::Task<void> write();
  bool take_replies();
  void on_due();
  void fail_pending();

  async::Loop& loop_;
  const RedisOptions options_;
  Greeting greeting_;
  Socket socket_;
  Timer pause_;
  async::TimerWheel::Timer due_;
  async::TaskGroup life_, transfers_;
  std::unique_ptr<Replies> replies_;
  std::deque<Pending> pending_;
  std::string out_, writing_;
  std::string why_;  // it is not ready
  bool open_ = false, is_writing_ = false, stopping_ = false;
  std::atomic<bool> ready_{false};
  std::atomic<std::uint64_t> errors_{0};
};

}  // namespace fairlead::shared
