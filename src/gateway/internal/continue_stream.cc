// RoutedCompletion's way on after a stream has broken midway.
#include <utility>

#include "gateway/internal/routed_completion.h"

namespace fairlead::gateway::internal {
namespace {

// Longer answers are not continued: to say them again costs more than it helps.
constexpr std::size_t kMostRemembered = 4 * 1024 * 1024;

}  // namespace

// A way is there, unless its budgets do not bear it.
bool RoutedCompletion::prepare_continuation(const Error& error) {
  const bool other_way = may_continue_by_another_way(error);
  if (!other_way && routing::fault_of(error) == routing::Fault::kFinal) return false;
  if (!other_way && current_ + 1 == plan_.size()) return false;
  if (said_.size() > kMostRemembered || clock_.steady() >= request_.deadline) return false;
  if (continuation_ && !continuation_->agreed()) return false;  // two detours would be told by one event
  std::optional<routing::SaidSoFar> said = routing::SaidSoFar::parse(said_, request_.model.routing.continue_tool_calls);
  if (!said) return false;
  if (!other_way) ++current_;
  const llm::Route& route = *plan_[current_].route;
  const llm::Prefill prefill =
      other_way ? llm::Prefill::kNone : route.continues.value_or(route.provider->continues(route.upstream_model));
  repetitions_ = 0;
  continued_.reset();
  continuation_.emplace(*std::move(said), prefill, request_.chat, usage_);
  continued_.emplace(RoutedRequest{continuation_->chat(),
                                   request_.model,
                                   request_.call_id,
                                   request_.idempotency_key,
                                   request_.loop,
                                   request_.cancellation,
                                   request_.deadline,
                                   llm::Format::kChat,
                                   {},
                                   request_.tags,
                                   request_.project,
                                   request_.key,
                                   nullptr,
                                   false,
                                   request_.admission});
  return true;
}

void RoutedCompletion::start_continuation() {
  last_outcome_ = {};
  slots_[0].emplace(
      *continued_,
      routing::AttemptPlan{.candidate = plan_[current_], .reason = routing::Reason::kContinuation, .may_wait = true},
      clock_);
  use(*slots_[0]);
}

// A route that does not take a begun answer may still answer anew.
bool RoutedCompletion::may_continue_by_another_way(const Error& error) const {
  return continuation_ && continuation_->is_prefill() && !last_outcome_.content_started &&
         (error.kind == ErrorKind::kInvalid || error.kind == ErrorKind::kUnsupported);
}

}  // namespace fairlead::gateway::internal
