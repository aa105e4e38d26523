// Anthropic's Messages API (https://docs.anthropic.com/en/api/messages), translated both ways.
#pragma once
#include <functional>
#include <memory>

#include "base/clock.h"
#include "llm/provider.h"
#include "platform/http/client.h"
#include "providers/internal/spec.h"
#include "providers/internal/vendor.h"

namespace fairlead::providers::anthropic {

struct Options {
  internal::Endpoint endpoint;
  std::function<http::Client&(async::Loop&)> client;
  const Clock* clock = nullptr;  // for "created", which Anthropic does not say
};

// Immutable, thread-safe. Error: invalid_url.
Result<std::shared_ptr<llm::Provider>> make_provider(Options options);

internal::Vendor vendor();

}  // namespace fairlead::providers::anthropic
