// Responses that are made behind their request, a durable run each (docs/reference/responses.md, "In the background").
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "access/keys.h"
#include "base/clock.h"
#include "gateway/cache/cache.h"
#include "gateway/response_store.h"
#include "gateway/snapshot.h"
#include "gateway/surfaces/responses.h"
#include "llm/call.h"
#include "llm/client.h"
#include "platform/http/server.h"
#include "platform/journal/definition.h"
#include "platform/journal/engine.h"
#include "platform/journal/execution.h"
#include "telemetry/recorder.h"

namespace fairlead::gateway {

// The definition of all runs of kind "response". Thread-safe. What it is made of outlives the runs.
class Background final : public journal::Definition {
 public:
  static constexpr const char* kKind = "response";
  // The request of a run of that chain ("chain:digest@3") for a call. Errors: as of the call.
  using ChainRun = std::function<Result<journal::RunRequest>(const std::string& reference, const llm::Call& call)>;

  Background(const SnapshotHolder& snapshots, telemetry::Recorder& recorder, cache::Cache& cache, ResponseStore& store,
             const Clock& clock);
  // Before the first call; without it nothing is made in the background. `engine` outlives the calls.
  void set_runs(journal::Engine& engine, ChainRun chain_run);

  // A call that has been resolved and found right: starts its run, and answers with how it stands, or streams it.
  async::Task<Result<void>> begin(http::Exchange& exchange, const SurfaceCall& call, const Target& target);

  // Whether the response is one that is still being made.
  static bool is_open(const StoredResponse& response);
  // As it stands now: a JSON object.
  async::Task<Result<std::string>> standing(StoredResponse response) const;
  // Its events behind that number, as they come, until it has ended. Error, before anything is sent: kUnsupported if it
  // was not made in the background.
  async::Task<Result<void>> stream(http::Exchange& exchange, StoredResponse response, std::int64_t after) const;
  // Ends it, if it has not ended, and gives what it has come to. Error: kInvalid if it was not made in the background.
  async::Task<Result<std::string>> cancel(StoredResponse response, std::string by, async::Loop& loop,
                                          async::Cancellation& cancellation);
  // The run that makes it, if there is one, is asked to stop.
  async::Task<void> leave(const StoredResponse& response, std::string by);

  async::Task<journal::Outcome> advance(journal::Execution& execution) override;

  // Which response a run has made that has ended, and its status: completed, incomplete, failed, cancelled.
  struct Ended {
    std::string id;
    std::string_view status;
  };
  static Ended end_of(const journal::Run& run);

 private:
  struct Rebuilt;
  struct Told;
  Result<std::unique_ptr<Rebuilt>> rebuild(const journal::Run& run) const;
  async::Task<Result<void>> make_chat(Rebuilt& call) const;
  async::Task<journal::StepResult> make(journal::Execution& execution, Rebuilt& call);
  async::Task<std::expected<journal::Effect, journal::EffectFailed>> ask(std::shared_ptr<llm::ClientCall> call,
                                                                         journal::Attempt attempt, async::Loop& loop);
  async::Task<Result<journal::Outcome>> end(Rebuilt& call, journal::StepResult made);
  async::Task<Result<Told>> events(const StoredResponse& response) const;
  async::Task<Result<std::vector<std::string>>> progress(const std::string& project, const std::string& run) const;

  const SnapshotHolder& snapshots_;
  telemetry::Recorder& recorder_;
  cache::Cache& cache_;
  ResponseStore& store_;
  const Clock& clock_;
  const ResponsesSurface surface_;
  journal::Engine* engine_ = nullptr;
  ChainRun chain_run_;
};

}  // namespace fairlead::gateway
