// Debian's Redis, in a folder of its own, for as long as a test wants it.
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <string>

namespace fairlead::shared {

// On a Unix socket alone. It keeps its data over restarts if `durable`.
class RedisServer {
 public:
  explicit RedisServer(bool durable = false);
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  static bool installed();
  const std::string& socket() const { return socket_; }
  std::string url() const { return "redis+unix://" + socket_; }
  void start();
  void kill();   // SIGKILL
  void pause();  // SIGSTOP
  void resume();

 private:
  const bool durable_;
  std::filesystem::path folder_;
  std::string socket_;
  pid_t process_ = -1;
};

}  // namespace fairlead::shared
