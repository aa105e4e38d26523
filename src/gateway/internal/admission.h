// One call's budgets: what it sets aside before it goes out, and what it has used.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "budgets/hold.h"
#include "gateway/internal/routed_request.h"
#include "gateway/routing/plan.h"
#include "llm/call.h"
#include "platform/http/server.h"
#include "telemetry/record.h"

namespace fairlead::gateway::internal {

// Of a call that no budget covers it does nothing and costs nothing. Loop-affine.
class Admission {
 public:
  explicit Admission(const Clock& clock) : clock_(clock) {}

  // A request and a place, before anything is looked up or sent. `book` may be null, and else outlives this. Errors:
  // those of budgets::Hold::enter().
  Result<void> enter(const budgets::Book* book, const llm::Call& call, std::string_view key_name,
                     budgets::Hold::Part part = budgets::Hold::Part::kAll);

  // Sets aside what one try of the dearest of these routes may use. Errors: those of budgets::Hold; kInvalid with
  // price_unknown, max_tokens_required.
  Result<void> begin(const RoutedRequest& request, std::span<const routing::Candidate> plan);
  // Where nodes share their budgets, and a hard one is among those of this call, enter() is followed by ask(), and in
  // place of begin() and allows() are those that ask too. Errors: kUnavailable budgets_unavailable as well.
  bool asks() const { return hold_ && hold_->asks(); }
  async::Task<Result<void>> ask();
  async::Task<Result<void>> begin_asking(const RoutedRequest& request, std::span<const routing::Candidate> plan);
  async::Task<bool> allows_asking(const RoutedRequest& request, const routing::Candidate& next,
                                  const routing::Candidate* beside, llm::Usage usage, llm::NanoUsd cost);

  // What the call has used beside the tries of its routes (an embedding of its question), and is settled with them.
  void add_used(const llm::Usage& usage, llm::NanoUsd cost);
  // Whether another try may be made, of `next`, beside one of `beside` if that is still in flight, after tries that
  // used `usage` and cost `cost`.
  bool allows(const RoutedRequest& request, const routing::Candidate& next, const routing::Candidate* beside,
              const llm::Usage& usage, llm::NanoUsd cost);

  // Once, before the client sees the end of the answer: the record says what was used. Later calls do nothing.
  void settle(const telemetry::CallRecord& record);

  bool refused() const { return refused_; }  // by a budget
  void add_headers(http::Exchange& exchange) const;
  std::vector<std::string> names() const { return hold_ ? hold_->names() : std::vector<std::string>(); }

 private:
  Result<budgets::Amounts> worst_of(const RoutedRequest& request, const routing::Candidate& candidate,
                                    bool count_closely) const;
  Result<budgets::Amounts> worst_of(const RoutedRequest& request, std::span<const routing::Candidate> plan,
                                    bool count_closely) const;
  // What the call needs with another try; an error of worst_of().
  Result<budgets::Amounts> needed_with(const RoutedRequest& request, const routing::Candidate& next,
                                       const routing::Candidate* beside, const llm::Usage& usage, llm::NanoUsd cost,
                                       bool count_closely) const;

  void refuse();

  const Clock& clock_;
  std::optional<budgets::Hold> hold_;
  budgets::Amounts beside_{};  // add_used()
  bool refused_ = false, settled_ = false;
};

// What an answer may have in output tokens by the request's own word, over all of its choices; nothing: it does not
// say. `factor` is by how much a route's own bound has to be multiplied then.
struct OutputBound {
  std::optional<std::int64_t> tokens;
  std::int64_t factor = 1;
};
OutputBound output_bound(llm::Format format, std::span<const llm::Member> members);

}  // namespace fairlead::gateway::internal
