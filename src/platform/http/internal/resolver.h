// Host names to addresses, off the loop.
#pragma once
#include <boost/asio/generic/stream_protocol.hpp>
#include <chrono>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "platform/async/cancellation.h"
#include "platform/async/runtime.h"

namespace fairlead::http {

using Endpoint = boost::asio::generic::stream_protocol::endpoint;

// Asks the system on the blocking pool and remembers the answer for half a minute. Loop-affine.
class Resolver {
 public:
  Resolver(async::Loop& loop, async::BlockingPool& pool) : loop_(loop), pool_(pool) {}
  // At least one address, in the system's order of preference. Errors: upstream_unreachable, upstream_timeout,
  // cancelled.
  async::Task<Result<std::vector<Endpoint>>> resolve(std::string host, std::uint16_t port,
                                                     std::chrono::milliseconds timeout,
                                                     async::Cancellation& cancellation);

 private:
  struct Entry {
    std::vector<Endpoint> endpoints;
    std::chrono::steady_clock::time_point until;
  };
  async::Loop& loop_;
  async::BlockingPool& pool_;
  std::unordered_map<std::string, Entry> known_;
};

}  // namespace fairlead::http
