#include "platform/shared/tests/redis_server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

namespace fairlead::shared {
namespace {

// It is the server under any other name. The package `redis-server`, which names it so, starts one on the machine.
constexpr const char* kProgram = "/usr/bin/redis-check-rdb";

bool answers(const std::string& path) {
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  char reply[5] = {};
  const bool out = ::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                   ::write(descriptor, "PING\r\n", 6) == 6 && ::read(descriptor, reply, 5) == 5 &&
                   std::memcmp(reply, "+PONG", 5) == 0;
  ::close(descriptor);
  return out;
}

}  // namespace

bool RedisServer::installed() {
  return ::access(kProgram, X_OK) == 0;
}

RedisServer::RedisServer(bool durable) : durable_(durable) {
  std::string name = (std::filesystem::temp_directory_path() / "redis-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder");
  folder_ = name;
  socket_ = name + "/socket";
  start();
}

RedisServer::~RedisServer() {
  if (process_ > 0) kill();
  std::filesystem::remove_all(folder_);
}

void RedisServer::start() {
  std::filesystem::remove(socket_);
  std::vector<std::string> arguments = {
      "redis-server",         "--port", "0", "--unixsocket", socket_, "--dir", folder_, "--save", "", "--appendonly",
      durable_ ? "yes" : "no"};
  if (durable_) arguments.insert(arguments.end(), {"--appendfsync", "always"});
  std::vector<char*> pointers;
  for (std::string& one : arguments) pointers.push_back(one.data());
  pointers.push_back(nullptr);
  process_ = ::fork();
  if (process_ == 0) {
    const int nowhere = ::open("/dev/null", O_RDWR);
    ::dup2(nowhere, 1);
    ::dup2(nowhere, 2);
    ::execv(kProgram, pointers.data());
    ::_exit(127);
  }
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!answers(socket_)) {
    if (std::chrono::steady_clock::now() > until) throw std::runtime_error("redis-server does not start");
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void RedisServer::kill() {
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

void RedisServer::pause() {
  ::kill(process_, SIGSTOP);
}

void RedisServer::resume() {
  ::kill(process_, SIGCONT);
}

}  // namespace fairlead::shared
