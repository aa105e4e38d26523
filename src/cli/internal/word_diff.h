// What changed between two texts, for a reader.
#pragma once
#include <string>
#include <string_view>

namespace fairlead::cli {

// Word by word: "… do not promise a [-refund-]{+refund before the claim+}", unchanged stretches shortened to "…". Texts
// that have little in common are compared by line first, and at last shown whole, so that the time grows with their
// length and not with its square.
std::string word_diff(std::string_view from, std::string_view to, bool colours);

}  // namespace fairlead::cli
