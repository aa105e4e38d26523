// What is wanted of calls: "p95 first_token <= 800ms".
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fairlead::capacity {

enum class Metric : std::uint8_t { kFirstToken, kDuration };
std::string_view to_string(Metric metric);  // "first_token", "duration"

struct Target {
  double share = 0.95;  // of the calls are to be as fast
  Metric metric = Metric::kFirstToken;
  double most_us = 0;

  // Errors: kInvalid `invalid_target`; the message shows the text with a mark under the place, and says what belongs
  // there.
  static Result<Target> parse(std::string_view text);
  std::string text() const;             // as it is best written
  std::string percentile_text() const;  // "p95"
};

// "800 ms", "1.25 s"
std::string duration_text(double us);

}  // namespace fairlead::capacity
