// Detectors that are plugged in beside the built-in ones: services, and models of the project
// (docs/reference/policies.md#detectors-of-your-own).
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "access/references.h"
#include "base/result.h"
#include "llm/client.h"
#include "platform/async/runtime.h"
#include "platform/http/client.h"
#include "safety/policy/definition.h"

namespace fairlead::policy {

class Plugged;

// What they need of the process. Outlives every call.
struct DetectorParts {
  std::function<http::Client&(async::Loop&)> client;  // the loop's; called on that loop
  std::function<llm::Client&()> models;               // the same for all loops; called on one
  std::function<access::CredentialSources(const std::string& project)> credentials;
  int loops = 1;
};

// Follows references, so it may block: not for a loop. `policy` is for messages. Errors: credentials_missing,
// invalid_url, those of the store. `parts` outlives the detector.
Result<std::shared_ptr<Plugged>> make_plugged(const std::string& project, const std::string& policy,
                                              const DetectorSpec& spec, const DetectorParts& parts);

}  // namespace fairlead::policy
