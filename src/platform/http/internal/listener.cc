#include "platform/http/internal/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

namespace fairlead::http {
namespace {

constexpr int kBacklog = 4096;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

std::string name(const std::string& address, std::uint16_t port) {
  return (address.find(':') != std::string::npos ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

std::unexpected<Error> cannot_listen(const std::string& where, int error) {
  const std::string start = "Cannot listen on " + where + ": ";
  if (error == EADDRINUSE)
    return fail(ErrorKind::kConflict, "address_in_use",
                start + "another process uses it. Stop that one, or choose another with --listen.");
  if (error == EACCES || error == EPERM)
    return fail(ErrorKind::kPermissionDenied, "permission_denied",
                start + "not permitted. Ports below 1024 need privileges; choose another with --listen.");
  return fail(ErrorKind::kInvalid, "invalid_address", start + std::strerror(error) + ".");
}

Result<Address> parse(const std::string& text, std::uint16_t port) {
  Address address;
  std::string host = text == "localhost" ? "127.0.0.1" : text;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.size = sizeof(sockaddr_in);
  } else if (::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.size = sizeof(sockaddr_in6);
  } else {
    return fail(ErrorKind::kInvalid, "invalid_address",
                "`" + text + "` is not an address to listen on: give an IP address, or unix:/path.");
  }
  return address;
}

// A bound TCP socket, or the negative errno.
int bound(Address& address, bool shared) {
  const int descriptor = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -errno;
  const int one = 1;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (shared) ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
  if (address.storage.ss_family == AF_INET6) ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
  if (::bind(descriptor, address.get(), address.size) == 0) return descriptor;
  const int error = errno;
  ::close(descriptor);
  return -error;
}

sockaddr_un unix_address(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  return address;
}

// An abstract Unix socket as a lock: exclusive in the network namespace as ports are, and gone with the process.
int take_lock(const std::string& what) {
  const std::string lock_name = std::string(1, '\0') + "fairlead.listen." + what;
  const sockaddr_un address = unix_address(lock_name);
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -errno;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + lock_name.size());
  if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), size) == 0) return descriptor;
  const int error = errno;
  ::close(descriptor);
  return -error;
}

}  // namespace

Listener& Listener::operator=(Listener&& other) noexcept {
  if (this == &other) return *this;
  close();
  family_ = other.family_;
  port_ = other.port_;
  descriptors_ = std::exchange(other.descriptors_, {});
  lock_ = std::exchange(other.lock_, -1);
  unix_path_ = std::exchange(other.unix_path_, {});
  return *this;
}

void Listener::close() {
  for (const int descriptor : std::exchange(descriptors_, {}))
    if (descriptor >= 0) ::close(descriptor);
  if (lock_ >= 0) ::close(std::exchange(lock_, -1));
  if (!unix_path_.empty()) ::unlink(std::exchange(unix_path_, {}).c_str());
}

int Listener::take(std::size_t index) {
  return std::exchange(descriptors_[index], -1);
}

Result<Listener> Listener::open(const std::string& address, std::uint16_t port, int count) {
  Listener made;
  FAIRLEAD_CHECK(address.starts_with("unix:") ? made.open_unix(address.substr(5))
                                              : made.open_tcp(address, port, count));
  return made;
}

// SO_REUSEPORT would let a second server of the same user share the port unseen. So a socket without it is bound first,
// which fails if anybody listens, and a lock held for life decides between two that start at the same moment.
Result<void> Listener::open_tcp(const std::string& text, std::uint16_t port, int count) {
  FAIRLEAD_TRY(Address address, parse(text, port));
  family_ = address.storage.ss_family;
  if (port != 0) {
    const int probe = bound(address, false);
    if (probe < 0) return cannot_listen(name(text, port), -probe);
    ::close(probe);
  }
  for (int i = 0; i < count; ++i) {
    const int descriptor = bound(address, true);
    if (descriptor < 0) return cannot_listen(name(text, port), -descriptor);
    descriptors_.push_back(descriptor);
    if (i > 0) continue;
    ::getsockname(descriptor, address.get(), &address.size);
    port_ = ntohs(reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port);  // the same place in sockaddr_in6
    lock_ = take_lock(name(text, port_));
    if (lock_ == -EADDRINUSE) return cannot_listen(name(text, port_), EADDRINUSE);
  }
  for (const int descriptor : descriptors_)
    if (::listen(descriptor, kBacklog) != 0) return cannot_listen(name(text, port_), errno);
  return {};
}

Result<void> Listener::open_unix(const std::string& path) {
  family_ = AF_UNIX;
  const sockaddr_un address = unix_address(path);
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return fail(
        ErrorKind::kInvalid, "invalid_address",
        "`unix:" + path + "`: a socket's path has 1 to " + std::to_string(sizeof address.sun_path - 1) + " bytes.");
  const auto* const native = reinterpret_cast<const sockaddr*>(&address);
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) {
    // Left behind by a process that died, unless somebody answers.
    const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const bool dead = probe >= 0 && ::connect(probe, native, sizeof address) != 0 && errno == ECONNREFUSED;
    if (probe >= 0) ::close(probe);
    if (!dead) return cannot_listen("unix:" + path, EADDRINUSE);
    ::unlink(path.c_str());
  }
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return cannot_listen("unix:" + path, errno);
  descriptors_.push_back(descriptor);
  if (::bind(descriptor, native, sizeof address) != 0) return cannot_listen("unix:" + path, errno);
  unix_path_ = path;
  if (::listen(descriptor, kBacklog) != 0) return cannot_listen("unix:" + path, errno);
  return {};
}

std::string address_text(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return name(text, ntohs(v4.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return name(text, ntohs(v6.sin6_port));
  }
  return "unix";
}

}  // namespace fairlead::http
