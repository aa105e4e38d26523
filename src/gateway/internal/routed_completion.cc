#include "gateway/internal/routed_completion.h"

#include <utility>

namespace fairlead::gateway::internal {

const llm::Outcome& RoutedCompletion::outcome() const {
  return completion_ ? completion_->outcome() : last_outcome_;
}

async::Task<Result<llm::Delta>> RoutedCompletion::next() {
  if (ended_) co_return llm::Delta{.wire = {}, .end = true};
  for (;;) {
    auto delta = co_await next_of_route();
    if (delta) {
      handed_out_ = handed_out_ || !delta->wire.empty();
      if (delta->end) {
        end_attempt(nullptr);
        ended_ = true;
      }
      co_return delta;
    }
    end_attempt(&delta.error());
    if (!may_try_another(delta.error())) co_return delta;
  }
}

void RoutedCompletion::stop() {
  if (ended_ || !completion_) return;
  end_attempt(nullptr);
  ended_ = true;
}

// The next piece of the route in use, or the first of the next route.
async::Task<Result<llm::Delta>> RoutedCompletion::next_of_route() {
  if (!completion_) {
    route_ = &request_.model.routes[next_route_++];  // a Model has one at least, and may_try_another() counts
    attempt_began_ = clock_.steady();
    last_outcome_ = {};
    auto begun = co_await route_->provider->chat({request_.chat,
                                                  {route_->upstream_model, request_.call_id, request_.idempotency_key,
                                                   request_.loop, request_.cancellation, request_.deadline}});
    if (!begun) co_return fail(std::move(begun).error());
    completion_ = *std::move(begun);
  }
  if (request_.chat.stream) {
    auto delta = co_await completion_->next();
    co_return delta;
  }
  whole_.clear();
  for (;;) {
    auto delta = co_await completion_->next();
    if (!delta) co_return delta;
    if (delta->end && whole_.empty()) co_return delta;
    whole_ += delta->wire;
    if (delta->end) co_return llm::Delta{.wire = whole_, .end = true};
  }
}

void RoutedCompletion::end_attempt(const Error* error) {
  telemetry::Attempt attempt;
  attempt.provider = route_->provider->name();
  attempt.upstream_model = route_->upstream_model;
  attempt.duration_us = std::chrono::duration_cast<Micros>(clock_.steady() - attempt_began_).count();
  if (error != nullptr) {
    attempt.error_code = error->code;
    attempt.error_message = error->message;
  }
  attempts_.push_back(std::move(attempt));
  if (!completion_) return;
  cost_usd_ += llm::cost_of(completion_->outcome().usage, request_.model.prices);
  if (error == nullptr) return;  // its last delta may view what it holds
  last_outcome_ = completion_->outcome();
  completion_.reset();
}

bool RoutedCompletion::may_try_another(const Error& error) const {
  if (handed_out_ || next_route_ == request_.model.routes.size()) return false;
  switch (error.kind) {
    case ErrorKind::kUnavailable:
    case ErrorKind::kUpstream:
    case ErrorKind::kExhausted:
      return true;
    case ErrorKind::kTimeout:
      return clock_.steady() < request_.deadline;
    default:
      return false;
  }
}

}  // namespace fairlead::gateway::internal
