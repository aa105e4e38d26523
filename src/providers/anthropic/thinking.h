// How much Claude models are to think, wherever they are served.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "providers/internal/ask.h"

namespace fairlead::providers::anthropic {

// By the model's id, at Anthropic and where else Claude is served: these think by a budget of tokens, and go on with a
// last message of the assistant; later ones refuse both
// (https://platform.claude.com/docs/en/about-claude/models/migration-guide).
bool is_claude_4_5_or_older(std::string_view model);

struct Thinking {
  std::string thinking;  // the member `thinking` as JSON; empty: none is sent
  std::string effort;    // for output_config.effort; empty: none
};

// Of `reasoning_effort`: adaptive thinking with an effort; a budget of the `max_tokens` for Claude 4.5 and older, which
// know nothing else (https://docs.anthropic.com/en/docs/build-with-claude/adaptive-thinking). A member `thinking` of
// the client's own wins. Error: kUnsupported.
Result<Thinking> thinking_for(const internal::Ask& ask, std::int64_t max_tokens, std::string_view model,
                              const internal::Language& language);

}  // namespace fairlead::providers::anthropic
