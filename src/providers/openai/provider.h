// Any upstream that speaks the OpenAI API (https://platform.openai.com/docs/api-reference), Azure's way of serving it
// included.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "llm/provider.h"
#include "platform/http/client.h"
#include "providers/internal/spec.h"
#include "providers/internal/vendor.h"
#include "providers/openai/dialect.h"

namespace fairlead::providers::openai {

struct Options {
  internal::Endpoint endpoint;
  const Dialect* dialect = &dialects().front();
  std::string organization, project;
  std::string api_version;  // Azure's; empty: its v1 surface
  std::function<http::Client&(async::Loop&)> client;
};

// Immutable, thread-safe. Error: invalid_url.
Result<std::shared_ptr<llm::Provider>> make_provider(Options options);

// One for each dialect.
std::vector<internal::Vendor> vendors();

}  // namespace fairlead::providers::openai
