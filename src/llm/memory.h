// The member `memory` of a prompt's spec: docs/reference/memory.md.
#pragma once
#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead::llm {

struct MemoryPolicy {
  int turns = 20;
  std::int64_t tokens = 2'000;
  std::string summary;  // name of the prompt that sums up; empty: older turns are forgotten
  std::chrono::seconds ttl{30 * 86'400};
};

// JSON Schema of the member.
extern const std::string_view kMemorySchema;
// The one variable that a prompt which sums up is given.
inline constexpr std::string_view kSummaryVariable = "conversation";

// What a spec that fits the schema says; empty if it has no such member.
std::optional<MemoryPolicy> memory_of(const boost::json::object& spec);

}  // namespace fairlead::llm
