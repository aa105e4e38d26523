// What tests of this room share.
#pragma once
#include <boost/json/parse.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "safety/policy/definition.h"
#include "safety/policy/guard.h"
#include "safety/policy/rules.h"

namespace fairlead::policy::tests {

inline std::shared_ptr<const Keys> keys_of(char digit) {
  access::KeyRing ring;
  ring.push_back(*access::MasterKey::parse(std::string(64, digit)));
  return std::make_shared<const Keys>(std::move(ring));
}
inline std::shared_ptr<const Keys> test_keys() {
  static const auto keys = keys_of('a');
  return keys;
}
inline const std::shared_ptr<const KeyedDigest>& test_key() {
  return test_keys()->digest();
}

inline const Clock& test_clock() {
  static const SystemClock clock;
  return clock;
}

inline Definition definition(std::string_view spec, std::string name = "p") {
  auto out = Definition::of(std::move(name), 1, boost::json::parse(spec).as_object());
  return out ? *std::move(out) : Definition{};
}

inline std::shared_ptr<const Rules> rules(std::vector<std::string> specs) {
  std::vector<Definition> definitions;
  for (const std::string& one : specs) definitions.push_back(definition(one, "p" + std::to_string(definitions.size())));
  std::vector<const Definition*> all;
  for (const Definition& one : definitions) all.push_back(&one);
  auto out = Rules::create(all);
  return out ? *std::move(out) : nullptr;
}

// What becomes of a text under one policy's part `privacy`.
inline Explained made(const std::string& privacy, std::string_view text) {
  const auto all = rules({R"({"privacy":)" + privacy + "}"});
  if (!all) return {.text = "the policy is at fault"};
  return explain(*all, text, "default", test_keys(), test_clock());
}

}  // namespace fairlead::policy::tests
