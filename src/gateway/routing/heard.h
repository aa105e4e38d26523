// What came of a streamed answer, kept in case that its upstream does not say how many tokens it was.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "gateway/internal/answer_text.h"
#include "llm/provider.h"

namespace fairlead::gateway::routing {

// Of events of a chat that are all alike but for their text, as nearly all are, it takes the text at once: less work
// than a copy of the event. Others, and the first piece, it keeps as they are, and looks into them when they have
// become many. Loop-affine.
class Heard {
 public:
  // Whole events (llm::Delta::wire), all of one format.
  void take(llm::Format format, std::string_view wire);
  // What the model wrote, in an order that is good enough for counting. Of more than 256 MiB of events, the beginning.
  std::string text(llm::Format format);

 private:
  void read(llm::Format format);
  bool take_like_sample(std::string_view& events);
  bool learn(std::string_view event);
  void keep(llm::Format format, std::string_view events);
  void read_chat();
  void parse(llm::Format format, std::string_view events);

  // The event that others are held against; its text stands at text_at_.
  std::string sample_;
  std::size_t text_at_ = 0, text_size_ = 0;
  int lessons_ = 0;
  bool any_ = false;
  std::string events_;
  std::string plain_;                           // texts as they stand in the JSON, escapes and all
  std::unique_ptr<internal::AnswerText> text_;  // of events that were parsed
  std::size_t read_ = 0;                        // bytes of events
};

}  // namespace fairlead::gateway::routing
