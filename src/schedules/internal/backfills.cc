// The part of the scheduler that makes up for the past.
#include <algorithm>

#include "base/id.h"
#include "platform/store/whole_id.h"
#include "schedules/internal/log.h"
#include "schedules/internal/rows.h"
#include "schedules/scheduler.h"

namespace fairlead::schedules {
namespace {

using List = std::vector<Backfill>;

std::unexpected<Error> wrong(const char* what, const char* param) {
  return fail(ErrorKind::kInvalid, "invalid_value", what, param);
}

// How many ticks it has; more than kMostTicks are not counted.
std::int64_t count_ticks(const Timing& timing, std::int64_t from_s, std::int64_t to_s) {
  std::int64_t count = 0;
  for (auto tick = timing.next(from_s - 1); tick && *tick <= to_s && count <= Scheduler::kMostTicks;
       tick = timing.next(*tick))
    ++count;
  return count;
}

}  // namespace

async::Task<Result<Backfill>> Scheduler::backfill(BackfillRequest request) {
  auto schedule = parts_.schedules.find(request.project, request.schedule);
  if (!schedule) co_return fail(std::move(schedule).error());
  const std::int64_t now = parts_.clock.unix_micros();
  if (request.to_s < request.from_s) co_return wrong("`to` is before `from`.", "to");
  if (request.to_s > now / 1'000'000) co_return wrong("`to` is in the future: a backfill is of what is over.", "to");
  if (request.at_once < 1 || request.at_once > 100) co_return wrong("`at_once` is 1 to 100.", "at_once");
  const std::int64_t total = count_ticks((*schedule)->timing, request.from_s, request.to_s);
  if (total == 0) co_return wrong("The schedule has no tick in that range.", "from");
  if (total > kMostTicks) co_return wrong("That range has more than 100000 ticks: take a shorter one.", "from");
  Backfill made;
  made.id = new_id(now);
  made.project = std::move(request.project);
  made.schedule = std::move(request.schedule);
  made.from_s = request.from_s;
  made.taken_until_s = request.from_s - 1;
  made.to_s = request.to_s;
  made.at_once = request.at_once;
  made.total = total;
  made.created_at = now;
  made.author = std::move(request.author);
  const store::Database::Work work = [made](store::Connection& connection) -> Result<void> {
    return internal::insert_backfill(connection, made);
  };
  auto written = co_await parts_.database.write(work);
  if (!written) co_return fail(std::move(written).error());
  loop_.post([bell = bell_] { bell->ring(); });
  co_return made;
}

async::Task<Result<List>> Scheduler::backfills(std::string project, std::string schedule) {
  const auto found = std::make_shared<List>();
  const store::Database::Work work = [project, found](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(*found, internal::read_backfills(connection, "project = $1", project));
    return {};
  };
  auto read = co_await parts_.database.read(work);
  if (!read) co_return fail(std::move(read).error());
  if (!schedule.empty()) std::erase_if(*found, [&](const Backfill& one) { return one.schedule != schedule; });
  std::ranges::reverse(*found);
  co_return std::move(*found);
}

async::Task<Result<Backfill>> Scheduler::cancel_backfill(std::string project, std::string id) {
  const auto found = std::make_shared<List>();
  const store::Database::Work work = [project, id, found](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(const std::string whole,
                 store::whole_id(connection, "select id from schedule_backfills where project = $1", {project}, id));
    FAIRLEAD_TRY(*found, internal::read_backfills(connection, "id = $1", whole));
    if (found->empty())
      return fail(ErrorKind::kNotFound, "backfill_not_found", "There is no such backfill in this project.");
    FAIRLEAD_CHECK(internal::cancel(connection, whole));
    if (found->front().state == "running") found->front().state = "cancelled";
    return {};
  };
  auto done = co_await parts_.database.write(work);
  if (!done) co_return fail(std::move(done).error());
  co_return std::move(found->front());
}

async::Task<Result<bool>> Scheduler::look_at_backfills() {
  const auto found = std::make_shared<List>();
  const store::Database::Work work = [found](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(*found, internal::read_backfills(connection, "state = $1", "running"));
    return {};
  };
  auto read = co_await parts_.database.read(work);
  if (!read) co_return fail(std::move(read).error());
  bool left = false;
  for (const Backfill& one : *found) {
    auto goes_on = co_await carry(one);
    if (!goes_on) co_return fail(std::move(goes_on).error());
    left |= *goes_on;
  }
  co_return left;
}

// Ends ticks whose runs have ended and takes others, as long as that leads on.
async::Task<Result<bool>> Scheduler::carry(Backfill backfill) {
  auto schedule = parts_.schedules.find(backfill.project, backfill.schedule);
  if (!schedule) co_return false;  // of a project that this node does not have yet
  for (bool leads_on = true; leads_on && !stopping_;) {
    leads_on = false;
    const auto open = std::make_shared<std::vector<internal::OpenTick>>();
    const store::Database::Work look_up = [id = backfill.id, open](store::Connection& connection) -> Result<void> {
      FAIRLEAD_TRY(*open, internal::read_open_ticks(connection, id));
      return {};
    };
    auto read = co_await parts_.database.read(look_up);
    if (!read) co_return fail(std::move(read).error());
    std::size_t still = 0;
    for (const internal::OpenTick& tick : *open) {
      auto ended = co_await settle(backfill, *schedule, tick.tick_s, tick.run);
      if (!ended) co_return fail(std::move(ended).error());
      still += *ended ? 0 : 1;
    }
    if (still >= static_cast<std::size_t>(backfill.at_once)) co_return true;
    const auto taken = std::make_shared<std::vector<internal::OpenTick>>();
    const store::Database::Work take = [id = backfill.id, taken,
                                        schedule = *schedule](store::Connection& connection) -> Result<void> {
      FAIRLEAD_TRY(*taken, internal::take_ticks(connection, id, schedule->timing));
      return {};
    };
    auto took = co_await parts_.database.write(take);
    if (!took) co_return fail(std::move(took).error());
    leads_on = !taken->empty();
    if (leads_on || still > 0) continue;
    const store::Database::Work end = [id = backfill.id](store::Connection& connection) -> Result<void> {
      FAIRLEAD_TRY(const auto open, internal::read_open_ticks(connection, id));
      return open.empty() ? internal::end_backfill(connection, id) : Result<void>();
    };
    auto over = co_await parts_.database.write(end);
    if (!over) co_return fail(std::move(over).error());
    kLog.info("a backfill is done", {{"schedule", backfill.schedule}, {"backfill", backfill.id}});
    co_return false;
  }
  co_return true;
}

// Whether the tick is over.
async::Task<Result<bool>> Scheduler::settle(Backfill backfill, std::shared_ptr<const Schedule> schedule,
                                            std::int64_t tick_s, std::string run) {
  bool ended = false, failed = false;
  if (run.empty()) {
    auto outcome = co_await start_tick(schedule, tick_s);
    if (!outcome) co_return fail(std::move(outcome).error());
    ended = outcome->ended;
    failed = !outcome->error.empty();
    if (!failed) {
      const store::Database::Work name = [id = backfill.id, tick_s,
                                          outcome = *outcome](store::Connection& connection) -> Result<void> {
        const std::string run = outcome.run.empty() ? "-" : outcome.run;
        return internal::name_run(connection, id, tick_s, run, outcome.existed);
      };
      auto named = co_await parts_.database.write(name);
      if (!named) co_return fail(std::move(named).error());
    }
  } else {
    auto found = co_await parts_.engine.find(backfill.project, run);
    ended = found ? finished(found->state) : found.error().kind == ErrorKind::kNotFound;
    if (!found && !ended) co_return fail(std::move(found).error());
  }
  if (!ended) co_return false;
  const store::Database::Work end = [id = backfill.id, tick_s, failed](store::Connection& connection) -> Result<void> {
    return internal::end_tick(connection, id, tick_s, failed);
  };
  auto done = co_await parts_.database.write(end);
  if (!done) co_return fail(std::move(done).error());
  co_return true;
}

}  // namespace fairlead::schedules
