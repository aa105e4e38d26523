#include "platform/journal/run.h"

#include <algorithm>
#include <array>

namespace fairlead::journal {
namespace {

constexpr std::array<std::string_view, 6> kStates{"queued", "running", "waiting", "succeeded", "failed", "cancelled"};
constexpr std::array<std::string_view, 18> kEvents{
    "taken",   "intent", "result", "failure",      "uncertain", "wait",         "signal", "cancel",    "finished",
    "retried", "copied", "moved",  "move_refused", "late",      "compensating", "reused", "withdrawn", "held"};

template <class Enum, std::size_t N>
std::optional<Enum> find_word(const std::array<std::string_view, N>& words, std::string_view word) {
  const auto found = std::ranges::find(words, word);
  if (found == words.end()) return std::nullopt;
  return static_cast<Enum>(found - words.begin());
}

}  // namespace

std::string_view to_string(RunState state) {
  return kStates[static_cast<std::size_t>(state)];
}
std::optional<RunState> run_state(std::string_view word) {
  return find_word<RunState>(kStates, word);
}
std::int64_t deadline_of(const RunRequest& request, std::int64_t now) {
  if (request.within == 0) return request.deadline;
  const std::int64_t by = std::max(now, request.due) + request.within;
  return request.deadline > 0 ? std::min(request.deadline, by) : by;
}
std::string_view to_string(EventKind kind) {
  return kEvents[static_cast<std::size_t>(kind)];
}
std::optional<EventKind> event_kind(std::string_view word) {
  return find_word<EventKind>(kEvents, word);
}

}  // namespace fairlead::journal
