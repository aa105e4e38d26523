#include "providers/anthropic/thinking.h"

#include <fmt/format.h>

#include <algorithm>

namespace fairlead::providers::anthropic {
namespace {

constexpr std::int64_t kLeastBudget = 1024;

// The part of the answer's tokens that may go into thinking.
double share_of(std::string_view effort) {
  if (effort == "low") return 0.2;
  if (effort == "medium") return 0.5;
  return effort == "high" ? 0.8 : 0.95;
}

}  // namespace

bool is_claude_4_5_or_older(std::string_view model) {
  constexpr std::string_view kFamilies[] = {"claude-3", "-4-0", "-4-1", "-4-5", "-4-2025", "sonnet-4@", "opus-4@"};
  return std::ranges::any_of(kFamilies, [model](std::string_view one) { return model.contains(one); });
}

Result<Thinking> thinking_for(const internal::Ask& ask, std::int64_t max_tokens, std::string_view model,
                              const internal::Language& language) {
  constexpr std::string_view kEfforts[] = {"low", "medium", "high", "xhigh", "max"};
  const bool own = ask.other("thinking") != nullptr;
  std::string_view effort = ask.reasoning_effort;
  if (effort.empty()) return Thinking{};
  if (effort == "none") return Thinking{.thinking = own ? "" : R"({"type":"disabled"})"};
  if (effort == "minimal") effort = "low";
  if (std::ranges::find(kEfforts, effort) == std::end(kEfforts))
    return language.unsupported("reasoning_effort", "it must be one of none, minimal, low, medium, high and xhigh");
  if (!is_claude_4_5_or_older(model))
    return Thinking{.thinking = own ? "" : R"({"type":"adaptive"})", .effort = std::string(effort)};
  if (own) return Thinking{};
  if (max_tokens <= kLeastBudget)
    return language.unsupported(
        "reasoning_effort",
        fmt::format("{} thinks with {} tokens at least, of more max_completion_tokens", model, kLeastBudget));
  const auto share = static_cast<std::int64_t>(static_cast<double>(max_tokens) * share_of(effort));
  return Thinking{.thinking = fmt::format(R"({{"type":"enabled","budget_tokens":{}}})", std::max(kLeastBudget, share))};
}

}  // namespace fairlead::providers::anthropic
