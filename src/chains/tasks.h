// Work that chains put out for programs of their owners (docs/reference/tasks.md).
#pragma once
#include <atomic>
#include <boost/json/value.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "platform/async/cancellation.h"
#include "platform/async/runtime.h"
#include "platform/journal/engine.h"
#include "platform/journal/execution.h"
#include "platform/journal/retry.h"
#include "platform/store/database.h"

namespace fairlead::chains {

struct Task {
  std::string key;  // the step's idempotency key, by which the task is known
  std::string project, run, step, name;
  std::string input;          // JSON
  std::string output_schema;  // JSON; empty: anything goes
  std::string signal;         // that tells the run the end of this attempt
  std::int64_t priority = 0, posted_at = 0;
  std::int64_t attempt = 0;       // of the step, over all of its run: each puts the task out anew
  std::int64_t lease_us = 0;      // how long a worker has it between heartbeats
  std::int64_t leases = 0;        // how often it has been given out
  std::int64_t leased_until = 0;  // 0: it waits for a worker
  std::string worker{}, progress{};
};

// What is committed with a step's intent, and once nobody waits for the task any more.
store::Database::Work put_out(Task task);
store::Database::Work withdraw(std::string key);
// Who waits for tasks of a project listens to this name.
std::string task_listeners(const std::string& project);
// What the signal of a task's end carries: {"output"} or {"class", "code", "message"}.
std::expected<journal::Effect, journal::EffectFailed> read_task_end(const std::string& data);

// What may be kept of a value, as JSON, that a task's worker gave. Empty: all of it.
using KeepOfTask = std::function<async::Task<Result<std::string>>(const Task& task, std::string value)>;

// Thread-safe; never blocks a loop. What it is made of outlives it.
class Tasks {
 public:
  Tasks(store::Database& database, journal::Engine& engine, const Clock& clock)
      : database_(database), engine_(engine), clock_(clock) {}

  struct PollRequest {
    std::string project, worker;
    std::vector<std::string> names;
    SteadyTime until;
  };
  // The next task of these names, leased to the worker; nothing if none came by then, or the caller has gone.
  async::Task<Result<std::optional<Task>>> poll(PollRequest request, async::Loop& loop,
                                                async::Cancellation& cancellation);
  // The polls that wait end with nothing.
  void stop();

  // The name of a lease, which no other has of any attempt: "KEY.2.3", the second attempt given out for the third time.
  static std::string lease_name(const Task& task);
  struct Beat {
    Micros lease;                    // its length
    std::optional<Error> refused{};  // why what was said of the progress is not kept; the lease is, all the same
  };
  // Error of these: kConflict, code lease_lost.
  async::Task<Result<Beat>> heartbeat(std::string project, std::string lease, std::string progress,
                                      KeepOfTask keep = {});
  // Errors also: those of `keep`; kInvalid invalid_output; then the attempt has failed, as it has if the output may
  // never be kept.
  async::Task<Result<void>> complete(std::string project, std::string lease, boost::json::value output,
                                     KeepOfTask keep = {});
  async::Task<Result<void>> fail_with(std::string project, std::string lease, journal::FailureClass failure,
                                      std::string code, std::string message, KeepOfTask keep = {});

  struct Filter {
    std::string project, name{}, run{};  // empty: any
    std::int64_t most = 50;
  };
  // What is not done, the oldest first.
  async::Task<Result<std::vector<Task>>> list(Filter filter);

 private:
  struct Lease {
    std::string key;
    std::int64_t attempt = 0, number = 0;
  };
  static Result<Lease> lease_of(const std::string& name);
  async::Task<Result<Task>> find(std::string project, std::string key);
  async::Task<Result<void>> end(const Task& task, Lease lease, std::string data);
  async::Task<Result<void>> refuse_output(const Task& task, Lease lease, Error error);

  store::Database& database_;
  journal::Engine& engine_;
  const Clock& clock_;
  std::atomic<bool> stopping_{false};
};

}  // namespace fairlead::chains
