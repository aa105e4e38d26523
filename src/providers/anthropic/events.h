// The events of a Messages stream, one after another, into chat-completion chunks.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "llm/openai_completion.h"
#include "llm/provider.h"

namespace fairlead::providers::anthropic {

// "end_turn" → "stop" …; what is not known is "stop".
std::string_view finish_reason(std::string_view stop_reason);

// The `usage` of a message, or of an event; what an event does not say stays. `usage_json` as OpenAI writes it.
void read_usage(std::string_view json, llm::Usage& usage);
std::string usage_json(const llm::Usage& usage);

// Follows one streamed answer (https://docs.anthropic.com/en/api/messages-streaming). Loop-affine.
class EventTranslator {
 public:
  EventTranslator(bool include_usage, std::int64_t created, llm::Secrets secrets);

  // Takes an event's data and appends the chunks that it becomes to `out`, ready for the wire. Events that are not
  // known are passed over, as their documentation asks. Errors: the upstream's own, or upstream_invalid.
  Result<void> take(std::string_view data, std::string& out);
  bool ended() const { return ended_; }  // message_stop has come
  bool has_reason() const { return !outcome_.finish_reason.empty(); }
  const llm::Outcome& outcome() const { return outcome_; }
  // The chunk that ends an answer whose usage was asked for; else nothing.
  void add_usage(std::string& out) const;

 private:
  struct Event;
  struct Block {
    int tool = -1;  // which tool call it is; -1: none
    bool has_input = false;
  };
  Result<void> start_message(const Event& event, std::string& out);
  Result<void> start_block(const Event& event, std::string& out);
  Result<void> continue_block(const Event& event, std::string& out);
  void stop_block(const Event& event, std::string& out);
  void end_message(const Event& event, std::string& out);
  void add_chunk(std::string_view delta, std::string_view reason, std::string& out) const;
  void add_arguments(const Block& block, std::string_view json_text, std::string& out) const;
  Result<Block*> block_of(const Event& event);

  bool include_usage_;
  std::int64_t created_;
  llm::Secrets secrets_;
  llm::Outcome outcome_;
  std::string head_;  // of every chunk, up to its choices
  std::vector<Block> blocks_;
  int tools_ = 0;
  bool started_ = false;
  bool ended_ = false;
};

}  // namespace fairlead::providers::anthropic
