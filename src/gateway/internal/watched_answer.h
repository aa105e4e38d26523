// An answer that is looked at on its way: docs/reference/policies.md, `direction`.
#pragma once
#include <memory>

#include "gateway/internal/answer.h"
#include "llm/privacy.h"

namespace fairlead::gateway::internal {

// Over the call's first answer. Loop-affine; what it is given outlives it.
class WatchedAnswer final : public Answer {
 public:
  WatchedAnswer(Answer& first, std::unique_ptr<llm::AnswerRewriter> watcher)
      : first_(first), watcher_(std::move(watcher)) {}

  async::Task<Result<llm::Delta>> next() override;
  const llm::Outcome& outcome() const override { return first_.outcome(); }
  llm::Format format() const override { return first_.format(); }
  std::string_view provider() const override { return first_.provider(); }
  bool asked_upstream() const override { return first_.asked_upstream(); }
  void stop() override { first_.stop(); }
  bool wants_finishing() const override { return first_.wants_finishing(); }
  async::Task<void> finish() override { return first_.finish(); }
  void describe(telemetry::CallRecord& record) const override { first_.describe(record); }
  std::string cache_header() const override { return first_.cache_header(); }

 private:
  Answer& first_;
  const std::unique_ptr<llm::AnswerRewriter> watcher_;
};

}  // namespace fairlead::gateway::internal
