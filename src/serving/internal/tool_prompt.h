// Tools for models whose chat template knows none: asked for in words, answered as JSON, held to a schema.
#pragma once
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "llm/chat.h"
#include "serving/internal/chat_format.h"

namespace fairlead::serving {

struct Tool {
  std::string name;
  std::string description;
  boost::json::value parameters;  // JSON Schema of the arguments
};

enum class ToolChoice { kNone, kAuto, kRequired };

struct ToolRequest {
  std::vector<Tool> tools;  // those that may be called; one, if the request names it
  ToolChoice choice = ToolChoice::kNone;
  bool parallel = true;
};

// The `tools`, `tool_choice` and `parallel_tool_calls` of a request. Error: kInvalid with `param`.
Result<ToolRequest> parse_tools(const llm::ChatRequest& request);

// What the system message says of the tools.
std::string tool_instructions(const ToolRequest& request);

// The schema of `{"tool_calls": [{"name", "arguments"}]}` for these tools.
boost::json::value tool_call_schema(const ToolRequest& request);

// `schema`, to be placed at `pointer` of another: its references to itself are made to follow.
boost::json::value moved_schema(const boost::json::value& schema, std::string_view pointer);

// An answer that called tools, as the model would have written it.
std::string tool_calls_text(std::span<const llm::ToolCall> calls);

// Reads such an answer.
std::shared_ptr<const AnswerReader> tool_reader();

// True if a text that begins so may still become `{"tool_calls"…`, or has.
bool may_be_tool_calls(std::string_view text);

}  // namespace fairlead::serving
