#include "load_generator.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <random>
#include <string_view>

namespace fairlead::load {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

struct Connection {
  int descriptor = -1;
  Clock::time_point due;
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

// When calls are due.
class Schedule {
 public:
  Schedule(double rate, Clock::time_point start) : gaps_(rate / 1e9), next_(start) { step(); }
  Clock::time_point next() const { return next_; }
  void step() { next_ += nanoseconds(static_cast<std::int64_t>(gaps_(random_))); }

 private:
  std::minstd_rand random_{1};
  std::exponential_distribution<double> gaps_;  // ns
  Clock::time_point next_;
};

class Generator {
 public:
  Generator(const LoadPlan& plan, LoadResult& result)
      : plan_(plan), result_(result), poller_(::epoll_create1(0)), all_(static_cast<std::size_t>(plan.connections)) {
    ::prctl(PR_SET_TIMERSLACK, 1);  // ns: a call that is due does not wait for the kernel's 50 µs
    latencies_.reserve(1 << 20);
    for (Connection& one : all_) open(one);
  }
  ~Generator() {
    for (const Connection& one : all_)
      if (one.descriptor >= 0) ::close(one.descriptor);
    ::close(poller_);
  }
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  // Calls for so long, and then waits for the last answers.
  void run(nanoseconds time, bool measuring) {
    measuring_ = measuring;
    const auto start = Clock::now();
    const auto until = start + time;
    std::optional<Schedule> schedule;
    if (plan_.rate > 0) schedule.emplace(plan_.rate, start);
    at_once_ = !schedule;
    std::size_t waiting = all_.size();
    if (!measuring && plan_.warm_connections > 0)
      waiting = std::min(waiting, static_cast<std::size_t>(plan_.warm_connections));
    for (; at_once_ && !idle_.empty() && waiting > 0; --waiting) begin(start);
    while (result_.failures < 100) {
      const auto now = Clock::now();
      if (now >= until) break;
      auto wake = until;
      if (schedule) {
        for (; !idle_.empty() && schedule->next() <= now; schedule->step()) begin(schedule->next());
        if (!idle_.empty()) wake = std::min(wake, schedule->next());
      }
      take_answers(wake - now);
    }
    at_once_ = false;
    while (idle_.size() < all_.size() && result_.failures < 100) {
      if (Clock::now() > until + plan_.patience) return fail("an answer did not come");
      take_answers(std::chrono::milliseconds(100));
    }
    result_.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  }

  double quantile(double part) {
    if (latencies_.empty()) return 0;
    const auto at = latencies_.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(latencies_.size() - 1));
    std::nth_element(latencies_.begin(), at, latencies_.end());
    return static_cast<double>(*at) / 1000;
  }

 private:
  void fail(const std::string& why) {
    ++result_.failures;
    if (result_.first_failure.empty()) result_.first_failure = why.substr(0, 400);
  }

  void open(Connection& one) {
    one.descriptor = connect_to(plan_.port);
    if (one.descriptor < 0) return fail("no connection");
    epoll_event event{.events = EPOLLIN, .data = {.ptr = &one}};
    ::epoll_ctl(poller_, EPOLL_CTL_ADD, one.descriptor, &event);
    idle_.push_back(&one);
  }

  // The next call, on the connection that has been idle for the shortest time.
  void begin(Clock::time_point due) {
    Connection& one = *idle_.back();
    idle_.pop_back();
    one.answer.clear();
    one.due = due;
    if (::send(one.descriptor, plan_.request.data(), plan_.request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(plan_.request.size()))
      fail("a request could not be sent");
  }

  void take_answers(nanoseconds patience) {
    std::array<epoll_event, 64> events;
    const auto whole_seconds = std::chrono::duration_cast<std::chrono::seconds>(patience);
    const timespec timeout{whole_seconds.count(), (patience - whole_seconds).count()};
    const int ready = ::epoll_pwait2(poller_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
    for (int i = 0; i < ready; ++i) take_bytes(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
  }

  void take_bytes(Connection& one) {
    const ssize_t got = ::recv(one.descriptor, bytes_.data(), bytes_.size(), 0);
    if (got <= 0) {
      fail("a connection was closed");
      ::close(one.descriptor);
      std::erase(idle_, &one);
      open(one);
      if (at_once_ && one.descriptor >= 0) begin(Clock::now());
      return;
    }
    one.answer.append(bytes_.data(), static_cast<std::size_t>(got));
    if (!whole(one.answer)) return;
    if (!one.answer.starts_with("HTTP/1.1 200 ")) fail(one.answer);
    if (measuring_) {
      ++result_.calls;
      latencies_.push_back((Clock::now() - one.due).count());
    }
    idle_.push_back(&one);
    if (at_once_) begin(Clock::now());
  }

  const LoadPlan& plan_;
  LoadResult& result_;
  const int poller_;
  std::vector<Connection> all_;
  std::vector<Connection*> idle_;
  bool measuring_ = false;
  bool at_once_ = false;                 // whether an answer is followed by the next call
  std::vector<std::int64_t> latencies_;  // ns
  std::array<char, 64 * 1024> bytes_;
};

}  // namespace

LoadResult run_load(const LoadPlan& plan, void (*on_measured)(bool begins)) {
  LoadResult result;
  Generator generator(plan, result);
  generator.run(plan.warm_up, false);
  on_measured(true);
  generator.run(plan.time, true);
  on_measured(false);
  result.p50_us = generator.quantile(0.50);
  result.p99_us = generator.quantile(0.99);
  return result;
}

std::string ask_once(std::uint16_t port, const std::string& request) {
  std::string answer;
  const int descriptor = connect_to(port);
  if (descriptor < 0) return answer;
  if (::send(descriptor, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
    std::array<char, 64 * 1024> bytes;
    for (ssize_t got = 0; (got = ::recv(descriptor, bytes.data(), bytes.size(), 0)) > 0;)
      answer.append(bytes.data(), static_cast<std::size_t>(got));
  }
  ::close(descriptor);
  return answer;
}

}  // namespace fairlead::load
