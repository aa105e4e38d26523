#include "chains/internal/course.h"

#include <algorithm>
#include <utility>

#include "chains/internal/compensation.h"
#include "platform/json/text.h"

namespace fairlead::chains::internal {

namespace bj = boost::json;
using journal::Outcome;
using journal::StepError;
using journal::StepResult;
using Why = journal::StepError::Why;

class Course::Variables final : public expr::Activation {
 public:
  Variables(const Course& course, const Scope& scope) : course_(course), scope_(scope) {}

  bool variable(std::uint32_t, std::string_view name, expr::Value& out) const override {
    if (const auto step = course_.places_.find(name); step != course_.places_.end()) {
      out = expr::Value::json(course_.outputs_[step->second]);
      return true;
    }
    const journal::Run& run = course_.execution_.run();
    return variable_of(name, scope_, {course_.input_, run.id, run.created_at}, out);
  }

 private:
  const Course& course_;
  const Scope& scope_;
};

Course::Course(journal::Execution& execution, std::shared_ptr<const Plan> plan, Account account, bj::value input,
               llm::Client& client, const HttpCalls& http, const PinChain& pin, const VersionOf& version_of,
               const ModelOf& model_of, Results* results, Durations& durations, const Keeping& keeping)
    : execution_(execution),
      plan_(std::move(plan)),
      account_(std::move(account)),
      input_(std::move(input)),
      client_(client),
      http_(http),
      pin_(pin),
      version_of_(version_of),
      model_of_(model_of),
      results_(results),
      durations_(durations),
      keeping_(keeping),
      states_(plan_->steps.size(), State::kPending),
      outputs_(plan_->steps.size()),
      tasks_(execution.loop().executor()),
      bell_(execution.loop().executor()) {
  for (std::size_t i = 0; i < plan_->steps.size(); ++i) places_.emplace("steps." + plan_->steps[i].name + ".output", i);
}

async::Task<Outcome> Course::run() {
  while (execution_.compensating().empty()) {
    begin_ready();
    if (running_ == 0) break;
    const Micros again = watch_deadline();
    const auto at = std::chrono::steady_clock::now() + again;
    if (again.count() > 0)
      co_await bell_.wait_until(at);
    else
      co_await bell_.wait();
  }
  co_await tasks_.join();
  if (execution_.compensating().empty()) {
    Outcome out = end();
    const bool is_bad = out.end == Outcome::End::kFailed || out.end == Outcome::End::kCancelled;
    bj::array parts;
    if (is_bad) parts = parts_to_undo();
    if (parts.empty()) co_return out;
    execution_.compensate(json::to_text(settled_end(out, std::move(parts))));
  }
  Outcome out = co_await undo();
  co_return out;
}

void Course::begin_ready() {
  if (error_ || unloaded_ || cancelled_) return;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const auto is_done = [&](std::size_t one) { return states_[one] == State::kDone; };
    if (states_[i] != State::kPending || !std::ranges::all_of(plan_->steps[i].waits, is_done)) continue;
    states_[i] = State::kRunning;
    ++running_;
    tasks_.spawn(do_step(i));
  }
}

async::Task<void> Course::do_step(std::size_t place) {
  const StepPlan& step = plan_->steps[place];
  auto result = co_await give_output(step);
  if (!result && result.error().why == Why::kFailed && step.otherwise && !late()) {
    const Scope scope;
    auto instead = make(*step.otherwise, scope);
    result = instead ? StepResult(std::move(*instead)) : failed(std::move(instead).error());
  }
  if (result) {
    auto value = json::parse(*result);
    if (value) outputs_[place] = std::move(*value);
    states_[place] = State::kDone;
  } else if (result.error().why == Why::kUnloaded) {
    unloaded_ = true;
  } else if (result.error().why == Why::kCancelled) {
    cancelled_ = true;
  } else if (!error_) {
    error_ = std::move(result).error();
    failed_step_ = step.name;
    execution_.abandon();
  }
  --running_;
  bell_.ring();
}

async::Task<StepResult> Course::give_output(const StepPlan& step) {
  const Scope scope;
  if (step.when) {
    const auto wanted = holds(step.when, scope);
    if (!wanted) co_return failed(wanted.error());
    if (!*wanted) co_return execution_.note(step.name, "null");
  }
  if (step.map) {
    auto items = make_value(*step.map, scope);
    if (!items) co_return failed(std::move(items).error());
    if (!items->is_array())
      co_return failed({ErrorKind::kInvalid, "invalid_type", "`map` of step `" + step.name + "` is no list."});
    auto result = co_await do_map(step, std::move(items->as_array()));
    co_return result;
  }
  if (step.until) {
    auto result = co_await do_until(step);
    co_return result;
  }
  auto result = co_await do_once(step, step.name, scope);
  co_return result;
}

Outcome Course::end() {
  Outcome out;
  // What failed is in the history; a run that is taken up again finds it there.
  if (unloaded_ || execution_.lost()) {
    if (!execution_.lost()) out.again = error_ ? Micros(1) : watch_deadline();
    return out;
  }
  if (cancelled_ && (execution_.cancelled() || !error_)) {
    out.end = Outcome::End::kCancelled;
    out.error = {ErrorKind::kCancelled, "run_cancelled", "The run was cancelled."};
    return out;
  }
  if (error_) {
    out.end = Outcome::End::kFailed;
    out.error = std::move(error_->error);
    out.failure = error_->failure;
    out.step = failed_step_;
    return out;
  }
  if (plan_->output) {
    const Scope scope;
    auto made = make(*plan_->output, scope);
    if (!made) {
      out.end = Outcome::End::kFailed;
      out.error = std::move(made).error();
      out.step = "output";
      return out;
    }
    out.output = std::move(*made);
  } else {
    out.output = json::to_text(outputs_.back());
  }
  out.end = Outcome::End::kSucceeded;
  learn_durations();
  return out;
}

Result<std::string> Course::make(const Template& from, const Scope& scope) {
  FAIRLEAD_TRY(const bj::value value, make_value(from, scope));
  return json::to_text(value);
}

Result<bj::value> Course::make_value(const Template& from, const Scope& scope) {
  return from.make(Variables(*this, scope), memory_);
}

Result<bool> Course::holds(const Condition& condition, const Scope& scope) {
  const auto value = condition->evaluate(Variables(*this, scope), memory_);
  if (value) return value->is_true();
  Error error = value.error().error();
  error.message = "`" + condition->source() + "`: " + value.error().message;
  return fail(std::move(error));
}

bool Course::late() const {
  const std::int64_t deadline = execution_.run().asked.deadline;
  return deadline > 0 && execution_.now() >= deadline && execution_.compensating().empty();
}

std::int64_t Course::latest(const Scope& scope) const {
  const std::int64_t deadline = execution_.compensating().empty() ? execution_.run().asked.deadline : 0;
  if (deadline == 0 || scope.until == 0) return std::max(deadline, scope.until);
  return std::min(deadline, scope.until);
}

Micros Course::left(Micros within, const Scope& scope) const {
  const std::int64_t end = latest(scope);
  if (end == 0) return within;
  const Micros rest(std::max<std::int64_t>(1, end - execution_.now()));
  return within.count() > 0 ? std::min(within, rest) : rest;
}

StepResult Course::failed(Error error) const {
  const journal::FailureClass failure = journal::class_of(error);
  return std::unexpected(StepError{Why::kFailed, std::move(error), failure});
}

StepResult Course::end_badly(std::string name, Error error) {
  const journal::FailureClass failure = journal::class_of(error);
  return execution_.note_failure(std::move(name), failure, std::move(error));
}

}  // namespace fairlead::chains::internal
