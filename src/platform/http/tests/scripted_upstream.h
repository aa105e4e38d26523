// An upstream that sends exactly the bytes it is told to.
#pragma once
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace fairlead::http {

// Takes one connection at a time and one turn a request, over all connections. When the turns are used up it closes.
class ScriptedUpstream {
 public:
  struct Turn {
    std::string answer;
    std::chrono::milliseconds delay{0};        // before the answer
    std::chrono::milliseconds delay_after{0};  // after it
    bool then_close = false;
    std::size_t split_at = 0;  // not 0: in two sends, a moment apart
  };

  explicit ScriptedUpstream(std::vector<Turn> turns)
      : turns_(std::move(turns)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(listener_, 16);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~ScriptedUpstream() {
    stop_ = true;
    thread_.join();
    ::close(listener_);
  }
  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }

 private:
  bool readable(int descriptor) const {
    while (!stop_) {
      pollfd wanted{descriptor, POLLIN, 0};
      if (::poll(&wanted, 1, 20) > 0) return true;
    }
    return false;
  }
  void pause(std::chrono::milliseconds time) const {
    for (; time.count() > 0 && !stop_; time -= std::chrono::milliseconds(10))
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  // Reads a request whole: head, and body by its Content-Length.
  bool request(int descriptor, std::string& bytes) const {
    while (true) {
      const std::size_t end = bytes.find("\r\n\r\n");
      if (end != std::string::npos) {
        const std::size_t length = bytes.find("content-length: ");
        const std::size_t size = length < end ? static_cast<std::size_t>(std::atoll(bytes.c_str() + length + 16)) : 0;
        if (bytes.size() >= end + 4 + size) {
          bytes.erase(0, end + 4 + size);
          return true;
        }
      }
      char more[4096];
      if (!readable(descriptor)) return false;
      const ssize_t got = ::recv(descriptor, more, sizeof more, 0);
      if (got <= 0) return false;
      bytes.append(more, static_cast<std::size_t>(got));
    }
  }
  void run() {
    std::size_t next = 0;
    while (readable(listener_)) {
      const int descriptor = ::accept(listener_, nullptr, nullptr);
      ++connections_;
      std::string bytes;
      while (request(descriptor, bytes) && next < turns_.size()) {
        const Turn& turn = turns_[next++];
        pause(turn.delay);
        const std::string& answer = turn.answer;
        if (turn.split_at > 0) {
          ::send(descriptor, answer.data(), turn.split_at, MSG_NOSIGNAL);
          std::this_thread::sleep_for(std::chrono::milliseconds(3));
        }
        ::send(descriptor, answer.data() + turn.split_at, answer.size() - turn.split_at, MSG_NOSIGNAL);
        pause(turn.delay_after);
        if (turn.then_close) break;
      }
      ::close(descriptor);
    }
  }

  std::vector<Turn> turns_;
  int listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace fairlead::http
