// A text as a reader sees it: compatibility forms made plain, what cannot be seen taken out, look-alikes made alike;
// and where each part of it stood.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace fairlead::pii {

// Where the bytes of a changed text come from. Made from left to right.
class PositionMap {
 public:
  // From `here` in the changed text on, bytes are those of the original from `there` on.
  void same_from(std::size_t here, std::size_t there) { pieces_.push_back({here, there, 0}); }
  // What follows from `here` on stands for `size` bytes of the original at `there`.
  void instead_from(std::size_t here, std::size_t there, std::size_t size) { pieces_.push_back({here, there, size}); }

  // The part of the original that [start, end) stands for; start < end.
  std::pair<std::size_t, std::size_t> original(std::size_t start, std::size_t end) const;

 private:
  struct Piece {
    std::size_t here, there;
    std::size_t size;  // of what is replaced; 0: nothing is
  };
  const Piece& at(std::size_t here) const;
  std::vector<Piece> pieces_;
};

// A text, and the way back to the one it was made of.
struct View {
  std::string_view text;          // well-formed UTF-8
  std::string owned;              // what `text` views, if anything was changed
  std::vector<PositionMap> maps;  // the last made comes first
  bool changed() const { return !maps.empty(); }
  std::pair<std::size_t, std::size_t> original(std::size_t start, std::size_t end) const {
    for (const PositionMap& map : maps) std::tie(start, end) = map.original(start, end);
    return {start, end};
  }
};

// In one pass (and a second where look-alikes were mixed): each character's NFKC, with marks composed; dashes and
// digits of all scripts as ASCII; default-ignorable and format characters, and marks on ASCII that compose with
// nothing, left out; tag characters (U+E0020…) as what they tag; a word that mixes Latin letters or digits with
// Cyrillic or Greek look-alikes in one script; bytes that are no UTF-8 as U+FFFD. `view` must stay where it is: its
// text may view itself.
void normalise(std::string_view text, View& view);

// Builds the tables, once in a process; else the first text pays for it.
void prepare_normalisation();

// The character at `at`, and how many bytes it takes: 1 and U+FFFD if they are no UTF-8.
struct Character {
  char32_t code;
  unsigned size;
};
Character character_at(std::string_view text, std::size_t at);
void append_utf8(std::string& out, char32_t code);

}  // namespace fairlead::pii
