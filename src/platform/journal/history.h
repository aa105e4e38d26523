// What a history says of each step.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "platform/journal/run.h"

namespace fairlead::journal {

struct Told {
  enum class End : std::uint8_t {
    kNone,    // it has begun, or waits, or is to begin anew
    kDone,    // with `output`
    kFailed,  // for good, with `failure`
  };
  End end = End::kNone;
  std::string output{}, failure{};          // JSON; of a failure {"class", "code", "message"}
  std::int64_t sequence = 0;                // of the event that ended it
  std::int64_t began_at = 0, ended_at = 0;  // 0: in another run, or not yet
  std::int64_t cost = 0;                    // since it last began anew
  std::string child{};                      // the run that was started for it
  bool waits = false;                       // for a time or a signal
  bool taken_over = false;                  // of kDone: another run or step did it
};
using Story = std::map<std::string, Told, std::less<>>;  // by step

Story story_of(std::span<const Event> events);
// Those that failed for good.
std::vector<std::string> failed_steps(const Story& story);

// The first of that kind, or null.
const Event* find_event(std::span<const Event> events, EventKind kind);

}  // namespace fairlead::journal
