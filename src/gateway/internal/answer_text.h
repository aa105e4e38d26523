// What an answer said: for its record, the text and the tool calls, one a line; or all that the model wrote, to count
// it.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "llm/provider.h"

namespace fairlead::gateway::internal {

// Follows one answer in the format in which it comes.
class AnswerText {
 public:
  enum class For : std::uint8_t { kRecord, kCounting };
  static std::unique_ptr<AnswerText> create(llm::Format format, bool stream, For what = For::kRecord);
  virtual ~AnswerText() = default;
  // Delta::wire. What makes no sense is left out.
  virtual void take(std::string_view wire) = 0;
  // The text of each choice; behind it its calls, each as {"tool_call":{"id","name","arguments"}} on a line of its own.
  // Choices are divided by an empty line. For counting: the reasoning too, and of calls their names and arguments.
  virtual std::string text() = 0;
};

}  // namespace fairlead::gateway::internal
