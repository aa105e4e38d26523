#include "gateway/routing/attempt.h"

#include <fmt/format.h>

#include <algorithm>

namespace fairlead::gateway::routing {
namespace {

// "500 ms", "1.5 s", "10 min"
std::string duration_text(Millis duration) {
  const auto ms = static_cast<double>(duration.count());
  if (ms < 1'000) return fmt::format("{} ms", duration.count());
  return ms < 120'000 ? fmt::format("{:g} s", ms / 1'000) : fmt::format("{:g} min", ms / 60'000);
}

// An answer that is there.
class Ready final : public llm::Completion {
 public:
  explicit Ready(std::string body) : body_(std::move(body)) { outcome_.content_started = true; }
  async::Task<Result<llm::Delta>> next() override { co_return llm::Delta{.wire = body_, .end = true}; }
  const llm::Outcome& outcome() const override { return outcome_; }

 private:
  std::string body_;
  llm::Outcome outcome_;
};

void cancel_token(void* token) {
  static_cast<async::Cancellation*>(token)->request();
}

}  // namespace

std::string_view to_string(Reason reason) {
  switch (reason) {
    case Reason::kFirst:
      return "first";
    case Reason::kRetry:
      return "retry";
    case Reason::kFallback:
      return "fallback";
    case Reason::kHedge:
      return "hedge";
    case Reason::kContinuation:
      return "continuation";
  }
  return "first";
}

Attempt::Bounds::Bounds(Attempt& attempt, const internal::RoutedRequest& request)
    : on_call_cancelled(request.cancellation, cancel_token, &token),
      timer(
          request.loop, request.alarms,
          [](void* self) {
            Bounds& bounds = *static_cast<Attempt*>(self)->bounds_;
            bounds.passed = bounds.armed;
            bounds.token.request(ErrorKind::kTimeout);
          },
          &attempt) {}

void Attempt::Bounds::arm(Limit limit, Millis in) {
  armed = limit;
  timer.arm_in(in);
}

Attempt::Attempt(const internal::RoutedRequest& request, AttemptPlan plan, const Clock& clock)
    : request_(request), plan_(plan), clock_(clock), began_(clock.steady()) {
  const llm::TryTimeouts& timeouts = plan_.candidate.model->routing.timeouts;
  if (timeouts.any() || plan_.may_be_cancelled) {
    bounds_.emplace(*this, request_);
    if (timeouts.whole.count() > 0) bounds_->whole_until = bounds_->timer.now() + timeouts.whole;
  }
  if (RouteState* const state = plan_.candidate.state) {
    entry_ = state->breaker.enter(began_);
    state->in_flight.fetch_add(1, std::memory_order_relaxed);
    state->tries.fetch_add(1, std::memory_order_relaxed);
  }
}

Attempt::~Attempt() {
  if (!finished_) tell_state(nullptr);
}

const llm::Outcome& Attempt::outcome() const {
  return completion_ ? completion_->outcome() : last_outcome_;
}

async::Task<Result<std::unique_ptr<llm::Completion>>> Attempt::send() {
  const llm::Route& route = *plan_.candidate.route;
  const llm::CallContext context{route.upstream_model,
                                 request_.call_id,
                                 request_.idempotency_key,
                                 request_.loop,
                                 bounds_ ? bounds_->token : request_.cancellation,
                                 request_.deadline};
  if (!request_.native.empty() && route.provider->speaks(request_.format)) {
    format_ = request_.format;
    return route.provider->call({request_.format, request_.native, request_.chat.stream, context});
  }
  if (request_.format == llm::Format::kCountTokens) return count(context);
  instructed_ = instructed(request_.chat, route);
  return route.provider->chat({chat(), context});
}

// Of a provider that is not asked to count: Anthropic's answer all the same.
async::Task<Result<std::unique_ptr<llm::Completion>>> Attempt::count(llm::CallContext context) {
  format_ = llm::Format::kCountTokens;
  const llm::CountedRequest request{llm::Format::kChat, request_.chat.members};
  const llm::TokenCount counted = co_await llm::count_input_exactly(request, *plan_.candidate.route, context);
  co_return std::make_unique<Ready>(fmt::format(R"({{"input_tokens":{}}})", counted.likely));
}

llm::CountedRequest Attempt::counted() const {
  if (format_ == llm::Format::kChat) return {format_, chat().members};
  return {format_, request_.native};
}

llm::Usage Attempt::usage(bool ended, bool left) {
  llm::Usage out = outcome().usage;
  const bool came = outcome().content_started || ended || (left && sent_);
  if ((ended && out.reported) || !came || format_ == llm::Format::kCountTokens || format_ == llm::Format::kModerations)
    return out;
  const llm::Route& route = *plan_.candidate.route;
  if (out.input == 0) out.input = llm::count_input(counted(), route).likely;
  std::string text;
  if (request_.chat.stream) {
    text = heard_.text(format_);
  } else if (const auto said = internal::AnswerText::create(format_, false, internal::AnswerText::For::kCounting)) {
    said->take(body_);
    text = said->text();
  }
  out.output = std::max(out.output, llm::count_text(text, route));
  out.reported = false;
  return out;
}

// Whichever bound comes first.
void Attempt::arm_for_next() {
  const llm::TryTimeouts& timeouts = plan_.candidate.model->routing.timeouts;
  Limit limit = Limit::kNone;
  Millis in = Millis::max();
  if (request_.chat.stream) {
    const Millis wait = flowing_ ? timeouts.between_tokens : timeouts.first_token;
    if (wait.count() > 0) {
      limit = flowing_ ? Limit::kBetweenTokens : Limit::kFirstToken;
      // The first token's time runs from the start of the try, not from the last piece.
      if (!flowing_ && any_delta_) return;
      in = wait;
    }
  }
  if (bounds_->whole_until != SteadyTime::max()) {
    const Millis left = std::chrono::ceil<Millis>(bounds_->whole_until - bounds_->timer.now());
    if (left < in) {
      limit = Limit::kWhole;
      in = std::max(left, Millis(1));
    }
  }
  if (limit == Limit::kNone) {
    bounds_->timer.disarm();
  } else {
    bounds_->arm(limit, in);
  }
}

// Gets a place at the upstream; the try's own time begins then.
async::Task<Result<void>> Attempt::enter() {
  const llm::ConcurrencyPolicy& policy = plan_.candidate.model->routing.concurrency;
  const SteadyTime until = plan_.may_wait ? request_.deadline : clock_.steady();
  const Limiter::Caller caller{request_.project, priority_of(policy, request_.tags, request_.key), request_.is_shadow};
  // A guest's own: it learns from it that it was displaced.
  async::Cancellation& cancellation = bounds_ && !caller.is_guest ? bounds_->token : request_.cancellation;
  auto place = co_await plan_.candidate.state->limiter->enter(request_.loop, policy, caller, until, clock_,
                                                              cancellation, request_.alarms);
  if (!place) {
    Error error = std::move(place).error();
    if (error.code == "upstream_busy")
      error.message = "Provider `" + std::string(plan_.candidate.route->provider->name()) +
                      "` has as many calls as it bears, and others wait already. Try again in " +
                      duration_text(Millis(error.retry_after_ms)) + ".";
    co_return fail(std::move(error));
  }
  place_.emplace(*std::move(place));
  began_ = clock_.steady();
  if (bounds_ && bounds_->whole_until != SteadyTime::max())
    bounds_->whole_until = bounds_->timer.now() + plan_.candidate.model->routing.timeouts.whole;
  co_return Result<void>{};
}

async::Task<Result<llm::Delta>> Attempt::next() {
  if (!completion_ && plan_.candidate.model->routing.concurrency.max > 0 && plan_.candidate.state != nullptr) {
    auto entered = co_await enter();
    if (!entered) co_return fail(std::move(entered).error());
  }
  if (bounds_) arm_for_next();
  if (!completion_) {
    sent_ = true;
    auto begun = co_await send();
    if (!begun) co_return fail(explained(std::move(begun).error()));
    completion_ = *std::move(begun);
  }
  if (request_.chat.stream) {
    auto delta = co_await completion_->next();
    if (!delta) co_return fail(explained(std::move(delta).error()));
    note(*delta);
    heard_.take(format_, delta->wire);
    co_return delta;
  }
  whole_.clear();
  for (;;) {
    auto delta = co_await completion_->next();
    if (!delta) co_return fail(explained(std::move(delta).error()));
    if (!delta->end || !whole_.empty()) whole_ += delta->wire;
    if (!delta->end) continue;
    note(*delta);
    body_ = whole_.empty() ? delta->wire : std::string_view(whole_);
    co_return llm::Delta{.wire = body_, .end = true};
  }
}

void Attempt::note(const llm::Delta& delta) {
  if (delta.end && bounds_) bounds_->timer.disarm();
  if (flowing_ || (delta.wire.empty() && !delta.end)) return;
  flowing_ = any_delta_ || delta.end || completion_->outcome().content_started;
  any_delta_ = true;
  RouteState* const state = plan_.candidate.state;
  if (!flowing_ || state == nullptr) return;
  const SteadyTime now = clock_.steady();
  state->breaker.succeeded(entry_, now, plan_.candidate.model->routing.breaker);
  observe_latency(now);
  told_success_ = true;
}

// At the first token; or when nobody waits for it any longer, and it would have taken longer still.
void Attempt::observe_latency(SteadyTime now) {
  const Micros latency = latency_ = std::chrono::duration_cast<Micros>(now - began_);
  plan_.candidate.state->latency(request_.chat.stream).observe(latency, now);
  if (plan_.candidate.model->routing.hedge.share > 0)
    state_of(*plan_.candidate.model)->shared->latencies(request_.chat.stream).observe(latency);
}

Error Attempt::explained(Error error) const {
  const llm::TryTimeouts& timeouts = plan_.candidate.model->routing.timeouts;
  const std::string provider = "Provider `" + std::string(plan_.candidate.route->provider->name()) + "`";
  const auto timeout = [](std::string code, std::string message) {
    return Error{ErrorKind::kTimeout, std::move(code), std::move(message)};
  };
  switch (bounds_ ? bounds_->passed : Limit::kNone) {
    case Limit::kFirstToken:
      return timeout("first_token_timeout",
                     provider + " sent no token within " + duration_text(timeouts.first_token) + ".");
    case Limit::kBetweenTokens:
      return timeout(
          "between_tokens_timeout",
          provider + " sent nothing for " + duration_text(timeouts.between_tokens) + " in the middle of its answer.");
    case Limit::kWhole:
      return timeout("try_timeout", provider + " did not finish within " + duration_text(timeouts.whole) + ".");
    case Limit::kNone:
      break;
  }
  if (error.kind == ErrorKind::kTimeout && clock_.steady() >= request_.deadline)
    return timeout("call_timeout", "The call took longer than the " + duration_text(request_.model.timeout) +
                                       " that model `" + request_.model.name +
                                       "` gives it. Last it waited for provider `" +
                                       std::string(plan_.candidate.route->provider->name()) + "`.");
  return error;
}

void Attempt::tell_state(const Error* error) {
  finished_ = true;
  RouteState* const state = plan_.candidate.state;
  if (state == nullptr) return;
  state->in_flight.fetch_sub(1, std::memory_order_relaxed);
  const Fault fault = error != nullptr ? fault_of(*error) : Fault::kFinal;
  const SteadyTime now = clock_.steady();
  if (place_) {
    const bool too_much = fault == Fault::kRateLimited || fault == Fault::kTimeout ||
                          (error != nullptr && error->code == "upstream_unavailable");
    const Load load = too_much ? Load::kTooMuch : told_success_ ? Load::kBorne : Load::kNotKnown;
    place_->release(load, latency_, request_.chat.stream, now);
  }
  if (tells_against_route(fault) && error->code != "call_timeout") {
    state->failures.fetch_add(1, std::memory_order_relaxed);
    const ModelState& model = *state_of(*plan_.candidate.model);
    // A stream that broke after its first token has been counted as well once already.
    const Breaker::Entry entry = told_success_ ? Breaker::Entry::kNormal : entry_;
    if (state->breaker.failed(entry, now, plan_.candidate.model->routing.breaker, model.shared->random))
      state->openings.fetch_add(1, std::memory_order_relaxed);
    // One that fails fast is no fast one.
    constexpr Micros kAtLeast = std::chrono::seconds(1), kAtMost = std::chrono::minutes(1);
    PeakEwma& latency = state->latency(request_.chat.stream);
    const Micros known(static_cast<std::int64_t>(latency.value(now)));
    const Micros twice = std::min(kAtMost, 2 * known);
    latency.observe(std::max({kAtLeast, twice, std::chrono::duration_cast<Micros>(now - began_)}), now);
    return;
  }
  if (fault == Fault::kRateLimited && error->retry_after_ms > 0)
    state->breaker.rest(now, Millis(std::min<std::int64_t>(error->retry_after_ms, 60'000)));
  else if (!told_success_)
    state->breaker.abandoned(entry_);
  if (error != nullptr && error->code == kHedgeLost && !told_success_) observe_latency(now);
}

telemetry::Attempt Attempt::finish(const Error* error) {
  tell_state(error);
  if (bounds_) bounds_->timer.disarm();
  telemetry::Attempt out;
  out.provider = plan_.candidate.route->provider->name();
  out.upstream_model = plan_.candidate.route->upstream_model;
  out.duration_us = std::chrono::duration_cast<Micros>(clock_.steady() - began_).count();
  if (plan_.reason != Reason::kFirst) out.reason = to_string(plan_.reason);
  if (plan_.candidate.model != &request_.model) out.model = plan_.candidate.model->name;
  out.waited_us = std::chrono::duration_cast<Micros>(plan_.waited).count();
  if (error == nullptr) return out;
  out.error_code = error->code;
  out.error_message = error->message;
  if (completion_) {
    last_outcome_ = completion_->outcome();
    completion_.reset();
  }
  return out;
}

}  // namespace fairlead::gateway::routing
