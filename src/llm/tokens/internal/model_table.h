// Which published ranks a model's tokens go by.
#pragma once
#include <cstdint>
#include <string_view>

#include "llm/provider.h"

namespace fairlead::llm::internal {

enum class Ranks : std::uint8_t { kNone, kCl100k, kO200k };

struct KnownRanks {
  Ranks ranks = Ranks::kNone;
  bool documented = false;  // false: those of its family, as nothing is published of the model itself
  friend bool operator==(const KnownRanks&, const KnownRanks&) = default;
};

// "gpt-4o" of "openai/gpt-4o".
std::string_view bare_model(std::string_view upstream_model);

// By the documented names of OpenAI's models, of a provider that reaches them: types openai, azure (whose deployments
// are often named after the model) and openrouter; and of gpt-oss wherever it runs.
KnownRanks ranks_of(const Route& route);
KnownRanks ranks_of(std::string_view provider_type, std::string_view upstream_model);

}  // namespace fairlead::llm::internal
