#include "chains/internal/replay.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/digest.h"
#include "chains/internal/scope.h"
#include "platform/json/text.h"

namespace fairlead::chains::internal {
namespace {

namespace bj = boost::json;
using journal::Story;
using journal::Told;
using End = journal::Told::End;

constexpr const char* kSkipped = "skipped";  // instead of a digest

class Reading {
 public:
  enum class Inputs : std::uint8_t { kDigested, kLeftOut };
  Reading(const Plan& plan, const bj::value& input, const Story& story, const std::string& run_id,
          std::int64_t started_at, Inputs inputs)
      : plan_(plan), input_(input), story_(story), run_id_(run_id), started_at_(started_at), inputs_(inputs) {
    out_.outputs.resize(plan.steps.size());
    out_.skipped.resize(plan.steps.size());
    out_.items.resize(plan.steps.size());
    for (std::size_t i = 0; i < plan.steps.size(); ++i) places_.emplace("steps." + plan.steps[i].name + ".output", i);
  }

  Replayed read() {
    std::vector<bool> seen(plan_.steps.size());
    for (bool grew = true; grew;) {
      grew = false;
      for (std::size_t i = 0; i < seen.size(); ++i) {
        const auto is_done = [&](std::size_t one) { return out_.outputs[one].has_value(); };
        if (seen[i] || !std::ranges::all_of(plan_.steps[i].waits, is_done)) continue;
        seen[i] = grew = true;
        out_.outputs[i] = read_step(i);
      }
    }
    return std::move(out_);
  }

 private:
  class Variables final : public expr::Activation {
   public:
    Variables(const Reading& reading, const Scope& scope) : reading_(reading), scope_(scope) {}
    bool variable(std::uint32_t, std::string_view name, expr::Value& out) const override {
      if (const auto step = reading_.places_.find(name); step != reading_.places_.end()) {
        const auto& output = reading_.out_.outputs[step->second];
        if (!output) return false;
        out = expr::Value::json(*output);
        return true;
      }
      return variable_of(name, scope_, {reading_.input_, reading_.run_id_, reading_.started_at_}, out);
    }

   private:
    const Reading& reading_;
    const Scope& scope_;
  };
  enum class Became : std::uint8_t { kOpen, kDone, kFailed };
  struct Part {
    Became became = Became::kOpen;
    bj::value output{};
  };

  std::optional<bj::value> make(const Template& from, const Scope& scope) {
    auto made = from.make(Variables(*this, scope), memory_);
    return made ? std::optional(std::move(*made)) : std::nullopt;
  }
  std::optional<bool> holds(const Condition& condition, const Scope& scope) {
    const auto value = condition->evaluate(Variables(*this, scope), memory_);
    return value ? std::optional(value->is_true()) : std::nullopt;
  }

  // What it does and calls, and its values; the same for the same.
  std::string digest_of(const StepPlan& step, const Scope& scope) {
    bj::array given{static_cast<std::int64_t>(step.does), step.target};
    for (const std::optional<Template>* one : given_to(step)) {
      std::optional<bj::value> made;
      if (*one) made = make(**one, scope);
      // Absent; not to be made, as what a tool does with its arguments; made.
      given.push_back(!*one   ? bj::value(nullptr)
                      : !made ? bj::value((*one)->source())
                              : bj::value(bj::array{std::move(*made)}));
    }
    for (const Tool& tool : step.tools) given.push_back(bj::array{tool.name, tool.description, tool.parameters});
    if (step.does == Does::kAgent && step.output_schema) given.push_back(*step.output_schema);
    for (const StepPlan& body : step.bodies) {
      given.emplace_back(body.when ? body.when->source() : std::string());
      given.emplace_back(digest_of(body, scope));
    }
    return sha256_hex(json::canonical(given));
  }

  Part read_part(const StepPlan& step, const std::string& name, const Scope& scope) {
    if (inputs_ == Inputs::kDigested) out_.inputs[name] = digest_of(step, scope);
    const auto told = story_.find(name);
    if (told == story_.end() || told->second.end == End::kNone) return {};
    if (told->second.end == End::kFailed) return {Became::kFailed};
    auto output = json::parse(told->second.output);
    return {Became::kDone, output ? std::move(*output) : bj::value(nullptr)};
  }

