// What sessions are remembered by, for prompts that ask for it: docs/reference/memory.md. Each loop owns a part of the
// sessions; what asks for one goes to its owner's thread and back, so that nothing is locked.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "gateway/sessions/session.h"
#include "gateway/sessions/store.h"
#include "gateway/snapshot.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"
#include "telemetry/recorder.h"

namespace fairlead::gateway::sessions {

// On whose behalf a session is summed up.
struct Caller {
  std::string key_id, key_name, user;
};

// Thread-safe where nothing else is said. Made before the loops start, destroyed after they have stopped. What it is
// made of outlives it.
class Sessions {
 public:
  Sessions(const SnapshotHolder& snapshots, telemetry::Recorder& recorder, fairlead::store::Database& database,
           const Clock& clock, std::size_t capacity_bytes = std::size_t{64} << 20);
  ~Sessions();  // end() has been called if anything was remembered
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  // The messages of a session, JSON objects divided by commas; from memory, or else from the store. Where nodes share
  // that, from the store unless this node is still at it, or the store does not answer. It stays in memory until
  // remember() or leave(). From a loop's thread, `here`. Errors: the store's.
  async::Task<Result<std::string>> recall(async::Loop& here, Key key);
  // A turn more. A recall() that begins when this has returned sees it. It is stored, and the session summed up, behind
  // the caller.
  void remember(async::Loop& here, Key key, Turn turn, llm::MemoryPolicy policy, Caller by);
  void leave(async::Loop& here, Key key);  // nothing is remembered

  // Of all prompts; what is remembered later begins anew. How many of the store's there were. From a loop's thread.
  async::Task<Result<std::int64_t>> forget(std::string project, std::string session);
  Store& store() { return store_; }
  const Clock& clock() const { return clock_; }

  // Stores what has to be, cancels what is summed up, and remembers nothing more. From outside the loops, which must be
  // running.
  void end();

 private:
  struct Live;
  struct Lane;
  Lane& lane_of(const std::string& project, const std::string& session) const;
  template <class Work>
  async::Task<std::invoke_result_t<Work&>> on(Lane& lane, async::Loop& here, Work work);
  bool is_stale(const Live& live) const;
  std::string pin(Lane& lane, Live& live) const;
  void touched(Lane& lane, Live& live) const;
  void write(Lane& lane, Live& live);
  async::Task<void> keep(Lane& lane, Key key, std::uint64_t generation);
  async::Task<void> sum_up(Lane& lane, Key key, std::uint64_t generation, Session::ToSum what, llm::MemoryPolicy policy,
                           Caller by);
  static async::Task<void> end_lane(Lane& lane);

  const SnapshotHolder& snapshots_;
  telemetry::Recorder& recorder_;
  const Clock& clock_;
  Store store_;
  const bool is_shared_;
  const std::size_t capacity_of_lane_;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace fairlead::gateway::sessions
