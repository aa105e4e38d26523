#include "platform/http/tests/harness.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <thread>

namespace fairlead::http {
namespace {

using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                boost::asio::wait_traits<std::chrono::steady_clock>, async::Executor>;

int number(std::string_view query, std::string_view name, int otherwise) {
  const auto text = query_parameter(query, name);
  return text ? std::atoi(text->c_str()) : otherwise;
}

async::Task<void> hello(Seen& seen, Exchange& exchange) {
  ++seen.calls;
  co_await exchange.respond(200, "text/plain", "hello");
  ++seen.finished;
}

async::Task<void> echo(Seen& seen, Exchange& exchange) {
  ++seen.calls;
  auto body = co_await exchange.read_body();
  if (!body) {
    int status = 400;
    if (body.error().kind == ErrorKind::kTooLarge) status = 413;
    if (body.error().kind == ErrorKind::kTimeout) status = 408;
    co_await exchange.respond(status, "text/plain", body.error().code);
    co_return;
  }
  co_await exchange.respond(200, "application/octet-stream", {body->data(), body->size()});
  ++seen.finished;
}

async::Task<void> stream(Seen& seen, Exchange& exchange) {
  ++seen.calls;
  exchange.begin_stream(200, "text/event-stream");
  for (const std::string_view piece : {"data: one\n\n", "data: two\n\n", "data: three\n\n"}) {
    auto sent = co_await exchange.write(piece);
    if (!sent) co_return;
  }
  co_await exchange.finish();
  ++seen.finished;
}

async::Task<void> broken(Exchange& exchange) {
  exchange.begin_stream(200, "text/plain");
  co_await exchange.write("half");
}

async::Task<void> pause(Seen& seen, Exchange& exchange, std::string_view parameter) {
  Timer timer(exchange.loop().executor());
  timer.expires_after(std::chrono::milliseconds(number(exchange.head().query, parameter, 1000)));
  boost::system::error_code error;
  const async::Cancellation::Registration stop(
      exchange.cancellation(), [](void* self) { static_cast<Timer*>(self)->cancel(); }, &timer);
  co_await timer.async_wait(boost::asio::redirect_error(async::use_task, error));
  if (exchange.cancellation().requested()) ++seen.cancelled;
}

async::Task<void> events(Seen& seen, Exchange& exchange) {
  ++seen.calls;
  exchange.begin_stream(200, "text/event-stream");
  co_await exchange.write("data: first\n\n");
  co_await pause(seen, exchange, "then_wait");
  co_await exchange.write("data: last\n\n");
  co_await exchange.finish();
  ++seen.finished;
}

async::Task<void> wait(Seen& seen, Exchange& exchange) {
  ++seen.calls;
  co_await pause(seen, exchange, "ms");
  co_await exchange.respond(200, "text/plain", "waited");
  ++seen.finished;
}

async::Task<void> endless(Seen& seen, Exchange& exchange) {
  ++seen.calls;
  exchange.begin_stream(200, "text/plain");
  const std::string piece(8 * 1024, 'x');
  while (true) {
    auto sent = co_await exchange.write(piece);
    if (!sent) break;
  }
  if (exchange.cancellation().requested()) ++seen.cancelled;
}

async::Task<void> parameter(Exchange& exchange, std::string_view name) {
  const std::string value(exchange.path_parameter(name));
  co_await exchange.respond(200, "text/plain", value);
}

async::Task<void> big(Exchange& exchange) {
  const std::string body(static_cast<std::size_t>(number(exchange.head().query, "bytes", 0)), 'b');
  co_await exchange.respond(200, "text/plain", body);
}

async::Task<void> host(Exchange& exchange) {
  const std::string value(exchange.head().header("host").value_or("none"));
  co_await exchange.respond(200, "text/plain", value);
}

Router routes(Seen& seen) {
  Router router;
  router.add(Method::kGet, "/hello", [&seen](Exchange& e) { return hello(seen, e); });
  router.add(Method::kPost, "/ignore", [&seen](Exchange& e) { return hello(seen, e); });
  router.add(Method::kPost, "/echo", [&seen](Exchange& e) { return echo(seen, e); });
  router.add(Method::kGet, "/stream", [&seen](Exchange& e) { return stream(seen, e); });
  router.add(Method::kGet, "/broken", [](Exchange& e) { return broken(e); });
  router.add(Method::kGet, "/wait", [&seen](Exchange& e) { return wait(seen, e); });
  router.add(Method::kGet, "/events", [&seen](Exchange& e) { return events(seen, e); });
  router.add(Method::kGet, "/endless", [&seen](Exchange& e) { return endless(seen, e); });
  router.add(Method::kGet, "/items/{id}", [](Exchange& e) { return parameter(e, "id"); });
  router.add(Method::kGet, "/files/{path...}", [](Exchange& e) { return parameter(e, "path"); });
  router.add(Method::kGet, "/big", [](Exchange& e) { return big(e); });
  router.add(Method::kGet, "/host", [](Exchange& e) { return host(e); });
  return router;
}

}  // namespace

TestServer::TestServer(ServerOptions options, int loops) : runtime_(loops) {
  options.port = 0;
  auto made = Server::listen(runtime_, std::move(options), routes(seen_));
  if (!made) {
    std::fprintf(stderr, "%s\n", made.error().message.c_str());
    std::abort();
  }
  server_ = std::move(*made);
  runtime_.start();
  server_->start();
}

TestServer::~TestServer() {
  server_->drain(std::chrono::milliseconds(0));
  runtime_.stop();
}

RawClient::RawClient(std::uint16_t port) : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) close();
}

