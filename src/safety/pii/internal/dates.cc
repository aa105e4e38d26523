#include "safety/pii/internal/dates.h"

#include <algorithm>
#include <array>
#include <optional>

#include "safety/pii/entities.h"
#include "safety/pii/internal/checks.h"

namespace fairlead::pii {
namespace {

constexpr int kFirstYear = 1900, kLastYear = 2100;
constexpr Scores kDay{0.6, 0.7}, kShortYear{0.45, 0.6}, kDayAndTime{0.4, 0.6}, kWithoutYear{0.5, 0.6};
constexpr double kBirth = 0.95;

constexpr std::string_view kMonths[] = {"january", "february", "march",     "april",   "may",      "june",
                                        "july",    "august",   "september", "october", "november", "december",
                                        "jan",     "feb",      "mar",       "apr",     "jun",      "jul",
                                        "aug",     "sept",     "sep",       "oct",     "nov",      "dec"};
constexpr std::string_view kRussianMonths[] = {"января", "февраля", "марта",    "апреля",  "мая",    "июня",
                                               "июля",   "августа", "сентября", "октября", "ноября", "декабря"};

void add(const Reading& reading, std::size_t start, std::size_t end, Scores scores, std::string_view what) {
  if (const Near birth = reading.near(start, end, Topic::kBirth); !birth.word.empty())
    return reading.add(start, end, kDateOfBirth, score_of({kBirth, kBirth}, birth), what, birth);
  const Near near = reading.near(start, end, Topic::kDate);
  const Near& word = near.adjacent ? near : Near{};
  reading.add(start, end, kDateTime, score_of(scores, word) - reading.taken_off(start, end, word), what, word);
}

// "20:21", "20:21:24", with 'T' or a space in front; gives its end.
std::size_t time_end(std::string_view text, std::size_t at) {
  if (at >= text.size() || (text[at] != ' ' && text[at] != 'T')) return at;
  std::size_t i = at + 1;
  int groups = 0;
  while (i + 2 <= text.size() && is_digit(text[i]) && is_digit(text[i + 1])) {
    i += 2, ++groups;
    if (groups == 3 || i >= text.size() || text[i] != ':') break;
    ++i;
  }
  return groups >= 2 ? i : at;
}

struct Parts {
  std::array<int, 3> value{};
  std::array<std::size_t, 3> size{};
  char divider = 0;
};

std::optional<Parts> parts_of(std::string_view text) {
  Parts out;
  std::size_t part = 0;
  for (const char c : text) {
    if (is_digit(c)) {
      if (++out.size[part] > 4) return std::nullopt;
      out.value[part] = out.value[part] * 10 + digit(c);
      continue;
    }
    if (out.size[part] == 0 || ++part > 2 || (out.divider != 0 && out.divider != c)) return std::nullopt;
    out.divider = c;
  }
  if (part != 2 || out.size[2] == 0) return std::nullopt;
  return out;
}

bool is_year(int year) {
  return year >= kFirstYear && year <= kLastYear;
}

}  // namespace

std::size_t recognise_date(const Reading& reading, std::size_t at, std::size_t floor) {
  const std::string_view text = reading.text;
  const auto belongs = [](char c) { return is_digit(c) || c == '.' || c == '/' || c == '-'; };
  std::size_t start = at, end = at;
  while (start > floor && at - start < 12 && belongs(text[start - 1])) --start;
  while (end < text.size() && end - start < 24 && belongs(text[end])) ++end;
  const std::size_t next = end;
  while (end > start && !is_digit(text[end - 1])) --end;
  while (start < end && !is_digit(text[start])) ++start;
  if (end - start > 10) return next;
  const auto parts = parts_of(text.substr(start, end - start));
  const std::size_t time = time_end(text, end);
  if (!parts || reading.word_before(start) || (time == end && reading.word_behind(end))) return next;
  const auto [value, size, divider] = *parts;
  if (size[0] == 4) {
    if (size[1] > 2 || size[2] > 2 || !is_year(value[0]) || !date(value[0], value[1], value[2])) return next;
  } else {
    if (size[0] > 2 || size[1] > 2 || (size[2] != 2 && size[2] != 4) || (size[2] == 4 && !is_year(value[2])))
      return next;
    const int year = size[2] == 4 ? value[2] : 2000 + value[2];
    if (!date(year, value[1], value[0]) && !date(year, value[0], value[1])) return next;
  }
  if (time == end) {
    const bool short_year = size[0] != 4 && size[2] == 2;
    add(reading, start, end, short_year ? kShortYear : kDay, "day, month and year");
    return next;
  }
  if (text[end] == 'T') return time;  // of a machine
  add(reading, start, time, kDayAndTime, "day and time");
  return time;
}

std::vector<Pattern> month_patterns() {
  std::vector<Pattern> out;
  std::string english;
  for (const std::string_view one : kMonths) english.append(english.empty() ? "" : "|").append(one);
  out.push_back({.expression = "\\b(?:" + english + ")\\b", .any_case = true});
  for (const std::string_view one : kRussianMonths) out.push_back({.expression = std::string(one)});
  return out;
}

void recognise_month(const Reading& reading, std::size_t end) {
  const std::string_view text = reading.text;
  std::size_t start = end;
  while (start > 0 && (is_letter(text[start - 1]) || static_cast<unsigned char>(text[start - 1]) >= 0x80)) --start;
  if (start == end || end - start > 20 || reading.word_behind(end)) return;
  // In front: "12 ", "12th ", "12th of ".
  std::size_t first = start;
  const auto skip_back = [&](std::string_view what) {
    if (first >= what.size() && text.substr(first - what.size(), what.size()) == what) first -= what.size();
  };
  skip_back(" "), skip_back(" of");
  if (first == start - 3) skip_back(" ");
  for (const std::string_view ending : {"st", "nd", "rd", "th", "-го"}) skip_back(ending);
  skip_back(" ");
  std::size_t day = first;
  while (day > 0 && first - day < 3 && is_digit(text[day - 1])) --day;
  const bool day_in_front = first - day >= 1 && first - day <= 2 && number_of(text.substr(day, first - day)) <= 31 &&
                            first - day > 0 && !reading.word_before(day) && reading.before(day) != '.' &&
                            reading.before(day) != ':';
  // Behind: " 12", " 12th", then ", 1990" or " 1990".
  std::size_t last = end;
  bool day_behind = false;
  std::size_t i = end;
  const auto skip = [&](std::string_view what) {
    if (text.substr(i).starts_with(what)) i += what.size();
  };
  const auto digits_at = [&](std::size_t from) {
    std::size_t count = 0;
    while (count < 5 && is_digit(reading.at(from + count))) ++count;
    return count;
  };
  if (!day_in_front) {
    skip("."), skip(" ");
    const std::size_t count = digits_at(i);
    if (count >= 1 && count <= 2 && i > end && number_of(text.substr(i, count)) <= 31) {
      i += count;
      for (const std::string_view ending : {"st", "nd", "rd", "th"}) skip(ending);
      if (!reading.word_behind(i)) day_behind = true, last = i;
    } else {
      i = end;
    }
  }
  skip(","), skip(" ");
  const bool year = digits_at(i) == 4 && is_year(static_cast<int>(number_of(text.substr(i, 4)))) &&
                    !reading.word_behind(i + 4) && i > end;
  if (year) last = i + 4;
  if (!day_in_front && !day_behind) return;
  add(reading, day_in_front ? day : start, last, year ? kDay : kWithoutYear, "day and month");
}

}  // namespace fairlead::pii
