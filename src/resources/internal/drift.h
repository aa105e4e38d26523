// Whether the server is ahead of the folder that is applied to it (docs/reference/resources.md, "In step").
#pragma once
#include <map>
#include <optional>
#include <string>

#include "resources/project.h"
#include "resources/service.h"

namespace fairlead::resources {

// Digests by "kind/name".
using KnownVersions = std::map<std::string, std::string, std::less<>>;

// What the folder's lock file says; empty without one. Error: invalid_lock.
Result<KnownVersions> known_versions(const Files& files);

// The version that `latest` points to, if neither the lock file nor an apply of such a folder knows it. A digest that
// no version has is of another server, and says nothing here. `owner` is who applies: what a pipeline made of the same
// folder it knows, though its lock file may be older.
std::optional<Drift> drift_of(const Resource& resource, const KnownVersions& known, const std::string& owner);

// Error: drift, if a document would go over a version that the folder does not know; it says which, and what to do.
Result<void> refuse_drift(const ChangeSet& changes);

}  // namespace fairlead::resources
