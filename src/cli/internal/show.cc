#include "cli/internal/show.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "cli/internal/context.h"
#include "platform/json/text.h"

namespace fairlead::cli {
namespace {

std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

// Words with the white space behind them, so that joined they are the text.
std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  std::size_t start = 0;
  bool in_space = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool space = text[i] == ' ' || text[i] == '\n' || text[i] == '\t';
    if (in_space && !space) {
      out.push_back(text.substr(start, i - start));
      start = i;
    }
    in_space = space;
  }
  if (start < text.size()) out.push_back(text.substr(start));
  return out;
}

struct Piece {
  enum class Kind : std::uint8_t { kSame, kRemoved, kAdded } kind;
  std::vector<std::string_view> words;
};

// The pieces of a shortest edit, by the longest common subsequence of words.
std::vector<Piece> pieces(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b) {
  std::vector<std::vector<std::uint32_t>> common(a.size() + 1, std::vector<std::uint32_t>(b.size() + 1));
  for (std::size_t i = a.size(); i-- > 0;)
    for (std::size_t j = b.size(); j-- > 0;)
      common[i][j] = a[i] == b[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
  std::vector<Piece> out;
  const auto add = [&out](Piece::Kind kind, std::string_view word) {
    if (out.empty() || out.back().kind != kind) out.push_back({kind, {}});
    out.back().words.push_back(word);
  };
  std::size_t i = 0, j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      add(Piece::Kind::kSame, a[i++]);
      ++j;
    } else if (i < a.size() && (j == b.size() || common[i + 1][j] >= common[i][j + 1])) {
      add(Piece::Kind::kRemoved, a[i++]);
    } else {
      add(Piece::Kind::kAdded, b[j++]);
    }
  }
  return out;
}

std::string joined(std::vector<std::string_view>::const_iterator from,
                   std::vector<std::string_view>::const_iterator to) {
  std::string out;
  for (; from != to; ++from) out += *from;
  return out;
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\t')) text.pop_back();
  return text;
}

constexpr std::size_t kContextWords = 6;
constexpr std::size_t kDiffedWords = 4000;  // the table is quadratic; beyond that, the whole texts are shown

std::string shown(const boost::json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json::to_text(value);
}

std::string one_change(const boost::json::value& change, bool colours) {
  const boost::json::object& members = change.as_object();
  const boost::json::value* const from = members.if_contains("from");
  const boost::json::value* const to = members.if_contains("to");
  std::string out = "      " + text_of(change, "path") + "\n        ";
  if (from && to && from->is_string() && to->is_string()) {
    out += word_diff(from->get_string(), to->get_string(), colours);
  } else {
    if (from) out += painted("[-" + shown(*from) + "-]", Colour::kRed, colours);
    if (to) out += painted("{+" + shown(*to) + "+}", Colour::kGreen, colours);
  }
  return out + "\n";
}

}  // namespace

std::string painted(std::string_view text, Colour colour, bool colours) {
  if (!colours || colour == Colour::kNone || text.empty()) return std::string(text);
  static constexpr std::string_view kCodes[] = {"", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[2m"};
  return fmt::format("{}{}\x1b[0m", kCodes[static_cast<int>(colour)], text);
}

std::string table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
                  bool colours) {
  std::vector<std::size_t> widths;
  for (const std::string& cell : header) widths.push_back(width(cell));
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells, Colour colour) {
    std::string text;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      text += cells[i];
      if (i + 1 < cells.size()) text.append(widths[i] - width(cells[i]) + 2, ' ');
    }
    out += painted(trimmed(std::move(text)), colour, colours) + "\n";
  };
  line(header, Colour::kDim);
  for (const auto& row : rows) line(row, Colour::kNone);
  return out;
}

