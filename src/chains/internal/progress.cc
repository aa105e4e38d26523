#include "chains/internal/progress.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/clock.h"
#include "llm/price.h"
#include "platform/json/text.h"

namespace fairlead::chains::internal {
namespace {

namespace bj = boost::json;
using journal::Event;
using journal::EventKind;

struct Part {  // of a step: the step itself, an element, a turn
  bool open = false, done = false, failed = false, waits = false, held = false;  // held: it waits for a limit
};

struct Progress {
  std::map<std::string, Part> parts;
  std::int64_t started_at = 0, last_at = 0, cost = 0, retries = 0, reused = 0;
  bj::object wait, error;
  bj::value copied;  // the run that a result is from
};

// "summarise" of "summarise[3]" and of "summarise#2".
std::string step_of(const std::string& part) {
  return part.substr(0, part.find_first_of("[#"));
}

bj::object fields_of(const Event& event) {
  auto parsed = json::parse(event.data);
  return parsed && parsed->is_object() ? std::move(parsed->as_object()) : bj::object();
}

void take(const Event& event, Progress& progress) {
  Part& part = progress.parts[event.step];
  progress.cost += event.cost;
  if (progress.started_at == 0) progress.started_at = event.at;
  progress.last_at = event.at;
  switch (event.kind) {
    case EventKind::kIntent:
      progress.retries += event.attempt > 1 ? 1 : 0;
      part.open = true;
      part.waits = part.held = false;
      break;
    case EventKind::kHeld:
      part.held = true;
      progress.wait = {{"for", fields_of(event)["by"]}};
      break;
    case EventKind::kReused:
      ++progress.reused;
      part = {.done = true};
      break;
    case EventKind::kResult:
      part = {.done = true};
      break;
    case EventKind::kCopied: {
      const bj::object fields = fields_of(event);
      part = {.done = !fields.contains("failure"), .failed = fields.contains("failure")};
      progress.copied = fields.contains("from") ? fields.at("from") : bj::value();
      break;
    }
    case EventKind::kFailure: {
      bj::object fields = fields_of(event);
      part = {.failed = !fields.contains("retry_at")};
      progress.error = std::move(fields);
      break;
    }
    case EventKind::kWait:
      part.waits = true;
      progress.wait = fields_of(event);
      break;
    case EventKind::kWithdrawn:
      part = {};
      break;
    case EventKind::kUncertain:
      part.waits = event.data.find("\"ask\"") != std::string::npos;
      break;
    default:
      break;
  }
}

void begin_anew(const Event& retried, std::map<std::string, Progress>& by_step) {
  const bj::object fields = fields_of(retried);
  const bj::value* const steps = fields.if_contains("steps");
  if (steps == nullptr || !steps->is_array()) return;
  for (const bj::value& step : steps->get_array()) {
    const std::string part(step.is_string() ? std::string_view(step.get_string()) : std::string_view());
    const auto found = by_step.find(step_of(part));
    if (found == by_step.end()) continue;
    found->second.parts[part] = {};
    found->second.error.clear();
  }
}

// The run has ended. Should it go on, what held steps back is said again, and what waited waits as before.
void end_waits(std::map<std::string, Progress>& by_step, bool for_good) {
  for (auto& [step, progress] : by_step) {
    for (auto& [part, state] : progress.parts) {
      state.held = false;
      if (for_good) state.waits = false;
    }
  }
}

bj::object shown_step(const std::string& name, const Progress& progress) {
  std::int64_t done = 0, failed = 0, open = 0, waits = 0;
  for (const auto& [part, state] : progress.parts) {
    done += state.done;
    failed += state.failed;
    open += state.open;
    waits += state.waits || state.held;
  }
  const auto parts = static_cast<std::int64_t>(progress.parts.size());
  const auto whole = progress.parts.find(name);
  const bool has_failed = whole != progress.parts.end() && whole->second.failed;
  const char* const state = open > 0                     ? "running"
                            : waits > 0                  ? "waiting"
                            : has_failed                 ? "failed"
                            : failed > 0 && done < parts ? (done + failed == parts && done == 0 ? "failed" : "done")
                            : parts > 0 && done == parts ? "done"
                                                         : "pending";
  bj::object out{{"name", name}, {"state", state}};
  if (parts > 1 || (parts == 1 && progress.parts.begin()->first != name)) {
    out["done"] = done;
    if (failed > 0) out["failed"] = failed;
  }
  if (progress.retries > 0) out["retries"] = progress.retries;
  if (progress.reused > 0) out["reused"] = progress.reused;
  if (!progress.copied.is_null()) out["copied_from"] = progress.copied;
  out["cost_usd"] = llm::usd(progress.cost);
  out["started_at"] = iso8601(progress.started_at);
  if (open == 0 && waits == 0) out["duration_ms"] = (progress.last_at - progress.started_at) / 1000;
  if (waits > 0) {
    if (const auto* signal = progress.wait.if_contains("for")) out["waits_for"] = *signal;
    if (const auto* ask = progress.wait.if_contains("ask")) out["ask"] = *ask;
    if (const auto* until = progress.wait.if_contains("until"); until != nullptr && until->is_int64())
      out["until"] = iso8601(until->get_int64());
  }
  if (failed > 0 && !progress.error.empty()) out["error"] = progress.error;
  return out;
}

}  // namespace

bj::array progress_of(std::span<const Event> events, std::span<const StepOutline> steps) {
  std::map<std::string, Progress> by_step;
  std::vector<StepOutline> order(steps.begin(), steps.end());
  bool has_ended = false;
  for (const Event& event : events) {
    if (event.kind == EventKind::kRetried) begin_anew(event, by_step);
    if (event.kind == EventKind::kFinished) end_waits(by_step, false);
    has_ended = event.kind == EventKind::kFinished || (has_ended && event.kind != EventKind::kRetried);
    if (event.step.empty() || event.kind == EventKind::kSignal) continue;
    const std::string step = step_of(event.step);
    if (!by_step.contains(step) && !std::ranges::count(order, step, &StepOutline::name))
      order.push_back({.name = step});
    take(event, by_step[step]);
  }
  if (has_ended) end_waits(by_step, true);
  bj::array out;
  for (const StepOutline& step : order) {
    const auto found = by_step.find(step.name);
    bj::object shown = found == by_step.end() ? bj::object{{"name", step.name}, {"state", "pending"}}
                                              : shown_step(step.name, found->second);
    if (!step.after.empty()) shown["after"] = bj::array(step.after.begin(), step.after.end());
    if (step.elements > 0) shown["of"] = step.elements;
    out.push_back(std::move(shown));
  }
  return out;
}

bj::object late_of(std::span<const Event> events) {
  bj::object out;
  for (const Event& event : events) {
    if (event.kind == EventKind::kRetried) out.clear();
    if (event.kind == EventKind::kLate) out = fields_of(event);
  }
  return out;
}

bj::object shown(const Event& event) {
  bj::object out{{"sequence", event.sequence}, {"at", iso8601(event.at)}, {"event", journal::to_string(event.kind)}};
  if (!event.step.empty()) out["step"] = event.step;
  if (event.attempt > 0) out["attempt"] = event.attempt;
  if (event.cost > 0) out["cost_usd"] = llm::usd(event.cost);
  auto data = json::parse(event.data.empty() ? "null" : event.data);
  out["data"] = data ? std::move(*data) : bj::value(event.data);
  return out;
}

}  // namespace fairlead::chains::internal
