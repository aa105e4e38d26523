// From a provider resource to what can be called.
#pragma once
#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <string_view>

#include "access/references.h"
#include "base/clock.h"
#include "base/result.h"
#include "llm/provider.h"
#include "platform/async/runtime.h"
#include "platform/http/client.h"

namespace fairlead::providers {

// What providers need of the process. All of it outlives them.
struct Dependencies : access::CredentialSources {
  // The loop's client; called on that loop.
  std::function<http::Client&(async::Loop&)> client{};
  const Clock* clock = nullptr;
};

// Makes the provider of a spec that the kind's check has passed, for any type but `llama.cpp`, which is the serving
// room's (provider_type_unknown here). Resolves the credentials now, so it reads the environment, files and secrets,
// and may block: not for a loop. Error: credentials_missing names what is missing, never a value.
Result<std::shared_ptr<llm::Provider>> make_provider(std::string_view name, const boost::json::object& spec,
                                                     const Dependencies& dependencies);

}  // namespace fairlead::providers
