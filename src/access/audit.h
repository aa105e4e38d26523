// Who did what: rows that are written in the transaction of what they tell of, and never changed.
#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "access/keys.h"
#include "base/result.h"
#include "platform/async/task.h"
#include "platform/store/database.h"

namespace fairlead::access {

// Who does something.
struct Actor {
  std::string name;    // "maria"
  std::string key_id;  // empty: Fairlead itself, at start
  static Actor of(const Principal& principal) { return {principal.name, principal.key_id}; }
};

struct AuditEntry {
  std::int64_t id = 0;  // given by append_audit, growing
  std::int64_t at_us = 0;
  std::string project;
  Actor actor;
  std::string action;      // "apply", "promote", "rollback", "create_key", "revoke_key"
  std::string kind, name;  // of what it was done to
  boost::json::object detail;
};

// Inside the transaction of the change, which it announces. The id of the row.
Result<std::int64_t> append_audit(store::Connection& connection, const AuditEntry& entry);

struct AuditPage {
  std::vector<AuditEntry> data;  // newest first
  bool has_more = false;
};
// `before`: rows with a smaller id; 0: from the newest.
Result<AuditPage> read_audit(store::Connection& connection, const std::string& project, std::int64_t before,
                             std::size_t limit);

// For who follows what other processes did: every change of resources, keys and secrets has a row, and ids grow in the
// order of commits. `audit_after`: oldest first, of all projects, with id, project, action, kind and name alone.
Result<std::int64_t> last_audit(store::Connection& connection);
Result<std::vector<AuditEntry>> audit_after(store::Connection& connection, std::int64_t after, std::size_t limit);

}  // namespace fairlead::access
