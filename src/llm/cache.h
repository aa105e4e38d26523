// The member `cache` of a model's and of a prompt's spec, and of a call's `fairlead` (docs/reference/cache.md).
#pragma once
#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fairlead::llm {

enum class CacheMode : std::uint8_t { kOff, kOn, kRead, kWrite };
std::optional<CacheMode> cache_mode_of(std::string_view word);
inline bool reads(CacheMode mode) {
  return mode == CacheMode::kOn || mode == CacheMode::kRead;
}
inline bool writes(CacheMode mode) {
  return mode == CacheMode::kOn || mode == CacheMode::kWrite;
}

// Answers to other words for the same question.
struct SemanticPolicy {
  double threshold = 0;   // cosine, over 0, at most 1; 0: that of the built-in
  std::string embedding;  // name of the model that embeds; empty: the built-in, by words
};

struct CachePolicy {
  CacheMode mode = CacheMode::kOn;
  std::chrono::milliseconds ttl{3'600'000};
  bool per_user = false;
  std::optional<SemanticPolicy> semantic;
};

// JSON Schema of the member.
extern const std::string_view kCacheSchema;

// What a spec that fits the schema says; empty if it has no such member.
std::optional<CachePolicy> cache_of(const boost::json::object& spec);

}  // namespace fairlead::llm
