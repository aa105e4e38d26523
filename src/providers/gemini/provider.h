// Google's Gemini API (https://ai.google.dev/api/generate-content), translated both ways.
#pragma once
#include <memory>

#include "llm/provider.h"
#include "providers/internal/http_provider.h"
#include "providers/internal/vendor.h"

namespace fairlead::providers::gemini {

// Immutable, thread-safe. Error: invalid_url.
Result<std::shared_ptr<llm::Provider>> make_provider(internal::ProviderParts parts);

internal::Vendor vendor();

}  // namespace fairlead::providers::gemini
