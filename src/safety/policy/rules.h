// The policies that apply to a call, as one: what is done about which class of data.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "safety/pii/scanner.h"
#include "safety/policy/definition.h"

namespace fairlead::policy {

class Plugged;

// Makes a detector that the policy of that name plugs in.
using MakeDetector =
    std::function<Result<std::shared_ptr<Plugged>>(const std::string& policy, const DetectorSpec& spec)>;

// Immutable, shared by threads.
struct Rules {
  std::vector<std::string> policies;  // "customers@3"
  std::map<std::string, Rule, std::less<>> entities;
  Rule otherwise;
  std::shared_ptr<const pii::Scanner> scanner;      // null: there is nothing to look for
  std::vector<std::shared_ptr<Plugged>> detectors;  // that are asked about what callers say, beside it
  bool passes_media = false, is_open = false;
  Millis time_limit{50};
  std::chrono::seconds ttl{30 * 86'400};
  bool pseudonymises = false, watches = false;
  std::shared_ptr<const Rules> shadow;  // what would be done by policies that are tried out; null: there are none

  const Rule& rule(std::string_view entity) const;

  // Without `make` there are no detectors but the built-in ones. Errors: invalid_value, invalid_pattern; those of
  // `make`.
  static Result<std::shared_ptr<const Rules>> create(std::span<const Definition* const> policies,
                                                     const MakeDetector& make = {});
};

}  // namespace fairlead::policy
