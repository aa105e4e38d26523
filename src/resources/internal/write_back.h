// A project's newest versions, written into the files that a team keeps.
#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "resources/internal/documents.h"
#include "resources/project.h"
#include "resources/service.h"

namespace fairlead::resources {

// Changes in the files only what differs: each differing value in its place, texts of their own in their files, and new
// resources in new ones. What has edits that no version knows is left as it is, unless `overwrite`. A document that
// cannot be changed in place is written anew. Faults of the folder are in the answer, and then nothing else is.
PulledFiles write_back(const Project& project, const Files& folder, std::span<const CompiledKind> kinds,
                       bool overwrite);

// The version as a document of its own. `version`: with its number.
std::string to_yaml(const Version& version, bool with_version = false);

}  // namespace fairlead::resources
