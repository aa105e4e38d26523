// The rows of protected labels. Every function runs inside the caller's transaction.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "platform/store/database.h"
#include "resources/approvals.h"

namespace fairlead::resources {

store::Migration approval_migration();

Result<std::vector<Protection>> load_protections(store::Connection& connection, const std::string& project);
Result<void> put_protection(store::Connection& connection, const std::string& project, const Protection& protection);
Result<void> remove_protection(store::Connection& connection, const std::string& project, const std::string& label);

// Of one version, by name; of every version if `version` is 0.
Result<std::vector<Check>> load_checks(store::Connection& connection, const std::string& project,
                                       const std::string& kind, const std::string& name, int version);
Result<void> put_check(store::Connection& connection, const std::string& project, const Check& check);

// Newest first. Those that wait, and are not stale, or all of them.
Result<std::vector<Approval>> load_approvals(store::Connection& connection, const std::string& project, bool all,
                                             std::size_t limit);
// By its id or a beginning of it that no other has. Error: ambiguous_id.
Result<std::optional<Approval>> find_approval(store::Connection& connection, const std::string& project,
                                              const std::string& id);
Result<void> insert_approval(store::Connection& connection, const std::string& project, const Approval& approval);
// Writes its state, who decided, and when.
Result<void> decide_approval(store::Connection& connection, const std::string& project, const Approval& approval);

}  // namespace fairlead::resources
