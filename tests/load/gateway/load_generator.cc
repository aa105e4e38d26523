#include "load_generator.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string_view>

namespace fairlead::load {
namespace {

using Clock = std::chrono::steady_clock;

struct Connection {
  int descriptor = -1;
  Clock::time_point sent;
  std::string answer;
};

int connect_to(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::close(descriptor);
    return -1;
  }
  const int one = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return descriptor;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// Whether the answer is whole. Trusts that nothing follows it: there is no pipelining.
bool whole(const std::string& answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const std::string head = lower(std::string_view(answer).substr(0, end));
  const std::size_t length = head.find("\r\ncontent-length:");
  if (length != std::string::npos)
    return answer.size() >= end + 4 + std::strtoull(head.c_str() + length + 17, nullptr, 10);
  return answer.ends_with("\r\n0\r\n\r\n");
}

}  // namespace

LoadResult run_load(const LoadPlan& plan, void (*on_measured)(bool begins)) {
  LoadResult result;
  const int poller = ::epoll_create1(0);
  std::vector<Connection> all(static_cast<std::size_t>(plan.connections));
  std::vector<std::uint32_t> latencies;  // ns
  latencies.reserve(1 << 20);

  const auto fail = [&](const std::string& why) {
    ++result.failures;
    if (result.first_failure.empty()) result.first_failure = why.substr(0, 400);
  };
  const auto begin = [&](Connection& one) {
    one.answer.clear();
    one.sent = Clock::now();
    if (::send(one.descriptor, plan.request.data(), plan.request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(plan.request.size()))
      fail("a request could not be sent");
  };
  const auto open = [&](Connection& one) {
    one.descriptor = connect_to(plan.port);
    if (one.descriptor < 0) return fail("no connection");
    epoll_event event{.events = EPOLLIN, .data = {.ptr = &one}};
    ::epoll_ctl(poller, EPOLL_CTL_ADD, one.descriptor, &event);
    begin(one);
  };
  for (Connection& one : all) open(one);

  const auto start = Clock::now() + plan.warm_up;
  const auto until = start + plan.time;
  bool measuring = false;
  auto measured_from = start;
  std::array<epoll_event, 64> events;
  std::array<char, 64 * 1024> bytes;
  while (result.failures < 100) {
    auto now = Clock::now();
    if (now >= until) break;
    if (!measuring && now >= start) {
      measuring = true;
      measured_from = now;
      on_measured(true);
    }
    const int ready = ::epoll_wait(poller, events.data(), static_cast<int>(events.size()), 100);
    for (int i = 0; i < ready; ++i) {
      Connection& one = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      const ssize_t got = ::recv(one.descriptor, bytes.data(), bytes.size(), 0);
      if (got <= 0) {
        fail("a connection was closed");
        ::close(one.descriptor);
        open(one);
        continue;
      }
      one.answer.append(bytes.data(), static_cast<std::size_t>(got));
      if (!whole(one.answer)) continue;
      if (!one.answer.starts_with("HTTP/1.1 200 ")) fail(one.answer);
      now = Clock::now();
      if (measuring) {
        ++result.calls;
        latencies.push_back(static_cast<std::uint32_t>(std::min<std::int64_t>((now - one.sent).count(), UINT32_MAX)));
      }
      begin(one);
    }
  }
  on_measured(false);
  result.seconds = std::chrono::duration<double>(Clock::now() - measured_from).count();
  for (Connection& one : all)
    if (one.descriptor >= 0) ::close(one.descriptor);
  ::close(poller);
  const auto quantile = [&](double part) {
    if (latencies.empty()) return 0.0;
    const auto at = latencies.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(latencies.size() - 1));
    std::nth_element(latencies.begin(), at, latencies.end());
    return *at / 1000.0;
  };
  result.p50_us = quantile(0.50);
  result.p99_us = quantile(0.99);
  return result;
}

}  // namespace fairlead::load
