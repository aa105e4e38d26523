// Finding the extents of members in JSON text that a parser has already accepted.
#pragma once
#include <string_view>

namespace fairlead::llm::internal {

// Walks the members of an object. The text must be valid JSON and begin with '{' (white space may come before it).
class MemberScanner {
 public:
  explicit MemberScanner(std::string_view object);
  // Moves to the next member; false at the end.
  bool next();
  std::string_view raw_name() const { return name_; }  // between the quotes, escapes as they are
  std::string_view json() const { return json_; }      // the value's text, without white space around it

 private:
  void skip_space();
  std::string_view take_string();  // at '"'; returns with the quotes
  std::string_view take_value();

  std::string_view text_;
  std::size_t at_ = 0;
  std::string_view name_, json_;
};

}  // namespace fairlead::llm::internal
