#include "chains/internal/plan.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/suggest.h"
#include "chains/internal/bodies.h"
#include "chains/internal/step_reader.h"
#include "chains/rate.h"
#include "platform/config/settings.h"
#include "platform/expr/schema.h"
#include "platform/json/member.h"

namespace fairlead::chains::internal {
namespace {

namespace bj = boost::json;
using expr::Kind;
using expr::Type;

std::string output_of(const std::string& step) {
  return "steps." + step + ".output";
}

class Reader {
 public:
  Reader(const bj::object& spec, const TypeOfTarget& type_of, Faults& faults)
      : spec_(spec), type_of_(type_of), faults_(faults) {}

  Plan read() {
    read_input();
    if (const bj::value* const steps = spec_.if_contains("steps"); steps != nullptr && steps->is_array()) {
      for (const bj::value& one : steps->get_array()) read_step(one);
    }
    if (spec_.contains("deadline")) plan_.deadline = read_duration(spec_, "deadline", "", faults_);
    read_limits();
    find_edges();
    for (const std::size_t place : in_order()) compile(place);
    if (const bj::value* const output = spec_.if_contains("output"))
      plan_.output = Template::compile(*output, "/output", environment(nullptr, nullptr), faults_);
    return std::move(plan_);
  }

 private:
  struct Source {
    const bj::object* spec;
    std::string pointer;
  };

  void fault(std::string pointer, std::string message) { faults_.push_back({std::move(pointer), std::move(message)}); }

  void read_limits() {
    const bj::value* const limits = spec_.if_contains("limits");
    if (limits == nullptr || !limits->is_array()) return;
    std::size_t at = 0;
    for (const bj::value& one : limits->get_array()) {
      const std::string pointer = "/limits/" + std::to_string(at++);
      LimitPlan limit;
      limit.per = json::text_member(one.as_object(), "per");
      if (const bj::value* const most = one.as_object().if_contains("concurrency"))
        limit.concurrency = most->as_int64();
      if (const auto rate = read_rate(json::text_member(one.as_object(), "rate"))) {
        limit.starts = rate->starts;
        limit.period = rate->period;
      } else if (one.as_object().contains("rate")) {
        fault(pointer + "/rate", kRateForm);
      }
      if (limit.concurrency == 0 && !one.as_object().contains("rate"))
        fault(pointer, "a limit says `concurrency` or `rate`.");
      plan_.limits.push_back(std::move(limit));
    }
  }

  void read_input() {
    const bj::value* const input = spec_.if_contains("input");
    if (input == nullptr || !input->is_object()) return;
    std::vector<std::pair<std::string, Type>> fields;
    for (const auto& [name, schema] : input->get_object()) {
      const std::string pointer = "/input/" + std::string(name);
      auto compiled = json::Schema::compile(schema);
      if (!compiled) {
        fault(pointer + compiled.error().param, compiled.error().message);
        continue;
      }
      Field field{std::string(name), std::make_shared<const json::Schema>(std::move(*compiled)), std::nullopt};
      if (const auto* given = schema.is_object() ? schema.get_object().if_contains("default") : nullptr) {
        field.fallback = *given;
        for (const json::SchemaError& error : field.schema->validate(*given, 1))
          fault(pointer + "/default",
                "the default of `" + field.name + "` does not fit its own schema: " + error.message);
      }
      fields.emplace_back(field.name, expr::type_of_schema(schema));
      plan_.input.push_back(std::move(field));
    }
    if (!fields.empty()) input_type_ = Type::object(std::move(fields));
  }

  void read_step(const bj::value& value) {
    const std::string pointer = "/steps/" + std::to_string(plan_.steps.size());
    static const bj::object kNone;
    const bj::object& from = value.is_object() ? value.get_object() : kNone;
    const std::string name = json::text_member(from, "name");
    if (!places_.emplace(name, plan_.steps.size()).second)
      fault(pointer + "/name", "there is a step `" + name + "` already.");
    plan_.steps.push_back(internal::read_step(from, pointer, faults_));
    sources_.push_back({&from, pointer});
  }

