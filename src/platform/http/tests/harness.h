// A real server with a few routes, and a client that sends exactly the bytes it is told to.
#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "platform/async/runtime.h"
#include "platform/http/server.h"

namespace fairlead::http {

// What the handlers below saw; read from the test's thread.
struct Seen {
  std::atomic<int> calls{0};
  std::atomic<int> finished{0};
  std::atomic<int> cancelled{0};
};

// GET /hello, POST /echo, POST /ignore (never reads its body), GET /stream, GET /broken (a stream without its end),
// GET /wait?ms=N, GET /events?then_wait=MS (an event, a pause, an event), GET /endless, GET /items/{id}, GET
// /files/{path...}, GET /big?bytes=N, GET /host (the Host header).
class TestServer {
 public:
  explicit TestServer(ServerOptions options = {}, int loops = 1);
  ~TestServer();
  std::uint16_t port() const { return server_->port(); }
  Server& server() { return *server_; }
  async::Runtime& runtime() { return runtime_; }
  Seen& seen() { return seen_; }

 private:
  Seen seen_;
  async::Runtime runtime_;
  std::unique_ptr<Server> server_;
};

struct Answer {
  int status = 0;  // 0: none came
  std::string head;
  std::string body;
  bool closed = false;  // the server closed the connection after it, in order or not
  bool has(std::string_view text) const { return head.find(text) != std::string::npos; }
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port);
  explicit RawClient(const std::string& unix_path);
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return descriptor_ >= 0; }
  bool send(std::string_view bytes);  // false if the server has reset the connection
  void end_writing();
  void close();
  void reset();  // RST
  int descriptor() const { return descriptor_; }
  // One answer, its body by Content-Length, chunks or the end of the connection. `head_only` for an answer to HEAD.
  Answer read(std::chrono::milliseconds patience = std::chrono::seconds(10), bool head_only = false);
  // Reads until `text` has come; for an answer that does not end soon. What was read is gone.
  bool read_until(std::string_view text, std::chrono::milliseconds patience = std::chrono::seconds(10));
  // True when the server closes within the time, whatever it sends before.
  bool closes_within(std::chrono::milliseconds patience);
  std::string pending() const { return buffer_; }

 private:
  bool more(std::chrono::steady_clock::time_point until);
  int descriptor_ = -1;
  bool ended_ = false;
  std::string buffer_;
};

// Waits for a condition that other threads make true.
template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds patience = std::chrono::seconds(10)) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// A path in a new folder that goes away with this.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  std::string path(std::string_view name) const { return folder_ + "/" + std::string(name); }

 private:
  std::string folder_;
};

}  // namespace fairlead::http
