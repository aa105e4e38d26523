// What is kept of schedules and backfills.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "platform/store/database.h"
#include "schedules/schedule.h"
#include "schedules/scheduler.h"

namespace fairlead::schedules::internal {

using Name = std::pair<std::string, std::string>;  // project and name

// Makes the row of a schedule that was not there, and begins anew at `now_s` where its timing is a newer one. The row's
// timing is another if this node is the one that has an old one.
Result<Standing> settle_row(store::Connection& connection, const Schedule& schedule, std::int64_t now_s);
// Handled until that tick. `run` is what it came to, empty: nothing; `error` why.
Result<void> advance_row(store::Connection& connection, const Schedule& schedule, std::int64_t tick_s, bool started,
                         const std::string& run, const std::string& error);
Result<std::map<Name, Standing>> read_standings(store::Connection& connection, const std::string& project);

Result<void> insert_backfill(store::Connection& connection, const Backfill& backfill);
// Where the condition holds; `$1` is the value.
Result<std::vector<Backfill>> read_backfills(store::Connection& connection, const std::string& where,
                                             const std::string& value);

// A tick that was taken and has not ended.
struct OpenTick {
  std::int64_t tick_s = 0;
  std::string run;  // empty: not known yet
};
Result<std::vector<OpenTick>> read_open_ticks(store::Connection& connection, const std::string& backfill);
// Takes the next ticks, as many as there is room for. Nothing of a backfill that does not run.
Result<std::vector<OpenTick>> take_ticks(store::Connection& connection, const std::string& backfill,
                                         const Timing& timing);
Result<void> name_run(store::Connection& connection, const std::string& backfill, std::int64_t tick_s,
                      const std::string& run, bool existed);
// The tick is over; `failed`: nothing could be started.
Result<void> end_tick(store::Connection& connection, const std::string& backfill, std::int64_t tick_s, bool failed);
// It is done, if it runs.
Result<void> end_backfill(store::Connection& connection, const std::string& backfill);
// No further tick is taken, and those that were are not waited for.
Result<void> cancel(store::Connection& connection, const std::string& backfill);

}  // namespace fairlead::schedules::internal
