// How long an upstream takes, as far as the records tell.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "capacity/load.h"
#include "gateway/routing/random.h"

namespace fairlead::capacity {

// How a time grows with the calls that are in flight: the universal scalability law, as the response time that it gives
// (Gunther, A general theory of computational scalability based on rational functions, arXiv:0808.1431):
// R(n) = R(1) · (1 + contention·(n − 1) + coherency·n·(n − 1)).
struct LatencyFit {
  double alone_us = 0;  // R(1)
  double contention = 0, coherency = 0;
  double at(double in_flight) const;
};

struct Seen {
  double in_flight = 1, us = 0;
};
// Least squares of relative errors, no coefficient below 0. Contention that does not lower Akaike's criterion (Akaike,
// A new look at the statistical model identification, 1974), which chooses for prediction, is 0. Coherency decides what
// the curve says far beyond what was seen: it takes a criterion that is lower by 15. Fewer than 30 observations: the
// mean.
LatencyFit fit_latency(std::span<const Seen> seen);

// An answer's time, drawn.
struct Drawn {
  double first_us = 0;     // to its first token; to the whole, if it is not streamed
  double rest_us = 0;      // from there to its end
  std::string error_code;  // not empty: it fails so, after first_us
};

// One model of one provider.
class UpstreamModel {
 public:
  // What is known of a try that answered.
  struct Sample {
    bool stream = false;
    std::int64_t input = 0, output = 0;
    int in_flight = 1;  // when it began, itself too
    double first_us = 0, rest_us = 0;
  };
  UpstreamModel(std::vector<Sample> samples, std::map<std::string, int> failures, int tries);

  // Another one of as many answers, drawn from these with replacement (Efron, Bootstrap methods, 1979): how much these
  // differ is how little is known.
  UpstreamModel resampled(gateway::routing::Random& random) const;

  // A recorded answer of about the same size, as slow for so many in flight as it was for as many as it met.
  Drawn draw(bool stream, std::int64_t input, std::int64_t output, int in_flight,
             gateway::routing::Random& random) const;

  int most_in_flight() const { return most_in_flight_; }
  std::size_t answers() const { return streams_.size() + wholes_.size(); }
  double failing() const { return failing_; }  // share of tries
  const LatencyFit& first_fit() const { return streams_.empty() ? whole_fit_ : first_fit_; }

 private:
  struct Donor {
    std::int64_t size = 0;
    double ratio = 1;  // to what the fit says
  };
  static double ratio_near(std::span<const Donor> by_size, std::int64_t size, gateway::routing::Random& random);
  std::vector<Sample> samples_;
  std::map<std::string, int> failure_counts_;
  int tries_ = 0;
  std::vector<Donor> streams_, rates_, wholes_;  // first tokens by input; rest for a token by output; by output
  LatencyFit first_fit_, rate_fit_, whole_fit_;
  std::vector<std::pair<double, std::string>> failures_;  // share of tries up to there
  double failing_ = 0;
  int most_in_flight_ = 0;
};

using UpstreamName = std::pair<std::string, std::string>;  // the provider, and the model's name there
// All that the load's calls have tried.
std::map<UpstreamName, UpstreamModel> learn_upstreams(const Load& load);

}  // namespace fairlead::capacity
