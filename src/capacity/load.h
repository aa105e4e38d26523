// What was recorded of a busy stretch of time, and busier ones that are made of it.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gateway/routing/random.h"

namespace fairlead::capacity {

struct RecordedTry {
  std::string provider, upstream_model;
  std::int64_t began_us = 0, duration_us = 0;  // `began_us` from the start of the stretch
  std::string error_code;                      // empty: it answered
};

struct RecordedCall {
  std::int64_t at_us = 0;  // from the start of the stretch
  std::int64_t duration_us = 0;
  std::int64_t first_token_us = -1;  // -1: nothing came
  std::int64_t gateway_us = 0;
  std::int64_t input = 0, output = 0;  // tokens
  bool stream = false;
  bool is_shadow = false;
  std::string model;                // that was called
  std::string target_kind, target;  // what its `model` field named
  std::string key, user;            // the key's name, or its id where it is gone
  std::vector<std::string> tags;
  std::string error_code;
  std::vector<RecordedTry> tries;
};

// A stretch of recorded time.
struct Load {
  std::int64_t from_us = 0, length_us = 0;  // `from_us`: unix time
  std::vector<RecordedCall> calls;          // by time, shadows too
  double calls_per_minute() const;          // without shadows
};

struct Arrival {
  std::int64_t at_us = 0;
  std::size_t call = 0;  // of the load's
  bool counts = true;    // false: it comes before, so that what is measured begins in the middle of the day
};

// Arrivals of as long a time as the load's, `factor` times as dense: pieces of a tenth of it, drawn with replacement (a
// moving-block bootstrap: Künsch, The jackknife and the bootstrap for general stationary observations, 1989), with
// their gaps divided by the factor. So bursts stay bursts, and each drawing is another day of the same kind. Two pieces
// come before what counts. Of no more calls than about `most`: then for a shorter time.
std::vector<Arrival> draw_arrivals(const Load& load, double factor, std::size_t most, gateway::routing::Random& random);

}  // namespace fairlead::capacity
