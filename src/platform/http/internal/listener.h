// Listening sockets.
#pragma once
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace fairlead::http {

// The descriptors that a server accepts on; closes them. One a loop over TCP (SO_REUSEPORT), one over a Unix socket.
class Listener {
 public:
  // Errors: address_in_use, permission_denied, invalid_address.
  static Result<Listener> open(const std::string& address, std::uint16_t port, int count);
  Listener() = default;
  Listener(Listener&& other) noexcept { *this = std::move(other); }
  Listener& operator=(Listener&& other) noexcept;
  ~Listener() { close(); }

  int family() const { return family_; }
  std::uint16_t port() const { return port_; }
  // Hands a descriptor over to the caller.
  int take(std::size_t index);
  std::size_t size() const { return descriptors_.size(); }
  void close();

 private:
  Result<void> open_tcp(const std::string& address, std::uint16_t port, int count);
  Result<void> open_unix(const std::string& path);
  int family_ = AF_INET;
  std::uint16_t port_ = 0;
  std::vector<int> descriptors_;
  int lock_ = -1;  // kept for life: see open_tcp
  std::string unix_path_;
};

// "127.0.0.1:40000", "[::1]:40000" or "unix".
std::string address_text(const sockaddr_storage& address);

}  // namespace fairlead::http
