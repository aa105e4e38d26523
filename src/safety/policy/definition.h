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

enum class Side : std::uint8_t { kInput, kOutput };

struct Rule {
  Operator what = Operator::kPass;
  double threshold = 0.5;
  bool input = true, output = false;  // what callers say; what models say
  std::optional<std::string> with;    // of replace; of mask, one character
  std::size_t keep = 4;               // of mask
  bool year_alone = false;            // of generalise
  std::vector<std::string> not_to;    // providers

  bool is_of(Side side) const { return side == Side::kInput ? input : output; }
  // Whether anything comes of finding it there.
  bool does_something(Side side) const {
    return (what != Operator::kPass && is_of(side)) || (side == Side::kInput && !not_to.empty());
  }
};

// A detector beside the built-in ones: a service, or a model of the project.
struct DetectorSpec {
  std::string url, model;              // one of them
  std::vector<std::string> entities;   // what is taken of what it finds
  boost::json::object headers;         // of requests to a service; values may be references
  std::string language = "en";         // that a service is told
  std::vector<std::string> providers;  // that the model may be at, beside this process

  std::string title() const;  // the model, or the service's host: a path may be a secret
  bool operator==(const DetectorSpec&) const = default;
};

constexpr Millis kLongestTimeLimit = std::chrono::minutes(10);

struct Definition {
  std::string name;
  int version = 0;
  std::vector<std::string> prompts, models, providers;  // empty, all three: every call
  std::map<std::string, Rule, std::less<>> entities;
  Rule otherwise;
  std::vector<std::string> regions;
  std::vector<pii::CustomEntity> custom;
  std::vector<DetectorSpec> detectors;
  bool passes_media = false, is_open = false, is_shadow = false;
  std::optional<Millis> time_limit;
  std::optional<std::chrono::seconds> ttl;

  bool applies_to_all() const { return prompts.empty() && models.empty() && providers.empty(); }
  std::string title() const { return name + "@" + std::to_string(version); }

  // Of a spec that fits the kind's schema. Errors: invalid_value, with `param` the JSON pointer to what is wrong.
  static Result<Definition> of(std::string name, int version, const boost::json::object& spec);
};

// "50ms", "30d"; nothing if it is no such time.
std::optional<Millis> time_of(std::string_view text);

}  // namespace fairlead::policy
