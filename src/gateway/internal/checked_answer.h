// An answer that is held back until it fits its schema: docs/reference/structured-output.md.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "gateway/internal/answer.h"
#include "gateway/internal/output_check.h"
#include "gateway/internal/routed_completion.h"

namespace fairlead::gateway::internal {

// Over the call's first answer, from wherever it comes; one that does not fit is asked for again over the model's
// routes. Its format is the chat. Loop-affine; what it is given outlives it.
class CheckedAnswer final : public Answer {
 public:
  // `whole`: the call's messages before any was left out to fit the model's window, for a repair is fitted anew.
  CheckedAnswer(Answer& first, const RoutedRequest& request, llm::Call& call, llm::ChatRequest whole,
                const Clock& clock);

  // All of it at once, with `end`; of a stream, now and then a comment before that. Error beside those of the answer:
  // kUpstream, schema_failed; kInvalid,
  // context_length_exceeded, if there is no room to ask again.
  async::Task<Result<llm::Delta>> next() override;
  const llm::Outcome& outcome() const override { return outcome_; }
  llm::Format format() const override { return current().format(); }
  std::string_view provider() const override { return current().provider(); }
  bool asked_upstream() const override { return first_.asked_upstream() || repair_ != nullptr; }
  void stop() override { current().stop(); }
  bool wants_finishing() const override { return current().wants_finishing(); }
  async::Task<void> finish() override { return current().finish(); }
  void describe(telemetry::CallRecord& record) const override;
  std::string cache_header() const override { return first_.cache_header(); }

 private:
  // A further try, and what it views.
  struct Repair {
    Repair(const RoutedRequest& like, llm::ChatRequest chat, int number, const Clock& clock);
    const std::string idempotency_key;
    const llm::ChatRequest chat;
    RoutedCompletion answer;
  };
  const Answer& current() const { return repair_ ? static_cast<const Answer&>(repair_->answer) : first_; }
  Answer& current() { return repair_ ? static_cast<Answer&>(repair_->answer) : first_; }
  async::Task<Result<void>> ask_again(Unfit unfit);
  Error failed(const Unfit& unfit) const;
  void add_tries(telemetry::CallRecord& record, bool first) const;

  Answer& first_;
  const RoutedRequest request_;
  llm::Call& call_;
  const llm::ChatRequest whole_;
  const llm::OutputRule& rule_;
  const Clock& clock_;
  SteadyTime last_sent_;
  std::unique_ptr<Repair> repair_;
  telemetry::CallRecord before_;    // what came of the tries before the current one
  bool is_counted_ = false;         // the current one, among them
  telemetry::CallRecord left_out_;  // of the last repair's messages
  int failures_ = 0;
  bool ended_ = false;
  std::string held_;
  llm::Outcome outcome_;
};

}  // namespace fairlead::gateway::internal
