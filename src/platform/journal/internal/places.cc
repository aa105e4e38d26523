#include "platform/journal/internal/places.h"

#include <algorithm>

#include "platform/journal/internal/rows.h"

namespace fairlead::journal {
namespace {

using store::Connection;
using store::Row;
using store::Value;

constexpr std::size_t kHeldLimits = 256;  // that are looked at in one claim
constexpr std::int64_t kLongestPeriod = 32LL * 86'400 * 1'000'000;

// Projects' names have no slash.
std::string lane_of(const std::string& project, const Limit& limit) {
  return project + (limit.starts > 0 ? "/starts/" : "/places/") + limit.name;
}

Result<std::int64_t> count_of(Connection& connection, const std::string& lane) {
  std::int64_t count = 0;
  const Value values[] = {lane};
  FAIRLEAD_CHECK(connection.query("select count(*) from journal_places where lane = $1", values,
                                  [&](const Row& row) -> Result<void> {
                                    count = row.integer(0);
                                    return {};
                                  }));
  return count;
}

// The next lane behind `after` under which runs are held back, and the first of these.
Result<bool> next_held(Connection& connection, std::string& after, std::string& run) {
  bool found = false;
  const Value values[] = {after};
  FAIRLEAD_CHECK(
      connection.query("select held, id from journal_runs where held <> '' and held > $1 order by held, priority desc,"
                       " id limit 1",
                       values, [&](const Row& row) -> Result<void> {
                         found = true;
                         after = row.text(0);
                         run = row.text(1);
                         return {};
                       }));
  return found;
}

}  // namespace

std::string limit_name(const std::string& lane) {
  const std::size_t kind = lane.find('/');
  return lane.substr(kind == std::string::npos ? 0 : lane.find('/', kind + 1) + 1);
}

Result<std::int64_t> Places::room(const std::string& project, const Limit& limit) {
  const std::string lane = lane_of(project, limit);
  const auto known = room_.find(lane);
  if (known != room_.end()) return known->second;
  if (limit.starts == 0 && limit.concurrency == 0) return 0;  // nothing is to begin
  if (limit.starts == 0) {
    const Value values[] = {lane};
    FAIRLEAD_CHECK(execute(connection_,
                           "delete from journal_places where lane = $1 and not exists (select 1 from journal_runs r"
                           " where r.id = journal_places.run and r.node = journal_places.node)",
                           values));
  } else {
    const Value values[] = {lane, now_ - limit.period};
    FAIRLEAD_CHECK(execute(connection_, "delete from journal_places where lane = $1 and at <= $2", values));
  }
  FAIRLEAD_TRY(const std::int64_t taken, count_of(connection_, lane));
  const std::int64_t room = std::max<std::int64_t>(0, (limit.starts > 0 ? limit.starts : limit.concurrency) - taken);
  room_.emplace(lane, room);
  return room;
}

Result<std::string> Places::take(const std::string& project, std::span<const Limit> limits, const Holder& holder) {
  for (const Limit& limit : limits) {
    FAIRLEAD_TRY(const std::int64_t free, room(project, limit));
    if (free == 0) return lane_of(project, limit);
  }
  for (const Limit& limit : limits) {
    const std::string lane = lane_of(project, limit);
    const bool again = limit.starts > 0 && !holder.of.empty();  // each attempt is a start
    const std::string part = again ? holder.of + "@" + std::to_string(now_) : holder.of;
    const Value values[] = {lane, holder.run, part, holder.node, now_};
    FAIRLEAD_CHECK(execute(connection_,
                           "insert into journal_places (lane, run, part, node, at) values ($1, $2, $3, $4, $5) on"
                           " conflict (lane, run, part) do update set node = excluded.node, at = excluded.at",
                           values));
    --room_[lane];
  }
  return std::string();
}

Result<void> Places::leave(Connection& connection, const std::string& project, std::span<const Limit> limits,
                           const Holder& holder) {
  for (const Limit& limit : limits) {
    if (limit.concurrency == 0) continue;
    const Value values[] = {lane_of(project, limit), holder.run, holder.of};
    FAIRLEAD_CHECK(
        execute(connection, "delete from journal_places where lane = $1 and run = $2 and part = $3", values));
  }
  return {};
}

Result<void> let_go(Connection& connection, Places& places, const std::vector<std::string>& kinds,
                    const LimitsOf& limits, std::int64_t now) {
  std::string lane, first;
  for (std::size_t looked = 0; looked < kHeldLimits; ++looked) {
    FAIRLEAD_TRY(const bool found, next_held(connection, lane, first));
    if (!found) break;
    FAIRLEAD_TRY(const auto run, find_run(connection, first));
    if (!run || !std::ranges::count(kinds, run->asked.kind)) continue;
    std::int64_t room = INT32_MAX;  // there is no such limit any more
    for (const Limit& limit : limits(*run)) {
      if (lane_of(run->asked.project, limit) == lane) {
        FAIRLEAD_TRY(room, places.room(run->asked.project, limit));
      }
    }
    if (room == 0) continue;
    // What has waited since then comes before what came later.
    const Value values[] = {lane, room, now};
    FAIRLEAD_CHECK(execute(connection,
                           "update journal_runs set held = '', due = case when created_at < $3 then created_at else $3"
                           " end where id in (select id from journal_runs where held = $1 order by priority desc, id"
                           " limit $2)",
                           values));
  }
  return {};
}

Result<bool> anything_held(Connection& connection) {
  bool found = false;
  FAIRLEAD_CHECK(
      connection.query("select 1 from journal_runs where held <> '' limit 1", {}, [&](const Row&) -> Result<void> {
        found = true;
        return {};
      }));
  return found;
}

Result<void> hold_back(Connection& connection, const Run& run, const std::string& limit) {
  const std::int64_t deadline = run.asked.deadline;
  const Value values[] = {run.id, limit, deadline > 0 ? Value(deadline) : Value(std::nullptr_t{})};
  return execute(connection, "update journal_runs set held = $2, due = $3 where id = $1", values);
}

Result<bool> is_past_holding(Connection& connection, const Run& run, std::int64_t now) {
  if (run.asked.deadline > 0 && run.asked.deadline <= now) return true;
  bool found = false;
  const Value values[] = {run.id};
  FAIRLEAD_CHECK(connection.query("select 1 from journal_signals where run = $1 and name = 'cancel' limit 1", values,
                                  [&](const Row&) -> Result<void> {
                                    found = true;
                                    return {};
                                  }));
  return found;
}

Result<void> sweep_places(Connection& connection, std::int64_t now) {
  const Value values[] = {now - kLongestPeriod};
  return execute(connection,
                 "delete from journal_places where at <= $1 and not exists (select 1 from journal_runs r where r.id ="
                 " journal_places.run and r.node = journal_places.node)",
                 values);
}

}  // namespace fairlead::journal
