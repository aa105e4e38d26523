// The policies that apply to a call, as one: what is done about which class of data.
#pragma once
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "safety/pii/scanner.h"
#include "safety/policy/definition.h"

namespace fairlead::policy {

// Immutable, shared by threads.
struct Rules {
  std::vector<std::string> policies;  // "customers@3"
  std::map<std::string, Rule, std::less<>> entities;
  Rule otherwise;
  std::shared_ptr<const pii::Scanner> scanner;  // null: there is nothing to look for
  bool passes_media = false, is_open = false;
  Millis time_limit{50};
  std::chrono::seconds ttl{30 * 86'400};
  bool pseudonymises = false, watches = false;
  std::shared_ptr<const Rules> shadow;  // what would be done by policies that are tried out; null: there are none

  const Rule& rule(std::string_view entity) const;

  // Errors: invalid_value, invalid_pattern.
  static Result<std::shared_ptr<const Rules>> create(std::span<const Definition* const> policies);
};

}  // namespace fairlead::policy
