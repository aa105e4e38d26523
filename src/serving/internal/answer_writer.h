// The answer to a chat request in OpenAI's form, whole or as server-sent events.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "serving/internal/chat_format.h"
#include "serving/internal/scheduler.h"

namespace fairlead::serving {

struct AnswerOptions {
  std::string id;            // "chatcmpl-…"
  std::int64_t created = 0;  // unix seconds
  std::string model;
  int choices = 1;
  bool stream = false;
  bool usage_null = false;  // chunks say "usage": null, as the client asked for usage
  bool logprobs = false;
  std::shared_ptr<const AnswerReader> reader;  // may be null
};

// Takes the pieces of all choices as they come. Not thread-safe.
class AnswerWriter {
 public:
  explicit AnswerWriter(AnswerOptions options);
  ~AnswerWriter();

  void take(const Piece& piece);
  bool done() const { return finished_ == options_.choices; }

  // While streaming: the events that pieces have made since the last call, "data: {…}\n\n" each.
  std::string take_events();
  // While streaming, at the end: the usage chunk and "data: [DONE]\n\n".
  std::string end_events(int prompt_tokens, int cached_tokens) const;
  // Not streaming: the chat.completion object.
  std::string whole(int prompt_tokens, int cached_tokens) const;

 private:
  struct Choice;
  std::string head(std::string_view object) const;
  std::string usage(int prompt_tokens, int cached_tokens) const;
  void append_delta(int index, Choice& choice, const ParsedAnswer& now, const std::string& logprobs);
  void append_chunk(int index, std::string_view delta, std::string_view logprobs, std::string_view finish);
  void append_tool_calls(int index, Choice& choice, const ParsedAnswer& now);

  AnswerOptions options_;
  std::vector<Choice> choices_;
  std::string events_;
  int finished_ = 0;
};

}  // namespace fairlead::serving
