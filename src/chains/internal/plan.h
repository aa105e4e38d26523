// A chain's spec, read once: what its steps are and which waits for which.
#pragma once
#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "chains/internal/template.h"
#include "platform/expr/expression.h"
#include "platform/journal/execution.h"
#include "platform/json/schema.h"

namespace fairlead::chains::internal {

enum class Does : std::uint8_t {
  kPrompt,
  kModel,
  kTransform,
  kChain,
  kHttp,
  kApprove,
  kSleep,
  kReceive,
  kTask,
  kAgent,
  kSwitch
};

// The kind of what a step of that sort calls: "prompt", "model", "chain"; empty: it calls nothing that is applied.
std::string_view kind_called(Does does);

using Condition = std::shared_ptr<const expr::Expression>;

// Of an agent: what its model is told of the tool whose body is the one behind it.
struct Tool {
  std::string name, description;
  std::shared_ptr<const json::Schema> schema;  // of the arguments, all of them
  boost::json::value parameters;               // the same as the model is told it
  expr::Type arguments{};                      // and an expression
  std::vector<std::pair<std::string, boost::json::value>> defaults{};
  bool fails = false;  // the step with it
};

// The values that its expressions make are read of `variables` and so on where the step's kind has such a member.
struct StepPlan {
  std::string name;
  Does does = Does::kTransform;
  std::string target{};             // of prompt, model, chain; the signal's name; the kind of a task
  std::optional<Template> value{};  // of transform; the question of approve; the request of http
  std::optional<Template> variables{}, messages{}, parameters{};  // of prompt and model
  std::optional<Template> input{};                                // of chain and task
  std::optional<Template> map{};
  std::optional<Template> otherwise{};
  Condition when{}, until{};
  std::size_t at_once = 8;
  std::int64_t failures = 0;    // elements that may fail
  double failures_share = 0;    // of them; the larger counts
  std::int64_t at_most = 1;     // times, with `until`
  Micros length{0}, within{0};  // of a sleep; of approve, a signal, a task, an agent: 0: for ever
  Micros lease{0};              // of a task
  Micros reuse{0};              // what the same step gave so long ago is taken; 0: nothing is
  Millis timeout{0};
  journal::RetryRule retry{};
  journal::Uncertain uncertain = journal::Uncertain::kRetry;
  std::int64_t cost = 0;                              // billionths of a dollar; 0: no bound
  std::vector<std::size_t> waits{};                   // for these steps
  std::optional<boost::json::value> output_schema{};  // of task and agent
  std::shared_ptr<const json::Schema> output_rule{};  // the same
  // The cases of a switch, whose conditions are their `when`; of an agent the call of its model, then its tools.
  std::vector<StepPlan> bodies{};
  std::vector<Tool> tools{};
  std::shared_ptr<const StepPlan> compensate{};
};

// How many of so many elements may fail.
std::int64_t may_fail(const StepPlan& step, std::size_t elements);

// What makes up what a step is given.
inline std::vector<const std::optional<Template>*> given_to(const StepPlan& step) {
  return {&step.value, &step.variables, &step.messages, &step.parameters, &step.input};
}

struct Field {
  std::string name;
  std::shared_ptr<const json::Schema> schema;
  std::optional<boost::json::value> fallback;
};

// How many of a chain's runs go on at a time, or begin within a period; of each user or key, if it says so.
struct LimitPlan {
  std::string per;  // "user", "key"; empty: of all
  std::int64_t concurrency = 0, starts = 0;
  Micros period{0};
};

struct Plan {
  std::vector<Field> input;
  std::vector<StepPlan> steps;  // in the order of the file
  std::optional<Template> output;
  Micros deadline{0};
  std::vector<LimitPlan> limits{};
};

// What a step gives, by the type of what it calls; dyn where it is not known.
using TypeOfTarget = std::function<expr::Type(Does does, std::string_view target)>;

// Faults are added to `faults`, with pointers into the spec; if there are any, the plan is of no use. `type_of` may be
// empty: then outputs are dyn.
Plan read_plan(const boost::json::object& spec, const TypeOfTarget& type_of, Faults& faults);

// The input with its defaults. Errors: unknown_field, missing_required_parameter, invalid_value; `param` is
// `input.NAME`.
Result<boost::json::object> complete_input(const Plan& plan, boost::json::object given);

}  // namespace fairlead::chains::internal
