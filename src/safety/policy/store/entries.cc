#include "safety/policy/store/entries.h"

#include <utility>

namespace fairlead::policy {
namespace {

using store::Connection;
using store::Row;
using store::Value;

}  // namespace

std::vector<store::Migration> vault_migrations() {
  return {{"privacy", 1, R"sql(
create table privacy_sessions (
  project text not null,
  session text not null,
  expires_at_us bigint not null,
  primary key (project, session)
);
create index privacy_sessions_by_end on privacy_sessions (expires_at_us);
create table privacy_entries (
  project text not null,
  session text not null,
  entry bigint not null,
  nonce blob not null,
  box blob not null,
  primary key (project, session, entry)
);
)sql"}};
}

Result<void> put_entries(Connection& connection, const StoredEntries& what) {
  std::vector<std::pair<std::string, std::string>> over;
  const std::vector<Value> now{what.now_us};
  FAIRLEAD_CHECK(connection.query("select project, session from privacy_sessions where expires_at_us <= $1", now,
                                  [&over](const Row& row) -> Result<void> {
                                    over.emplace_back(row.text(0), row.text(1));
                                    return {};
                                  }));
  for (const auto& [project, session] : over) FAIRLEAD_CHECK(remove_entries(connection, project, session));
  const std::vector<Value> session{what.project, what.session, what.expires_at_us};
  FAIRLEAD_CHECK(
      connection.execute("insert into privacy_sessions (project, session, expires_at_us) values ($1, $2, $3) "
                         "on conflict (project, session) do update set expires_at_us = excluded.expires_at_us",
                         session));
  for (const StoredEntries::One& one : what.rows) {
    const std::vector<Value> values{what.project, what.session, one.entry, one.sealed.nonce, one.sealed.box};
    FAIRLEAD_CHECK(connection.execute(
        "insert into privacy_entries (project, session, entry, nonce, box) values ($1, $2, $3, $4, $5) "
        "on conflict (project, session, entry) do nothing",
        values));
  }
  return {};
}

Result<void> load_entries(Connection& connection, StoredEntries& what) {
  const std::vector<Value> values{what.project, what.session, what.now_us};
  FAIRLEAD_CHECK(connection.query(
      "select expires_at_us from privacy_sessions where project = $1 and session = $2 and expires_at_us > $3", values,
      [&what](const Row& row) -> Result<void> {
        what.expires_at_us = row.integer(0);
        return {};
      }));
  if (what.expires_at_us == 0) return {};
  const std::vector<Value> name{what.project, what.session};
  return connection.query(
      "select entry, nonce, box from privacy_entries where project = $1 and session = $2 order by entry", name,
      [&what](const Row& row) -> Result<void> {
        what.rows.push_back({row.integer(0), {std::string(row.text(1)), std::string(row.text(2))}});
        return {};
      });
}

Result<std::int64_t> remove_entries(Connection& connection, const std::string& project, const std::string& session) {
  const std::vector<Value> values{project, session};
  FAIRLEAD_TRY(const std::int64_t count,
               connection.execute("delete from privacy_entries where project = $1 and session = $2", values));
  FAIRLEAD_CHECK(connection.execute("delete from privacy_sessions where project = $1 and session = $2", values));
  return count;
}

Result<void> each_session(Connection& connection,
                          const std::function<void(const std::string& project, const std::string& session)>& each) {
  return connection.query("select project, session from privacy_sessions", {}, [&each](const Row& row) -> Result<void> {
    each(std::string(row.text(0)), std::string(row.text(1)));
    return {};
  });
}

}  // namespace fairlead::policy
