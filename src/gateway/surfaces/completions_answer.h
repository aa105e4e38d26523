// A chat's answer as a text_completion.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "gateway/surface.h"
#include "llm/chat_answer.h"

namespace fairlead::gateway {

class CompletionsAnswer final : public AnswerForm, private llm::ChatAnswerSink {
 public:
  explicit CompletionsAnswer(const SurfaceCall& call);
  Result<void> take(std::string_view wire, bool end, const llm::Outcome& outcome, std::string& out) override;
  void fail(const Error& error, std::string& out) override;

 private:
  // Of a choice: what has not been written yet; in a whole answer, all of it.
  struct Choice {
    std::string text, finish_reason;
    std::string tokens, token_logprobs, top_logprobs, text_offsets;  // elements of arrays
    std::size_t characters = 0;                                      // of the text so far
    bool pending = false;
  };

  void on_text(std::size_t choice, std::string_view text) override;
  void on_refusal(std::size_t choice, std::string_view text) override;
  void on_logprobs(std::size_t choice, std::string_view json) override;
  void on_finish(std::size_t choice, std::string_view reason) override;

  Choice& choice(std::size_t number);
  void write_pending(std::string& out);
  void write_head(std::string& out) const;
  static void write_choice(std::string& out, std::size_t number, const Choice& choice);

  const std::string call_id_;
  const std::int64_t created_;
  const bool stream_, include_usage_;
  std::string model_;
  llm::ChatAnswerReader reader_;
  std::vector<Choice> choices_;
};

}  // namespace fairlead::gateway
