// What came of a streamed answer, kept in case that its upstream does not say how many tokens it was.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "gateway/internal/answer_text.h"
#include "llm/provider.h"

namespace fairlead::gateway::routing {

// Keeps events as they are, which costs a copy, and reads them when they have become many: of a long answer it holds
// the text, and of a short one that its upstream counts nothing is ever read. Loop-affine.
class Heard {
 public:
  // Whole events (llm::Delta::wire), all of one format.
  void take(llm::Format format, std::string_view wire);
  // What the model wrote; of more than 256 MiB of events, the beginning.
  std::string text(llm::Format format);

 private:
  void read(llm::Format format);
  std::string events_;
  std::unique_ptr<internal::AnswerText> text_;
  std::size_t read_ = 0;  // bytes of events
};

}  // namespace fairlead::gateway::routing
