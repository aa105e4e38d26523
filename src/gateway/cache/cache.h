// The answer cache of the process: docs/reference/cache.md. Each loop owns a part of the keys, answers and calls in
// flight alike; what asks for a key goes to its owner's thread and back, so that nothing is locked.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "gateway/cache/flight.h"
#include "gateway/cache/key.h"
#include "gateway/cache/shard.h"
#include "gateway/cache/shared_answers.h"
#include "llm/cache.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"

namespace fairlead::gateway::cache {

// What a call asks the cache for.
struct Asked {
  Sha256 key;
  Owner owner;
  llm::CacheMode mode = llm::CacheMode::kOn;
  std::chrono::milliseconds ttl{};
  bool streamed = false;  // what the call's own upstream call would bring
  // Answers to other words are as good, from this cosine on.
  std::optional<Meaning> meaning{};
  float threshold = 1;
  std::string stamp{};  // of an earlier look-up: what other nodes share has been asked for already
};

// What it gets. Neither answer nor flight: the call goes its own way, and nothing is kept.
struct Found {
  std::shared_ptr<const KeptAnswer> answer;
  float similarity = 0;            // of the question that it answers; 0: it is the same
  std::shared_ptr<Flight> flight;  // joined
  bool leads = false;              // the flight is this call's to fly
  std::string stamp{};             // for settle(), and for another look-up of the same call
};

// Thread-safe where nothing else is said. Made before the loops start, destroyed after they have stopped.
class Cache {
 public:
  // `capacity_bytes`: over all loops; 0: nothing is kept, nor looked for.
  Cache(async::Runtime& runtime, std::size_t capacity_bytes, const Clock& clock);
  ~Cache();
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  // Once, before the loops start; `shared` outlives the cache's use.
  void share(SharedAnswers& shared) { shared_ = &shared; }

  bool enabled() const { return enabled_; }
  async::Runtime& runtime() const { return runtime_; }
  const Clock& clock() const { return clock_; }

  // From a loop's thread, `here`.
  async::Task<Found> look_up(async::Loop& here, Asked asked);
  // From the thread of a loop, when a flight that its call leads has ended: the answer is kept, if there is one; nobody
  // joins the flight from then on. Not if it was cleared meanwhile.
  void settle(async::Loop& here, const Asked& asked, std::shared_ptr<Flight> flight,
              std::shared_ptr<const KeptAnswer> answer);

  struct Held {
    Owner owner;
    std::size_t answers = 0, bytes = 0;
  };
  // What is held for a project. From a loop's thread.
  async::Task<std::vector<Held>> held(std::string project);
  struct Cleared {
    std::size_t here = 0;
    std::optional<std::size_t> shared{};  // in what nodes share, if they do
  };
  // How many answers; calls that begin from then on see none of them. From a loop's thread. Error: kUnavailable
  // cache_unavailable, and this node's are cleared all the same.
  async::Task<Result<Cleared>> clear(async::Loop& here, Selection selection);
  // Of this node alone.
  async::Task<std::size_t> clear_here(Selection selection);

  struct Totals {
    std::size_t capacity = 0, bytes = 0, answers = 0;
    std::uint64_t evictions = 0;
    std::uint64_t joined = 0;  // calls that found an equal one in flight and have waited for it, or still do
  };
  Totals totals() const;

 private:
  struct Part;  // of one loop
  Part& part_of(const Asked& asked) const;
  struct Looked {
    Found found;
    std::uint64_t clears = 0;  // of the part, by then
  };
  Looked look_up_in(Part& part, async::Loop& caller, const Asked& asked) const;
  void take_over(async::Loop& here, Part& part, const Asked& asked, const Looked& looked, SharedAnswers::Got got);

  async::Runtime& runtime_;
  const Clock& clock_;
  const bool enabled_;
  const std::size_t capacity_;
  SharedAnswers* shared_ = nullptr;  // null: this node is alone
  std::vector<std::unique_ptr<Part>> parts_;
};

}  // namespace fairlead::gateway::cache
