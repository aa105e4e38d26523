#include "gateway/sessions/store.h"

#include <memory>
#include <utility>

namespace fairlead::gateway::sessions {
namespace {

using fairlead::store::Connection;
using fairlead::store::Database;
using fairlead::store::Row;
using fairlead::store::Value;

Stored stored_in(const Row& row, int first) {
  return {std::string(row.text(first)), std::string(row.text(first + 1)), row.integer(first + 2),
          row.integer(first + 3), row.integer(first + 4)};
}

}  // namespace

std::vector<fairlead::store::Migration> Store::migrations() {
  return {{"sessions", 1, R"sql(
create table sessions (
  project text not null,
  prompt text not null,
  session text not null,
  turns text not null,
  summary text not null,
  turn_count bigint not null,
  updated_at_us bigint not null,
  expires_at_us bigint not null,
  primary key (project, session, prompt)
);
create index sessions_by_end on sessions (expires_at_us);
)sql"}};
}

async::Task<Result<std::optional<Stored>>> Store::find(Key key, std::int64_t now_us) {
  auto out = std::make_shared<std::optional<Stored>>();
  Database::Work work = [out, key, now_us](Connection& connection) -> Result<void> {
    const std::vector<Value> values{key.project, key.session, key.prompt, now_us};
    return connection.query(
        "select turns, summary, turn_count, updated_at_us, expires_at_us from sessions "
        "where project = $1 and session = $2 and prompt = $3 and expires_at_us > $4",
        values, [&](const Row& row) -> Result<void> {
          *out = stored_in(row, 0);
          return {};
        });
  };
  auto read = co_await database_.read(std::move(work));
  if (!read) co_return fail(std::move(read).error());
  co_return std::move(*out);
}

async::Task<Result<void>> Store::keep(Key key, Stored what) {
  Database::Work work = [key = std::move(key), what = std::move(what)](Connection& connection) -> Result<void> {
    const std::vector<Value> row{key.project,  key.prompt,      key.session,        what.turns,
                                 what.summary, what.turn_count, what.updated_at_us, what.expires_at_us};
    FAIRLEAD_CHECK(connection.execute(
        "insert into sessions (project, prompt, session, turns, summary, turn_count, updated_at_us, expires_at_us) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (project, session, prompt) do update set "
        "turns = excluded.turns, summary = excluded.summary, turn_count = excluded.turn_count, "
        "updated_at_us = excluded.updated_at_us, expires_at_us = excluded.expires_at_us",
        row));
    const std::vector<Value> now{what.updated_at_us};
    FAIRLEAD_CHECK(connection.execute("delete from sessions where expires_at_us <= $1", now));
    return {};
  };
  auto kept = co_await database_.write(std::move(work));
  co_return kept;
}

async::Task<Result<std::int64_t>> Store::remove(std::string project, std::string session) {
  auto changed = std::make_shared<std::int64_t>(0);
  Database::Work work = [changed, project, session](Connection& connection) -> Result<void> {
    const std::vector<Value> values{project, session};
    FAIRLEAD_TRY(*changed, connection.execute("delete from sessions where project = $1 and session = $2", values));
    return {};
  };
  auto done = co_await database_.write(std::move(work));
  if (!done) co_return fail(std::move(done).error());
  co_return *changed;
}

async::Task<Result<std::vector<Store::Listed>>> Store::list(std::string project, std::string session,
                                                            std::int64_t limit, std::int64_t now_us) {
  auto out = std::make_shared<std::vector<Listed>>();
  Database::Work work = [=](Connection& connection) -> Result<void> {
    const std::vector<Value> values{project, session, now_us, limit};
    return connection.query(
        "select prompt, session, turns, summary, turn_count, updated_at_us, expires_at_us from sessions "
        "where project = $1 and ($2 = '' or session = $2) and expires_at_us > $3 order by updated_at_us desc limit $4",
        values, [&](const Row& row) -> Result<void> {
          out->push_back({{project, std::string(row.text(0)), std::string(row.text(1))}, stored_in(row, 2)});
          return {};
        });
  };
  auto read = co_await database_.read(std::move(work));
  if (!read) co_return fail(std::move(read).error());
  co_return std::move(*out);
}

}  // namespace fairlead::gateway::sessions