std::string word_diff(std::string_view from, std::string_view to, bool colours) {
  const auto a = words(from), b = words(to);
  if (a.size() > kDiffedWords || b.size() > kDiffedWords)
    return painted("[-" + std::string(from) + "-]", Colour::kRed, colours) +
           painted("{+" + std::string(to) + "+}", Colour::kGreen, colours);
  const std::vector<Piece> all = pieces(a, b);
  std::string out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& words = all[i].words;
    const bool first = i == 0, last = i + 1 == all.size();
    if (all[i].kind == Piece::Kind::kRemoved) {
      const std::string text = joined(words.begin(), words.end());
      const std::string core = trimmed(text);
      const bool replaced = !last && all[i + 1].kind == Piece::Kind::kAdded;
      out += painted("[-" + core + "-]", Colour::kRed, colours) + (replaced ? "" : text.substr(core.size()));
    } else if (all[i].kind == Piece::Kind::kAdded) {
      const std::string text = joined(words.begin(), words.end());
      const std::string core = trimmed(text);
      out += painted("{+" + core + "+}", Colour::kGreen, colours) + text.substr(core.size());
    } else if (words.size() > 2 * kContextWords || ((first || last) && words.size() > kContextWords)) {
      if (!first) out += joined(words.begin(), words.begin() + kContextWords);
      out += last ? "…" : "… ";
      if (!last) out += joined(words.end() - kContextWords, words.end());
    } else {
      out += joined(words.begin(), words.end());
    }
  }
  out = trimmed(std::move(out));
  std::string indented;
  for (const char c : out) {
    indented.push_back(c);
    if (c == '\n') indented += "        ";
  }
  return indented;
}

std::string changes(const boost::json::value& list, bool colours) {
  std::string out;
  for (const boost::json::value& one : list.as_array()) out += one_change(one, colours);
  return out;
}

std::string change_set(const boost::json::value& answer, bool colours) {
  std::string out;
  const boost::json::object& object = answer.as_object();
  for (const boost::json::value& change : object.at("changes").as_array()) {
    const std::string action = text_of(change, "action");
    if (action == "same") continue;
    const std::string name = text_of(change, "kind") + "/" + text_of(change, "name");
    std::string labels;
    if (const boost::json::value* list = change.as_object().if_contains("labels"); list && list->is_array()) {
      for (const boost::json::value& label : list->get_array()) {
        labels += labels.empty() ? "label " : ", ";
        labels += label.as_string();
      }
      if (!labels.empty()) labels = "   (" + labels + (list->get_array().size() == 1 ? " moves here)" : " move here)");
    }
    if (action == "new") {
      out += fmt::format("  {} {:<24} v{}{}\n", painted("+", Colour::kGreen, colours), name, integer_of(change, "to"),
                         labels);
    } else {
      out += fmt::format("  {} {:<24} v{} → v{}{}\n", painted("~", Colour::kYellow, colours), name,
                         integer_of(change, "from"), integer_of(change, "to"), labels);
      out += cli::changes(change.as_object().at("changes"), colours);
    }
  }
  const boost::json::value& summary = object.at("summary");
  out += fmt::format("  {} changed, {} new, {} as they are.", integer_of(summary, "changed"),
                     integer_of(summary, "new"), integer_of(summary, "same"));
  return out + "\n";
}

std::string local_time(std::string_view iso) {
  std::tm utc{};
  if (iso.size() < 19 || std::sscanf(std::string(iso).c_str(), "%4d-%2d-%2dT%2d:%2d:%2d", &utc.tm_year, &utc.tm_mon,
                                     &utc.tm_mday, &utc.tm_hour, &utc.tm_min, &utc.tm_sec) != 6)
    return std::string(iso);
  utc.tm_year -= 1900;
  utc.tm_mon -= 1;
  const std::time_t time = timegm(&utc);
  const std::time_t now = std::time(nullptr);
  std::tm local{}, today{};
  localtime_r(&time, &local);
  localtime_r(&now, &today);
  char text[32];
  const bool same_day = local.tm_year == today.tm_year && local.tm_yday == today.tm_yday;
  std::strftime(text, sizeof text, same_day ? "%H:%M:%S" : "%Y-%m-%d %H:%M", &local);
  return text;
}

std::string opinion(const boost::json::value& feedback) {
  const boost::json::object& object = feedback.as_object();
  std::string out;
  const auto add = [&out](std::string_view text) { out.append(out.empty() ? "" : ", ").append(text); };
  const auto find = [&object](std::string_view name) -> const boost::json::value* {
    const boost::json::value* const value = object.if_contains(name);
    return value == nullptr || value->is_null() ? nullptr : value;
  };
  if (const auto* vote = find("vote")) add(vote->as_bool() ? "yes" : "no");
  if (const auto* score = find("score")) add(fmt::format("{:g}", score->to_number<double>()));
  if (const auto* category = find("category")) add(category->as_string());
  if (find("correction") != nullptr) add("corrected");
  if (const auto* withdrawn = find("withdrawn"); withdrawn && withdrawn->as_bool()) add("withdrawn");
  return out;
}

std::string bytes(std::int64_t count) {
  static constexpr std::string_view kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(count);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < std::size(kUnits)) value /= 1000, ++unit;
  return unit == 0 ? fmt::format("{} B", count) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace fairlead::cli
