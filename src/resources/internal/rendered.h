// Two versions of a resource as their readers would see them, side by side.
#pragma once
#include <optional>
#include <vector>

#include "resources/internal/documents.h"
#include "resources/service.h"

namespace fairlead::resources {

// What `given` makes of both; without it, each of the newer version's examples. A version that refuses the variables
// stands as `{"refused": "code: why"}`. Error: cannot_be_rendered, if the kind has no such thing.
Result<std::vector<Rendered>> rendered(const Kind& kind, const Project& project, const Version& from, const Version& to,
                                       const std::optional<boost::json::object>& given);

}  // namespace fairlead::resources
