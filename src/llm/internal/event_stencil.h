// What the events of one stream have alike.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::llm::internal {

// Some bytes of an event that do not go out.
struct Cut {
  std::size_t from = 0, size = 0;
};

// The chunks of an answer differ from one another in a string or two: the content, some padding. Learns from events
// which ones, and then knows a further event by comparing the rest, so that it need not be looked into. Loop-affine.
class EventStencil {
 public:
  // `event` as it came, "data: {…}\n\n". What is done with it does not depend on the text of the values that are
  // strings; `cut` lies between two of its strings.
  void learn(std::string_view event, Cut cut);

  struct Match {
    std::size_t size = 0;  // of the event that the bytes begin with; 0: it is not known
    Cut cut{};             // of that event
  };
  // Knows an event that differs from the learned ones in values alone that differed among these, which are then strings
  // in UTF-8.
  Match match(std::string_view bytes) const;

 private:
  bool compare(std::string_view event);
  std::string sample_;               // the last event that was learned
  std::vector<bool> varies_;         // of its strings, names too, in their order
  std::vector<std::string> pieces_;  // of it, between the strings that vary; empty: nothing is known
  std::size_t cut_piece_ = 0;        // which of them the cut lies in,
  Cut cut_{};                        // and where in that
  int lessons_ = 0;
};

}  // namespace fairlead::llm::internal
