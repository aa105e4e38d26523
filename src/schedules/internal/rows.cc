#include "schedules/internal/rows.h"

#include <algorithm>

namespace fairlead::schedules::internal {

using store::Connection;
using store::Row;
using store::Value;

namespace {

Result<void> write(Connection& connection, std::string_view sql, std::span<const Value> values) {
  FAIRLEAD_TRY(const auto changed, connection.execute(sql, values));
  (void)changed;
  return {};
}

Standing standing_of(const Row& row) {
  return {.timing = std::string(row.text(2)),
          .last_s = row.integer(3),
          .started = row.integer(4),
          .run = std::string(row.text(5)),
          .error = std::string(row.text(6))};
}

}  // namespace

Result<Standing> settle_row(Connection& connection, const Schedule& schedule, std::int64_t now_s) {
  const Value fresh[] = {schedule.project, schedule.name, schedule.timing.text(), now_s, schedule.revision};
  FAIRLEAD_CHECK(write(connection,
                       "insert into schedules (project, name, timing, last, revision, started, run, error)"
                       " values ($1, $2, $3, $4, $5, 0, '', '') on conflict do nothing",
                       fresh));
  FAIRLEAD_CHECK(write(connection,
                       "update schedules set timing = $3, last = $4, revision = $5"
                       " where project = $1 and name = $2 and timing <> $3 and revision < $5",
                       fresh));
  Standing out;
  const Value key[] = {schedule.project, schedule.name};
  FAIRLEAD_CHECK(connection.query(
      "select project, name, timing, last, started, run, error from schedules where project = $1 and name = $2", key,
      [&out](const Row& row) -> Result<void> {
        out = standing_of(row);
        return {};
      }));
  return out;
}

Result<void> advance_row(Connection& connection, const Schedule& schedule, std::int64_t tick_s, bool started,
                         const std::string& run, const std::string& error) {
  const Value values[] = {
      schedule.project, schedule.name, schedule.timing.text(), tick_s, std::int64_t{started ? 1 : 0}, run, error};
  return write(connection,
               "update schedules set last = $4, started = started + $5, run = $6, error = $7"
               " where project = $1 and name = $2 and timing = $3 and last < $4",
               values);
}

Result<std::map<Name, Standing>> read_standings(Connection& connection, const std::string& project) {
  std::map<Name, Standing> out;
  const Value values[] = {project};
  FAIRLEAD_CHECK(
      connection.query("select project, name, timing, last, started, run, error from schedules where project = $1",
                       values, [&out](const Row& row) -> Result<void> {
                         out.emplace(Name(row.text(0), row.text(1)), standing_of(row));
                         return {};
                       }));
  return out;
}

Result<void> insert_backfill(Connection& connection, const Backfill& one) {
  const Value values[] = {
      one.id,    one.project,    one.schedule, one.from_s - 1,          one.to_s, one.at_once, one.total,
      one.state, one.created_at, one.author,   std::int64_t{one.from_s}};
  return write(connection,
               "insert into schedule_backfills (id, project, schedule, taken_until, end_at, at_once, total, state,"
               " created_at, author, begin_at, started, had_run, failed)"
               " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 0, 0)",
               values);
}

Result<std::vector<Backfill>> read_backfills(Connection& connection, const std::string& where,
                                             const std::string& value) {
  std::vector<Backfill> out;
  const Value values[] = {value};
  FAIRLEAD_CHECK(connection.query(
      "select id, project, schedule, begin_at, end_at, at_once, total, taken_until, state, started, had_run, failed,"
      " created_at, author, (select count(*) from schedule_backfill_runs where backfill = id) from schedule_backfills"
      " where " +
          where + " order by id",
      values, [&out](const Row& row) -> Result<void> {
        Backfill one;
        one.id = row.text(0);
        one.project = row.text(1);
        one.schedule = row.text(2);
        one.from_s = row.integer(3);
        one.to_s = row.integer(4);
        one.at_once = row.integer(5);
        one.total = row.integer(6);
        one.taken_until_s = row.integer(7);
        one.state = row.text(8);
        one.started = row.integer(9);
        one.had_run = row.integer(10);
        one.failed = row.integer(11);
        one.created_at = row.integer(12);
        one.author = row.text(13);
        one.running = row.integer(14);
        out.push_back(std::move(one));
        return {};
      }));
  return out;
}

Result<std::vector<OpenTick>> read_open_ticks(Connection& connection, const std::string& backfill) {
  std::vector<OpenTick> out;
  const Value values[] = {backfill};
  FAIRLEAD_CHECK(connection.query("select tick, run from schedule_backfill_runs where backfill = $1 order by tick",
                                  values, [&out](const Row& row) -> Result<void> {
                                    out.push_back({.tick_s = row.integer(0), .run = std::string(row.text(1))});
                                    return {};
                                  }));
  return out;
}

Result<std::vector<OpenTick>> take_ticks(Connection& connection, const std::string& id, const Timing& timing) {
  std::vector<OpenTick> out;
  FAIRLEAD_TRY(const std::vector<Backfill> found, read_backfills(connection, "id = $1 and state = 'running'", id));
  if (found.empty()) return out;
  std::int64_t until_s = found[0].taken_until_s;
  for (std::int64_t room = found[0].at_once - found[0].running; room > 0; --room) {
    const auto tick = timing.next(until_s);
    if (!tick || *tick > found[0].to_s) {
      until_s = found[0].to_s;
      break;
    }
    until_s = *tick;
    out.push_back({.tick_s = *tick, .run = {}});
    const Value taken[] = {id, *tick};
    FAIRLEAD_CHECK(
        write(connection, "insert into schedule_backfill_runs (backfill, tick, run) values ($1, $2, '')", taken));
  }
  const Value values[] = {id, until_s};
  FAIRLEAD_CHECK(write(connection, "update schedule_backfills set taken_until = $2 where id = $1", values));
  return out;
}

Result<void> name_run(Connection& connection, const std::string& backfill, std::int64_t tick_s, const std::string& run,
                      bool existed) {
  const Value values[] = {backfill, tick_s, run};
  FAIRLEAD_TRY(
      const std::int64_t named,
      connection.execute("update schedule_backfill_runs set run = $3 where backfill = $1 and tick = $2 and run = ''",
                         values));
  if (named == 0) return {};  // another node was faster
  const Value counted[] = {backfill};
  return write(connection,
               existed ? "update schedule_backfills set had_run = had_run + 1 where id = $1"
                       : "update schedule_backfills set started = started + 1 where id = $1",
               counted);
}

Result<void> end_tick(Connection& connection, const std::string& backfill, std::int64_t tick_s, bool failed) {
  const Value values[] = {backfill, tick_s};
  FAIRLEAD_TRY(const std::int64_t ended,
               connection.execute("delete from schedule_backfill_runs where backfill = $1 and tick = $2", values));
  if (ended == 0 || !failed) return {};
  const Value counted[] = {backfill};
  return write(connection, "update schedule_backfills set failed = failed + 1 where id = $1", counted);
}

Result<void> end_backfill(Connection& connection, const std::string& backfill) {
  const Value values[] = {backfill};
  return write(connection, "update schedule_backfills set state = 'done' where id = $1 and state = 'running'", values);
}

Result<void> cancel(Connection& connection, const std::string& backfill) {
  const Value values[] = {backfill};
  FAIRLEAD_CHECK(write(
      connection, "update schedule_backfills set state = 'cancelled' where id = $1 and state = 'running'", values));
  return write(connection, "delete from schedule_backfill_runs where backfill = $1", values);
}

}  // namespace fairlead::schedules::internal
