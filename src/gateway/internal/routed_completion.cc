#include "gateway/internal/routed_completion.h"

#include <algorithm>
#include <utility>

#include "gateway/internal/admission.h"
#include "gateway/routing/pause.h"
#include "gateway/routing/retries.h"

namespace fairlead::gateway::internal {
namespace {

using routing::Fault;
using routing::Reason;

// A client would rather know than wait longer.
constexpr Millis kLongestWait{10'000};

Error no_route(const llm::Model& model) {
  return {ErrorKind::kUnsupported, "no_route",
          "No route of model `" + model.name +
              "` takes a request like this one: its routes have conditions (`when`), and it fits none of them.",
          "model"};
}

// A privacy policy keeps it from all that there are.
Error no_place(const RoutedRequest& request) {
  std::string names;
  for (const std::string& one : request.not_to) names += (names.empty() ? "`" : ", `") + one + "`";
  return {ErrorKind::kPermissionDenied, "privacy_residency",
          "This call holds data that the privacy policy keeps from " + names + ", and model `" + request.model.name +
              "` has no other route for it."};
}

}  // namespace

void add(llm::Usage& sum, const llm::Usage& one) {
  sum.input += one.input;
  sum.cached_input += one.cached_input;
  sum.cache_write += one.cache_write;
  sum.cache_write_1h += one.cache_write_1h;
  sum.output += one.output;
  sum.reasoning += one.reasoning;
}

// What to do after an error.
struct RoutedCompletion::Step {
  enum class What : std::uint8_t { kStop, kSameRoute, kNextRoute } what = What::kStop;
  Millis wait{0};
};

const llm::Outcome& RoutedCompletion::outcome() const {
  return attempt_ ? attempt_->outcome() : last_outcome_;
}

async::Task<Result<llm::Delta>> RoutedCompletion::next() {
  if (ended_) co_return llm::Delta{.wire = {}, .end = true};
  if (!begun_) {
    FAIRLEAD_CO_CHECK(begin());
    if (asks()) {
      auto admitted = co_await request_.admission->begin_asking(request_, plan_);
      ended_ = !admitted;
      if (!admitted) co_return fail(std::move(admitted).error());
    }
    begin_first();
  }
  for (;;) {
    auto delta = co_await attempt_->next();
    if (hedge_) {
      auto settled = co_await settle_hedge(std::move(delta));
      delta = std::move(settled);
    }
    if (delta) {
      auto taken = take(*delta);
      if (taken && *taken) co_return **taken;
      if (taken) continue;
      delta = fail(std::move(taken).error());
    }
    if (attempt_ != nullptr) end_attempt(&delta.error());
    if (remember_ && handed_out_ && prepare_continuation(delta.error())) {
      bool may = !asks() && allowed(*continued_, current_);
      if (asks()) may = co_await allowed_elsewhere(*continued_, current_);
      if (may) {
        start_continuation();
        continue;
      }
    }
    const Step step = step_after(delta.error());
    if (step.what == Step::What::kStop) {
      ended_ = true;
      co_return fail(final_error(std::move(delta).error()));
    }
    if (step.wait.count() > 0) {
      const bool waited = co_await routing::pause(request_.loop, step.wait, request_.cancellation, request_.alarms);
      if (!waited) co_return fail(ErrorKind::kCancelled, "cancelled", "The request was cancelled.");
    }
    const std::size_t next = step.what == Step::What::kNextRoute ? current_ + 1 : current_;
    bool may = !asks() && allowed(request_, next);
    if (asks()) may = co_await allowed_elsewhere(request_, next);
    if (!may) {
      ended_ = true;
      co_return fail(final_error(std::move(delta).error()));
    }
    if (step.what == Step::What::kNextRoute) {
      ++current_;
      repetitions_ = 0;
    } else {
      ++repetitions_;
    }
    start(step.what == Step::What::kNextRoute ? Reason::kFallback : Reason::kRetry, step.wait);
  }
}

Result<void> RoutedCompletion::begin() {
  begun_ = true;
  plan_ = routing::plan_routes(request_.model, request_.chat, request_.tags, clock_.steady());
  const bool any = !plan_.empty();
  if (request_.no_chat != nullptr) {
    const auto refuses = [this](const routing::Candidate& one) {
      return request_.native.empty() || !one.route->provider->speaks(request_.format);
    };
    plan_.erase(std::remove_if(plan_.begin(), plan_.end(), refuses), plan_.end());
  }
  if (plan_.empty()) {
    ended_ = true;
    return fail(any ? *request_.no_chat : no_route(request_.model));
  }
  if (!request_.not_to.empty()) {
    const auto may_not = [this](const routing::Candidate& one) {
      return std::ranges::find(request_.not_to, one.route->provider->name()) != request_.not_to.end();
    };
    plan_.erase(std::remove_if(plan_.begin(), plan_.end(), may_not), plan_.end());
    if (plan_.empty()) {
      ended_ = true;
      return fail(no_place(request_));
    }
  }
  if (request_.is_shadow) plan_.resize(1);
  if (request_.admission != nullptr && !asks()) {
    auto admitted = request_.admission->begin(request_, plan_);
    ended_ = !admitted;
    if (!admitted) return admitted;
  }
  return {};
}

void RoutedCompletion::begin_first() {
  if (request_.is_shadow) return start(Reason::kFirst, Millis(0));
  hold_ = request_.chat.stream && (plan_.size() > 1 || request_.model.routing.retries > 0);
  remember_ = request_.chat.stream && plan_.size() > 1 && request_.model.routing.continue_streams &&
              request_.native.empty() && request_.chat.n == 1;
  plan_hedge();
  start(Reason::kFirst, Millis(0));
}

bool RoutedCompletion::asks() const {
  return request_.admission != nullptr && request_.admission->asks();
}

// Whether the call's budgets bear another try, beside the one in flight if there is one.
bool RoutedCompletion::allowed(const RoutedRequest& request, std::size_t candidate) const {
  if (request.admission == nullptr) return true;
  const routing::Candidate* const beside = attempt_ != nullptr ? &attempt_->candidate() : nullptr;
  return request.admission->allows(request, plan_[candidate], beside, usage_, cost_);
}

async::Task<bool> RoutedCompletion::allowed_elsewhere(const RoutedRequest& request, std::size_t candidate) const {
  const routing::Candidate* const beside = attempt_ != nullptr ? &attempt_->candidate() : nullptr;
  return request.admission->allows_asking(request, plan_[candidate], beside, usage_, cost_);
}

void RoutedCompletion::start(Reason reason, Millis waited) {
  last_outcome_ = {};
  const routing::ModelState* const state = routing::state_of(*plan_[current_].model);
  if (state != nullptr && !request_.is_shadow && (reason == Reason::kFirst || plan_[current_].model != model_))
    state->shared->retries.count_call();
  const bool is_last = current_ + 1 == plan_.size();
  slots_[0].emplace(request_, routing::AttemptPlan{plan_[current_], reason, waited, hedge_ != nullptr, is_last},
                    clock_);
  use(*slots_[0]);
}

void RoutedCompletion::use(routing::Attempt& attempt) {
  attempt_ = &attempt;
  route_ = attempt.candidate().route;
  model_ = attempt.candidate().model;
}

// What to hand out, if anything: the first piece of a stream often is a role and nothing else, and once it is out no
// other route can answer.
Result<std::optional<llm::Delta>> RoutedCompletion::take(llm::Delta delta) {
  if (hold_ && !handed_out_ && !attempt_->flowing()) {
    held_ += delta.wire;
    return std::nullopt;
  }
  if (!handed_out_ && !held_.empty()) {
    held_ += delta.wire;
    delta.wire = held_;
  }
  if (continuation_) {
    FAIRLEAD_TRY(delta.wire, continuation_->rewrite(delta.wire));
    if (delta.end) {
      FAIRLEAD_TRY(const std::string closing, continuation_->closing_event());
      last_piece_ = delta.wire;
      last_piece_ += closing;
      delta.wire = last_piece_;
    }
  }
  if (remember_) said_ += delta.wire;
  handed_out_ = handed_out_ || !delta.wire.empty();
  if (delta.end) {
    end_attempt(nullptr);
    ended_ = true;
  }
  return delta;
}

void RoutedCompletion::stop() {
  if (ended_ || !attempt_) return;
  stopped_ = true;
  end_attempt(nullptr);
  ended_ = true;
}

RoutedCompletion::Step RoutedCompletion::step_after(const Error& error) {
  held_.clear();
  const Fault fault = routing::fault_of(error);
  const SteadyTime now = clock_.steady();
  if (fault == Fault::kFinal || request_.is_shadow || handed_out_ || now >= request_.deadline) return {};
  const bool others = current_ + 1 < plan_.size();
  // Who is told to wait, or has waited, or found nobody, had better ask somebody else.
  const bool patient = fault == Fault::kDown || fault == Fault::kRateLimited || fault == Fault::kTimeout;
  const bool again = fault == Fault::kTransient || (patient && !others);
  if (again && repetitions_ < model_->routing.retries) {
    if (const routing::ModelState* const state = routing::state_of(*model_)) {
      const Millis wait = routing::backoff(repetitions_ + 1, error.retry_after_ms, state->shared->random);
      if (wait <= kLongestWait && now + wait < request_.deadline && state->shared->retries.withdraw(now))
        return {Step::What::kSameRoute, wait};
    }
  }
  return {others ? Step::What::kNextRoute : Step::What::kStop};
}

// That one route cannot take the request is no answer when another one was tried.
Error RoutedCompletion::final_error(Error last) {
  return last.kind == ErrorKind::kUnsupported && refusal_ ? *std::move(refusal_) : std::move(last);
}

void RoutedCompletion::close(routing::Attempt& attempt, const Error* error) {
  const bool ended = error == nullptr && !stopped_;
  const bool left = error == nullptr || error->kind == ErrorKind::kCancelled || error->kind == ErrorKind::kTimeout;
  const llm::Usage usage = attempt.usage(ended, left);
  attempts_.push_back(attempt.finish(error));
  add(usage_, usage);
  usage_.reported = usage.reported;
  estimated_ = estimated_ || (!usage.reported && (usage.input > 0 || usage.output > 0));
  cost_ += llm::cost_of(usage, attempt.candidate().route->prices);
}

void RoutedCompletion::end_attempt(const Error* error) {
  close(*attempt_, error);
  if (error == nullptr) return;  // its last delta may view what it holds
  if (error->kind != ErrorKind::kUnsupported) refusal_ = *error;
  last_outcome_ = attempt_->outcome();
  attempt_ = nullptr;
  slots_[0].reset();
  slots_[1].reset();
}

void RoutedCompletion::describe(telemetry::CallRecord& record) const {
  record.model = model_->name;
  record.model_version = model_->version;
  record.attempts = attempts_;
  record.cost_usd = llm::usd(cost_);
  record.usage = usage_;
  record.usage.reported = usage_.reported && !estimated_;
  if (route_ == nullptr) return;
  const llm::Outcome& last = outcome();
  record.provider = route_->provider->name();
  record.upstream_model = last.upstream_model.empty() ? route_->upstream_model : last.upstream_model;
  record.finish_reason = last.finish_reason;
  record.upstream_id = last.upstream_id;
}

}  // namespace fairlead::gateway::internal
