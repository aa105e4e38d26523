// Carries runs on, on this node: takes up what is due, keeps what it has, takes over what a dead node had.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "platform/async/cancellation.h"
#include "platform/async/runtime.h"
#include "platform/journal/definition.h"
#include "platform/journal/listeners.h"
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
  Micros retention{0};         // how long a run is kept after its end, with its history; 0: for ever
  // Of an input, an output and a signal's data, in bytes of JSON.
  std::size_t largest_value = 16 * 1024 * 1024;
  Millis sweep{60'000};  // how often what is over that is looked for
  PointHook hook{};
  Telling telling{};
};

struct Started {
  Run run;
  bool existed = false;  // the key has been used for the same before
};

// What is asked for of a project's runs; what is empty asks for nothing.
struct RunFilter {
  std::string project;
  std::optional<RunState> state{};
  std::string kind{}, name{}, parent{}, before{};  // before: an id
  std::int64_t since = 0, until = 0;               // created then or later; before then
  std::int64_t most = 50;
  bool brief = false;  // without their input and output
};

struct RetryRequest {
  std::string project, run, by;
  std::string id{};           // the same one twice is one retry; empty: none
  std::int64_t deadline = 0;  // anew; 0: it stays
  bool dry_run = false;       // says what would be, and changes nothing
};
struct MoveRequest {
  std::string project, run, by;
  std::string digest, to;  // to: for people
  bool dry_run = false;
};
struct Moved {
  Run run;
  bool moving = false;  // a node has it: as soon as its attempts have ended; its history will say what came of it
};

// Runs that count against one limit.
struct Queue {
  std::string project, name;
  bool paused = false;           // none of its runs is taken up; those that a node has go on
  bool draining = false;         // none begins; those that have begun go on to their end
  std::int64_t concurrency = 0;  // so many of its runs are loaded at a time, over all nodes; 0: any number
  std::int64_t starts = 0;       // so many of its runs begin within any `period` (µs); 0: any number
  std::int64_t period = 0;
  std::string per{};  // these are of each "key", "user" or "chain"; empty: of all its runs
  std::int64_t running = 0, due = 0;
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

  // Durable when it returns. Errors: kConflict, code idempotency_conflict: the key was used for another input;
  // kTooLarge, code value_too_large.
  async::Task<Result<Started>> start(RunRequest request);
  // Durable when it returns; the same id twice is one. Errors: run_not_found; run_finished; kTooLarge, code
  // value_too_large.
  async::Task<Result<void>> signal(std::string project, Signal signal);
  // The same, in one transaction with `condition`, whose false means that nothing is sent, and the answer is false.
  // What it wrote is kept either way.
  using Condition = std::function<Result<bool>(store::Connection&)>;
  async::Task<Result<bool>> signal_if(std::string project, Signal signal, Condition condition);
  // Durable when it returns; it has an effect wherever the run is. Nothing for one that is finished. Error:
  // run_not_found.
  async::Task<Result<void>> cancel(std::string project, std::string run, std::string by);
  // The same, which nobody waits for. On that loop's thread; nothing once the engine stops.
  void cancel_soon(async::Loop& loop, std::string project, std::string run, std::string by);

  // A run that is there already but for its steps that `history` ends, which is of kCopied and the like; run, sequence
  // and time of its events are set here. Else as start().
  async::Task<Result<Started>> start_with(RunRequest request, std::vector<Event> history);
  // A run that failed or was cancelled goes on, with the children that its failed steps had started. One that goes on
  // since its last retry is given as it stands. Errors, kConflict: run_not_ended, run_succeeded, run_compensated,
  // run_has_parent, run_busy (a child has not ended yet), deadline_passed (without a new one). Durable when it returns.
  async::Task<Result<Run>> retry(RetryRequest request);
  // The run goes on with another digest. Errors: those of Definition::agrees; kConflict: run_succeeded,
  // run_compensated. Durable when it returns.
  async::Task<Result<Moved>> move(MoveRequest request);

  // By its id or the beginning of it. Errors: run_not_found; kInvalid ambiguous_id.
  async::Task<Result<Run>> find(std::string project, std::string run);
  // The latest first.
  async::Task<Result<std::vector<Run>>> list(RunFilter filter);
  // The events after that one; error: run_not_found.
  async::Task<Result<std::vector<Event>>> history(std::string project, std::string run, std::int64_t after,
                                                  std::int64_t most);
  // Gives `work` the run, by its id or the beginning of it, and all of its history, on a thread of the store: for what
  // takes long. Errors: as find(); those of `work`.
  using Reading = std::function<Result<void>(const Run&, std::span<const Event>)>;
  async::Task<Result<void>> read(std::string project, std::string run, Reading work);
  // Of the latest runs of that kind that succeeded, so many at the most, and so many spans. Blocks.
  Result<std::vector<StepSpan>> spans_blocking(std::string kind, std::int64_t runs, std::int64_t most);
  // Durable when it returns; it counts from the next claim on, on every node.
  async::Task<Result<void>> set_queue(Queue queue);
  // Those that have been set, by name.
  async::Task<Result<std::vector<Queue>>> queues(std::string project);
  // For whoever follows a run; what other nodes write is to be looked for now and then.
  Listeners& listeners();
  // The run once it has ended. Errors: run_not_found; kTimeout once `until` has come; kCancelled.
  async::Task<Result<Run>> wait_for_end(std::string project, std::string run, async::Loop& loop, SteadyTime until,
                                        async::Cancellation& cancellation);
  // What keeps runs from going on: the store is full or away.
  std::optional<Error> trouble() const;
  std::size_t loaded() const;

 private:
  class Node;
  std::unique_ptr<Node> node_;
};

}  // namespace fairlead::journal
