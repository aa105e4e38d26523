#include "platform/store/internal/migrate.h"

#include <map>
#include <utility>

#include "base/digest.h"

namespace fairlead::store {
namespace {

using Applied = std::map<std::pair<std::string, int>, std::string>;  // room and version: digest of the SQL

Result<void> apply(SqliteConnection& connection, const std::string& path, std::span<const Migration> migrations) {
  FAIRLEAD_CHECK(
      connection.run("create table if not exists schema_migrations (room text not null, version bigint not null,"
                     " digest text not null, primary key (room, version))"));
  Applied applied;
  FAIRLEAD_CHECK(
      connection.query("select room, version, digest from schema_migrations", {}, [&](const Row& row) -> Result<void> {
        applied.emplace(std::pair(std::string(row.text(0)), static_cast<int>(row.integer(1))), row.text(2));
        return {};
      }));
  std::map<std::string, int> reached;
  for (const Migration& migration : migrations) {
    if (migration.version != ++reached[migration.room]) {
      return fail(ErrorKind::kInternal, "store_migration",
                  "Migration " + std::to_string(migration.version) + " of " + migration.room + " is out of order.");
    }
    const std::string digest = sha256_hex(migration.sql);
    if (const auto done = applied.find({migration.room, migration.version}); done != applied.end()) {
      if (done->second != digest) {
        return fail(ErrorKind::kInternal, "store_migration",
                    "Migration " + std::to_string(migration.version) + " of " + migration.room +
                        " is not the one that made " + path +
                        ". Use the release that made it, or start with an empty data folder.");
      }
      applied.erase(done);
      continue;
    }
    auto ran = connection.run(migration.sql.c_str());
    if (!ran) return fail(with_context(std::move(ran).error(), "migrating " + migration.room));
    const Value row[] = {migration.room, std::int64_t{migration.version}, digest};
    auto noted = connection.execute("insert into schema_migrations values ($1, $2, $3)", row);
    if (!noted) return fail(std::move(noted).error());
  }
  if (!applied.empty()) {
    return fail(ErrorKind::kConflict, "store_newer",
                path + " was made by a newer Fairlead (it has migration " +
                    std::to_string(applied.begin()->first.second) + " of " + applied.begin()->first.first +
                    ", which this one does not know). Run that release or a later one.");
  }
  return {};
}

}  // namespace

Result<void> migrate(SqliteConnection& connection, const std::string& path, std::span<const Migration> migrations) {
  FAIRLEAD_CHECK(connection.run("begin immediate"));
  auto applied = apply(connection, path, migrations);
  if (applied) applied = connection.run("commit");
  if (!applied && connection.in_transaction()) (void)connection.run("rollback");
  return applied;
}

}  // namespace fairlead::store
