// From a provider resource to what can be called.
#pragma once
#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "llm/provider.h"
#include "platform/async/runtime.h"
#include "platform/http/client.h"

namespace fairlead::providers {

// What providers need of the process. All of it outlives them.
struct Dependencies {
  // The loop's client; called on that loop.
  std::function<http::Client&(async::Loop&)> client;
  // The environment variable's value, if it is set. Called while a provider is made.
  std::function<std::optional<std::string>(std::string_view name)> environment;
  const Clock* clock = nullptr;
  // The value of one of the project's secrets. Called while a provider is made. Its errors name it and say what to do.
  std::function<Result<SecretText>(std::string_view name)> secret{};
  // Files, and folders with all that is in them, that no reference may read; absolute, without symbolic links.
  std::vector<std::string> private_paths{};
};

// Makes the provider of a spec that the kind's check has passed, for any type but `llama.cpp`, which is the serving
// room's (provider_type_unknown here). Resolves the credentials now, so it reads the environment, files and secrets,
// and may block: not for a loop. Error: provider_credentials names what is missing, never a value.
Result<std::shared_ptr<llm::Provider>> make_provider(std::string_view name, const boost::json::object& spec,
                                                     const Dependencies& dependencies);

}  // namespace fairlead::providers
