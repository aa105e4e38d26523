// What applying documents to a project does.
#pragma once
#include <boost/json/object.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "resources/internal/documents.h"
#include "resources/project.h"
#include "resources/service.h"
#include "resources/store/queries.h"

namespace fairlead::resources {

// One audited change of one resource, as it goes to the store.
struct Step {
  std::string action;  // "apply", "promote", "rollback"
  std::string kind, name;
  std::shared_ptr<const Version> made;  // null: no new version
  std::vector<Move> moves;
  boost::json::object detail;
};

struct Draft {
  ChangeSet changes;
  Project after;
  std::vector<Step> steps;
};

// Who, why and when, for the versions that are made.
struct Stamp {
  std::string author, message;
  std::int64_t at_us = 0;
};

// The names of a project's secrets; nothing: references to them are not checked.
using SecretNames = std::optional<std::vector<std::string>>;

// Faults are in the answer's changes; then there are no steps.
Draft plan_documents(const Project& before, SourceFolder folder, std::span<const CompiledKind> kinds,
                     const SecretNames& secrets, const Stamp& stamp);

}  // namespace fairlead::resources
