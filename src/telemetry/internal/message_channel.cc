#include "telemetry/internal/message_channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace fairlead::telemetry {
namespace {

constexpr std::size_t kLimit = 256 * 1024 * 1024;

std::unexpected<Error> closed() {
  return fail(ErrorKind::kUnavailable, "channel_closed", "The other process is gone.");
}

Result<void> receive_bytes(int socket, char* into, std::size_t size, std::chrono::steady_clock::time_point deadline) {
  while (size > 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return fail(ErrorKind::kTimeout, "channel_timeout", "The other process does not answer.");
    pollfd ready{socket, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 1'000'000))) <= 0) continue;
    const ssize_t n = ::recv(socket, into, size, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return closed();
    into += n;
    size -= static_cast<std::size_t>(n);
  }
  return {};
}

void append_size(std::string& out, std::size_t size) {
  const auto value = static_cast<std::uint32_t>(size);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

Result<void> send_message(int socket, const Message& message) {
  std::string bytes(4, '\0');
  for (const auto& part : message) {
    append_size(bytes, part.size());
    bytes += part;
  }
  const auto size = static_cast<std::uint32_t>(bytes.size() - 4);
  std::memcpy(bytes.data(), &size, 4);
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t n = ::send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return closed();
    sent += static_cast<std::size_t>(n);
  }
  return {};
}

Result<Message> receive_message(int socket, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::uint32_t size = 0;
  FAIRLEAD_CHECK(receive_bytes(socket, reinterpret_cast<char*>(&size), sizeof size, deadline));
  if (size > kLimit) return closed();
  std::string bytes(size, '\0');
  FAIRLEAD_CHECK(receive_bytes(socket, bytes.data(), bytes.size(), deadline));
  Message message;
  for (std::size_t at = 0; at + 4 <= bytes.size();) {
    std::uint32_t length = 0;
    std::memcpy(&length, bytes.data() + at, 4);
    at += 4;
    if (length > bytes.size() - at) return closed();
    message.push_back(bytes.substr(at, length));
    at += length;
  }
  if (message.empty()) return closed();
  return message;
}

Message answer_of(const Result<std::string>& result) {
  if (result) return {"ok", *result};
  const Error& error = result.error();
  return {"error", std::to_string(static_cast<int>(error.kind)), error.code, error.message, error.param};
}

Result<std::string> result_of(const Message& answer) {
  if (answer.size() == 2 && answer[0] == "ok") return answer[1];
  if (answer.size() != 5) return closed();
  return fail(static_cast<ErrorKind>(std::atoi(answer[1].c_str())), answer[2], answer[3], answer[4]);
}

}  // namespace fairlead::telemetry
