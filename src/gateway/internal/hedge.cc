// RoutedCompletion's second try beside a slow first one.
#include <utility>

#include "gateway/internal/routed_completion.h"

namespace fairlead::gateway::internal {
namespace {

Error lost() {
  return {ErrorKind::kCancelled, std::string(routing::kHedgeLost), "Another route was faster."};
}

}  // namespace

RoutedCompletion::Hedge::Hedge(RoutedCompletion& routed)
    : due(
          routed.request_.loop, routed.request_.alarms,
          [](void* self) { static_cast<RoutedCompletion*>(self)->launch_hedge(); }, &routed),
      task(routed.request_.loop.executor()) {}

void RoutedCompletion::plan_hedge() {
  const llm::HedgePolicy& policy = request_.model.routing.hedge;
  const routing::ModelState* const state = routing::state_of(request_.model);
  if (policy.share <= 0 || state == nullptr) return;
  state->shared->hedges.count_call(policy.share);
  Millis after = policy.after;
  if (after.count() == 0)
    after = std::chrono::ceil<Millis>(state->shared->latencies(request_.chat.stream).percentile(policy.percentile));
  if (after.count() == 0) return;  // too little is known
  hold_ = request_.chat.stream;
  hedge_ = std::make_unique<Hedge>(*this);
  hedge_->due.arm_in(after);
}

void RoutedCompletion::launch_hedge() {
  if (attempt_ == nullptr || attempt_->flowing() || request_.cancellation.requested()) return;
  const SteadyTime now = clock_.steady();
  const bool other_helps = current_ + 1 < plan_.size() &&
                           (plan_[current_ + 1].state == nullptr || plan_[current_ + 1].state->breaker.passes(now));
  hedge_->candidate = other_helps ? current_ + 1 : current_;
  if (asks()) return hedge_->task.spawn(ask_and_run_hedge());
  if (!allowed(request_, hedge_->candidate)) return;
  start_hedge();
  if (slots_[1]) hedge_->task.spawn(run_hedge());
}

async::Task<void> RoutedCompletion::ask_and_run_hedge() {
  const bool may = co_await allowed_elsewhere(request_, hedge_->candidate);
  if (!may || hedge_->lost || attempt_->flowing() || request_.cancellation.requested()) co_return;
  start_hedge();
  if (slots_[1]) co_await run_hedge();
}

void RoutedCompletion::start_hedge() {
  if (!routing::state_of(request_.model)->shared->hedges.withdraw()) return;
  slots_[1].emplace(request_, routing::AttemptPlan{plan_[hedge_->candidate], routing::Reason::kHedge, Millis(0), true},
                    clock_);
}

async::Task<void> RoutedCompletion::run_hedge() {
  routing::Attempt& attempt = *slots_[1];
  for (;;) {
    auto delta = co_await attempt.next();
    if (delta && request_.chat.stream && !attempt.flowing()) {
      hedge_->held += delta->wire;
      continue;
    }
    hedge_->first = std::move(delta);
    break;
  }
  if (*hedge_->first && !hedge_->lost) slots_[0]->cancel();
}

// `first` is what the first attempt gave. Returns what the call goes on with, from whichever attempt_ then is; none if
// both have failed.
async::Task<Result<llm::Delta>> RoutedCompletion::settle_hedge(Result<llm::Delta> first) {
  if (first && request_.chat.stream && !attempt_->flowing()) co_return first;
  hedge_->due.disarm();
  if (!slots_[1]) {
    hedge_->lost = true;  // it may be asking for what it may cost
    if (hedge_->task.size() > 0) co_await hedge_->task.join();
    hedge_.reset();
    co_return first;
  }
  const bool won = hedge_->first && hedge_->first->has_value();  // and has cancelled the first
  if (!won && (first || routing::fault_of(first.error()) == routing::Fault::kFinal)) {
    hedge_->lost = true;
    slots_[1]->cancel();
  }
  co_await hedge_->task.join();
  const bool hedge_is_lost = hedge_->lost;
  const std::size_t candidate = hedge_->candidate;
  Result<llm::Delta> second = *std::move(hedge_->first);
  std::string held = std::move(hedge_->held);
  hedge_.reset();
  if (hedge_is_lost) {
    const Error error = lost();
    close(*slots_[1], &error);
    slots_[1].reset();
    co_return first;
  }
  const Error error = won ? lost() : std::move(first).error();
  close(*slots_[0], &error);
  slots_[0].reset();
  current_ = candidate;
  repetitions_ = 0;
  use(*slots_[1]);
  held_ = std::move(held);
  co_return second;
}

}  // namespace fairlead::gateway::internal
