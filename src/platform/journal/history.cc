#include "platform/journal/history.h"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "platform/journal/internal/step_state.h"
#include "platform/json/member.h"

namespace fairlead::journal {
namespace {

using TheEnd = Told::End;

void begin_anew(const boost::json::object& retried, Story& story) {
  for (const std::string& step : text_list(retried, "steps")) {
    Told& told = story[step];
    told = {.child = told.child};
  }
}

void end_with(Told& told, const Event& event, TheEnd how) {
  told.end = how;
  told.sequence = event.sequence;
  told.ended_at = event.at;
  if (told.began_at == 0) told.began_at = event.at;
}

}  // namespace

Story story_of(std::span<const Event> events) {
  Story story;
  for (const Event& event : events) {
    if (event.kind == EventKind::kRetried) begin_anew(fields_of(event.data), story);
    if (event.step.empty() || event.kind == EventKind::kSignal) continue;
    Told& told = story[event.step];
    told.cost += event.cost;
    switch (event.kind) {
      case EventKind::kIntent:
        told.child = json::text_member(fields_of(event.data), "child");
        if (told.began_at == 0) told.began_at = event.at;
        break;
      case EventKind::kWait:
        told.waits = true;
        if (told.began_at == 0) told.began_at = event.at;
        break;
      case EventKind::kResult:
        end_with(told, event, TheEnd::kDone);
        told.output = event.data;
        break;
      case EventKind::kFailure: {
        boost::json::object fields = fields_of(event.data);
        if (fields.contains("retry_at")) break;
        end_with(told, event, TheEnd::kFailed);
        told.failure = event.data;
        break;
      }
      case EventKind::kReused:
        end_with(told, event, TheEnd::kDone);
        told.output = boost::json::serialize(fields_of(event.data).at("output"));
        told.taken_over = true;
        break;
      case EventKind::kCopied: {
        const Copied copied = copied_of(event.data);
        told.end = copied.failed ? TheEnd::kFailed : TheEnd::kDone;
        told.sequence = event.sequence;
        (copied.failed ? told.failure : told.output) = copied.data;
        told.taken_over = !copied.failed;
        break;
      }
      case EventKind::kWithdrawn:
        told = {.cost = told.cost};
        break;
      default:
        break;
    }
  }
  return story;
}

std::vector<std::string> failed_steps(const Story& story) {
  std::vector<std::string> steps;
  for (const auto& [step, told] : story)
    if (told.end == TheEnd::kFailed) steps.push_back(step);
  return steps;
}

const Event* find_event(std::span<const Event> events, EventKind kind) {
  const auto found = std::ranges::find(events, kind, &Event::kind);
  return found == events.end() ? nullptr : &*found;
}

}  // namespace fairlead::journal
