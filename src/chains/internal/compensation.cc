#include "chains/internal/compensation.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "chains/internal/course.h"
#include "chains/internal/replay.h"
#include "platform/json/member.h"
#include "platform/json/text.h"

namespace fairlead::chains::internal {

namespace bj = boost::json;
using journal::Outcome;
using journal::StepResult;
using journal::Told;
using Why = journal::StepError::Why;

namespace {

// Whether the part is one that is undone by itself: an element, a turn, or the whole of what is done once. The turns of
// an agent are not.
bool is_undone_alone(const StepPlan& step, const PartName& name, std::string_view text) {
  if (!step.map && !step.until) return text == name.step;
  return name.part == text && text.size() > name.step.size() && text[name.step.size()] == (step.map ? '[' : '#');
}

}  // namespace

bj::object settled_end(const Outcome& outcome, bj::array parts) {
  return {{"state", outcome.end == Outcome::End::kCancelled ? "cancelled" : "failed"},
          {"error",
           {{"class", journal::to_string(outcome.failure)},
            {"code", outcome.error.code},
            {"message", outcome.error.message}}},
          {"step", outcome.step},
          {"parts", std::move(parts)}};
}

Outcome outcome_of(const bj::object& settled) {
  Outcome out;
  out.end = json::text_member(settled, "state") == "cancelled" ? Outcome::End::kCancelled : Outcome::End::kFailed;
  out.step = json::text_member(settled, "step");
  const bj::value* const error = settled.if_contains("error");
  if (error == nullptr || !error->is_object()) return out;
  const bj::object& fields = error->get_object();
  out.failure = journal::failure_class(json::text_member(fields, "class")).value_or(journal::FailureClass::kPermanent);
  out.error.code = json::text_member(fields, "code");
  out.error.message = json::text_member(fields, "message");
  return out;
}

// Whatever has a result that this run came to, and says how it is undone; the last to have ended comes first.
bj::array Course::parts_to_undo() const {
  const bool any = std::ranges::any_of(plan_->steps, [](const StepPlan& step) { return step.compensate != nullptr; });
  if (!any) return {};
  const journal::Story story = execution_.story();
  const Replayed replayed = replay(*plan_, input_, story, execution_.run().id, execution_.run().created_at);
  std::vector<std::pair<std::int64_t, std::string>> parts;
  for (const auto& [text, told] : story) {
    const PartName name = part_name(text);
    const auto place = places_.find("steps." + std::string(name.step) + ".output");
    if (place == places_.end() || told.end != Told::End::kDone || told.taken_over) continue;
    const StepPlan& step = plan_->steps[place->second];
    if (step.compensate && !replayed.skipped[place->second] && is_undone_alone(step, name, text))
      parts.emplace_back(told.sequence, text);
  }
  std::ranges::sort(parts, std::greater());
  bj::array out;
  for (auto& [sequence, text] : parts) out.emplace_back(text);
  return out;
}

// As often as it is taken up again: what is undone is in the history, as any step.
async::Task<Outcome> Course::undo() {
  auto settled = json::parse(execution_.compensating());
  if (!settled || !settled->is_object()) {
    Outcome out;
    out.end = Outcome::End::kFailed;
    out.error = {ErrorKind::kInternal, "store_corrupt", "What the run is to undo cannot be read."};
    co_return out;
  }
  const bj::object fields = std::move(settled->as_object());
  const journal::Story story = execution_.story();
  Replayed replayed = replay(*plan_, input_, story, execution_.run().id, execution_.run().created_at);
  for (std::size_t i = 0; i < outputs_.size(); ++i) outputs_[i] = std::move(replayed.outputs[i]).value_or(nullptr);
  Outcome out = outcome_of(fields);
  out.compensated = true;
  const bj::array parts = fields.at("parts").as_array();
  for (const bj::value& part : parts) {
    const std::string text(part.as_string());
    const PartName name = part_name(text);
    const std::size_t place = places_.at("steps." + std::string(name.step) + ".output");
    const auto output = json::parse(story.at(text).output);
    Scope scope;
    if (plan_->steps[place].map && name.index < replayed.items[place].size()) {
      scope.item = &replayed.items[place][name.index];
      scope.index = static_cast<std::int64_t>(name.index);
    }
    if (plan_->steps[place].until) scope.turn = static_cast<std::int64_t>(name.index) - 1;
    if (output) scope.output = &*output;
    std::string called(kCompensation);
    called += text;
    auto result = co_await do_once(*plan_->steps[place].compensate, std::move(called), scope);
    if (result) continue;
    if (result.error().why == Why::kUnloaded) co_return Outcome();
    out.compensated = false;
  }
  co_return out;
}

}  // namespace fairlead::chains::internal