  std::optional<bj::value> read_step(std::size_t place) {
    const StepPlan& step = plan_.steps[place];
    const Scope scope;
    Part part{Became::kFailed};
    const auto wanted = step.when ? holds(step.when, scope) : std::optional(true);
    if (wanted && !*wanted) {
      out_.skipped[place] = true;
      out_.inputs[step.name] = kSkipped;
      return bj::value(nullptr);
    }
    if (wanted) part = step.map ? read_map(place) : step.until ? read_until(step) : read_part(step, step.name, scope);
    if (part.became == Became::kDone) return std::move(part.output);
    if (part.became == Became::kOpen || !step.otherwise) return std::nullopt;
    return make(*step.otherwise, scope);
  }

  // Of the parts that the story has, whose names begin so.
  std::int64_t cost_of(const std::string& prefix) const {
    std::int64_t sum = 0;
    for (auto one = story_.lower_bound(prefix); one != story_.end() && one->first.starts_with(prefix); ++one)
      sum += one->second.cost;
    return sum;
  }

  Part read_map(std::size_t place) {
    const StepPlan& step = plan_.steps[place];
    auto items = make(*step.map, {});
    if (!items || !items->is_array()) return {Became::kFailed};
    out_.items[place] = std::move(items->get_array());
    const bj::array& list = out_.items[place];
    std::int64_t failures = 0;
    bool open = false;
    bj::array outputs;
    for (std::size_t i = 0; i < list.size(); ++i) {
      Scope scope;
      scope.item = &list[i];
      scope.index = static_cast<std::int64_t>(i);
      Part part = read_part(step, step.name + "[" + std::to_string(i) + "]", scope);
      open |= part.became == Became::kOpen;
      failures += part.became == Became::kFailed;
      outputs.push_back(std::move(part.output));
    }
    if (failures > may_fail(step, list.size())) return {Became::kFailed};
    if (open) return {step.cost > 0 && cost_of(step.name + "[") >= step.cost ? Became::kFailed : Became::kOpen};
    return {Became::kDone, std::move(outputs)};
  }

  Part read_until(const StepPlan& step) {
    bj::value output;
    for (std::int64_t turn = 0;; ++turn) {
      Scope scope;
      scope.turn = turn;
      scope.output = &output;
      Part part = read_part(step, step.name + "#" + std::to_string(turn + 1), scope);
      if (part.became != Became::kDone) return part;
      output = std::move(part.output);
      scope.turn = turn + 1;
      const auto enough = holds(step.until, scope);
      if (!enough) return {Became::kFailed};
      const bool costs_enough = step.cost > 0 && cost_of(step.name + "#") >= step.cost;
      if (*enough || turn + 1 == step.at_most || costs_enough) return {Became::kDone, std::move(output)};
    }
  }

