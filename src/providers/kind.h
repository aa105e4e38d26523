// The kind `provider`: an upstream endpoint and where its credentials are found.
#pragma once
#include "resources/kind.h"

namespace fairlead::providers {

// `type: openai | anthropic | llama.cpp | …`; see docs/reference/providers.md. Immutable, thread-safe. The check
// refuses a credential written into the spec: versions are kept for ever and shown to everyone who may read.
resources::Kind provider_kind();

// The secrets that a provider's spec names.
std::vector<resources::SecretReference> secret_references(const boost::json::object& spec);

}  // namespace fairlead::providers
