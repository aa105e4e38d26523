// What of a run holds for another version of its chain, or for another input.
#include <algorithm>
#include <set>
#include <utility>

#include "base/suggest.h"
#include "chains/chains.h"
#include "chains/internal/durations.h"
#include "chains/internal/kept.h"
#include "chains/internal/progress.h"
#include "chains/internal/replay.h"
#include "llm/reference.h"
#include "platform/json/text.h"

namespace fairlead::chains {
namespace {

namespace bj = boost::json;
using internal::Plan;
using internal::Replayed;
using journal::Event;
using journal::EventKind;
using journal::Run;
using journal::Story;
using journal::Told;
using Names = std::set<std::string, std::less<>>;

bj::object kept_of(const Run& run) {
  auto kept = json::parse(run.asked.input);
  return kept && kept->is_object() ? std::move(kept->as_object()) : bj::object();
}

std::unexpected<Error> unknown_chain(const Run& run) {
  return fail(ErrorKind::kConflict, "chain_unknown",
              "The version of the chain `" + run.asked.name + "` that the run was started with is not there.");
}

std::unexpected<Error> disagrees(const char* code, const internal::Disagreement& found, const std::string& then) {
  return fail(ErrorKind::kConflict, code, "The " + found.why + "." + then, found.step);
}

// The steps that neither are `from` nor wait for it, nor for one that has been undone.
Names steps_before(const Plan& plan, const std::string& from, const Story& story) {
  std::vector<bool> anew(plan.steps.size());
  for (std::size_t i = 0; i < anew.size(); ++i) anew[i] = plan.steps[i].name == from;
  for (const auto& [text, told] : story) {
    if (!text.starts_with(internal::kCompensation)) continue;
    const auto undone = internal::part_name(std::string_view(text).substr(internal::kCompensation.size())).step;
    for (std::size_t i = 0; i < anew.size(); ++i)
      if (plan.steps[i].name == undone) anew[i] = true;
  }
  for (bool grew = true; grew;) {
    grew = false;
    for (std::size_t i = 0; i < anew.size(); ++i) {
      const bool waits = std::ranges::any_of(plan.steps[i].waits, [&](std::size_t one) { return anew[one]; });
      if (waits && !anew[i]) grew = anew[i] = true;
    }
  }
  Names out;
  for (std::size_t i = 0; i < anew.size(); ++i)
    if (!anew[i]) out.insert(plan.steps[i].name);
  return out;
}

// What the fork takes over, in the order in which it was done.
std::vector<Event> copies_of(const Story& story, const std::string& run) {
  std::vector<std::pair<std::int64_t, const Story::value_type*>> order;
  for (const auto& one : story) order.emplace_back(one.second.sequence, &one);
  std::ranges::sort(order);
  std::vector<Event> out;
  for (const auto& [sequence, one] : order) {
    const auto& [step, told] = *one;
    const std::string from = R"({"from":)" + json::quoted(run);
    const bool failed = told.end == Told::End::kFailed;
    out.push_back({.run = {},
                   .kind = EventKind::kCopied,
                   .step = step,
                   .data = from + (failed ? ",\"failure\":" + told.failure : ",\"output\":" + told.output) + "}"});
  }
  return out;
}

}  // namespace

std::vector<std::string> Chains::failed(const Run& run, std::span<const Event> history) {
  const Story story = journal::story_of(history);
  std::vector<std::string> steps;
  if (journal::find_event(history, EventKind::kCompensating) != nullptr) {
    for (std::string& step : journal::failed_steps(story))
      if (step.starts_with(internal::kCompensation)) steps.push_back(std::move(step));
    return steps;
  }
  const auto plan = plan_of(run);
  if (!plan) return journal::failed_steps(story);
  const Replayed replayed =
      internal::replay(*plan, internal::input_of(kept_of(run), *plan), story, run.id, run.created_at);
  return internal::failures_that_count(*plan, replayed, story);
}

std::vector<internal::StepOutline> Chains::steps_of(const Run& run, std::span<const Event> history) const {
  std::vector<internal::StepOutline> out;
  const auto plan = plan_of(run);
  if (!plan) return out;
  std::vector<std::size_t> elements(plan->steps.size());
  if (std::ranges::any_of(plan->steps, [](const internal::StepPlan& step) { return step.map.has_value(); }))
    elements = internal::elements_of(*plan, internal::input_of(kept_of(run), *plan), journal::story_of(history), run.id,
                                     run.created_at);
  for (std::size_t i = 0; i < elements.size(); ++i) {
    internal::StepOutline& step = out.emplace_back();
    step.name = plan->steps[i].name;
    step.elements = elements[i];
    for (const std::size_t other : plan->steps[i].waits) step.after.push_back(plan->steps[other].name);
  }
  return out;
}

Result<void> Chains::agrees(const Run& run, std::span<const Event> history, const std::string& digest) {
  const auto before = plan_of(run), after = plan_of(run, digest);
  if (!before || !after) return unknown_chain(run);
  if (journal::find_event(history, EventKind::kCompensating) != nullptr)
    return fail(ErrorKind::kConflict, "move_disagrees", "The run undoes what it has done: that is not moved.");
  const bj::object kept = kept_of(run);
  const bj::object input = internal::input_of(kept, *after);
  if (const auto fits = internal::complete_input(*after, input); !fits) {
    Error error = fits.error();
    return fail(ErrorKind::kConflict, "move_disagrees", "The run's input does not fit: " + error.message, error.param);
  }
  const Story story = journal::story_of(history);
  const Replayed theirs = internal::replay(*before, internal::input_of(kept, *before), story, run.id, run.created_at);
  const Replayed ours = internal::replay(*after, input, story, run.id, run.created_at);
  const auto found = internal::disagreement(*before, *after, theirs, ours, story, nullptr);
  if (found) return disagrees("move_disagrees", *found, "");
  return {};
}

Result<std::string> Chains::digest_of(const Run& run, const std::string& reference) const {
  const std::string named = reference.starts_with('@') ? run.asked.name + reference : reference;
  FAIRLEAD_TRY(const Found found, find(run.asked.project, named));
  if (found.name != run.asked.name)
    return fail(ErrorKind::kInvalid, "another_chain",
                "The run is one of the chain `" + run.asked.name + "`: it is moved to a version of that, `" +
                    run.asked.name + "@5`.",
                "to");
  return found.digest;
}

void Chains::learn(std::span<const journal::StepSpan> spans) {
  struct Whole {
    const journal::StepSpan* first = nullptr;
    std::int64_t began_at = 0, ended_at = 0;
  };
  std::map<std::pair<std::string, std::string>, Whole> steps;  // by run and step
  for (const journal::StepSpan& span : spans) {
    if (span.step.starts_with(internal::kCompensation)) continue;
    Whole& whole = steps[{span.run, std::string(internal::part_name(span.step).step)}];
    whole.began_at = whole.first == nullptr ? span.began_at : std::min(whole.began_at, span.began_at);
    whole.ended_at = std::max(whole.ended_at, span.ended_at);
    whole.first = &span;
  }
  for (const auto& [key, whole] : steps)
    durations_->learn(whole.first->project, whole.first->name, key.second, Micros(whole.ended_at - whole.began_at));
}

std::vector<Chains::Late> Chains::late() const {
  std::vector<Late> out;
  for (const auto& one : durations_->late()) out.push_back({one.project, one.chain, one.runs});
  return out;
}

Result<Chains::Fork> Chains::fork(ForkRequest request, std::span<const Event> history) const {
  const Run& run = request.run;
  const auto before = plan_of(run);
  if (!before) return unknown_chain(run);
  Found found{run.asked.name, run.asked.digest, before};
  if (!request.chain.empty()) {
    const std::string named = request.chain.starts_with('@') ? run.asked.name + request.chain : request.chain;
    FAIRLEAD_TRY(found, find(run.asked.project, named));
  }
  const Plan& plan = *found.plan;
  std::vector<std::string> names;
  for (const internal::StepPlan& step : plan.steps) names.push_back(step.name);
  if (!std::ranges::count(names, request.from)) {
    const std::string named = resources::is_name(request.from) ? " `" + request.from + "`" : "";
    return fail(ErrorKind::kInvalid, "step_not_found",
                "The chain `" + found.name + "` has no step" + named + "." + did_you_mean(request.from, names), "from");
  }
  const bj::object kept = kept_of(run);
  const bj::object given = internal::input_of(kept, *before);
  bj::object input = given;
  for (auto& [name, value] : request.input) input.insert_or_assign(name, std::move(value));
  FAIRLEAD_TRY(input, internal::complete_input(plan, std::move(input)));

  const Story story = journal::story_of(history);
  const Replayed theirs = internal::replay(*before, given, story, run.id, run.created_at);
  const Names steps = steps_before(plan, request.from, story);
  const Story taken = internal::part_of(story, steps, *before, theirs);
  const Replayed ours = internal::replay(plan, input, taken, run.id, run.created_at);
  if (const auto differs = internal::disagreement(*before, plan, theirs, ours, taken, &steps))
    return disagrees("fork_disagrees", *differs, " Fork from that step, or from one before it.");

  Fork out;
  internal::Account account = internal::account_of(kept);
  account.key_id = request.key_id;
  account.key_name = request.key_name;
  out.request.project = run.asked.project;
  out.request.kind = kKind;
  out.request.name = found.name;
  out.request.digest = found.digest;
  out.request.input = internal::kept_input(std::move(input), account, {{"of", run.id}, {"from", request.from}});
  out.request.key = std::move(request.key);
  out.request.queue = run.asked.queue;
  out.request.author = request.key_name;
  out.request.priority = run.asked.priority;
  out.request.deadline = request.deadline;
  out.request.within = plan.deadline.count();
  out.history = copies_of(taken, run.id);
  for (const std::string& name : names) {
    const bool has = std::ranges::any_of(
        taken, [&](const auto& one) { return internal::part_name(one.first).step == std::string_view(name); });
    if (has) out.steps.push_back(name);
  }
  return out;
}

}  // namespace fairlead::chains
