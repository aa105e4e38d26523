#include "platform/http/internal/resolver.h"

#include <netdb.h>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <memory>

namespace fairlead::http {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::seconds kRemember{30};
using Clock = std::chrono::steady_clock;
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, async::Executor>;

// One question on its way. The thread that asks outlives a caller that gives up; so they share this.
struct Lookup {
  bool done = false;
  int error = 0;
  std::vector<Endpoint> endpoints;
  Timer* waiting = nullptr;  // on the loop only
};

void look_up(Lookup& lookup, const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  lookup.error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  for (const addrinfo* one = found; one; one = one->ai_next)
    lookup.endpoints.emplace_back(one->ai_addr, one->ai_addrlen, IPPROTO_TCP);
  if (found) ::freeaddrinfo(found);
}

}  // namespace

async::Task<Result<std::vector<Endpoint>>> Resolver::resolve(std::string host, std::uint16_t port,
                                                             std::chrono::milliseconds timeout,
                                                             async::Cancellation& cancellation) {
  boost::system::error_code error;
  if (const auto address = asio::ip::make_address(host, error); !error)
    co_return std::vector<Endpoint>{Endpoint(asio::ip::tcp::endpoint(address, port))};
  const std::string service = std::to_string(port);
  const std::string key = host + ":" + service;
  if (const auto known = known_.find(key); known != known_.end() && known->second.until > Clock::now())
    co_return known->second.endpoints;

  auto lookup = std::make_shared<Lookup>();
  Timer timer(loop_.executor());
  lookup->waiting = &timer;
  pool_.post([lookup, host, service, loop = &loop_] {
    look_up(*lookup, host, service);
    loop->post([lookup] {
      lookup->done = true;
      if (lookup->waiting) lookup->waiting->cancel();
    });
  });
  timer.expires_after(timeout);
  {
    const async::Cancellation::Registration stop(
        cancellation, [](void* self) { static_cast<Timer*>(self)->expires_at(Clock::time_point::min()); }, &timer);
    if (!cancellation.requested()) co_await timer.async_wait(asio::redirect_error(async::use_task, error));
  }
  lookup->waiting = nullptr;
  if (cancellation.requested()) co_return fail(ErrorKind::kCancelled, "cancelled", "The request was cancelled.");
  if (!lookup->done)
    co_return fail(ErrorKind::kTimeout, "upstream_timeout", "The name `" + host + "` was not resolved in time.");
  if (lookup->endpoints.empty())
    co_return fail(ErrorKind::kUnavailable, "upstream_unreachable",
                   "The name `" + host + "` has no address: " + ::gai_strerror(lookup->error) + ".");
  known_[key] = {lookup->endpoints, Clock::now() + kRemember};
  co_return lookup->endpoints;
}

}  // namespace fairlead::http
