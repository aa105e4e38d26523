// POST /v1/chat/completions (https://platform.openai.com/docs/api-reference/chat).
#pragma once
#include <memory>

#include "base/clock.h"
#include "gateway/snapshot.h"
#include "platform/async/task.h"
#include "platform/http/server.h"
#include "telemetry/recorder.h"

namespace fairlead::gateway {

// Carries calls from the head of the request to the record. Holds no state of a call; one serves all loops. What it is
// made of must outlive the server.
class ChatCompletions {
 public:
  ChatCompletions(const SnapshotHolder& snapshots, telemetry::Recorder& recorder, const Clock& clock)
      : snapshots_(snapshots), recorder_(recorder), clock_(clock) {}
  async::Task<void> handle(http::Exchange& exchange) const;

 private:
  const SnapshotHolder& snapshots_;
  telemetry::Recorder& recorder_;
  const Clock& clock_;
};

}  // namespace fairlead::gateway
