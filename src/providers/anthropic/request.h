// From a chat-completions request to the body of a Messages request.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "llm/chat.h"

namespace fairlead::providers::anthropic {

// System and developer messages become `system`; the rest keep their order, and neighbours of one role become one
// message, as tool results must. What the Messages API cannot express is kUnsupported with `param` naming the field;
// what only advises (seed, prompt_cache_key, store …) is left out. Members that are not OpenAI's pass untouched:
// `thinking`, `top_k`.
//
// A schema is asked for by the API's own structured output (`output_config.format`). Reasoning effort is
// `output_config.effort` with adaptive thinking; models from before that (Claude 4.5 and older) get a budget of tokens,
// as they ask for.
Result<std::string> messages_request(const llm::ChatRequest& request, std::string_view upstream_model);

}  // namespace fairlead::providers::anthropic
