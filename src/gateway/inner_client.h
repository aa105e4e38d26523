// Calls that are made from within: llm::Client over the snapshot in force.
#pragma once
#include <memory>
#include <string>

#include "base/clock.h"
#include "gateway/cache/cache.h"
#include "gateway/snapshot.h"
#include "llm/client.h"
#include "telemetry/recorder.h"

namespace fairlead::gateway {

// What such a call goes through besides its model. All of it outlives the call.
struct InnerWay {
  std::shared_ptr<const Snapshot> snapshot;
  telemetry::Recorder& recorder;
  cache::Cache* cache;  // null: none is asked
  const Clock& clock;
};

// llm::Client::ask() of one snapshot.
async::Task<std::expected<llm::ClientAnswer, llm::ClientError>> ask_within(InnerWay way, llm::ClientCall call,
                                                                           async::Loop& loop,
                                                                           async::Cancellation& cancellation);

// Thread-safe; what it is given outlives it.
class InnerClient final : public llm::Client {
 public:
  InnerClient(const SnapshotHolder& snapshots, telemetry::Recorder& recorder, cache::Cache& cache, const Clock& clock)
      : snapshots_(snapshots), recorder_(recorder), cache_(cache), clock_(clock) {}
  async::Task<std::expected<llm::ClientAnswer, llm::ClientError>> ask(llm::ClientCall call, async::Loop& loop,
                                                                      async::Cancellation& cancellation) override;

 private:
  const SnapshotHolder& snapshots_;
  telemetry::Recorder& recorder_;
  cache::Cache& cache_;
  const Clock& clock_;
};

}  // namespace fairlead::gateway
