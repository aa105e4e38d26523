// What an answer in the chat form says, for those who write it in another.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fairlead::llm {

// Is told an answer in its order. Views live for the call. What has no interest for it, it leaves as it is here.
class ChatAnswerSink {
 public:
  virtual ~ChatAnswerSink() = default;
  virtual void on_text(std::size_t /*choice*/, std::string_view /*text*/) {}
  virtual void on_reasoning(std::size_t /*choice*/, std::string_view /*text*/) {}
  virtual void on_refusal(std::size_t /*choice*/, std::string_view /*text*/) {}
  // A call begins; its arguments follow, in pieces, before the next of that choice begins (all known vendors keep to
  // that). `call` counts from 0 within the choice.
  virtual void on_tool_call(std::size_t /*choice*/, std::size_t /*call*/, std::string_view /*id*/,
                            std::string_view /*name*/) {}
  virtual void on_tool_arguments(std::size_t /*choice*/, std::size_t /*call*/, std::string_view /*text*/) {}
  // The log probabilities of the text that was told just before: an array of {token, logprob, bytes, top_logprobs}.
  virtual void on_logprobs(std::size_t /*choice*/, std::string_view /*json*/) {}
  virtual void on_finish(std::size_t /*choice*/, std::string_view /*reason*/) {}
};

// Reads one answer. Loop-affine.
class ChatAnswerReader {
 public:
  explicit ChatAnswerReader(ChatAnswerSink& sink) : sink_(sink) {}
  // Delta::wire of a streamed chat: whole events. Error: upstream_invalid.
  Result<void> events(std::string_view wire);
  // The chat.completion object of one that was not streamed. Error: upstream_invalid.
  Result<void> whole(std::string_view body);

 private:
  struct Reading;
  Result<void> object(std::string_view json, std::string_view part);
  ChatAnswerSink& sink_;
  std::vector<std::vector<std::int64_t>> calls_;  // by choice: the upstream's indices of the calls that have begun
};

}  // namespace fairlead::llm
