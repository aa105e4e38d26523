#include "cli/internal/word_diff.h"

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cli/internal/edits.h"
#include "cli/internal/show.h"

namespace fairlead::cli {
namespace {

constexpr std::size_t kContextWords = 6;
constexpr int kMostChanges = 1000;       // words of two texts, or lines
constexpr int kMostChangesInHunk = 200;  // words of a few lines

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

// Words with the white space behind them, so that joined they are the text.
std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  std::size_t start = 0;
  bool in_space = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool space = is_space(text[i]);
    if (in_space && !space) {
      out.push_back(text.substr(start, i - start));
      start = i;
    }
    in_space = space;
  }
  if (start < text.size()) out.push_back(text.substr(start));
  return out;
}

std::vector<std::string_view> lines(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    out.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out;
}

struct Piece {
  enum class Kind : std::uint8_t { kSame, kRemoved, kAdded } kind;
  std::string_view text;
};
using Pieces = std::vector<Piece>;

// What tokens [begin, end) cover; they lie one behind the other.
std::string_view covered(const std::vector<std::string_view>& tokens, std::size_t begin, std::size_t end) {
  if (begin == end) return {};
  const char* const first = tokens[begin].data();
  return {first, static_cast<std::size_t>(tokens[end - 1].data() + tokens[end - 1].size() - first)};
}

void add(Pieces& pieces, Piece::Kind kind, std::string_view text) {
  if (!text.empty()) pieces.push_back({kind, text});
}

using Tokens = std::vector<std::string_view>;

// Cuts both into tokens and gives the hunks; nothing if too much changed.
std::optional<std::vector<Hunk>> compare(const Tokens& a, const Tokens& b, int most) {
  std::unordered_map<std::string_view, std::uint32_t> numbers;
  const auto numbered = [&numbers](const Tokens& tokens) {
    std::vector<std::uint32_t> out;
    out.reserve(tokens.size());
    for (const std::string_view token : tokens)
      out.push_back(numbers.emplace(token, static_cast<std::uint32_t>(numbers.size())).first->second);
    return out;
  };
  const std::vector<std::uint32_t> from = numbered(a), to = numbered(b);
  return shortest_edit(from, to, most);
}

template <class Changed>
void walk(const Tokens& a, const Tokens& b, const std::vector<Hunk>& hunks, Pieces& out, Changed changed) {
  std::size_t at = 0;
  for (const Hunk& hunk : hunks) {
    add(out, Piece::Kind::kSame, covered(a, at, hunk.from_begin));
    changed(covered(a, hunk.from_begin, hunk.from_end), covered(b, hunk.to_begin, hunk.to_end));
    at = hunk.from_end;
  }
  add(out, Piece::Kind::kSame, covered(a, at, a.size()));
}

void replace(std::string_view from, std::string_view to, Pieces& out) {
  add(out, Piece::Kind::kRemoved, from);
  add(out, Piece::Kind::kAdded, to);
}

bool by_word(std::string_view from, std::string_view to, int most, Pieces& out) {
  const Tokens a = words(from), b = words(to);
  const auto hunks = compare(a, b, most);
  if (!hunks) return false;
  walk(a, b, *hunks, out, [&out](std::string_view gone, std::string_view come) { replace(gone, come, out); });
  return true;
}

void by_line(std::string_view from, std::string_view to, Pieces& out) {
  const Tokens a = lines(from), b = lines(to);
  const auto hunks = compare(a, b, kMostChanges);
  if (!hunks) return replace(from, to, out);
  walk(a, b, *hunks, out, [&out](std::string_view gone, std::string_view come) {
    if (!by_word(gone, come, kMostChangesInHunk, out)) replace(gone, come, out);
  });
}

std::string_view without_end(std::string_view text) {
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// White space that changed is seen only if it is written out.
std::string visible(std::string_view space) {
  std::string out;
  for (const char c : space) out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : c == '\r' ? "\\r" : std::string(1, c);
  return out;
}

class Rendering {
 public:
  explicit Rendering(bool colours) : colours_(colours) {}

  std::string render(const Pieces& pieces) {
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const bool first = i == 0, last = i + 1 == pieces.size();
      const Piece& piece = pieces[i];
      if (piece.kind == Piece::Kind::kSame) {
        same(piece.text, first, last);
      } else if (piece.kind == Piece::Kind::kAdded) {
        added(piece.text);
      } else if (!last && pieces[i + 1].kind == Piece::Kind::kAdded) {
        replaced(piece.text, pieces[++i].text);
      } else {
        removed(piece.text, true);
      }
    }
    return std::move(out_);
  }

 private:
  void minus(std::string_view text) { out_ += painted("[-" + std::string(text) + "-]", Colour::kRed, colours_); }
  void plus(std::string_view text) { out_ += painted("{+" + std::string(text) + "+}", Colour::kGreen, colours_); }

  void removed(std::string_view text, bool with_end) {
    const std::string_view core = without_end(text);
    if (core.empty()) return minus(visible(text));
    minus(core);
    if (with_end) out_ += text.substr(core.size());
  }

  void added(std::string_view text) {
    const std::string_view core = without_end(text);
    if (core.empty()) return plus(visible(text));
    plus(core);
    out_ += text.substr(core.size());
  }

  void replaced(std::string_view gone, std::string_view come) {
    const std::string_view core = without_end(gone);
    if (core != without_end(come)) {
      removed(gone, false);
      return added(come);
    }
    out_ += core;
    if (const auto space = gone.substr(core.size()); !space.empty()) minus(visible(space));
    if (const auto space = come.substr(core.size()); !space.empty()) plus(visible(space));
    out_ += come.substr(core.size());
  }

  void same(std::string_view text, bool first, bool last) {
    const Tokens all = words(text);
    const bool at_edge = first != last;
    if (all.size() <= (at_edge ? kContextWords : 2 * kContextWords) || (first && last)) {
      out_ += text;
      return;
    }
    if (!first) out_ += covered(all, 0, kContextWords);
    out_ += last ? "…" : "… ";
    if (!last) out_ += covered(all, all.size() - kContextWords, all.size());
  }

  bool colours_;
  std::string out_;
};

}  // namespace

std::string word_diff(std::string_view from, std::string_view to, bool colours) {
  Pieces pieces;
  if (!by_word(from, to, kMostChanges, pieces)) {
    pieces.clear();
    by_line(from, to, pieces);
  }
  const std::string out = Rendering(colours).render(pieces);
  std::string indented;
  for (const char c : without_end(out)) {
    indented.push_back(c);
    if (c == '\n') indented += "        ";
  }
  return indented;
}

}  // namespace fairlead::cli
