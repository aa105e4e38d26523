// A model's answer, from whichever of its routes gives it.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "gateway/internal/answer.h"
#include "gateway/internal/routed_request.h"
#include "gateway/routing/attempt.h"
#include "gateway/routing/continuation.h"
#include "gateway/routing/plan.h"
#include "llm/provider.h"
#include "platform/async/task_group.h"
#include "platform/async/timer_wheel.h"
#include "telemetry/record.h"

namespace fairlead::gateway::internal {

// Tries the routes as the model's policy says until one has begun to answer; from then on an error is that route's and
// the answer's. Loop-affine; destroying it cancels the upstream call.
class RoutedCompletion final : public Answer {
 public:
  RoutedCompletion(RoutedRequest request, const Clock& clock) : request_(request), clock_(clock) {}

  // Of a call that is not streamed, the one delta that says `end` has the whole answer.
  async::Task<Result<llm::Delta>> next() override;
  const llm::Outcome& outcome() const override;  // of the route that answers, or was tried last

  // The route that answers, or was tried last, and the model that it is of. Null and the called model if none was.
  const llm::Route* route() const { return route_; }
  const llm::Model& model() const { return *model_; }
  llm::Format format() const override { return attempt_ ? attempt_->format() : llm::Format::kChat; }
  std::string_view provider() const override { return route_->provider->name(); }
  bool asked_upstream() const override { return route_ != nullptr; }
  void stop() override;
  void describe(telemetry::CallRecord& record) const override;
  // One a try, in order. When the answer has ended, failed, or been stopped.
  const std::vector<telemetry::Attempt>& attempts() const { return attempts_; }
  // Of all tries: a route that failed in the middle has cost something too.
  llm::NanoUsd cost() const { return cost_; }
  const llm::Usage& usage() const { return usage_; }

 private:
  struct Step;
  // A second attempt beside the first, from when the first takes long until one of them flows. It does not outlive a
  // call of next().
  struct Hedge {
    explicit Hedge(RoutedCompletion& routed);
    routing::Timer due;
    async::TaskGroup task;
    std::size_t candidate = 0;                // of the plan
    std::optional<Result<llm::Delta>> first;  // how it began to flow, or why it did not
    std::string held;                         // what came before that
    bool lost = false;
  };
  Result<void> begin();
  void begin_first();
  bool asks() const;  // its budgets are elsewhere, so that begin() and allowed() have not asked for them
  bool allowed(const RoutedRequest& request, std::size_t candidate) const;
  async::Task<bool> allowed_elsewhere(const RoutedRequest& request, std::size_t candidate) const;
  void plan_hedge();
  void launch_hedge();
  void start_hedge();
  async::Task<void> run_hedge();
  async::Task<void> ask_and_run_hedge();
  async::Task<Result<llm::Delta>> settle_hedge(Result<llm::Delta> first);
  void start(routing::Reason reason, Millis waited);
  void use(routing::Attempt& attempt);
  Result<std::optional<llm::Delta>> take(llm::Delta delta);
  // Of a stream that broke after some of it had gone out. False: it cannot be continued.
  bool prepare_continuation(const Error& error);
  void start_continuation();
  bool may_continue_by_another_way(const Error& error) const;
  Step step_after(const Error& error);
  void close(routing::Attempt& attempt, const Error* error);
  void end_attempt(const Error* error);
  Error final_error(Error last);

  const RoutedRequest request_;
  const Clock& clock_;
  routing::Plan plan_;
  std::size_t current_ = 0;  // of the plan
  int repetitions_ = 0;      // of the current route
  bool begun_ = false;
  std::optional<routing::Attempt> slots_[2];  // the second one is a hedge's
  routing::Attempt* attempt_ = nullptr;       // the one in use
  std::unique_ptr<Hedge> hedge_;
  const llm::Route* route_ = nullptr;
  const llm::Model* model_ = &request_.model;
  llm::Outcome last_outcome_;     // of an attempt that failed
  std::optional<Error> refusal_;  // a route that answered with an error, rather than one that cannot take the request
  std::string held_;              // the first piece, as long as another route may still answer instead
  bool hold_ = false;
  bool remember_ = false;  // what goes out, in case that another route has to go on with it
  std::string said_;
  std::optional<routing::Continuation> continuation_;
  std::optional<RoutedRequest> continued_;  // what its attempt is asked
  std::string last_piece_;                  // with a closing event
  bool estimated_ = false;                  // some of usage_
  bool handed_out_ = false;                 // a byte of the answer has
  bool ended_ = false;
  bool stopped_ = false;  // before its end
  std::vector<telemetry::Attempt> attempts_;
  llm::Usage usage_;  // of the attempts that have ended
  llm::NanoUsd cost_ = 0;
};

// Adds what another try has used; `reported` stays.
void add(llm::Usage& sum, const llm::Usage& one);

}  // namespace fairlead::gateway::internal
