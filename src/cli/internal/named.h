// What a command is about, as people write it.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/internal/context.h"

namespace fairlead::cli {

// "prompt/support-reply@4", "prompt:support-reply@staging" or "support-reply"; what is not said is empty.
struct Named {
  std::string kind, name, ref;
  static Named of(std::string_view text);
};

// Asks the server which kind has the name, where that is not said: the one that has it, or the one that clients call.
// Errors: the server's, resource_not_found, ambiguous_name.
Result<void> find_kind(Context& context, Named& named);

// Makes the parameter, an id of which a beginning may be given, whole; nothing if it is absent, whole, or no id. `path`
// is where the server answers for it: "/api/v1/calls/". Errors: the server's, also of several that begin so.
Result<void> complete_id(Context& context, std::map<std::string, std::string>& parameters, const std::string& name,
                         const std::string& path);

// "/api/v1/resources/prompt/support-reply"
std::string path_of(const Named& named);

}  // namespace fairlead::cli
