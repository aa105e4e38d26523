// Carries runs on, on this node: takes up what is due, keeps what it has, takes over what a dead node had.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "platform/async/runtime.h"
#include "platform/journal/definition.h"
#include "platform/journal/points.h"
#include "platform/journal/run.h"
#include "platform/store/database.h"

namespace fairlead::journal {

struct EngineOptions {
  std::string name;            // of the node, kept over restarts and used by one process at a time (a data folder's id)
  std::size_t loaded = 2'000;  // runs that it has at a time, at most
  Millis beat{2'000};          // how often a node says that it lives
  Millis lease{6'000};         // after which silence the others take over what it had
  Millis poll{250};            // how often it looks for what others have put there
  Millis linger{1'000};        // how long a run stays loaded once all its branches wait
  PointHook hook{};
};

struct Started {
  Run run;
  bool existed = false;  // the key has been used for the same before
};

// Thread-safe; never blocks a loop. `database` (with the tables of schema.h), `loops` and the definitions outlive it;
// the loops run from before start() until after stop().
class Engine {
 public:
  // Which definition carries on runs of a kind; null: none here, such runs are left to other nodes.
  using Definitions = std::map<std::string, Definition*>;

  Engine(store::Database& database, async::Runtime& loops, const Clock& clock, Definitions definitions,
         EngineOptions options);
  ~Engine();  // as stop_blocking with no time
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Makes the node known and takes back what it had when it died. Blocks.
  Result<void> start_blocking();
  // No attempt begins any more; those that run have so long to end; then all runs are given back. Blocks.
  void stop_blocking(Millis patience);

  // Durable when it returns. Errors: kConflict, code idempotency_conflict: the key was used for another input.
  async::Task<Result<Started>> start(RunRequest request);
  // Durable when it returns; the same id twice is one. Errors: run_not_found; run_finished.
  async::Task<Result<void>> signal(std::string project, Signal signal);
  // Durable when it returns; it has an effect wherever the run is. Nothing for one that is finished. Error:
  // run_not_found.
  async::Task<Result<void>> cancel(std::string project, std::string run, std::string by);

  async::Task<Result<Run>> find(std::string project, std::string run);  // error: run_not_found
  async::Task<Result<std::vector<Event>>> history(std::string project, std::string run, std::int64_t after,
                                                  std::int64_t most);
  // What keeps runs from going on: the store is full or away.
  std::optional<Error> trouble() const;
  std::size_t loaded() const;

 private:
  class Node;
  std::unique_ptr<Node> node_;
};

}  // namespace fairlead::journal
