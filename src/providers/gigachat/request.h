// From a chat-completions request to GigaChat's
// (https://developers.sber.ru/docs/ru/gigachat/api/reference/rest/post-chat).
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "llm/chat.h"

namespace fairlead::providers::gigachat {

// Tools become `functions`; a message holds one call there, so that parallel calls become one exchange after another.
// What the system says goes first, as it must. The id of a call that came from GigaChat is its `functions_state_id`.
// Members that are not OpenAI's pass untouched (`repetition_penalty`, `profanity_check`). Errors: kUnsupported and
// kInvalid, `param` naming the field.
Result<std::string> chat_request(const llm::ChatRequest& request, std::string_view upstream_model);

}  // namespace fairlead::providers::gigachat
