// Calls that are made again, of a challenger, beside nobody's waiting: docs/reference/models.md, `shadow`.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "gateway/routing/shadow_state.h"
#include "gateway/snapshot.h"
#include "gateway/surface.h"
#include "llm/output_rule.h"
#include "platform/async/runtime.h"
#include "platform/async/task_group.h"
#include "telemetry/recorder.h"

namespace fairlead::gateway::internal {

// All that is kept of a call for its shadow. Owns what it needs but for the surface and the shadow: the one outlives
// the server, the other lives as long as the snapshot.
struct ShadowCall {
  std::shared_ptr<const Snapshot> snapshot;
  const routing::Shadow* shadow = nullptr;
  const Target* challenger = nullptr;
  std::string label;  // that it was found by
  const Surface* surface = nullptr;
  telemetry::CallRecord like;  // id, project, key_id, operation, session, user and tags of the call
  std::string key_name, variables;
  bool has_idempotency_key = false;
  std::string chat;    // JSON: as it was before a prompt's stages if the challenger is a prompt; empty if there is none
  std::string native;  // JSON of the request as it came, where it may be passed on
  std::vector<std::string> not_to;  // providers that it may not go to
  std::size_t admitted_bytes = 0;
  std::shared_ptr<const llm::OutputRule> output;  // what the answer is checked for, if the challenger is a model
};

// Runs shadows, each as a task of the loop that its call ran on. A shadow has no shadow. Thread-safe where nothing else
// is said.
class Shadows {
 public:
  Shadows(async::Runtime& runtime, telemetry::Recorder& recorder, const Clock& clock);
  ~Shadows();  // end() has been called if any was started
  Shadows(const Shadows&) = delete;
  Shadows& operator=(const Shadows&) = delete;

  // On `loop`. Whether a shadow of so many bytes may start now, so that nothing is copied for one that may not; if not,
  // that is counted. One that may must be started.
  bool admit(async::Loop& loop, const routing::Shadow& shadow, std::size_t bytes);
  // On `loop`. Takes what admit() has let in.
  void start(async::Loop& loop, std::unique_ptr<ShadowCall> call);

  // Cancels what is in flight, lets nothing in any more, and returns when all are recorded. From outside the loops,
  // which must be running.
  void end();

 private:
  class Run;
  struct Lane {  // of one loop, which alone touches it
    explicit Lane(async::Loop& of) : loop(of), tasks(of.executor()) {}
    async::Loop& loop;
    async::TaskGroup tasks;
    std::vector<async::Cancellation*> running;
    bool ended = false;
  };
  Lane& lane_of(const async::Loop& loop) { return *lanes_[static_cast<std::size_t>(loop.index())]; }
  async::Task<void> run(Lane& lane, std::unique_ptr<ShadowCall> call);
  static async::Task<void> end_lane(Lane& lane);

  telemetry::Recorder& recorder_;
  const Clock& clock_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::atomic<std::size_t> bytes_{0};
};

}  // namespace fairlead::gateway::internal
