#include "resources/internal/drift.h"

#include <algorithm>

#include "platform/json/text.h"

namespace fairlead::resources {

// The folder that the server itself was started with is nobody else's.
inline constexpr std::string_view kServer = "serve --project";

Result<KnownVersions> known_versions(const Files& files) {
  KnownVersions known;
  const auto file = files.find(std::string(kLockFile));
  if (file == files.end()) return known;
  const auto parsed = json::parse(file->second);
  const boost::json::object* const object = parsed ? parsed->if_object() : nullptr;
  const auto is_digest = [](const boost::json::key_value_pair& one) {
    return one.value().is_string() && one.value().get_string().size() == 64;
  };
  if (object == nullptr || !std::ranges::all_of(*object, is_digest))
    return fail(ErrorKind::kInvalid, "invalid_lock",
                std::string(kLockFile) +
                    " has to hold an object of digests, as `fairlead apply` and `fairlead pull` write it. Take it from "
                    "your repository again, or delete it.",
                "files");
  for (const auto& [name, digest] : *object) known.emplace(name, digest.get_string());
  return known;
}

std::optional<Drift> drift_of(const Resource& resource, const KnownVersions& known, const std::string& owner) {
  const Version& latest = *resource.versions.at(resource.labels.find(kLatest)->second);
  const auto locked = known.find(resource.kind + "/" + resource.name);
  int newest = 0;
  for (const auto& [number, version] : resource.versions)
    if (locked != known.end() && version->digest == locked->second) newest = number;
  const bool is_locked = newest > 0;
  for (const auto& [number, version] : resource.versions) {
    const bool ours = !is_locked || version->author == owner || version->author == kServer;
    if (version->from_folder && ours) newest = std::max(newest, number);
  }
  if (latest.version <= newest) return std::nullopt;
  return Drift{newest, latest.author, latest.message, latest.created_at_us};
}

Result<void> refuse_drift(const ChangeSet& changes) {
  std::string which;
  for (const DocumentChange& change : changes.documents) {
    if (!change.drift) continue;
    which += (which.empty() ? "" : ", ") + change.kind + "/" + change.name + " v" + std::to_string(change.from) +
             " by " + change.drift->author;
  }
  if (which.empty()) return {};
  return fail(
      ErrorKind::kConflict, "drift",
      "The server has versions that this folder is not made from: " + which +
          ". Nothing was applied. `fairlead pull` writes them into the folder; `fairlead apply --overwrite` goes "
          "over them.");
}

}  // namespace fairlead::resources
