#include "resources/store/approvals.h"

#include "platform/store/whole_id.h"

namespace fairlead::resources {
namespace {

using store::Connection;
using store::Row;
using store::Value;

// Names hold no comma.
std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    out.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return out;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ",") + name;
  return out;
}

// A request that waits is stale once the label stands elsewhere.
constexpr std::string_view kApprovals =
    "select a.id, a.kind, a.name, a.label, a.from_version, a.to_version,"
    " case when a.state = 'waiting' and coalesce(l.version, 0) <> a.from_version then 'stale' else a.state end as "
    "state,"
    " a.asked_by, a.asked_by_key, a.why, a.asked_at_us, a.decided_by, a.note, a.decided_at_us"
    " from approvals a left join resource_labels l"
    " on l.project = a.project and l.kind = a.kind and l.name = a.name and l.label = a.label where a.project = $1";

Result<std::vector<Approval>> read_approvals(Connection& connection, const std::string& sql,
                                             std::span<const Value> parameters) {
  std::vector<Approval> out;
  FAIRLEAD_CHECK(connection.query(sql, parameters, [&](const Row& row) -> Result<void> {
    Approval one;
    one.id = row.text(0);
    one.kind = row.text(1);
    one.name = row.text(2);
    one.label = row.text(3);
    one.from = static_cast<int>(row.integer(4));
    one.to = static_cast<int>(row.integer(5));
    one.state = row.text(6);
    one.asked_by = row.text(7);
    one.asked_by_key = row.text(8);
    one.why = row.text(9);
    one.asked_at_us = row.integer(10);
    one.decided_by = row.text(11);
    one.note = row.text(12);
    one.decided_at_us = row.integer(13);
    out.push_back(std::move(one));
    return {};
  }));
  return out;
}

}  // namespace

store::Migration approval_migration() {
  return {"resources", 2, R"sql(
create table protected_labels (
  project text not null,
  label text not null,
  approval bigint not null,
  checks text not null,
  set_by text not null,
  set_at_us bigint not null,
  primary key (project, label)
);
create table version_checks (
  project text not null,
  kind text not null,
  name text not null,
  version bigint not null,
  check_name text not null,
  passed bigint not null,
  url text not null,
  note text not null,
  author text not null,
  at_us bigint not null,
  primary key (project, kind, name, version, check_name),
  foreign key (project, kind, name, version) references resource_versions (project, kind, name, version)
);
create table approvals (
  project text not null,
  id text not null,
  kind text not null,
  name text not null,
  label text not null,
  from_version bigint not null,
  to_version bigint not null,
  state text not null,
  asked_by text not null,
  asked_by_key text not null,
  why text not null,
  asked_at_us bigint not null,
  decided_by text not null,
  note text not null,
  decided_at_us bigint not null,
  primary key (project, id)
);
alter table resource_versions add column from_folder bigint not null default 1;
)sql"};
}

Result<std::vector<Protection>> load_protections(Connection& connection, const std::string& project) {
  std::vector<Protection> out;
  const Value which[] = {project};
  FAIRLEAD_CHECK(connection.query(
      "select label, approval, checks, set_by, set_at_us from protected_labels where project = $1 order by label",
      which, [&](const Row& row) -> Result<void> {
        out.push_back({std::string(row.text(0)), row.integer(1) != 0, split(row.text(2)), std::string(row.text(3)),
                       row.integer(4)});
        return {};
      }));
  return out;
}

Result<void> put_protection(Connection& connection, const std::string& project, const Protection& protection) {
  const Value row[] = {
      project,           protection.label,    std::int64_t{protection.approval}, joined(protection.checks),
      protection.set_by, protection.set_at_us};
  return execute(connection,
                 "insert into protected_labels (project, label, approval, checks, set_by, set_at_us)"
                 " values ($1, $2, $3, $4, $5, $6) on conflict (project, label) do update set"
                 " approval = excluded.approval, checks = excluded.checks, set_by = excluded.set_by,"
                 " set_at_us = excluded.set_at_us",
                 row);
}

