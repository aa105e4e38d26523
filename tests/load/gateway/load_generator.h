// Load over raw sockets: costs little, so that it shares a core with the upstream.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace fairlead::load {

struct LoadPlan {
  std::uint16_t port = 0;
  int connections = 32;
  double rate = 0;           // calls a second; 0: a connection sends the next call as soon as its answer is whole
  std::string request;       // ready bytes, sent again and again
  int warm_connections = 0;  // that take part in the warm-up; 0: all
  std::chrono::milliseconds warm_up{1'000};
  std::chrono::milliseconds time{4'000};
  std::chrono::milliseconds patience{10'000};  // for the answers that are under way when the time is up
};

struct LoadResult {
  std::uint64_t calls = 0;
  std::uint64_t failures = 0;  // answers that are not 200, and connections lost
  double seconds = 0;
  double p50_us = 0;
  double p99_us = 0;
  std::string first_failure;
};

// Sends the request on every connection and waits for whole answers (Content-Length, or chunks). With a rate, calls are
// due at random moments (a Poisson process, the same one in every run) whatever became of those before them, and a
// call's latency counts from the moment at which it was due: one that finds no connection free waits, and that counts.
// Calls `on_measured` when the warm-up has ended, and at the end, both times with no call under way.
LoadResult run_load(const LoadPlan& plan, void (*on_measured)(bool begins));

// The answer to one request that asks for the connection to be closed; empty: there was none.
std::string ask_once(std::uint16_t port, const std::string& request);

}  // namespace fairlead::load
