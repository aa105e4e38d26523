// From a chat-completions request to the body of a completion request.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "llm/chat.h"

namespace fairlead::providers::yandexgpt {

// A model without a scheme is `gpt://FOLDER/MODEL`. Members that are not OpenAI's pass untouched. Errors: kUnsupported
// and kInvalid, `param` naming the field.
Result<std::string> completion_request(const llm::ChatRequest& request, std::string_view upstream_model,
                                       std::string_view folder);

}  // namespace fairlead::providers::yandexgpt
