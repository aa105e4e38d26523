// What applying documents to a project does.
#pragma once
#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "resources/approvals.h"
#include "resources/internal/documents.h"
#include "resources/internal/drift.h"
#include "resources/project.h"
#include "resources/service.h"
#include "resources/store/queries.h"

namespace fairlead::resources {

// One audited change of one resource, as it goes to the store.
struct Step {
  std::string action;  // "apply", "promote", "request"
  std::string kind, name;
  std::shared_ptr<const Version> made;  // null: no new version
  std::vector<Move> moves;
  boost::json::object detail;
};

struct Draft {
  ChangeSet changes;
  Project after;
  std::vector<Step> steps;
  bool serves_alike = false;  // calls are served as before: nothing is to be put in force
  // What is written besides, in the same transaction; may be empty.
  std::function<Result<void>(store::Connection&)> also{};
};

// Who, why and when, for the versions that are made.
struct Stamp {
  std::string author, message;
  std::int64_t at_us = 0;
};

// The names of a project's secrets; nothing: references to them are not checked.
using SecretNames = std::optional<std::vector<std::string>>;

// What documents are checked against, besides the project. Outlives the planning.
struct Rules {
  std::span<const CompiledKind> kinds;
  const SecretNames& secrets;
  const std::vector<Protection>& protections;  // of labels
  FolderRules folder;
  const KnownVersions& known;
};

// Faults are in the answer's changes; then there are no steps.
Draft plan_documents(const Project& before, SourceFolder folder, const Rules& rules, const Stamp& stamp);

}  // namespace fairlead::resources
