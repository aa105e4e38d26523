// Answers in the OpenAI chat-completions form, written from what other vendors say.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "llm/provider.h"

namespace fairlead::providers::internal {

// {"prompt_tokens": …, …}
std::string usage_json(const llm::Usage& usage);

// A streamed answer, chunk by chunk, each ready for the wire. Keeps the outcome as it goes. Loop-affine.
class ChunkWriter {
 public:
  ChunkWriter(bool include_usage, std::int64_t created) : include_usage_(include_usage), created_(created) {}

  // The first chunk, which holds the role. The other members are for after it; again it does nothing.
  void begin(std::string_view id, std::string_view model, std::string& out);
  bool begun() const { return !head_.empty(); }
  void text(std::string_view text, std::string& out);       // nothing if empty
  void reasoning(std::string_view text, std::string& out);  // nothing if empty
  // Returns its index. `extra_content` is JSON that goes along with the call, or empty.
  int tool_call(std::string_view id, std::string_view name, std::string& out, std::string_view extra_content = {});
  void arguments(int tool, std::string_view piece, std::string& out);  // nothing if empty
  void finish(std::string_view reason, std::string& out);              // the first time
  bool finished() const { return !outcome.finish_reason.empty(); }
  int tool_calls() const { return tools_; }
  // The chunk that ends an answer whose usage was asked for; else nothing.
  void usage(std::string& out) const;

  llm::Outcome outcome;

 private:
  void chunk(std::string_view delta, std::string_view reason, std::string& out) const;
  bool include_usage_;
  std::int64_t created_;
  std::string head_;  // of every chunk, up to its choices
  int tools_ = 0;
};

// A whole answer.
struct WholeMessage {
  std::string text, reasoning;
  bool has_text = false;
  std::vector<llm::ToolCall> tool_calls;
  std::vector<std::string> extra_content;  // of each call, JSON or empty; may be shorter
  bool says_something() const { return has_text || !reasoning.empty() || !tool_calls.empty(); }
};
std::string completion_json(const llm::Outcome& outcome, std::int64_t created, const WholeMessage& message);

}  // namespace fairlead::providers::internal
