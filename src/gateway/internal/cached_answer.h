// A call's answer where the cache is asked for it: docs/reference/cache.md.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/cache/cache.h"
#include "gateway/internal/answer.h"
#include "gateway/internal/routed_completion.h"
#include "gateway/snapshot.h"
#include "llm/call.h"
#include "platform/async/task_group.h"

namespace fairlead::gateway::internal {

// From the cache; from an equal call in flight; or from a route, in a task of its own, so that others get it too
// whoever leaves and however slowly this one's client reads. Loop-affine.
class CachedAnswer final : public Answer {
 public:
  // Null if the call's policy is not to ask the cache. What `request` views, and the cache, outlive the answer.
  // `surface`: the format of the endpoint.
  static std::unique_ptr<CachedAnswer> create(cache::Cache& cache, const Target& target, const llm::Call& call,
                                              const RoutedRequest& request, llm::Format surface);
  CachedAnswer(cache::Cache& cache, cache::Asked asked, const RoutedRequest& request, cache::AnswerShape shape,
               std::shared_ptr<const llm::Model> embedding, std::string question,
               std::shared_ptr<const llm::OutputRule> output);

  async::Task<Result<llm::Delta>> next() override;
  const llm::Outcome& outcome() const override;
  llm::Format format() const override;
  std::string_view provider() const override;
  bool asked_upstream() const override { return routed_ && routed_->route() != nullptr; }
  void stop() override;
  bool wants_finishing() const override { return true; }
  async::Task<void> finish() override;
  void describe(telemetry::CallRecord& record) override;
  std::string cache_header() const override;

 private:
  async::Task<void> look_up();
  async::Task<void> embed();
  bool take(cache::Found found);
  void lead(std::shared_ptr<cache::Flight> flight);
  async::Task<void> fly(std::shared_ptr<cache::Flight> flight);
  cache::KeptAnswer what_came() const;
  bool is_kept(const cache::KeptAnswer& answer) const;
  async::Task<Result<std::optional<llm::Delta>>> read();
  Result<llm::Delta> deliver(const cache::KeptAnswer& answer);
  cache::AnswerShape shape_in(llm::Format format) const;
  const cache::KeptAnswer& source() const;  // once something has come, and not from a route of its own
  std::string_view word() const;            // of the record

  cache::Cache& cache_;
  cache::Asked asked_;
  const RoutedRequest request_;
  const cache::AnswerShape shape_;
  const std::shared_ptr<const llm::Model> embedding_;  // for `question_`; null: none is needed
  const std::string question_;
  const std::shared_ptr<const llm::OutputRule> output_;  // what does not fit it is not kept; null: it may be anything
  std::vector<telemetry::Attempt> embedding_attempts_;
  llm::NanoUsd embedding_cost_ = 0;
  bool looked_up_ = false, ended_ = false;
  std::shared_ptr<const cache::KeptAnswer> kept_;  // a hit
  float similarity_ = 0;                           // of one by other words
  std::optional<cache::Flight::Reader> reader_;
  std::optional<llm::ChatRequest> chat_;    // as the flight's upstream is asked
  std::optional<RoutedCompletion> routed_;  // for itself and for those who read its flight
  bool leads_ = false;
  async::TaskGroup flying_;
  llm::Outcome outcome_;  // of what is read
  std::string written_;   // a piece that is not as it came
};

}  // namespace fairlead::gateway::internal
