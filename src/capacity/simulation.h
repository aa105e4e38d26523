// A load, passed through the gateway's own admission and routing in a time of its own.
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "budgets/definition.h"
#include "capacity/load.h"
#include "capacity/upstream.h"
#include "llm/provider.h"

namespace fairlead::capacity {

// Who answers calls, and under what. Outlives the runs.
struct Scenario {
  std::string project;
  const Load& load;
  const std::map<UpstreamName, UpstreamModel>& upstreams;
  using Models = std::map<std::string, std::shared_ptr<const llm::Model>>;
  Models models;  // in force, by name
  std::vector<budgets::Definition> budgets;
  std::string folder;                            // for a file of each run's own
  const std::atomic<bool>* cancelled = nullptr;  // true: no more runs, error `cancelled`
};

// A run's own.
struct Conditions {
  double factor = 1;  // of the load
  std::uint64_t seed = 1;
  std::size_t most_calls = 15'000;           // a load that has more is passed for a part of its time
  std::map<std::string, int> concurrency{};  // `concurrency.max` of a model instead of its own; 0: no bound
};

struct SimulatedCall {
  enum class End : std::uint8_t {
    kAnswered,
    kRefused,  // by a budget
    kBusy,     // no place at the upstream in time
    kTooLate,  // a timeout
    kFailed,   // the upstream's fault
  };
  std::size_t call = 0;  // of the load's
  std::int64_t at_us = 0;
  End end = End::kAnswered;
  double first_token_us = 0, duration_us = 0;
  double waited_us = 0;  // before it was sent to an upstream
  // It got no answer because there were too many.
  bool turned_away() const { return end != End::kAnswered && end != End::kFailed; }
};

// What went on at an upstream, over the time that counts.
struct UpstreamUse {
  std::vector<double> time_us;                               // with so many calls in flight
  std::vector<std::pair<std::int64_t, std::int64_t>> tries;  // when each was sent, and its tokens
  int at_share(double share) const;                          // that share of the time there were no more
  int most() const { return static_cast<int>(time_us.size()) - 1; }
};

struct Run {
  std::vector<SimulatedCall> calls;  // those that count
  std::map<UpstreamName, UpstreamUse> upstreams;
  std::map<std::string, std::uint64_t> refused;  // by budget
};

// Blocks, for some ten microseconds a call. Equal seeds, equal runs. Errors: those of budgets::Ledger::open.
Result<Run> simulate(const Scenario& scenario, const Conditions& conditions);

}  // namespace fairlead::capacity