  // Which steps each one uses: by its expressions, read without types, and by `after`.
  void find_edges() {
    for (std::size_t place = 0; place < plan_.steps.size(); ++place) {
      Faults ignored;
      StepPlan scratch = plan_.steps[place];
      const expr::Environment untyped = untyped_environment();
      compile_step(scratch, sources_[place], untyped, untyped, ignored);
      if (const bj::value* const until = sources_[place].spec->if_contains("until"))
        scratch.until = compile_condition(*until, {}, untyped, ignored);
      std::set<std::string> names;
      add_variables(scratch, names);
      std::set<std::size_t> waits;
      for (const auto& [step, at] : places_)
        if (names.contains(output_of(step))) waits.insert(at);
      add_after(place, waits);
      plan_.steps[place].waits.assign(waits.begin(), waits.end());
    }
  }

  static void add_variables(StepPlan& step, std::set<std::string>& names) {
    for (const auto* one : templates_of(step))
      if (*one) (*one)->add_variables(names);
    for (const Condition& one : {step.when, step.until})
      if (one)
        for (std::string& name : one->variables()) names.insert(std::move(name));
    for (StepPlan& body : step.bodies) add_variables(body, names);
  }

  void add_after(std::size_t place, std::set<std::size_t>& waits) {
    const bj::value* const after = sources_[place].spec->if_contains("after");
    if (after == nullptr || !after->is_array()) return;
    std::size_t at = 0;
    for (const bj::value& one : after->get_array()) {
      const std::string name = one.is_string() ? std::string(one.get_string()) : std::string();
      const auto found = places_.find(name);
      const std::string pointer = sources_[place].pointer + "/after/" + std::to_string(at++);
      if (found != places_.end())
        waits.insert(found->second);
      else
        fault(pointer, "there is no step `" + name + "`." + did_you_mean(name, step_names()));
    }
  }

  std::vector<std::string> step_names() const {
    std::vector<std::string> names;
    for (const auto& [name, place] : places_) names.push_back(name);
    return names;
  }

  // An order in which no step comes before one that it waits for; those in a circle are left out, with a fault.
  std::vector<std::size_t> in_order() {
    std::vector<std::size_t> order;
    std::vector<bool> placed(plan_.steps.size(), false);
    for (bool grew = true; grew;) {
      grew = false;
      for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
        if (placed[i] || !std::ranges::all_of(plan_.steps[i].waits, [&](std::size_t one) { return placed[one]; }))
          continue;
        placed[i] = grew = true;
        order.push_back(i);
      }
    }
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      if (placed[i]) continue;
      fault(sources_[i].pointer, "waits for itself: " + circle_from(i) + ".");
      break;
    }
    return order;
  }

  std::string circle_from(std::size_t start) const {
    std::string way = plan_.steps[start].name;
    std::set<std::size_t> seen;
    for (std::size_t at = start; seen.insert(at).second;) {
      // Some step that this one waits for is in a circle too: follow that one.
      const auto& waits = plan_.steps[at].waits;
      const auto next = std::ranges::find_if(waits, [&](std::size_t one) {
        std::set<std::size_t> passed;
        return reaches(one, start, passed);
      });
      if (next == waits.end()) break;
      at = *next;
      way += " → " + plan_.steps[at].name;
      if (at == start) break;
    }
    return way;
  }
  bool reaches(std::size_t from, std::size_t to, std::set<std::size_t>& seen) const {
    if (from == to) return true;
    if (!seen.insert(from).second) return false;
    return std::ranges::any_of(plan_.steps[from].waits, [&](std::size_t one) { return reaches(one, to, seen); });
  }

  static std::vector<std::optional<Template>*> templates_of(StepPlan& step) {
    return {&step.value, &step.variables, &step.messages, &step.parameters, &step.input, &step.map, &step.otherwise};
  }

