// Finds personal data and secrets in texts (docs/reference/privacy.md).
#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "safety/pii/custom.h"
#include "safety/pii/detector.h"
#include "safety/pii/span.h"

namespace fairlead::pii {

// No text may be longer, in bytes: who reads texts refuses those.
constexpr std::size_t kLongestText = 1U << 30;
// No span is longer, in bytes, but for one over an encoded run, which is at most kLongestEncoded.
constexpr std::size_t kLongestSpan = 16'064;
constexpr std::size_t kLongestEncoded = 64 * 1024;

struct ScannerOptions {
  double threshold = 0.5;                                       // spans with a lower score are not given
  std::map<std::string, double, std::less<>> thresholds;        // by entity, before `threshold`
  std::vector<std::string> entities;                            // only these; empty: all
  std::vector<std::string> phone_regions = {"US", "GB", "RU"};  // of numbers without a country's code
  std::vector<CustomEntity> custom;
  std::vector<std::shared_ptr<const Detector>> detectors;  // beside those of this room
};

// Immutable; any number of threads scan at a time.
class Scanner {
 public:
  // Errors: invalid_value, invalid_pattern, with `param` naming the option. Takes some tens of milliseconds the first
  // time in a process.
  static Result<std::shared_ptr<const Scanner>> create(ScannerOptions options);
  ~Scanner();

  // Spans that do not overlap, from left to right. Takes a time linear in the text, no lock, and reads nothing else.
  std::vector<Span> scan(std::string_view text) const;

 private:
  class Work;
  Scanner();
  struct Parts;
  std::unique_ptr<const Parts> parts_;
};

}  // namespace fairlead::pii
