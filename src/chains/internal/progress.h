// How far a run is, step by step, from its history.
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "platform/journal/run.h"

namespace fairlead::chains::internal {

// A step as its chain has it.
struct StepOutline {
  std::string name;
  std::vector<std::string> after{};  // the steps that it waits for
  std::size_t elements = 0;          // of a map; 0: it is none, or they are not known yet
};

// One object a step, in the order given, then the steps that are not among them: {"name", "after", "state": pending,
// running, waiting, done or failed, "done": parts of it that are, of a map or a loop, "of", "failed", "retries",
// "reused", "cost_usd", "started_at", "duration_ms", "waits_for", "until", "ask", "error"}.
boost::json::array progress_of(std::span<const journal::Event> events, std::span<const StepOutline> steps);

// What the last `late` event since the last retry says; empty: there is none.
boost::json::object late_of(std::span<const journal::Event> events);

// An event as it is shown: {"sequence", "at", "event", "step", "attempt", "cost_usd", "data"}.
boost::json::object shown(const journal::Event& event);

}  // namespace fairlead::chains::internal
