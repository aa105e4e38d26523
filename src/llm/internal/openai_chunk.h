// One event of a streamed answer, or the one object of a whole one: what it says, and how it is put right.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "llm/internal/event_stencil.h"
#include "llm/openai_completion.h"
#include "llm/provider.h"

namespace fairlead::llm::internal {

// What to do with an event.
enum class Verdict { kPass, kReplace, kDrop };

struct AnswerOptions {
  bool include_usage = false;  // the client asked for the usage chunk
  int n = 1;
  bool says_reasoning = false;  // see OpenAiAnswer
  Secrets secrets{};
};

// The text with members `reasoning_content` in the place of `reasoning`, unless it has such already.
std::string with_reasoning_content(std::string_view json);

// Follows one answer, event by event. Loop-affine.
class AnswerReader {
 public:
  explicit AnswerReader(AnswerOptions options);

  // `data` is one event's data, neither empty nor [DONE]. With kReplace, what stands in its place is appended to
  // `replacement`. Errors: the upstream's own, or upstream_invalid.
  Result<Verdict> event(std::string_view data, std::string& replacement);
  // Of the last event, if it was like most: it brought content, and its verdict is that of all that differ from it in
  // the text of some values alone. What is cut of it.
  const std::optional<Cut>& usual() const { return usual_; }
  // The chat.completion object of an answer that was not streamed.
  Result<void> whole(std::string_view body);

  // The usage chunk that the client asked for, to be sent before [DONE]; empty if there is none.
  const std::string& usage_chunk() const { return usage_chunk_; }
  bool every_choice_finished() const;
  bool any_chunk() const { return any_chunk_; }
  Outcome& outcome() { return outcome_; }
  const Outcome& outcome() const { return outcome_; }

 private:
  Result<Verdict> judge(std::string_view data, std::string& replacement);
  Result<Verdict> look_into(std::string_view data, std::string& replacement);

  bool include_usage_;
  std::size_t n_;
  bool says_reasoning_;
  Secrets secrets_;
  Outcome outcome_;
  std::vector<bool> finished_;  // by choice index
  std::string usage_chunk_;
  bool any_chunk_ = false;
  std::optional<Cut> usual_;
};

}  // namespace fairlead::llm::internal
