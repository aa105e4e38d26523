// The provider of type `llama.cpp`.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "llm/provider.h"
#include "platform/http/client.h"
#include "serving/local_models.h"

namespace fairlead::serving {

// Answers calls whose upstream_model is a file that `models` serves; `client` gives a loop's client and is called on
// that loop. Both outlive the provider. Beside the errors of Provider::chat: kUnavailable with code model_loading,
// model_failed (the message says why), worker_died (it ended before the first content; it is being started again) or
// model_overloaded; kUpstream worker_died when it ended in the middle of an answer.
std::shared_ptr<llm::Provider> make_provider(std::string name, const LocalModels& models,
                                             std::function<http::Client&(async::Loop&)> client);

}  // namespace fairlead::serving
