// "Did you mean …?"
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace fairlead {

// The candidate nearest to `word` by edits (insert, delete, replace, swap neighbours), if it is near enough to be a
// slip: at most a third of the word's length; else empty. The first of equals.
std::string_view nearest(std::string_view word, std::span<const std::string> candidates);

// " Did you mean `candidate`?" or "".
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

}  // namespace fairlead
