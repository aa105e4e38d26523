// A text to be treated, and what was found in it.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::policy {

struct Found {
  std::size_t start = 0, end = 0;  // bytes
  std::string_view entity;         // lives as long as what found it
  double score = 0;
  std::string why;
  std::vector<std::string_view> also{};  // classes of what was found in the same place, where these may not go anywhere
};

struct TextJob {
  std::string_view text;
  std::string context{};  // words that stand before it: the name of its member
  bool is_name = false;   // a program knows somebody by it: what is put in its place has to be usable as such
  std::vector<Found> found{};
  std::string instead{};  // if `changed`
  bool changed = false;
};

}  // namespace fairlead::policy
