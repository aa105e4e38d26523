#include "access/audit.h"

#include <boost/json/value.hpp>

#include "platform/json/text.h"

namespace fairlead::access {

using store::Connection;
using store::Row;
using store::Value;

Result<std::int64_t> append_audit(Connection& connection, const AuditEntry& entry) {
  std::int64_t id = 0;
  FAIRLEAD_CHECK(connection.query("update audit_counter set value = value + 1 returning value", {},
                                  [&](const Row& row) -> Result<void> {
                                    id = row.integer(0);
                                    return {};
                                  }));
  const Value row[] = {id,           entry.at_us, entry.project, entry.actor.name,           entry.actor.key_id,
                       entry.action, entry.kind,  entry.name,    json::to_text(entry.detail)};
  auto done = connection.execute(
      "insert into audit (id, at_us, project, actor, actor_key, action, kind, name, detail)"
      " values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
      row);
  if (!done) return fail(std::move(done).error());
  connection.announce();
  return id;
}

Result<std::int64_t> last_audit(Connection& connection) {
  std::int64_t id = 0;
  FAIRLEAD_CHECK(connection.query("select value from audit_counter", {}, [&](const Row& row) -> Result<void> {
    id = row.integer(0);
    return {};
  }));
  return id;
}

Result<std::vector<AuditEntry>> audit_after(Connection& connection, std::int64_t after, std::size_t limit) {
  std::vector<AuditEntry> entries;
  const Value which[] = {after, static_cast<std::int64_t>(limit)};
  FAIRLEAD_CHECK(
      connection.query("select id, project, action, kind, name from audit where id > $1 order by id limit $2", which,
                       [&](const Row& row) -> Result<void> {
                         AuditEntry entry;
                         entry.id = row.integer(0);
                         entry.project = row.text(1);
                         entry.action = row.text(2);
                         entry.kind = row.text(3);
                         entry.name = row.text(4);
                         entries.push_back(std::move(entry));
                         return {};
                       }));
  return entries;
}

Result<AuditPage> read_audit(Connection& connection, const std::string& project, std::int64_t before,
                             std::size_t limit) {
  AuditPage page;
  const Value which[] = {project, before, static_cast<std::int64_t>(limit) + 1};
  FAIRLEAD_CHECK(connection.query(
      "select id, at_us, actor, actor_key, action, kind, name, detail from audit"
      " where project = $1 and ($2 = 0 or id < $2) order by id desc limit $3",
      which, [&](const Row& row) -> Result<void> {
        if (page.data.size() == limit) {
          page.has_more = true;
          return {};
        }
        FAIRLEAD_TRY(auto detail, json::parse(row.text(7)));
        if (!detail.is_object())
          return fail(ErrorKind::kInternal, "store_corrupt", "An audit row's detail is not an object.");
        AuditEntry entry;
        entry.id = row.integer(0);
        entry.at_us = row.integer(1);
        entry.project = project;
        entry.actor = {std::string(row.text(2)), std::string(row.text(3))};
        entry.action = row.text(4);
        entry.kind = row.text(5);
        entry.name = row.text(6);
        entry.detail = std::move(detail.get_object());
        page.data.push_back(std::move(entry));
        return {};
      }));
  return page;
}

}  // namespace fairlead::access
