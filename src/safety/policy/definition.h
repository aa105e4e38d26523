// What a policy's spec says about privacy (docs/reference/policies.md).
#pragma once
#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "safety/pii/custom.h"

namespace fairlead::policy {

// From what leaves a text as it is to what refuses it: the later is the stricter.
enum class Operator : std::uint8_t {
  kPass,
  kPseudonymise,
  kGeneralise,
  kMask,
  kEncrypt,
  kHash,
  kReplace,
  kRedact,
  kBlock
};
std::string_view name_of(Operator what);
std::optional<Operator> operator_of(std::string_view name);

struct Rule {
  Operator what = Operator::kPass;
  double threshold = 0.5;
  bool input = true, output = false;  // what callers say; what models say
  std::optional<std::string> with;    // of replace; of mask, one character
  std::size_t keep = 4;               // of mask
  bool year_alone = false;            // of generalise
  std::vector<std::string> not_to;    // providers
};

struct Definition {
  std::string name;
  int version = 0;
  std::vector<std::string> prompts, models, providers;  // empty, all three: every call
  std::map<std::string, Rule, std::less<>> entities;
  Rule otherwise;
  std::vector<std::string> regions;
  std::vector<pii::CustomEntity> custom;
  bool passes_media = false, is_open = false, is_shadow = false;
  Millis time_limit{50};
  std::chrono::seconds ttl{30 * 86'400};

  bool applies_to_all() const { return prompts.empty() && models.empty() && providers.empty(); }
  std::string title() const { return name + "@" + std::to_string(version); }

  // Of a spec that fits the kind's schema. Errors: invalid_value, with `param` the JSON pointer to what is wrong.
  static Result<Definition> of(std::string name, int version, const boost::json::object& spec);
};

// "50ms", "30d"; nothing if it is no such time.
std::optional<Millis> time_of(std::string_view text);

}  // namespace fairlead::policy
