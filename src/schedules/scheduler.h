// Starts what is due, on every node: a tick's key makes one run of it.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "chains/chains.h"
#include "platform/async/bell.h"
#include "platform/async/runtime.h"
#include "platform/async/task_group.h"
#include "platform/journal/engine.h"
#include "platform/store/database.h"
#include "schedules/schedules.h"

namespace fairlead::schedules {

// How a schedule stands.
struct Standing {
  std::string timing;
  std::int64_t last_s = 0;   // the last tick that was handled, or when it was first seen
  std::int64_t started = 0;  // ticks that came to a run
  std::string run, error;    // of the last tick
};

// Ticks of the past, at most so many at once, oldest first.
struct Backfill {
  std::string id, project, schedule;
  std::int64_t from_s = 0, to_s = 0;  // both are part of it
  std::int64_t at_once = 1, total = 0;
  std::int64_t taken_until_s = 0;
  std::string state = "running";  // running, done, cancelled
  std::int64_t started = 0, had_run = 0, failed = 0, running = 0;
  std::int64_t created_at = 0;  // µs
  std::string author;
};

// What it is given outlives it. Functions may be called on any loop, but for start() and stop(), which block until the
// loop has done it.
class Scheduler {
 public:
  struct Parts {
    store::Database& database;  // with the tables of schema.h
    Schedules& schedules;
    const chains::Chains& chains;
    journal::Engine& engine;
    const Clock& clock;
  };
  Scheduler(Parts parts, async::Loop& loop);

  // Looks from now on, on its loop, when a tick comes and once a second. The loop runs.
  void start_blocking();
  void stop_blocking();
  // Starts what is due. The milliseconds until there is something to do again, at most a second. One at a time.
  async::Task<std::int64_t> look();

  async::Task<Result<std::map<std::string, Standing>>> standings(std::string project);
  // A run of now, beside the ticks.
  async::Task<Result<journal::Started>> run_now(std::string project, std::string name);

  struct BackfillRequest {
    std::string project, schedule;
    std::int64_t from_s = 0, to_s = 0, at_once = 1;
    std::string author;
  };
  static constexpr std::int64_t kMostTicks = 100'000;
  // Durable when it returns. Errors: schedule_not_found; kInvalid: a range that is empty, too long or not over.
  async::Task<Result<Backfill>> backfill(BackfillRequest request);
  async::Task<Result<std::vector<Backfill>>> backfills(std::string project, std::string schedule);
  // No further tick is started; the runs go on. Error: backfill_not_found.
  async::Task<Result<Backfill>> cancel_backfill(std::string project, std::string id);

 private:
  struct Known {
    std::shared_ptr<const Schedule> schedule;
    std::int64_t next_s = 0;
  };
  async::Task<void> run();
  async::Task<Result<std::int64_t>> handle(std::shared_ptr<const Schedule> schedule, std::int64_t now_s);
  // What became of a tick; the run if there is one. Errors that time may heal.
  struct Outcome {
    std::string run, error;
    bool existed = false, ended = false;
  };
  async::Task<Result<Outcome>> start_tick(std::shared_ptr<const Schedule> schedule, std::int64_t tick_s);
  // Whether there are backfills that have not ended.
  async::Task<Result<bool>> look_at_backfills();
  async::Task<Result<bool>> carry(Backfill backfill);
  async::Task<Result<bool>> settle(Backfill backfill, std::shared_ptr<const Schedule> schedule, std::int64_t tick_s,
                                   std::string run);

  Parts parts_;
  async::Loop& loop_;
  async::TaskGroup tasks_;
  std::shared_ptr<async::Bell> bell_;
  bool stopping_ = false;
  std::string trouble_;  // said once
  std::map<std::pair<std::string, std::string>, Known> known_;
};

}  // namespace fairlead::schedules