  const Plan& plan_;
  const bj::value& input_;
  const Story& story_;
  const std::string& run_id_;
  const std::int64_t started_at_;
  const Inputs inputs_;
  std::map<std::string, std::size_t, std::less<>> places_;
  expr::Evaluation memory_;
  Replayed out_;
};

const StepPlan* step_named(const Plan& plan, std::string_view name) {
  const auto found = std::ranges::find(plan.steps, name, &StepPlan::name);
  return found == plan.steps.end() ? nullptr : &*found;
}

bool is_done(const Plan& plan, const Replayed& replayed, std::string_view step) {
  const StepPlan* const found = step_named(plan, step);
  return found != nullptr && replayed.outputs[static_cast<std::size_t>(found - plan.steps.data())].has_value();
}

bool is_of_step(std::string_view name) {
  return !name.starts_with(kCompensation);
}

// A tool's failure that its agent was told of is none of the run's.
bool is_told(const Plan& plan, const PartName& name, std::string_view text) {
  const std::size_t begin = text.find('/'), end = text.rfind('/');
  if (begin == text.npos || end == begin) return false;
  const std::string_view tool = text.substr(begin + 1, end - begin - 1);
  const StepPlan* const step = step_named(plan, name.step);
  if (step == nullptr) return false;
  const auto fails = [tool](const StepPlan& agent) {
    return std::ranges::any_of(agent.tools, [tool](const Tool& one) { return one.fails && one.name == tool; });
  };
  return !fails(*step) && !std::ranges::any_of(step->bodies, fails);
}

std::string shown(const PartName& name, bool has_parts) {
  std::string out = "step `" + std::string(name.step) + "`";
  if (!has_parts || name.part == name.step) return out;
  return out + (name.part[name.step.size()] == '[' ? " (element " : " (turn ") + std::to_string(name.index) + ")";
}

}  // namespace

PartName part_name(std::string_view text) {
  const auto in_name = [](unsigned char c) { return std::isalnum(c) || c == '_'; };
  const auto rest = static_cast<std::size_t>(std::ranges::find_if_not(text, in_name) - text.begin());
  PartName out{text.substr(0, rest), text.substr(0, rest)};
  if (rest == text.size() || (text[rest] != '[' && text[rest] != '#')) return out;
  const auto parsed = std::from_chars(text.data() + rest + 1, text.data() + text.size(), out.index);
  const std::size_t end = static_cast<std::size_t>(parsed.ptr - text.data()) + (text[rest] == '[' ? 1 : 0);
  out.part = text.substr(0, std::min(end, text.size()));
  return out;
}

Replayed replay(const Plan& plan, const bj::value& input, const Story& story, const std::string& run_id,
                std::int64_t started_at) {
  return Reading(plan, input, story, run_id, started_at, Reading::Inputs::kDigested).read();
}

std::vector<std::size_t> elements_of(const Plan& plan, const bj::value& input, const Story& story,
                                     const std::string& run_id, std::int64_t started_at) {
  const Replayed replayed = Reading(plan, input, story, run_id, started_at, Reading::Inputs::kLeftOut).read();
  std::vector<std::size_t> out;
  for (const bj::array& items : replayed.items) out.push_back(items.size());
  return out;
}

std::optional<Disagreement> disagreement(const Plan& done_with, const Plan& plan, const Replayed& theirs,
                                         const Replayed& ours, const Story& story,
                                         const std::set<std::string, std::less<>>* steps) {
  for (const auto& [text, told] : story) {
    const bool is_open = told.end == End::kNone && told.began_at != 0 && !told.waits;
    if (!is_of_step(text) || (told.end == End::kNone && !is_open)) continue;
    const PartName name = part_name(text);
    if (told.end == End::kFailed && !is_done(done_with, theirs, name.step)) continue;  // it begins anew
    if (steps != nullptr && !steps->contains(name.step)) continue;
    const StepPlan* const before = step_named(done_with, name.step);
    const StepPlan* const now = step_named(plan, name.step);
    const auto differs = [&](std::string why) { return Disagreement{std::string(name.step), std::move(why)}; };
    if (now == nullptr) return differs("step `" + std::string(name.step) + "` is done, and is not there any more");
    if (before == nullptr) continue;  // not of the plan that it was done with: nothing that this one could ask for
    if (before->does != now->does || before->target != now->target)
      return differs("step `" + std::string(name.step) + "` is done or under way, and would do or call something else");
    // The turns of an agent belong to the whole of it.
    const bool has_parts = before->map || before->until;
    const std::string part(has_parts ? name.part : name.step);
    const std::string what = shown(name, has_parts);
    const auto given = theirs.inputs.find(part);
    if (given == theirs.inputs.end()) continue;
    const auto would_be = ours.inputs.find(part);
    if (would_be == ours.inputs.end())
      return differs(what + " is done or under way, and would not be, or not before what is not done yet");
    if (given->second == would_be->second) continue;
    if (would_be->second == kSkipped) return differs(what + " is done or under way, and would be skipped");
    if (given->second == kSkipped) return differs(what + " was skipped, and would be done");
    return differs(what + " is done or under way, and would have been given something else (" +
                   given->second.substr(0, 12) + ", now " + would_be->second.substr(0, 12) + ")");
  }
  return std::nullopt;
}

std::vector<std::string> failures_that_count(const Plan& plan, const Replayed& replayed, const Story& story) {
  std::vector<std::string> out;
  for (std::string& step : journal::failed_steps(story))
    if (is_of_step(step) && !is_done(plan, replayed, part_name(step).step) && !is_told(plan, part_name(step), step))
      out.push_back(std::move(step));
  return out;
}

Story part_of(const Story& story, const std::set<std::string, std::less<>>& steps, const Plan& plan,
              const Replayed& replayed) {
  Story out;
  for (const auto& [text, told] : story) {
    const PartName name = part_name(text);
    if (!is_of_step(text) || told.end == End::kNone || !steps.contains(name.step)) continue;
    if (told.end == End::kFailed && !is_done(plan, replayed, name.step)) continue;
    out.emplace(text, told);
  }
  return out;
}

}  // namespace fairlead::chains::internal
