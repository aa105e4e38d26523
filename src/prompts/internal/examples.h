// The `examples` of a prompt's spec (docs/reference/prompts.md, "Examples").
#pragma once
#include <boost/json/value.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "llm/words.h"
#include "prompts/internal/segments.h"
#include "prompts/internal/variables.h"
#include "resources/kind.h"

namespace fairlead::prompts::internal {

// Immutable, thread-safe.
class Examples {
 public:
  struct Pair {
    std::string json;  // two elements of a messages array
    std::string text;  // of the user's
  };
  // `nearest`: how many stand in a call; 0: all.
  Examples(std::vector<Pair> pairs, std::size_t nearest);

  std::size_t shown() const { return nearest_ == 0 ? pairs_.size() : nearest_; }
  bool chooses() const { return nearest_ > 0; }
  // Those for an input of that text, the nearest last; each with a comma behind it.
  void append(std::string_view text, std::string& out) const;

 private:
  std::vector<Pair> pairs_;
  std::vector<float> vectors_;  // one behind the other
  std::size_t nearest_;
};

// `value` at `pointer` of the spec, for messages in which they will stand. Null after a fault, or if there are none.
std::shared_ptr<const Examples> read_examples(const boost::json::value& value, const std::string& pointer,
                                              std::string_view prompt, const MessageList& messages,
                                              const std::vector<Input>& inputs,
                                              std::vector<resources::SpecError>& faults);

}  // namespace fairlead::prompts::internal
