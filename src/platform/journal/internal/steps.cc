// What a definition asks of its run.
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <random>
#include <utility>

#include "base/digest.h"
#include "base/id.h"
#include "platform/journal/execution.h"
#include "platform/journal/internal/committer.h"
#include "platform/journal/internal/places.h"
#include "platform/journal/internal/queue_limits.h"
#include "platform/journal/internal/rows.h"
#include "platform/journal/internal/step_state.h"
#include "platform/json/member.h"

namespace fairlead::journal {
namespace {

using Phase = StepState::Phase;
using Why = StepError::Why;

// Attempts of one step that a crash cut off, one after another: it may be the step that crashes the process.
constexpr std::int64_t kMostUncertain = 50;

constexpr std::int64_t kHeldLook = 50'000;  // µs, to twice that, until a step that was held back looks again

std::unexpected<StepError> unloaded() {
  return std::unexpected(StepError{Why::kUnloaded});
}
std::unexpected<StepError> cancelled_error() {
  return std::unexpected(
      StepError{Why::kCancelled, {ErrorKind::kCancelled, "run_cancelled", "The run was cancelled."}});
}

double chance() {
  thread_local std::mt19937_64 random{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(random);
}

std::string with_class(const char* word) {
  return std::string(R"({"then":")") + word + "\"}";
}

}  // namespace

// The same for every attempt, and for the same step of the same run after a crash. Another definition may send
// something else: then it is another one for what begins from then on.
std::string Execution::key_of(const std::string& step) const {
  const auto found = steps_.find(step);
  if (found != steps_.end() && !found->second->key.empty()) return found->second->key;
  return sha256_hex(run_.id + '\n' + step + (moved_to_.empty() ? "" : '\n' + moved_to_)).substr(0, 32);
}

std::optional<StepResult> Execution::settled(const StepState& state, bool shielded, bool under_way) {
  if (state.phase == Phase::kDone) return StepResult(state.output);
  if (state.phase == Phase::kFailed) return std::unexpected(StepError{Why::kFailed, state.error, state.failure});
  if (lost_ || unloading_) {
    const bool waits = state.waits || state.held || state.phase == Phase::kOpen || state.not_before > now();
    put_off_ |= !waits;
    return unloaded();
  }
  if (is_stopped(shielded, under_way)) return cancelled_error();
  return std::nullopt;
}

StepResult Execution::finish(StepState& state, const std::string& step, std::string output, std::int64_t cost) {
  if (output.size() > parts_.largest_value) {
    Error error = value_too_large("The output of step `" + step + "`", output.size(), parts_.largest_value);
    return finish_failed(state, step, FailureClass::kBadOutput, std::move(error), cost);
  }
  state.phase = Phase::kDone;
  state.output = output;
  append(event(EventKind::kResult, step, std::move(output), state.attempts, cost));
  return state.output;
}

StepResult Execution::fail_of_input(StepState& state, const std::string& step, std::size_t size) {
  Error error = value_too_large("The input of step `" + step + "`", size, parts_.largest_value);
  return finish_failed(state, step, FailureClass::kPermanent, std::move(error));
}

StepResult Execution::finish_failed(StepState& state, const std::string& step, FailureClass failure, Error error,
                                    std::int64_t cost) {
  state.phase = Phase::kFailed;
  append(
      event(EventKind::kFailure, step, boost::json::serialize(failure_fields(failure, error)), state.attempts, cost));
  state.error = error;
  state.failure = failure;
  return std::unexpected(StepError{Why::kFailed, std::move(error), failure});
}

async::Task<StepResult> Execution::step(Step step) {
  const Active active(*this);
  StepState& state = state_of(step.name);
  while (true) {
    if (auto end = settled(state, step.shielded)) co_return std::move(*end);
    std::optional<StepResult> end;
    if (state.phase == Phase::kOpen) {
      end = co_await settle_uncertain(step, state);
    } else if (state.not_before > now()) {
      const Woken woken = co_await park(state.not_before, {}, step.shielded);
      (void)woken;  // settled() says it
    } else {
      end = co_await attempt(step, state);
    }
    if (end) co_return std::move(*end);
  }
}

// Others may have them: then it waits, in memory for as long as any branch does, and after that as a run that is held
// back. Its places come back with its result, or with the run, if the node dies.
async::Task<std::optional<StepResult>> Execution::take_places(const Step& step, StepState& state,
                                                              const std::vector<Limit>& limits) {
  const std::int64_t since = now();
  while (true) {
    const auto full = std::make_shared<std::string>();
    Entry entry{.node = run_.node};
    entry.more = [full, limits, project = run_.asked.project, at = now(), run = run_.id, node = run_.node,
                  of = step.name](store::Connection& connection) -> Result<void> {
      Places places(connection, at);
      FAIRLEAD_TRY(*full, places.take(project, limits, {.run = run, .node = node, .of = of}));
      return {};
    };
    const auto written = co_await parts_.committer.commit(std::move(entry));
    if (!written) lose();
    if (lost_) co_return StepResult(unloaded());
    if (full->empty()) break;
    if (!std::exchange(state.held, true))
      append(
          event(EventKind::kHeld, step.name, boost::json::serialize(boost::json::object{{"by", limit_name(*full)}})));
    const auto pause = kHeldLook + static_cast<std::int64_t>(chance() * kHeldLook);
    const Woken woken = co_await park(now() + pause, {}, step.shielded);
    const bool all_wait = woken == Woken::kTime && active_ == 1;
    if (all_wait && now() - since > parts_.linger.count() * 1'000) unload();
    if (unloading_) held_by_.insert(*full);
    if (auto end = settled(state, step.shielded)) co_return std::move(*end);
  }
  state.held = false;
  had_places_ = true;
  co_return std::nullopt;
}

void Execution::leave_places(const Step& step, const std::vector<Limit>& limits) {
  if (lost_) return;
  Entry entry{.node = run_.node};
  entry.more = [limits, project = run_.asked.project, run = run_.id, node = run_.node,
                of = step.name](store::Connection& connection) {
    return Places::leave(connection, project, limits, {.run = run, .node = node, .of = of});
  };
  parts_.committer.submit(std::move(entry), [](const Result<void>&) {});
}

async::Task<std::optional<StepResult>> Execution::attempt(Step& step, StepState& state) {
  if (step.input.size() > parts_.largest_value) co_return fail_of_input(state, step.name, step.input.size());
  std::vector<Limit> limits;
  if (parts_.step_queues != nullptr && !step.calls.empty()) limits = parts_.step_queues->limits(run_, step.calls);
  if (!limits.empty()) {
    auto end = co_await take_places(step, state, limits);
    if (end) co_return end;
  }
  if (state.key.empty()) state.key = key_of(step.name);
  const std::string key = state.key;
  ++state.attempts;
  if (state.first_at == 0) state.first_at = now();
  if (!step.pure) {
    boost::json::object data{{"key", key}};
    if (!step.input.empty()) data.emplace("input", step.input);
    Event intent = event(EventKind::kIntent, step.name, boost::json::serialize(data), state.attempts);
    const bool kept = co_await commit(std::move(intent));
    if (!kept) co_return StepResult(unloaded());
  }
  auto effect = co_await run_effect(step, key, state.attempts);
  if (!limits.empty()) leave_places(step, limits);
  if (lost_) co_return StepResult(unloaded());
  if (effect) co_return finish(state, step.name, std::move(effect->output), effect->cost);
  co_return after_failure(step, state, std::move(effect).error());
}

async::Task<std::expected<Effect, EffectFailed>> Execution::run_effect(const Step& step, std::string key,
                                                                       std::int64_t number) {
  async::Cancellation cancellation;
  async::TimerWheel::Timer timer(
      parts_.loop.wheel(), [](void* stop) { static_cast<async::Cancellation*>(stop)->request(ErrorKind::kTimeout); },
      &cancellation);
  if (step.timeout.count() > 0) timer.arm_in(step.timeout);
  auto place = attempts_.end();
  if (!step.shielded) {
    place = attempts_.insert(attempts_.end(), &cancellation);
    if (is_stopped(false) || lost_) cancellation.request();
  }
  if (parts_.hook) parts_.hook("before effect of " + step.name);
  Attempt attempt{step.name, std::move(key), number, cancellation};
  auto effect = co_await step.work(std::move(attempt));
  if (parts_.hook) parts_.hook("after effect of " + step.name);
  if (!step.shielded) attempts_.erase(place);
  co_return effect;
}

// Nothing: another attempt comes, not before state.not_before.
std::optional<StepResult> Execution::after_failure(const Step& step, StepState& state, EffectFailed failed) {
  ++state.ended;
  state.uncertain = 0;
  const Failed told{.failure = failed.failure,
                    .attempts = state.ended,
                    .since_first = Millis((now() - state.first_at) / 1000),
                    .cost = state.cost + failed.cost,
                    .retry_after_ms = failed.error.retry_after_ms};
  const bool stopped = is_stopped(step.shielded);
  const auto pause = stopped ? std::nullopt : pause_after(step.retry, told, chance());
  if (!pause) {
    auto end = finish_failed(state, step.name, failed.failure, std::move(failed.error), failed.cost);
    return stopped ? StepResult(cancelled_error()) : end;
  }
  state.phase = Phase::kBetween;
  state.not_before = now() + pause->count() * 1000;
  state.error = failed.error;
  boost::json::object data = failure_fields(failed.failure, failed.error);
  data.emplace("retry_at", state.not_before);
  append(event(EventKind::kFailure, step.name, boost::json::serialize(data), state.attempts, failed.cost));
  return std::nullopt;
}

// An attempt's intent is in the history and its end is not. Nothing: the step may be tried again.
async::Task<std::optional<StepResult>> Execution::settle_uncertain(Step& step, StepState& state) {
  if (step.uncertain == Uncertain::kRetry && state.uncertain < kMostUncertain) {
    ++state.uncertain;
    append(event(EventKind::kUncertain, step.name, with_class("retry"), state.attempts, step.most_cost));
    state.phase = Phase::kBetween;
    state.not_before = 0;
    co_return std::nullopt;
  }
  const Error error{
      ErrorKind::kUnavailable, "step_uncertain",
      "An attempt of step `" + step.name + "` had begun when its node died: whether it took place is not known."};
  if (step.uncertain != Uncertain::kAsk) {
    append(event(EventKind::kUncertain, step.name, with_class("fail"), state.attempts, step.most_cost));
    co_return finish_failed(state, step.name, FailureClass::kPermanent, error);
  }
  const std::string signal = resolve_signal(step.name);
  if (!state.asks) append(event(EventKind::kUncertain, step.name, with_class("ask"), state.attempts, step.most_cost));
  state.asks = true;
  const Woken woken = co_await park(0, signal, step.shielded);
  if (woken == Woken::kCancelled) co_return StepResult(cancelled_error());
  if (woken != Woken::kSignal) co_return StepResult(unloaded());
  auto& box = mail_[signal];
  const auto answer = fields_of(box.front());
  box.pop_front();
  state.asks = false;
  const std::string then = json::text_member(answer, "then");
  if (then == "retry") {
    state.phase = Phase::kBetween;
    state.not_before = 0;
    co_return std::nullopt;
  }
  const boost::json::value* output = answer.if_contains("output");
  if (then == "done") co_return finish(state, step.name, output != nullptr ? boost::json::serialize(*output) : "null");
  co_return finish_failed(state, step.name, FailureClass::kPermanent, error);
}

async::Task<StepResult> Execution::sleep(std::string step, Micros length) {
  const Active active(*this);
  StepState& state = state_of(step);
  if (auto end = settled(state, false)) co_return std::move(*end);
  if (!state.waits) {
    state.waits = true;
    state.until = now() + length.count();
    append(event(EventKind::kWait, step, boost::json::serialize(boost::json::object{{"until", state.until}})));
  }
  const Woken woken = co_await park(state.until, {}, false);
  if (woken == Woken::kCancelled) co_return cancelled_error();
  if (woken == Woken::kUnloaded) co_return unloaded();
  co_return finish(state, step, "null");
}

StepResult Execution::note(std::string step, std::string output) {
  StepState& state = state_of(step);
  if (auto end = settled(state, false)) return std::move(*end);
  return finish(state, step, std::move(output));
}

StepResult Execution::note_failure(std::string step, FailureClass failure, Error error) {
  StepState& state = state_of(step);
  if (auto end = settled(state, false)) return std::move(*end);
  return finish_failed(state, step, failure, std::move(error));
}

StepResult Execution::reuse(std::string step, std::string output, const std::string& from_run,
                            const std::string& from_step) {
  StepState& state = state_of(step);
  if (auto end = settled(state, false)) return std::move(*end);
  state.phase = Phase::kDone;
  state.taken_over = true;
  state.output = output;
  const std::string source = boost::json::serialize(boost::json::object{{"run", from_run}, {"step", from_step}});
  append(
      event(EventKind::kReused, std::move(step), source.substr(0, source.size() - 1) + ",\"output\":" + output + "}"));
  return state.output;
}

async::Task<StepResult> Execution::receive(std::string step, std::string signal, Micros within, std::string ask) {
  const Active active(*this);
  StepState& state = state_of(step);
  if (auto end = settled(state, false)) co_return std::move(*end);
  if (!state.waits) {
    state.waits = true;
    state.signal = std::move(signal);
    state.until = within.count() > 0 ? now() + within.count() : 0;
    boost::json::object data{{"for", state.signal}};
    if (state.until > 0) data.emplace("until", state.until);
    if (!ask.empty()) data.emplace("ask", boost::json::parse(ask));
    append(event(EventKind::kWait, step, boost::json::serialize(data)));
  }
  auto result = co_await wait_for_signal(std::move(step), state);
  co_return result;
}

async::Task<StepResult> Execution::wait_for_signal(std::string step, StepState& state) {
  const Woken woken = co_await park(state.until, state.signal, false);
  if (woken == Woken::kCancelled) co_return cancelled_error();
  if (woken == Woken::kUnloaded) co_return unloaded();
  if (woken == Woken::kTime) {
    co_return finish_failed(state, step, FailureClass::kTimeout,
                            {ErrorKind::kTimeout, "timed_out",
                             "Step `" + step + "` waited for `" + state.signal + "` and it did not come."});
  }
  auto& box = mail_[state.signal];
  std::string data = std::move(box.front());
  box.pop_front();
  co_return finish(state, step, std::move(data));
}

async::Task<StepResult> Execution::child(std::string step, RunRequest request) {
  const Active active(*this);
  StepState& state = state_of(step);
  if (auto end = settled(state, false, !state.child.empty())) co_return std::move(*end);
  if (state.child.empty()) {
    if (request.input.size() > parts_.largest_value) co_return fail_of_input(state, step, request.input.size());
    Run child{.id = new_id(now()), .asked = std::move(request), .created_at = now()};
    child.asked.project = run_.asked.project;
    child.asked.author = run_.asked.author;
    child.asked.priority = run_.asked.priority;
    child.asked.parent = run_.id;
    child.asked.parent_step = step;
    child.asked.key.clear();
    child.asked.deadline = deadline_of(child.asked, now());
    state.child = child.id;
    state.child_digest = child.asked.digest;
    state.child_cost = 0;
    state.attempts = 1;
    Event intent =
        event(EventKind::kIntent, step,
              boost::json::serialize(boost::json::object{{"child", child.id}, {"digest", child.asked.digest}}), 1);
    KeptInput input = keep_input(child);
    store::Database::Work more = [child = std::move(child),
                                  input = std::move(input)](store::Connection& connection) -> Result<void> {
      FAIRLEAD_TRY(const bool is_new, insert_run(connection, child, input, child.created_at));
      (void)is_new;
      return {};
    };
    const bool kept = co_await commit(std::move(intent), std::move(more));
    if (!kept) co_return unloaded();
  }
  const std::string signal = "child:" + state.child;
  const Woken woken = co_await park(0, signal, false, true);
  if (woken == Woken::kCancelled) co_return cancelled_error();
  if (woken != Woken::kSignal) co_return unloaded();
  auto& box = mail_[signal];
  const auto end = fields_of(box.front());
  box.pop_front();
  // A run that was retried tells all that it has cost, once more.
  const std::int64_t cost = number_field(end, "cost") - state.child_cost;
  state.child_cost += cost;
  if (const boost::json::value* output = end.if_contains("output"))
    co_return finish(state, step, boost::json::serialize(*output), cost);
  co_return finish_failed(state, step,
                          failure_class(json::text_member(end, "class")).value_or(FailureClass::kPermanent),
                          error_of(end), cost);
}

}  // namespace fairlead::journal
