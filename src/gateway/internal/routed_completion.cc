#include "gateway/internal/routed_completion.h"

#include <algorithm>
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
    if (route_ == nullptr) co_return delta;  // there is none that can take it
    end_attempt(&delta.error());
    if (!may_try_another(delta.error())) co_return delta;
  }
}

void RoutedCompletion::stop() {
  if (ended_ || !completion_) return;
  end_attempt(nullptr);
  ended_ = true;
}

// Whether the route can be asked at all.
bool RoutedCompletion::takes(const llm::Route& route) const {
  return request_.no_chat == nullptr || (!request_.native.empty() && route.provider->speaks(request_.format));
}

async::Task<Result<void>> RoutedCompletion::begin_route() {
  while (next_route_ < request_.model.routes.size() && !takes(request_.model.routes[next_route_])) ++next_route_;
  if (next_route_ == request_.model.routes.size()) co_return fail(*request_.no_chat);
  route_ = &request_.model.routes[next_route_++];
  attempt_began_ = clock_.steady();
  last_outcome_ = {};
  const llm::CallContext context{route_->upstream_model, request_.call_id,      request_.idempotency_key,
                                 request_.loop,          request_.cancellation, request_.deadline};
  Result<std::unique_ptr<llm::Completion>> begun;
  if (!request_.native.empty() && route_->provider->speaks(request_.format)) {
    format_ = request_.format;
    begun = co_await route_->provider->call({request_.format, request_.native, request_.chat.stream, context});
  } else {
    format_ = llm::Format::kChat;
    begun = co_await route_->provider->chat({request_.chat, context});
  }
  if (!begun) co_return fail(std::move(begun).error());
  completion_ = *std::move(begun);
  co_return Result<void>{};
}

// The next piece of the route in use, or the first of the next route.
async::Task<Result<llm::Delta>> RoutedCompletion::next_of_route() {
  if (!completion_) {
    auto begun = co_await begin_route();
    if (!begun) co_return fail(std::move(begun).error());
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
  const auto left = std::span(request_.model.routes).subspan(next_route_);
  if (handed_out_ || std::ranges::none_of(left, [this](const llm::Route& one) { return takes(one); })) return false;
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
