#include "resources/store/queries.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "platform/json/text.h"
#include "resources/store/approvals.h"

namespace fairlead::resources {
namespace {

using store::Connection;
using store::Row;
using store::Value;

Result<boost::json::object> parse_spec(std::string_view text) {
  auto parsed = json::parse(text);
  if (!parsed || !parsed->is_object())
    return fail(ErrorKind::kInternal, "store_corrupt", "A stored spec is not a JSON object.");
  return std::move(parsed->get_object());
}

// Columns: kind, name, version, digest, author, message, created_at_us.
Version read_version(const Row& row, const std::string& project) {
  Version version;
  version.project = project;
  version.kind = row.text(0);
  version.name = row.text(1);
  version.version = static_cast<int>(row.integer(2));
  version.digest = row.text(3);
  version.author = row.text(4);
  version.message = row.text(5);
  version.created_at_us = row.integer(6);
  return version;
}

}  // namespace

std::vector<store::Migration> resource_migrations() {
  return {{"resources", 1, R"sql(
create table projects (
  name text not null primary key,
  revision bigint not null
);
create table resource_versions (
  project text not null,
  kind text not null,
  name text not null,
  version bigint not null,
  digest text not null,
  spec text not null,
  author text not null,
  message text not null,
  created_at_us bigint not null,
  primary key (project, kind, name, version)
);
create table resource_labels (
  project text not null,
  kind text not null,
  name text not null,
  label text not null,
  version bigint not null,
  primary key (project, kind, name, label),
  foreign key (project, kind, name, version) references resource_versions (project, kind, name, version)
);
create table label_moves (
  audit bigint not null,
  project text not null,
  kind text not null,
  name text not null,
  label text not null,
  from_version bigint not null,
  to_version bigint not null,
  primary key (project, kind, name, label, audit)
);
)sql"},
          approval_migration()};
}

Result<std::vector<std::string>> project_names(Connection& connection) {
  std::vector<std::string> names;
  FAIRLEAD_CHECK(connection.query("select name from projects order by name", {}, [&](const Row& row) -> Result<void> {
    names.emplace_back(row.text(0));
    return {};
  }));
  return names;
}

Result<std::int64_t> project_revision(Connection& connection, const std::string& name) {
  std::int64_t revision = 0;
  const Value which[] = {name};
  FAIRLEAD_CHECK(
      connection.query("select revision from projects where name = $1", which, [&](const Row& row) -> Result<void> {
        revision = row.integer(0);
        return {};
      }));
  return revision;
}

Result<Project> load_project(Connection& connection, const std::string& name) {
  Project project;
  project.name = name;
  FAIRLEAD_TRY(project.revision, project_revision(connection, name));
  const Value which[] = {name};
  FAIRLEAD_CHECK(
      connection.query("select kind, name, version, digest, author, message, created_at_us, spec, from_folder from "
                       "resource_versions where project = $1",
                       which, [&](const Row& row) -> Result<void> {
                         auto version = std::make_shared<Version>(read_version(row, name));
                         FAIRLEAD_TRY(version->spec, parse_spec(row.text(7)));
                         version->from_folder = row.integer(8) != 0;
                         Resource& resource = project.resources[{version->kind, version->name}];
                         resource.kind = version->kind;
                         resource.name = version->name;
                         resource.versions.emplace(version->version, std::move(version));
                         return {};
                       }));
  FAIRLEAD_CHECK(
      connection.query("select kind, name, label, version from resource_labels where project = $1", which,
                       [&](const Row& row) -> Result<void> {
                         project.resources[{std::string(row.text(0)), std::string(row.text(1))}].labels.emplace(
                             row.text(2), static_cast<int>(row.integer(3)));
                         return {};
                       }));
  return project;
}

Result<std::optional<Resource>> load_resource(Connection& connection, const std::string& project,
                                              const std::string& kind, const std::string& name) {
  Resource resource;
  resource.kind = kind;
  resource.name = name;
  const Value which[] = {project, kind, name};
  FAIRLEAD_CHECK(
      connection.query("select kind, name, version, digest, author, message, created_at_us from resource_versions"
                       " where project = $1 and kind = $2 and name = $3",
                       which, [&](const Row& row) -> Result<void> {
                         auto version = std::make_shared<Version>(read_version(row, project));
                         resource.versions.emplace(version->version, std::move(version));
                         return {};
                       }));
  if (resource.versions.empty()) return std::nullopt;
  FAIRLEAD_CHECK(
      connection.query("select label, version from resource_labels where project = $1 and kind = $2 and name = $3",
                       which, [&](const Row& row) -> Result<void> {
                         resource.labels.emplace(row.text(0), static_cast<int>(row.integer(1)));
                         return {};
                       }));
  return resource;
}

Result<Version> load_version(Connection& connection, const std::string& project, const std::string& kind,
                             const std::string& name, int number) {
  std::optional<Version> found;
  const Value which[] = {project, kind, name, std::int64_t{number}};
  FAIRLEAD_CHECK(
      connection.query("select kind, name, version, digest, author, message, created_at_us, spec from resource_versions"
                       " where project = $1 and kind = $2 and name = $3 and version = $4",
                       which, [&](const Row& row) -> Result<void> {
                         found = read_version(row, project);
                         FAIRLEAD_TRY(found->spec, parse_spec(row.text(7)));
                         return {};
                       }));
  if (!found)
    return fail(ErrorKind::kNotFound, "version_not_found", "Version " + std::to_string(number) + " does not exist.");
  return *std::move(found);
}

Result<std::vector<Summary>> load_summaries(Connection& connection, const std::string& project, const std::string& kind,
                                            const std::string& name, std::size_t limit) {
  std::vector<Summary> found;
  const Value which[] = {project, kind, name, static_cast<std::int64_t>(limit)};
  FAIRLEAD_CHECK(connection.query(
      "select v.kind, v.name, v.version, v.digest, v.author, v.message, v.created_at_us from resource_labels l"
      " join resource_versions v on v.project = l.project and v.kind = l.kind and v.name = l.name and v.version = "
      "l.version"
      " where l.label = 'latest' and l.project = $1 and ($2 = '' or l.kind = $2) and ($3 = '' or l.name = $3)"
      " order by l.kind, l.name limit $4",
      which, [&](const Row& row) -> Result<void> {
        const Version version = read_version(row, project);
        found.push_back({version.kind,
                         version.name,
                         version.version,
                         version.digest,
                         version.author,
                         version.message,
                         version.created_at_us,
                         {}});
        return {};
      }));
  for (Summary& summary : found) {
    const Value one[] = {project, summary.kind, summary.name};
    FAIRLEAD_CHECK(
        connection.query("select label, version from resource_labels where project = $1 and kind = $2 and name = $3",
                         one, [&](const Row& row) -> Result<void> {
                           summary.labels.emplace(row.text(0), static_cast<int>(row.integer(1)));
                           return {};
                         }));
  }
  return found;
}

Result<bool> advance_revision(Connection& connection, const std::string& project, std::int64_t expected) {
  const Value row[] = {project, expected + 1, expected};
  FAIRLEAD_TRY(
      const auto changed,
      connection.execute("insert into projects (name, revision) values ($1, $2)"
                         " on conflict (name) do update set revision = excluded.revision where projects.revision = $3",
                         row));
  return changed == 1;
}

Result<void> insert_version(Connection& connection, const Version& version) {
  const Value row[] = {version.project,       version.kind,
                       version.name,          std::int64_t{version.version},
                       version.digest,        json::to_text(version.spec),
                       version.author,        version.message,
                       version.created_at_us, std::int64_t{version.from_folder}};
  return execute(connection,
                 "insert into resource_versions (project, kind, name, version, digest, spec, author, message, "
                 "created_at_us, from_folder)"
                 " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                 row);
}

Result<void> move_label(Connection& connection, const std::string& project, const std::string& kind,
                        const std::string& name, const Move& move, std::int64_t audit) {
  const Value row[] = {project, kind, name, move.label, std::int64_t{move.to}};
  FAIRLEAD_CHECK(execute(connection,
                         "insert into resource_labels (project, kind, name, label, version) values ($1, $2, $3, $4, $5)"
                         " on conflict (project, kind, name, label) do update set version = excluded.version",
                         row));
  if (move.label == kLatest || move.from == move.to) return {};  // nothing to come back to
  const Value history[] = {audit, project, kind, name, move.label, std::int64_t{move.from}, std::int64_t{move.to}};
  return execute(connection,
                 "insert into label_moves (audit, project, kind, name, label, from_version, to_version)"
                 " values ($1, $2, $3, $4, $5, $6, $7)",
                 history);
}

Result<std::optional<Move>> last_move(Connection& connection, const std::string& project, const std::string& kind,
                                      const std::string& name, const std::string& label) {
  std::optional<Move> found;
  const Value which[] = {project, kind, name, label};
  FAIRLEAD_CHECK(connection.query(
      "select from_version, to_version from label_moves where project = $1 and kind = $2 and name = $3 and label = $4"
      " order by audit desc limit 1",
      which, [&](const Row& row) -> Result<void> {
        found = Move{label, static_cast<int>(row.integer(0)), static_cast<int>(row.integer(1))};
        return {};
      }));
  return found;
}

}  // namespace fairlead::resources
