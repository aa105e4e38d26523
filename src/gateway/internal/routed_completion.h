// A model's answer, from whichever of its routes gives it.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "llm/provider.h"
#include "telemetry/record.h"

namespace fairlead::gateway::internal {

// What it views outlives the answer. A route whose provider speaks `format` gets `native`, if that is not empty;
// another gets `chat`.
struct RoutedRequest {
  const llm::ChatRequest& chat;
  const llm::Model& model;
  std::string_view call_id, idempotency_key;
  async::Loop& loop;
  async::Cancellation& cancellation;
  SteadyTime deadline;
  llm::Format format = llm::Format::kChat;
  std::span<const llm::Member> native{};
  const Error* no_chat = nullptr;  // if set, why `chat` has only `model` and `stream` and can be sent to nobody
};

// Tries the routes in their order until one has begun to answer; from then on an error is that route's and the
// answer's. Loop-affine; destroying it cancels the upstream call.
class RoutedCompletion final : public llm::Completion {
 public:
  RoutedCompletion(RoutedRequest request, const Clock& clock) : request_(request), clock_(clock) {}

  // Of a call that is not streamed, the one delta that says `end` has the whole answer. Errors besides the provider's:
  // request.no_chat, if there is no route that can take the request.
  async::Task<Result<llm::Delta>> next() override;
  const llm::Outcome& outcome() const override;  // of the route that answers, or was tried last

  // The route that answers, or was tried last. Null before the first next(), and if no route can take the request.
  const llm::Route* route() const { return route_; }
  // The format of what next() gives: request.format or kChat. Fixed once a byte of the answer has been given.
  llm::Format format() const { return format_; }
  // Ends an answer that nobody waits for any longer; does nothing to one that has ended.
  void stop();

  // One a try, in order. When the answer has ended, failed, or been stopped.
  const std::vector<telemetry::Attempt>& attempts() const { return attempts_; }
  // Of all tries: a route that failed in the middle has cost something too.
  double cost_usd() const { return cost_usd_; }

 private:
  async::Task<Result<llm::Delta>> next_of_route();
  async::Task<Result<void>> begin_route();
  bool takes(const llm::Route& route) const;
  void end_attempt(const Error* error);
  bool may_try_another(const Error& error) const;

  const RoutedRequest request_;
  const Clock& clock_;
  std::size_t next_route_ = 0;
  const llm::Route* route_ = nullptr;
  llm::Format format_ = llm::Format::kChat;
  std::unique_ptr<llm::Completion> completion_;  // of the route in use
  llm::Outcome last_outcome_;                    // of one that has ended
  SteadyTime attempt_began_{};
  std::string whole_;        // of an answer that is not streamed and came in pieces
  bool handed_out_ = false;  // a byte of the answer has
  bool ended_ = false;
  std::vector<telemetry::Attempt> attempts_;
  double cost_usd_ = 0;
};

}  // namespace fairlead::gateway::internal
