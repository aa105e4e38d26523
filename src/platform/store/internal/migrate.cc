#include "platform/store/internal/migrate.h"

#include <map>
#include <utility>

#include "base/digest.h"

namespace fairlead::store {
namespace {

using Applied = std::map<std::pair<std::string, int>, std::string>;  // room and version: digest of the SQL

}  // namespace

Result<void> apply_missing(EngineConnection& connection, const std::string& place,
                           std::span<const Migration> migrations, std::string (*translate)(std::string_view)) {
  FAIRLEAD_CHECK(connection.run(
      translate("create table if not exists schema_migrations (room text not null, version bigint not null,"
                " digest text not null, primary key (room, version))")
          .c_str()));
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
                        " is not the one that made " + place +
                        ". Use the release that made it, or start with an empty store.");
      }
      applied.erase(done);
      continue;
    }
    auto ran = connection.run(translate(migration.sql).c_str());
    if (!ran) return fail(with_context(std::move(ran).error(), "migrating " + migration.room));
    const Value row[] = {migration.room, std::int64_t{migration.version}, digest};
    auto noted = connection.execute("insert into schema_migrations values ($1, $2, $3)", row);
    if (!noted) return fail(std::move(noted).error());
  }
  if (!applied.empty()) {
    return fail(ErrorKind::kConflict, "store_newer",
                place + " was made by a newer Fairlead (it has migration " +
                    std::to_string(applied.begin()->first.second) + " of " + applied.begin()->first.first +
                    ", which this one does not know). Run that release or a later one.");
  }
  return {};
}

}  // namespace fairlead::store
