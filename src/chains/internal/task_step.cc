// Steps that programs of the chain's owners do.
#include <algorithm>
#include <utility>

#include "chains/internal/course.h"
#include "chains/tasks.h"
#include "platform/json/text.h"

namespace fairlead::chains::internal {

namespace bj = boost::json;
using journal::StepResult;

async::Task<StepResult> Course::put_task(const StepPlan& step, std::string name, Scope scope) {
  bj::value input = bj::object();
  if (step.input) {
    auto made = make_value(*step.input, scope);
    if (!made) co_return failed(std::move(made).error());
    input = std::move(*made);
  }
  if (!input.is_object())
    co_return failed({ErrorKind::kInvalid, "invalid_type", "`input` of step `" + step.name + "` is no object."});
  Task task;
  task.key = execution_.key_of(name);
  task.project = execution_.run().asked.project;
  task.run = execution_.run().id;
  task.step = name;
  task.name = step.target;
  task.input = json::to_text(input);
  if (step.output_schema) task.output_schema = json::to_text(*step.output_schema);
  task.priority = execution_.run().asked.priority;
  task.lease_us = step.lease.count();
  journal::Errand errand;
  errand.name = std::move(name);
  errand.input = json::to_text(bj::object{{"task", task.name}, {"input", std::move(input)}});
  errand.retry = step.retry;
  if (step.cost > 0 && (errand.retry.cost == 0 || errand.retry.cost > step.cost)) errand.retry.cost = step.cost;
  errand.within = step.within;
  errand.deadline = latest(scope);
  errand.withdraw = withdraw(task.key);
  errand.tell = task_listeners(task.project);
  errand.read = read_task_end;
  errand.put = [this, task = std::move(task)](const std::string&, std::int64_t attempt, std::string signal) {
    Task put = task;
    put.attempt = attempt;
    put.posted_at = execution_.now();
    put.signal = std::move(signal);
    return put_out(std::move(put));
  };
  auto result = co_await execution_.errand(std::move(errand));
  co_return result;
}

}  // namespace fairlead::chains::internal
