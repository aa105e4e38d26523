// The rows of resources. Every function runs inside the caller's transaction.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "platform/store/database.h"
#include "resources/project.h"
#include "resources/service.h"

namespace fairlead::resources {

std::vector<store::Migration> resource_migrations();

Result<std::vector<std::string>> project_names(store::Connection& connection);
Result<std::int64_t> project_revision(store::Connection& connection, const std::string& project);  // 0: there is none
Result<Project> load_project(store::Connection& connection, const std::string& project);
// One resource, its specs left empty; nothing if there is none.
Result<std::optional<Resource>> load_resource(store::Connection& connection, const std::string& project,
                                              const std::string& kind, const std::string& name);
Result<Version> load_version(store::Connection& connection, const std::string& project, const std::string& kind,
                             const std::string& name, int version);
// The resources at their latest versions, by kind and name, without specs; `limit` rows at most.
Result<std::vector<Summary>> load_summaries(store::Connection& connection, const std::string& project,
                                            const std::string& kind, const std::string& name, std::size_t limit);

// Moves the project's revision from `expected` to the next. False: another change came first, nothing is written.
Result<bool> advance_revision(store::Connection& connection, const std::string& project, std::int64_t expected);
Result<void> insert_version(store::Connection& connection, const Version& version);

struct Move {
  std::string label;
  int from = 0;  // 0: it did not exist
  int to = 0;
};
// Moves the label and keeps where it came from, for roll back, under the audit row that tells of it.
Result<void> move_label(store::Connection& connection, const std::string& project, const std::string& kind,
                        const std::string& name, const Move& move, std::int64_t audit);
// The label's last move, if it has moved.
Result<std::optional<Move>> last_move(store::Connection& connection, const std::string& project,
                                      const std::string& kind, const std::string& name, const std::string& label);

}  // namespace fairlead::resources
