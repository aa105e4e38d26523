// What came of a streamed answer, kept in case that its upstream does not say how many tokens it was.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "gateway/internal/answer_text.h"
#include "llm/provider.h"

namespace fairlead::gateway::routing {

// Keeps events as they are, which costs a copy, and looks into them when they have become many: of a long answer it
// holds the text, and a short one that its upstream counts is never looked into. Loop-affine.
class Heard {
 public:
  // Whole events (llm::Delta::wire), all of one format.
  void take(llm::Format format, std::string_view wire);
  // What the model wrote, in an order that is good enough for counting. Of more than 256 MiB of events, the beginning.
  std::string text(llm::Format format);

 private:
  void read(llm::Format format);
  void read_chat();
  void parse(llm::Format format, std::string_view events);

  std::string events_;
  std::string plain_;                           // texts as they stand in the JSON, escapes and all
  std::unique_ptr<internal::AnswerText> text_;  // of events that were parsed
  std::size_t read_ = 0;                        // bytes of events
};

}  // namespace fairlead::gateway::routing
