// From a chat-completions request to the body of a Converse request.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "llm/chat.h"

namespace fairlead::providers::bedrock {

// Members that are not OpenAI's go where Converse takes them: its own (`guardrailConfig`, `performanceConfig`,
// `requestMetadata`, `promptVariables`, `additionalModelRequestFields`, `additionalModelResponseFieldPaths`) as they
// are, all others (`top_k`, `thinking`) into `additionalModelRequestFields`. Errors: kUnsupported and kInvalid, `param`
// naming the field.
Result<std::string> converse_request(const llm::ChatRequest& request, std::string_view upstream_model);

}  // namespace fairlead::providers::bedrock
