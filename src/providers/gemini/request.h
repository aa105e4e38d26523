// From a chat-completions request to the body of a generateContent request.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "llm/chat.h"

namespace fairlead::providers::gemini {

// System and developer messages become `systemInstruction`, `parameters` of tools `parametersJsonSchema`, a schema for
// the answer `responseJsonSchema`. Thought signatures, which the API wants back with a call of a function, are read
// from where its own OpenAI surface puts them (`extra_content.google.thought_signature` of a tool call). Members that
// are not OpenAI's pass untouched (`safetySettings`, `cachedContent`); those of `generationConfig` are added to what is
// made here. Errors: kUnsupported and kInvalid, `param` naming the field.
Result<std::string> generate_request(const llm::ChatRequest& request, std::string_view upstream_model);

}  // namespace fairlead::providers::gemini
