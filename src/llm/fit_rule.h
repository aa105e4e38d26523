// How a call's messages are made to fit its model's window: docs/reference/prompts.md.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::llm {

inline constexpr std::string_view kHistoryPart = "history";

struct FitRule {
  std::vector<std::string> order;  // parts that may be left out, the first one first
  // Of each of the call's first messages, the prompt's own; empty: none. Those behind are the history.
  std::vector<std::string> parts;
  std::string rising{};  // the part of which the first message goes first, not the last; empty: none
};

}  // namespace fairlead::llm