Result<void> remove_protection(Connection& connection, const std::string& project, const std::string& label) {
  const Value row[] = {project, label};
  return execute(connection, "delete from protected_labels where project = $1 and label = $2", row);
}

Result<std::vector<Check>> load_checks(Connection& connection, const std::string& project, const std::string& kind,
                                       const std::string& name, int version) {
  std::vector<Check> out;
  const Value which[] = {project, kind, name, std::int64_t{version}};
  FAIRLEAD_CHECK(connection.query(
      "select version, check_name, passed, url, note, author, at_us from version_checks where project = $1 and kind = "
      "$2 and name = $3 and ($4 = 0 or version = $4) order by version, check_name",
      which, [&](const Row& row) -> Result<void> {
        Check one{kind, name, static_cast<int>(row.integer(0)), std::string(row.text(1)), row.integer(2) != 0, {}, {},
                  {},   0};
        one.url = row.text(3);
        one.note = row.text(4);
        one.author = row.text(5);
        one.at_us = row.integer(6);
        out.push_back(std::move(one));
        return {};
      }));
  return out;
}

Result<void> put_check(Connection& connection, const std::string& project, const Check& check) {
  const Value row[] = {project,      check.kind,
                       check.name,   std::int64_t{check.version},
                       check.check,  std::int64_t{check.passed},
                       check.url,    check.note,
                       check.author, check.at_us};
  return execute(
      connection,
      "insert into version_checks (project, kind, name, version, check_name, passed, url, note, author, at_us)"
      " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
      " on conflict (project, kind, name, version, check_name) do update set passed = excluded.passed,"
      " url = excluded.url, note = excluded.note, author = excluded.author, at_us = excluded.at_us",
      row);
}

Result<std::vector<Approval>> load_approvals(Connection& connection, const std::string& project, bool all,
                                             std::size_t limit) {
  const Value which[] = {project, std::int64_t{all}, static_cast<std::int64_t>(limit)};
  return read_approvals(connection,
                        std::string(kApprovals) +
                            " and ($2 = 1 or (a.state = 'waiting' and coalesce(l.version, 0) = a.from_version))"
                            " order by a.id desc limit $3",
                        which);
}

Result<std::optional<Approval>> find_approval(Connection& connection, const std::string& project,
                                              const std::string& start) {
  FAIRLEAD_TRY(const std::string id,
               store::whole_id(connection, "select id from approvals where project = $1", {project}, start));
  if (id.empty()) return std::nullopt;
  const Value which[] = {project, id};
  FAIRLEAD_TRY(auto found, read_approvals(connection, std::string(kApprovals) + " and a.id = $2", which));
  return std::move(found.front());
}

Result<void> insert_approval(Connection& connection, const std::string& project, const Approval& one) {
  const Value row[] = {project,
                       one.id,
                       one.kind,
                       one.name,
                       one.label,
                       std::int64_t{one.from},
                       std::int64_t{one.to},
                       one.state,
                       one.asked_by,
                       one.asked_by_key,
                       one.why,
                       one.asked_at_us,
                       one.decided_by,
                       one.note,
                       one.decided_at_us};
  return execute(connection,
                 "insert into approvals (project, id, kind, name, label, from_version, to_version, state, asked_by,"
                 " asked_by_key, why, asked_at_us, decided_by, note, decided_at_us)"
                 " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
                 row);
}

Result<void> decide_approval(Connection& connection, const std::string& project, const Approval& one) {
  const Value row[] = {project, one.id, one.state, one.decided_by, one.note, one.decided_at_us};
  return execute(connection,
                 "update approvals set state = $3, decided_by = $4, note = $5, decided_at_us = $6"
                 " where project = $1 and id = $2",
                 row);
}

}  // namespace fairlead::resources
