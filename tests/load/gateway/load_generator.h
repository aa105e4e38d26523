// Closed-loop load over raw sockets: costs little, so that it shares a core with the upstream.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace fairlead::load {

struct LoadPlan {
  std::uint16_t port = 0;
  int connections = 32;
  std::string request;  // ready bytes, sent again and again
  std::chrono::milliseconds warm_up{1'000};
  std::chrono::milliseconds time{4'000};
};

struct LoadResult {
  std::uint64_t calls = 0;
  std::uint64_t failures = 0;  // answers that are not 200, and connections lost
  double seconds = 0;
  double p50_us = 0;
  double p99_us = 0;
  std::string first_failure;
};

// Sends the request on every connection, the next one as soon as the answer is whole (Content-Length, or chunks). Calls
// `on_measured` when the warm-up ends, and at the end.
LoadResult run_load(const LoadPlan& plan, void (*on_measured)(bool begins));

}  // namespace fairlead::load
