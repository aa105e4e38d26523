// One try of one route.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "gateway/internal/routed_request.h"
#include "gateway/routing/heard.h"
#include "gateway/routing/instructed.h"
#include "gateway/routing/plan.h"
#include "gateway/routing/retries.h"
#include "gateway/routing/timer.h"
#include "llm/provider.h"
#include "llm/tokens/count.h"
#include "telemetry/record.h"

namespace fairlead::gateway::routing {

// Why there was this try; telemetry::Attempt::reason.
enum class Reason : std::uint8_t { kFirst, kRetry, kFallback, kHedge, kContinuation };
std::string_view to_string(Reason reason);

struct AttemptPlan {
  Candidate candidate;
  Reason reason = Reason::kFirst;
  Millis waited{0};               // before it
  bool may_be_cancelled = false;  // by cancel()
  bool may_wait = false;          // for a place at the upstream; else it goes elsewhere when there is none at once
};

// What an attempt ends with when another one beside it was faster.
inline constexpr std::string_view kHedgeLost = "hedge_lost";

// From sending the request to the end of the answer; tells the route's state how it went. Loop-affine; destroying it
// cancels the upstream call. The request outlives it.
class Attempt {
 public:
  Attempt(const internal::RoutedRequest& request, AttemptPlan plan, const Clock& clock);
  ~Attempt();
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  // The next piece; of an answer that is not streamed, the whole. Errors as llm::Completion, and first_token_timeout,
  // between_tokens_timeout, try_timeout, call_timeout.
  async::Task<Result<llm::Delta>> next();

  const Candidate& candidate() const { return plan_.candidate; }
  const llm::Outcome& outcome() const;
  llm::Format format() const { return format_; }
  // What it has used. As the upstream says; what it does not say of an answer that came, or of as much of one as came
  // before it broke off or nobody waited for it any longer, is counted here, and then it is not `reported`. `ended`:
  // the answer came to its end. Before finish().
  // `left`: nobody waited for it any longer, and an upstream that has the request may bill its input.
  llm::Usage usage(bool ended, bool left);
  // Content has come, or more than the first piece, which may hold nothing but a role.
  bool flowing() const { return flowing_; }

  // Ends it although the call goes on: next() gives cancelled. Only if the plan said that it may be.
  void cancel() { bounds_->token.request(); }

  // Once: ends it, for this reason or for none, tells the route's state and gives what is recorded of it. What next()
  // handed out last stays valid until the attempt is destroyed, unless there is an error.
  telemetry::Attempt finish(const Error* error);

 private:
  enum class Limit : std::uint8_t { kNone, kFirstToken, kBetweenTokens, kWhole };
  // The bounds of this try alone: they end it and leave the call as it is.
  struct Bounds {
    Bounds(Attempt& attempt, const internal::RoutedRequest& request);
    void arm(Limit limit, Millis in);
    async::Cancellation token;
    async::Cancellation::Registration on_call_cancelled;
    Timer timer;
    SteadyTime whole_until = SteadyTime::max();
    Limit armed = Limit::kNone, passed = Limit::kNone;
  };
  async::Task<Result<void>> enter();
  async::Task<Result<std::unique_ptr<llm::Completion>>> send();
  async::Task<Result<std::unique_ptr<llm::Completion>>> count(llm::CallContext context);
  const llm::ChatRequest& chat() const { return instructed_ ? instructed_->chat : request_.chat; }
  // The request as this route gets it.
  llm::CountedRequest counted() const;
  void arm_for_next();
  void note(const llm::Delta& delta);
  Error explained(Error error) const;
  void tell_state(const Error* error);
  void observe_latency(SteadyTime now);

  const internal::RoutedRequest& request_;
  const AttemptPlan plan_;
  const Clock& clock_;
  std::unique_ptr<const InstructedChat> instructed_;  // the chat as the route gets it; null: as it is
  SteadyTime began_;
  std::optional<Bounds> bounds_;  // before the completion, which registers with its token
  std::unique_ptr<llm::Completion> completion_;
  std::optional<Limiter::Place> place_;
  Micros latency_{0};
  llm::Outcome last_outcome_;  // of a completion that is gone
  std::string whole_;          // of an answer that is not streamed and came in pieces
  std::string_view body_;      // of one that is not streamed: all of it
  Heard heard_;                // of one that is
  llm::Format format_ = llm::Format::kChat;
  Breaker::Entry entry_ = Breaker::Entry::kNormal;
  bool any_delta_ = false, flowing_ = false;
  bool sent_ = false, told_success_ = false, finished_ = false;
};

}  // namespace fairlead::gateway::routing
