// Requests for an upstream that speaks an OpenAI format: what the client wrote, but for what must change.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "llm/chat.h"
#include "providers/openai/dialect.h"

namespace fairlead::providers::openai {

// Every member of the chat as it was sent, but `model`, which becomes the upstream's name, `fairlead`, which is left
// out, when streaming stream_options.include_usage, which is set, and what the dialect says otherwise. Error:
// kUnsupported for what the dialect would pass over in silence.
Result<std::string> chat_body(const llm::ChatRequest& request, std::string_view upstream_model, const Dialect& dialect);

// The same of a request in another format; `ask_usage` sets stream_options.include_usage.
std::string native_body(std::span<const llm::Member> members, std::string_view upstream_model, bool ask_usage);

// Whether a request asks for the usage chunk: stream_options.include_usage.
bool asks_usage(std::span<const llm::Member> members);

}  // namespace fairlead::providers::openai
