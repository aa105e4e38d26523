// Whether a run is going to miss its deadline, by what its steps usually take.
#include <algorithm>
#include <boost/json/object.hpp>

#include "chains/internal/course.h"
#include "platform/json/text.h"

namespace fairlead::chains::internal {

namespace bj = boost::json;

namespace {

constexpr Micros kLookAgain = std::chrono::milliseconds(100);  // at the most so often

}  // namespace

// When the run ends, by the longest way through what is missing: of a step that has begun, what is left of it.
Course::Forecast Course::forecast() const {
  Forecast out;
  const journal::Run& run = execution_.run();
  const std::int64_t now = execution_.now();
  std::vector<std::int64_t> ends(states_.size(), 0);
  std::vector<bool> placed(states_.size(), false);
  std::int64_t longest = 0;
  for (bool grew = true; grew;) {
    grew = false;
    for (std::size_t i = 0; i < states_.size(); ++i) {
      const StepPlan& step = plan_->steps[i];
      if (placed[i] || !std::ranges::all_of(step.waits, [&](std::size_t one) { return placed[one]; })) continue;
      placed[i] = grew = true;
      if (states_[i] == State::kDone) continue;
      for (const std::size_t one : step.waits) ends[i] = std::max(ends[i], ends[one]);
      const auto usual = durations_.usual(run.asked.project, run.asked.name, step.name);
      const std::int64_t began = states_[i] == State::kRunning ? execution_.span_of(step.name).began_at : 0;
      const std::int64_t left =
          std::max<std::int64_t>(0, usual.value_or(Micros(0)).count() - (began > 0 ? now - began : 0));
      ends[i] += left;
      longest = std::max(longest, ends[i]);
      out.missing.push_back({{"step", step.name}, {"seconds", static_cast<double>(left) / 1e6}});
    }
  }
  out.end = now + longest;
  return out;
}

// Says it once it can be seen. How long until it should be looked at again; 0: not at all.
Micros Course::watch_deadline() {
  const journal::Run& run = execution_.run();
  const std::int64_t deadline = run.asked.deadline;
  if (deadline == 0 || execution_.told_late() || error_ || cancelled_ || late()) return Micros(0);
  Forecast seen = forecast();
  if (seen.end <= deadline) return std::max(kLookAgain, Micros(deadline - seen.end));
  execution_.tell_late(json::to_text(bj::object{
      {"deadline", iso8601(deadline)}, {"predicted", iso8601(seen.end)}, {"missing", std::move(seen.missing)}}));
  durations_.count_late(run.asked.project, run.asked.name);
  return Micros(0);
}

void Course::learn_durations() const {
  const journal::Run& run = execution_.run();
  for (const StepPlan& step : plan_->steps) {
    const auto span = execution_.span_of(step.name);
    if (span.began_at > 0)
      durations_.learn(run.asked.project, run.asked.name, step.name, Micros(span.ended_at - span.began_at));
  }
}

}  // namespace fairlead::chains::internal