  expr::Environment untyped_environment() {
    expr::Environment out = environment(nullptr, nullptr);
    out.declare("item", {});
    out.declare("index", Kind::kInt);
    out.declare("turn", Kind::kInt);
    out.declare("output", {});
    out.declare("arguments", {});
    return out;
  }
  // `item`: of a step with map; `output`: of one with until.
  expr::Environment environment(const Type* item, const Type* output) {
    expr::Environment out;
    out.declare("input", input_type_);
    out.declare("run.id", Kind::kString);
    out.declare("run.started", Kind::kTimestamp);
    for (const auto& [name, place] : places_) {
      const auto known = types_.find(place);
      out.declare(output_of(name), known == types_.end() ? Type() : known->second);
    }
    if (item != nullptr) {
      out.declare("item", *item);
      out.declare("index", Kind::kInt);
    }
    if (output != nullptr) {
      out.declare("turn", Kind::kInt);
      out.declare("output", *output);
    }
    return out;
  }

  void compile(std::size_t place) {
    StepPlan& step = plan_.steps[place];
    const Source& source = sources_[place];
    const expr::Environment outside = environment(nullptr, nullptr);
    Type item;
    const bj::value* const map = source.spec->if_contains("map");
    if (map != nullptr) {
      Faults ignored;
      const Type list = Template::compile(*map, source.pointer + "/map", outside, ignored).type();
      if (!list.dynamic() && !list.is(Kind::kList))
        fault(source.pointer + "/map", "is of type " + list.text() + "; what is mapped is a list.");
      item = list.items();
    }
    const bool loops = source.spec->contains("until");
    const Type dyn;
    const expr::Environment inside = environment(map != nullptr ? &item : nullptr, loops ? &dyn : nullptr);
    compile_step(step, source, outside, inside, faults_);
    Type output = type_of(step);
    if (loops) {
      const expr::Environment around = environment(nullptr, &output);
      step.until = compile_condition(source.spec->at("until"), source.pointer + "/until", around, faults_);
    }
    if (map != nullptr) output = Type::list(step.failures > 0 || step.failures_share > 0 ? Type() : output);
    if (step.when) output = Type();  // it may be null
    if (step.otherwise) output = expr::joined(output, step.otherwise->type());
    types_[place] = output;
    const Type own = map != nullptr ? Type() : type_of(step);
    if (source.spec->contains("compensate")) read_compensation(place, item, own);
  }

  // What it sees: its step's values, and outputs that are there by then.
  void read_compensation(std::size_t place, const Type& item, const Type& output) {
    StepPlan& step = plan_.steps[place];
    const Source& source = sources_[place];
    const bj::value& value = source.spec->at("compensate");
    if (!value.is_object()) return;  // the schema says so
    const Source inner{&value.get_object(), source.pointer + "/compensate"};
    StepPlan undo = read_undo(step.name, *inner.spec, inner.pointer, faults_);
    expr::Environment seen;
    seen.declare("input", input_type_);
    seen.declare("run.id", Kind::kString);
    seen.declare("run.started", Kind::kTimestamp);
    seen.declare("output", output);
    const bool maps = source.spec->contains("map"), loops = source.spec->contains("until");
    if (maps) {
      seen.declare("item", item);
      seen.declare("index", Kind::kInt);
    }
    if (loops) seen.declare("turn", Kind::kInt);
    if (!maps && !loops) seen.declare(output_of(step.name), output);
    for (std::size_t other = 0; other < plan_.steps.size(); ++other) {
      std::set<std::size_t> passed;
      if (other != place && reaches(place, other, passed))
        seen.declare(output_of(plan_.steps[other].name), types_[other]);
    }
    compile_step(undo, inner, seen, seen, faults_);
    step.compensate = std::make_shared<const StepPlan>(std::move(undo));
  }

  // Of what it gives once; its expressions have been compiled.
  Type type_of(const StepPlan& step) const {
    if (step.does == Does::kTransform && step.value) return step.value->type();
    if (step.output_schema) return expr::type_of_schema(*step.output_schema);
    if (step.does != Does::kSwitch || step.bodies.empty()) return own_type(step);
    Type out = type_of(step.bodies.front());
    for (const StepPlan& body : step.bodies) out = expr::joined(out, type_of(body));
    return step.bodies.back().when ? Type() : out;  // it may be null
  }

