// A session summed up by a prompt of its project: a call of its own, behind everybody's back.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "gateway/snapshot.h"
#include "platform/async/cancellation.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"
#include "telemetry/recorder.h"

namespace fairlead::gateway::sessions {

struct Summary {
  std::shared_ptr<const Snapshot> snapshot;
  telemetry::Recorder& recorder;
  const Clock& clock;
  async::Loop& loop;
  async::Cancellation& cancellation;
  std::string project, session, prompt;
  std::string key_id, key_name, user;  // whose calls it sums up
};

// What the prompt makes of the conversation; nothing if it could not. It falls under the project's budgets, and is
// recorded with the tag `session-summary`. On the thread of `loop`.
async::Task<std::optional<std::string>> ask(Summary summary, std::string conversation);

}  // namespace fairlead::gateway::sessions
