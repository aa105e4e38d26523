// Answers of the Messages API in OpenAI's form.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "llm/openai_completion.h"
#include "llm/provider.h"
#include "platform/http/client.h"

namespace fairlead::providers::anthropic {

struct Answer {
  bool stream = false;
  bool include_usage = false;
  std::int64_t created = 0;  // unix seconds
  llm::Secrets secrets;
  std::unique_ptr<llm::UpstreamCancellation> cancellation;  // was sent along with the request
};

// Reads a 2xx answer; as llm::read_openai_completion. Thinking becomes `reasoning_content`, a tool's input its
// arguments.
std::unique_ptr<llm::Completion> read_answer(std::unique_ptr<http::ClientResponse> response, Answer answer);

}  // namespace fairlead::providers::anthropic
