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

// The next lane behind `after` in which runs are held back, and one of these.
Result<bool> next_held(Connection& connection, std::string& after, std::string& run) {
  bool found = false;
  const Value values[] = {after};
  const auto take = [&](const Row& row) -> Result<void> {
    if (found && row.text(0) >= after) return {};
    found = true;
    after = row.text(0);
    run = row.text(1);
    return {};
  };
  FAIRLEAD_CHECK(connection.query(
      "select held, id from journal_runs where held <> '' and held > $1 order by held, priority desc, id limit 1",
      values, take));
  FAIRLEAD_CHECK(
      connection.query("select h.lane, h.run from journal_held h join journal_runs r on r.id = h.run and"
                       " r.held <> '' where h.lane > $1 order by h.lane limit 1",
                       values, take));
  return found;
}

}  // namespace

// Projects' names have no slash.
std::string lane_of(const std::string& project, const Limit& limit) {
  const std::string kind = limit.starts > 0 ? "/starts " + std::to_string(limit.period) + "/" : "/places/";
  return project + kind + limit.name;
}

std::string limit_name(const std::string& lane) {
  const std::size_t kind = lane.find('/');
  return lane.substr(kind == std::string::npos ? 0 : lane.find('/', kind + 1) + 1);
}

std::string Places::part_of(const Limit& limit, const Holder& holder) const {
  const bool again = limit.starts > 0 && !holder.of.empty();
  return again ? holder.of + "@" + std::to_string(now_) : holder.of;
}

Result<std::int64_t> Places::room(const std::string& project, const Limit& limit, const Holder& but_for) {
  if (limit.starts == 0 && limit.concurrency == 0) return 0;  // nothing is to begin
  FAIRLEAD_TRY(const std::int64_t taken, this->taken(lane_of(project, limit), limit, but_for));
  return std::max<std::int64_t>(0, (limit.starts > 0 ? limit.starts : limit.concurrency) - taken);
}

Result<std::int64_t> Places::taken(const std::string& lane, const Limit& limit, const Holder& but_for) {
  const auto known = taken_.find(lane);
  if (known != taken_.end()) return known->second;
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
  std::int64_t taken = 0;
  const Value values[] = {lane, but_for.run, part_of(limit, but_for)};
  FAIRLEAD_CHECK(connection_.query("select count(*) from journal_places where lane = $1 and (run <> $2 or part <> $3)",
                                   values, [&](const Row& row) -> Result<void> {
                                     taken = row.integer(0);
                                     return {};
                                   }));
  taken_.emplace(lane, taken);
  return taken;
}

Result<std::string> Places::take(const std::string& project, std::span<const Limit> limits, const Holder& holder) {
  for (const Limit& limit : limits) {
    FAIRLEAD_TRY(const std::int64_t free, room(project, limit, holder));
    if (free <= 0) return lane_of(project, limit);
  }
  std::set<std::string> lanes;
  for (const Limit& limit : limits) {
    const std::string lane = lane_of(project, limit);
    if (!lanes.insert(lane).second) continue;
    const Value values[] = {lane, holder.run, part_of(limit, holder), holder.node, now_};
    FAIRLEAD_CHECK(execute(connection_,
                           "insert into journal_places (lane, run, part, node, at) values ($1, $2, $3, $4, $5) on"
                           " conflict (lane, run, part) do update set node = excluded.node, at = excluded.at",
                           values));
    ++taken_[lane];
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

Result<std::string> let_go(Connection& connection, Places& places, const std::vector<std::string>& kinds,
                           const LimitsOf& limits, std::string from, std::int64_t now) {
  std::string lane = std::move(from), first;
  for (std::size_t looked = 0; looked < kHeldLimits; ++looked) {
    FAIRLEAD_TRY(const bool found, next_held(connection, lane, first));
    if (!found) return std::string();
    FAIRLEAD_TRY(const auto run, find_run(connection, first));
    if (!run || !std::ranges::count(kinds, run->asked.kind)) continue;
    std::int64_t room = INT32_MAX;  // there is no such limit any more
    for (const Limit& limit : limits(*run)) {
      if (lane_of(run->asked.project, limit) != lane) continue;
      FAIRLEAD_TRY(const std::int64_t free, places.room(run->asked.project, limit, {}));
      room = std::min(room, free);
    }
    if (room == 0) continue;
    // What has waited since then comes before what came later.
    const Value values[] = {lane, room, now};
    FAIRLEAD_CHECK(execute(connection,
                           "update journal_runs set held = '', due = case when created_at < $3 then created_at else $3"
                           " end where id in (select id from (select * from (select id, priority from journal_runs"
                           " where held <> '' and held = $1 order by priority desc, id limit $2) a union select * from"
                           " (select r.id, r.priority from journal_held h join journal_runs r on r.id = h.run where"
                           " h.lane = $1 and r.held <> '' order by r.priority desc, r.id limit $2) b) c"
                           " order by priority desc, id limit $2)",
                           values));
  }
  return lane;
}

Result<bool> anything_held(Connection& connection) {
  return any_row(connection, "select 1 from journal_runs where held <> '' limit 1", {});
}

Result<bool> is_waited_for(Connection& connection, const std::string& lane) {
  const Value values[] = {lane};
  return any_row(connection, "select 1 from journal_runs where held <> '' and held = $1 limit 1", values);
}

Result<void> write_lanes(Connection& connection, const std::string& run, const std::set<std::string>& lanes) {
  const Value of_run[] = {run};
  FAIRLEAD_CHECK(execute(connection, "delete from journal_held where run = $1", of_run));
  for (auto lane = lanes.begin(); lane != lanes.end(); ++lane) {
    if (lane == lanes.begin()) continue;
    const Value values[] = {run, *lane};
    FAIRLEAD_CHECK(execute(connection, "insert into journal_held (run, lane) values ($1, $2)", values));
  }
  return {};
}

Result<void> leave_all(Connection& connection, const std::string& project, const std::string& run) {
  const std::string lanes = project + "/places";
  const Value values[] = {lanes + "/", lanes + "0", run};  // '0' comes after '/'
  return execute(connection, "delete from journal_places where lane >= $1 and lane < $2 and run = $3 and part <> ''",
                 values);
}

Result<void> hold_back(Connection& connection, const Run& run, const std::string& lane) {
  const std::int64_t deadline = run.asked.deadline;
  FAIRLEAD_CHECK(write_lanes(connection, run.id, {lane}));
  const Value values[] = {run.id, lane, deadline > 0 ? Value(deadline) : Value(std::nullptr_t{})};
  return execute(connection, "update journal_runs set held = $2, due = $3 where id = $1", values);
}

Result<bool> is_past_holding(Connection& connection, const Run& run, std::int64_t now) {
  if (run.asked.deadline > 0 && run.asked.deadline <= now) return true;
  const Value values[] = {run.id};
  return any_row(connection, "select 1 from journal_signals where run = $1 and name = 'cancel' limit 1", values);
}

Result<void> sweep_places(Connection& connection, std::int64_t now) {
  const Value values[] = {now - kLongestPeriod};
  FAIRLEAD_CHECK(execute(connection,
                         "delete from journal_held where not exists (select 1 from journal_runs r where r.id ="
                         " journal_held.run and r.held <> '')"));
  return execute(connection,
                 "delete from journal_places where at <= $1 and not exists (select 1 from journal_runs r where r.id ="
                 " journal_places.run and r.node = journal_places.node)",
                 values);
}

}  // namespace fairlead::journal
