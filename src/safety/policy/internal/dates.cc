#include "safety/policy/internal/dates.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "safety/policy/internal/text.h"

namespace fairlead::policy {
namespace {

constexpr std::array<std::string_view, 12> kEnglish{"january",   "february", "march",    "april",
                                                    "may",       "june",     "july",     "august",
                                                    "september", "october",  "november", "december"};
constexpr std::array<std::string_view, 12> kRussian{"январь", "февраль", "март",     "апрель",  "май",    "июнь",
                                                    "июль",   "август",  "сентябрь", "октябрь", "ноябрь", "декабрь"};
constexpr std::array<std::string_view, 12> kGenitive{"января", "февраля", "марта",    "апреля",  "мая",    "июня",
                                                     "июля",   "августа", "сентября", "октября", "ноября", "декабря"};

std::string capital(std::string_view word) {
  const Character first = character_at(word, 0);
  std::string out;
  append(out, upper(first.value));
  return out + std::string(word.substr(first.size));
}

// Takes the month that a word names; false if it names none.
bool take_month(std::string_view word, WrittenDate& out) {
  const std::string small = lower(word);
  WrittenDate::Piece piece{.what = 'm', .text = std::string(word)};
  piece.capital = is_upper(character_at(word, 0).value);
  for (std::size_t i = 0; i < 12; ++i) {
    piece.russian = small == kRussian[i] || small == kGenitive[i];
    piece.genitive = small == kGenitive[i];
    piece.short_name = small == kEnglish[i].substr(0, 3) || (i == 8 && small == "sept");
    if (!piece.russian && !piece.short_name && small != kEnglish[i]) continue;
    if (small == kEnglish[i]) piece.short_name = false;
    out.month = static_cast<int>(i) + 1;
    out.pieces.push_back(std::move(piece));
    return true;
  }
  return false;
}

bool is_day(int year, int month, int day) {
  using namespace std::chrono;
  return year_month_day{std::chrono::year{year == 0 ? 2000 : year}, std::chrono::month{static_cast<unsigned>(month)},
                        std::chrono::day{static_cast<unsigned>(day)}}
      .ok();
}

// Which of the numbers is what: their order in "dmy".
std::string order_of(const std::vector<int>& widths, const std::vector<int>& values, bool named, char separator) {
  if (named) {
    if (widths.size() == 1) return widths[0] == 4 ? "y" : "d";
    if (widths.size() == 2) return widths[0] == 4 ? "yd" : "dy";
    return {};
  }
  if (widths.size() == 2) return separator == '/' && values[0] <= 12 ? "md" : "dm";
  if (widths.size() != 3) return {};
  if (widths[0] == 4) return "ymd";
  if (separator == '/' && values[0] <= 12) return "mdy";
  return values[1] > 12 ? "mdy" : "dmy";
}

}  // namespace

std::optional<WrittenDate> read_date(std::string_view text) {
  WrittenDate out;
  std::vector<std::size_t> numbers;  // pieces
  std::vector<int> widths, values;
  char separator = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    if (text[at] >= '0' && text[at] <= '9') {
      while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
      if (end - at > 4) return std::nullopt;
      int value = 0;
      for (std::size_t i = at; i < end; ++i) value = value * 10 + (text[i] - '0');
      numbers.push_back(out.pieces.size());
      widths.push_back(static_cast<int>(end - at));
      values.push_back(value);
      out.pieces.push_back({.what = 'n', .text = {}, .digits = static_cast<int>(end - at)});
      at = end;
      continue;
    }
    while (end < text.size()) {
      const Character one = character_at(text, end);
      if (one.size == 0 || !is_letter(one.value)) break;
      end += one.size;
    }
    if (end > at) {
      const std::string_view word = text.substr(at, end - at);
      if (out.month != 0 || !take_month(word, out)) out.pieces.push_back({.what = 't', .text = std::string(word)});
      at = end;
      continue;
    }
    const std::size_t size = std::max<std::size_t>(character_at(text, at).size, 1);
    if (!numbers.empty() && separator == 0) separator = text[at];
    out.pieces.push_back({.what = 't', .text = std::string(text.substr(at, size))});
    at += size;
  }
  if (values.size() > 3) {  // a time of day stands behind it, and stays
    const std::size_t most = out.month != 0 ? 2 : 3;
    for (std::size_t i = most; i < values.size(); ++i) {
      WrittenDate::Piece& piece = out.pieces[numbers[i]];
      piece = {.what = 't', .text = fmt::format("{:0{}}", values[i], widths[i])};
    }
    numbers.resize(most), widths.resize(most), values.resize(most);
  }
  const std::string order = order_of(widths, values, out.month != 0, separator);
  if (order.size() != values.size() || order.empty()) return std::nullopt;
  for (std::size_t i = 0; i < order.size(); ++i) {
    out.pieces[numbers[i]].what = order[i];
    if (order[i] == 'd') out.day = values[i];
    if (order[i] == 'm') out.month = values[i];
    if (order[i] == 'y') out.year = widths[i] == 2 ? values[i] + (values[i] < 50 ? 2000 : 1900) : values[i];
  }
  if (out.month < 1 || out.month > 12 || out.day < 1 || !is_day(out.year, out.month, out.day)) return std::nullopt;
  return out;
}

std::string write_date(const WrittenDate& like, int year, int month, int day) {
  std::string out;
  for (const WrittenDate::Piece& piece : like.pieces) {
    const auto index = static_cast<std::size_t>(month - 1);
    if (piece.what == 't') {
      const bool ordinal = piece.text == "st" || piece.text == "nd" || piece.text == "rd" || piece.text == "th";
      const int last = day % 10;
      out += !ordinal        ? piece.text
             : day / 10 == 1 ? "th"
             : last == 1     ? "st"
             : last == 2     ? "nd"
             : last == 3     ? "rd"
                             : "th";
    } else if (piece.what == 'd') {
      out += fmt::format("{:0{}}", day, piece.digits);
    } else if (piece.what == 'y') {
      out += fmt::format("{:0{}}", piece.digits == 2 ? year % 100 : year, piece.digits);
    } else if (piece.digits > 0) {
      out += fmt::format("{:0{}}", month, piece.digits);
    } else {
      std::string_view name = piece.russian ? (piece.genitive ? kGenitive[index] : kRussian[index]) : kEnglish[index];
      if (piece.short_name) name = name.substr(0, 3);
      out += piece.capital ? capital(name) : std::string(name);
    }
  }
  return out;
}

void move_date(int& year, int& month, int& day, int days) {
  using namespace std::chrono;
  const int from = year == 0 ? 2000 : year;
  const sys_days moved =
      sys_days(year_month_day{std::chrono::year{from}, std::chrono::month{static_cast<unsigned>(month)},
                              std::chrono::day{static_cast<unsigned>(day)}}) +
      std::chrono::days{days};
  const year_month_day out(moved);
  if (year != 0) year = static_cast<int>(out.year());
  month = static_cast<int>(static_cast<unsigned>(out.month()));
  day = static_cast<int>(static_cast<unsigned>(out.day()));
}

std::vector<std::string> ways_to_write(int year, int month, int day) {
  const auto index = static_cast<std::size_t>(month - 1);
  const std::string english = capital(kEnglish[index]);
  return {fmt::format("{:04}-{:02}-{:02}", year, month, day), fmt::format("{:02}.{:02}.{:04}", day, month, year),
          fmt::format("{} {} {}", day, kGenitive[index], year), fmt::format("{} {}, {}", english, day, year),
          fmt::format("{} {} {}", day, english, year)};
}

}  // namespace fairlead::policy
