// The texts of a call: which there are, and what stands in their place.
#pragma once
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "llm/call.h"
#include "safety/policy/internal/json_document.h"
#include "safety/policy/internal/session.h"
#include "safety/policy/internal/treatment.h"

namespace fairlead::policy {

inline constexpr std::size_t kOnTheLoop = 4 * 1024;  // bytes of text that a loop scans itself: some tenths of a ms

// Everything of a call that is looked at. Owns its texts, since other threads look at them.
class CallTexts {
 public:
  // Errors: unsupported_parameter, privacy_blocked; those of JsonDocument::read.
  Result<void> read(const llm::Call& call, std::span<const llm::Member> members, const Rules& rules);
  void look(const Rules& rules, const Clock& clock, SteadyTime deadline);
  // Puts what was changed in the place of what was read.
  void write(llm::Call& call, std::span<llm::Member> members) const;

  std::vector<TextJob*> jobs;
  std::size_t bytes = 0;
  bool all_seen = true;
  Outcome outcome;
  Haystack haystack;

 private:
  struct Part {
    std::string source;
    std::unique_ptr<JsonDocument> document;
    std::size_t member = 0;
  };
  Result<void> add(std::string_view json, JsonDocument::Kind kind, bool passes_media, std::size_t member);
  std::deque<Part> parts_;
};

}  // namespace fairlead::policy
