// Runs of a load, and what they say of a target.
#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "capacity/plan.h"

namespace fairlead::capacity {

class Evaluator {
 public:
  using Covers = std::function<bool(const SimulatedCall&)>;
  Evaluator(const Scenario& scenario, const Target& target, std::uint64_t seed)
      : scenario_(scenario), target_(target), seed_(seed) {}

  // The first seeds of every load are the same, so that two loads differ by the load.
  Result<std::vector<Run>> runs(double factor, const std::map<std::string, int>& concurrency, int count) const;

  // Of the calls that are covered. Those that were turned away count as infinitely late; those that the upstream
  // failed, not at all.
  LoadPoint point(double factor, const std::vector<Run>& runs, const Covers& covers) const;

  // Why the target does not hold: the word, and a sentence.
  std::pair<std::string, std::string> limit_of(const std::vector<Run>& runs, const Covers& covers) const;

 private:
  double metric_of(const SimulatedCall& call) const {
    return target_.metric == Metric::kFirstToken ? call.first_token_us : call.duration_us;
  }
  const Scenario& scenario_;
  const Target target_;
  const std::uint64_t seed_;
};

// The least value that this share of them does not exceed (the nearest rank). Reorders them; 0 of none.
double quantile(std::vector<double>& values, double share);

}  // namespace fairlead::capacity
