// A chat's answer as Anthropic's Messages API writes it (docs/reference/messages.md).
#pragma once
#include <string>
#include <vector>

#include "gateway/surface.h"
#include "llm/chat_answer.h"

namespace fairlead::gateway {

class MessagesAnswer final : public AnswerForm, private llm::ChatAnswerSink {
 public:
  explicit MessagesAnswer(const SurfaceCall& call);
  Result<void> take(std::string_view wire, bool end, const llm::Outcome& outcome, std::string& out) override;
  void fail(const Error& error, std::string& out) override;

 private:
  enum class Kind : std::uint8_t { kText, kThinking, kToolUse };
  struct Block {
    Kind kind;
    std::string text, id, name;  // of a whole answer; a streamed one is not kept
    std::size_t call = 0;        // of a tool use: which of the chat's
  };

  void on_text(std::size_t choice, std::string_view text) override;
  void on_reasoning(std::size_t choice, std::string_view text) override;
  void on_refusal(std::size_t choice, std::string_view text) override;
  void on_tool_call(std::size_t choice, std::size_t call, std::string_view id, std::string_view name) override;
  void on_tool_arguments(std::size_t choice, std::size_t call, std::string_view text) override;
  void on_finish(std::size_t choice, std::string_view reason) override;

  void add(Kind kind, std::string_view text);
  void begin_block(Block block);
  void end_block();
  void begin_message(const llm::Outcome& outcome);
  void end_message(const llm::Outcome& outcome);
  void write_whole(const llm::Outcome& outcome);
  void write_head(std::string_view model) const;
  void write_usage(const llm::Usage& usage) const;
  void write_text(std::string_view text) const;

  const std::string call_id_, requested_model_;
  const bool stream_;
  llm::ChatAnswerReader reader_;
  std::string* out_ = nullptr;  // of the take() in progress
  std::vector<Block> blocks_;
  bool begun_ = false, open_ = false, refused_ = false, disordered_ = false;
  std::string_view stop_reason_ = "end_turn";
};

// {"type":"error","error":{"type","message"},"request_id"}, and the status that goes with it.
std::string messages_error(const Error& error, std::string_view call_id);
int messages_error_status(const Error& error);

}  // namespace fairlead::gateway