RawClient::RawClient(const std::string& unix_path) : descriptor_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, unix_path.c_str(), sizeof address.sun_path - 1);
  if (::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) close();
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void RawClient::end_writing() {
  ::shutdown(descriptor_, SHUT_WR);
}

void RawClient::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

void RawClient::reset() {
  const linger now{1, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

// False at the end of the connection or when the time is up; ended_ tells which.
bool RawClient::more(std::chrono::steady_clock::time_point until) {
  if (ended_ || descriptor_ < 0) return false;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
  pollfd wanted{descriptor_, POLLIN, 0};
  if (::poll(&wanted, 1, static_cast<int>(std::max<long>(left.count(), 0))) <= 0) return false;
  char bytes[65536];
  const ssize_t got = ::recv(descriptor_, bytes, sizeof bytes, 0);
  if (got <= 0) {
    ended_ = true;
    return false;
  }
  buffer_.append(bytes, static_cast<std::size_t>(got));
  return true;
}

Answer RawClient::read(std::chrono::milliseconds patience, bool head_only) {
  const auto until = std::chrono::steady_clock::now() + patience;
  Answer answer;
  std::size_t end;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
    if (!more(until)) {
      answer.closed = ended_;
      return answer;
    }
  answer.head = buffer_.substr(0, end + 4);
  buffer_.erase(0, end + 4);
  answer.status = std::atoi(answer.head.c_str() + 9);
  const bool no_body = head_only || answer.status < 200 || answer.status == 204 || answer.status == 304;
  const std::size_t length = answer.head.find("content-length: ");
  if (!no_body && length != std::string::npos) {
    const auto size = static_cast<std::size_t>(std::atoll(answer.head.c_str() + length + 16));
    while (buffer_.size() < size && more(until)) {
    }
    answer.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
  } else if (!no_body && answer.has("transfer-encoding: chunked")) {
    while (true) {
      std::size_t line;
      while ((line = buffer_.find("\r\n")) == std::string::npos && more(until)) {
      }
      if (line == std::string::npos) break;
      std::size_t size = 0;
      std::from_chars(buffer_.data(), buffer_.data() + line, size, 16);
      while (buffer_.size() < line + size + 4 && more(until)) {
      }
      if (buffer_.size() < line + size + 4) break;
      answer.body += buffer_.substr(line + 2, size);
      buffer_.erase(0, line + size + 4);
      if (size == 0) break;
    }
  } else if (!no_body) {
    while (more(until)) {
    }
    answer.body = std::exchange(buffer_, {});
  }
  if (answer.has("connection: close")) {
    while (more(until)) {
    }
  }
  answer.closed = ended_;
  return answer;
}

bool RawClient::read_until(std::string_view text, std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  std::size_t at;
  while ((at = buffer_.find(text)) == std::string::npos)
    if (!more(until)) return false;
  buffer_.erase(0, at + text.size());
  return true;
}

bool RawClient::closes_within(std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (more(until)) {
  }
  return ended_;
}

ScratchFolder::ScratchFolder() {
  std::string name = std::filesystem::temp_directory_path() / "fairlead-http-XXXXXX";
  if (!::mkdtemp(name.data())) std::abort();
  folder_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace fairlead::http
