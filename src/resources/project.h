// A project's resources as they stand: every version and every label.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "resources/kind.h"

namespace fairlead::resources {

inline constexpr std::string_view kLatest = "latest";          // kept by the system: what was applied last
inline constexpr std::string_view kProduction = "production";  // in force for a bare name, if it exists
inline constexpr std::string_view kStaging = "staging";        // moved by apply, unless the document names other labels

struct Resource {
  std::string kind, name;
  std::map<int, std::shared_ptr<const Version>> versions;  // never empty
  std::map<std::string, int, std::less<>> labels;          // `latest` among them

  // The version that a bare name stands for: `production` if there is one, else `latest`.
  int in_force() const;
  // A version number ("7"), a label, or nothing for the one in force. Errors: version_not_found, label_not_found.
  Result<int> resolve(std::string_view ref) const;
};

// A value; its versions are shared and immutable.
struct Project {
  std::string name;
  std::int64_t revision = 0;                                          // grows by one with each change
  std::map<std::pair<std::string, std::string>, Resource> resources;  // by kind and name

  const Resource* find(std::string_view kind, std::string_view name) const;
  // The version that a label or a number points to. Errors: resource_not_found, version_not_found, label_not_found.
  Result<const Version*> at(std::string_view kind, std::string_view name, std::string_view ref) const;
};

// `[a-z0-9][a-z0-9._-]{0,62}`: projects, resources and labels.
bool is_name(std::string_view text);

}  // namespace fairlead::resources