  Type own_type(const StepPlan& step) const {
    if (step.does == Does::kApprove)
      return Type::object({{"approved", Kind::kBool}, {"by", Kind::kString}, {"comment", Kind::kString}});
    if (step.does == Does::kModel) return Kind::kString;
    if (step.does == Does::kAgent) return step.bodies.empty() ? Type() : own_type(step.bodies.front());
    if (step.does == Does::kHttp) return Type::object({{"status", Kind::kInt}, {"body", Type()}});
    if (!type_of_ || (step.does != Does::kPrompt && step.does != Does::kChain)) return {};
    return type_of_(step.does, step.target);
  }

  static void compile_step(StepPlan& step, const Source& source, const expr::Environment& outside,
                           const expr::Environment& inside, Faults& faults) {
    const auto read = [&](const char* member, const expr::Environment& environment, std::optional<Template>& into) {
      if (const bj::value* const value = source.spec->if_contains(member))
        into = Template::compile(*value, source.pointer + "/" + member, environment, faults);
    };
    if (step.does == Does::kTransform) read("transform", inside, step.value);
    if (step.does == Does::kApprove) read("approve", inside, step.value);
    if (step.does == Does::kHttp) read("http", inside, step.value);
    read("variables", inside, step.variables);
    read("messages", inside, step.messages);
    read("parameters", inside, step.parameters);
    read("input", inside, step.input);
    read("map", outside, step.map);
    read("otherwise", outside, step.otherwise);
    if (const bj::value* const when = source.spec->if_contains("when"))
      step.when = compile_condition(*when, source.pointer + "/when", outside, faults);
    const auto bodies = bodies_of(step.does, *source.spec, source.pointer);
    for (std::size_t i = 0; i < std::min(bodies.size(), step.bodies.size()); ++i) {
      expr::Environment within = inside;
      if (i > 0 && i <= step.tools.size()) within.declare("arguments", step.tools[i - 1].arguments);
      compile_step(step.bodies[i], {bodies[i].spec, bodies[i].pointer}, within, within, faults);
    }
  }

  const bj::object& spec_;
  const TypeOfTarget& type_of_;
  Faults& faults_;
  Plan plan_;
  Type input_type_ = Type::map(Kind::kString, {});
  std::map<std::string, std::size_t> places_;
  std::vector<Source> sources_;
  std::map<std::size_t, Type> types_;  // of outputs, as far as they are known
};

}  // namespace

std::string_view kind_called(Does does) {
  return does == Does::kPrompt ? "prompt" : does == Does::kModel ? "model" : does == Does::kChain ? "chain" : "";
}

std::int64_t may_fail(const StepPlan& step, std::size_t elements) {
  constexpr double kRounding = 1e-9;
  const double share = std::floor(step.failures_share * static_cast<double>(elements) + kRounding);
  return std::max(step.failures, static_cast<std::int64_t>(share));
}

Plan read_plan(const bj::object& spec, const TypeOfTarget& type_of, Faults& faults) {
  return Reader(spec, type_of, faults).read();
}

Result<bj::object> complete_input(const Plan& plan, bj::object given) {
  std::vector<std::string> names;
  for (const Field& field : plan.input) names.push_back(field.name);
  for (const auto& [name, value] : given) {
    if (!std::ranges::count(names, std::string_view(name)))
      return fail(ErrorKind::kInvalid, "unknown_field",
                  "The chain has no input `" + std::string(name) + "`." + did_you_mean(name, names),
                  "input." + std::string(name));
  }
  for (const Field& field : plan.input) {
    const bj::value* const value = given.if_contains(field.name);
    if (value == nullptr) {
      if (!field.fallback)
        return fail(ErrorKind::kInvalid, "missing_required_parameter", "The input `" + field.name + "` is missing.",
                    "input." + field.name);
      given.insert_or_assign(field.name, *field.fallback);
    } else if (const auto faults = field.schema->validate(*value, 1); !faults.empty()) {
      return fail(ErrorKind::kInvalid, "invalid_value",
                  "The input `" + field.name + faults[0].pointer + "` " + faults[0].message + ".",
                  "input." + field.name);
    }
  }
  return given;
}

}  // namespace fairlead::chains::internal
