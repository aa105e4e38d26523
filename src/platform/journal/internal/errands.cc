// Work that is done outside.
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <utility>

#include "platform/journal/execution.h"
#include "platform/journal/internal/committer.h"
#include "platform/journal/internal/step_state.h"
#include "platform/journal/listeners.h"

namespace fairlead::journal {
namespace {

using ErrandPhase = StepState::Phase;

// One an attempt, so that what came for an earlier one is not taken for this one's end.
std::string errand_signal(const std::string& step, std::int64_t attempt) {
  return "errand:" + step + ":" + std::to_string(attempt);
}

}  // namespace

async::Task<StepResult> Execution::errand(Errand errand) {
  const Active active(*this);
  StepState& state = state_of(errand.name);
  while (true) {
    std::optional<StepResult> end = settled(state, false);
    if (end) {
      const bool is_left = state.phase == ErrandPhase::kOpen && !*end && end->error().why == StepError::Why::kCancelled;
      if (is_left) take_back(errand, state);
      co_return std::move(*end);
    }
    if (state.phase == ErrandPhase::kOpen) {
      end = co_await await_errand(errand, state);
    } else if (state.not_before > now()) {
      const Woken woken = co_await park(state.not_before, {}, false);
      (void)woken;  // settled() says it
    } else {
      end = co_await put_out(errand, state);
    }
    if (end) co_return std::move(*end);
  }
}

async::Task<std::optional<StepResult>> Execution::put_out(const Errand& errand, StepState& state) {
  if (errand.input.size() > parts_.largest_value) co_return fail_of_input(state, errand.name, errand.input.size());
  if (state.first_at == 0) state.first_at = now();
  ++state.attempts;
  if (state.key.empty()) state.key = key_of(errand.name);
  const std::string key = state.key;
  boost::json::object data{{"key", key}};
  if (!errand.input.empty()) data.emplace("input", errand.input);
  Event intent = event(EventKind::kIntent, errand.name, boost::json::serialize(data), state.attempts);
  store::Database::Work work = errand.put(key, state.attempts, errand_signal(errand.name, state.attempts));
  state.phase = ErrandPhase::kOpen;
  const bool kept = co_await commit(std::move(intent), std::move(work));
  if (!kept) co_return StepResult(std::unexpected(StepError{StepError::Why::kUnloaded}));
  if (!errand.tell.empty()) parts_.listeners.tell(errand.tell);
  co_return std::nullopt;
}

// Nothing: another attempt may come.
async::Task<std::optional<StepResult>> Execution::await_errand(const Errand& errand, StepState& state) {
  state.until = errand.within.count() > 0 ? state.first_at + errand.within.count() : errand.deadline;
  if (errand.deadline > 0) state.until = std::min(state.until, errand.deadline);
  const std::string signal = errand_signal(errand.name, state.attempts);
  const Woken woken = co_await park(state.until, signal, false);
  if (woken == Woken::kUnloaded || woken == Woken::kCancelled) co_return std::nullopt;  // settled() says it
  if (woken == Woken::kTime) {
    if (!lost_)
      parts_.committer.submit({.node = run_.node, .events = {}, .more = errand.withdraw}, [](const Result<void>&) {});
    co_return finish_failed(state, errand.name, FailureClass::kTimeout,
                            {ErrorKind::kTimeout, "timed_out",
                             "Step `" + errand.name + "` was not done within the time that it may take."});
  }
  auto& box = mail_[signal];
  const std::string data = std::move(box.front());
  box.pop_front();
  auto effect = errand.read(data);
  if (effect) co_return finish(state, errand.name, std::move(effect->output), effect->cost);
  Step rule;
  rule.name = errand.name;
  rule.retry = errand.retry;
  co_return after_failure(rule, state, std::move(effect).error());
}

// The run has ended. Should it go on again, the step is put out anew.
void Execution::take_back(const Errand& errand, StepState& state) {
  append(event(EventKind::kWithdrawn, errand.name, {}, state.attempts), errand.withdraw);
  state = not_begun(state);
}

}  // namespace fairlead::journal
