#include "safety/pii/internal/numbers.h"

#include <algorithm>
#include <optional>

#include "safety/pii/entities.h"
#include "safety/pii/internal/checks.h"

namespace fairlead::pii {
namespace {

constexpr std::size_t kMostBetween = 3, kFurthestBack = 40;

constexpr bool is_separator(char c) {
  return c == ' ' || c == '.' || c == '-' || c == '/' || c == '(' || c == ')' || c == '\t';
}

constexpr std::uint32_t lengths(std::initializer_list<int> all) {
  std::uint32_t out = 0;
  for (const int one : all) out |= 1U << one;
  return out;
}

bool is_card(std::string_view d) {
  return luhn(d) && !card_scheme(d).empty() && !all_same(d);
}
bool has_luhn(std::string_view d) {
  return luhn(d) && !all_same(d) && card_scheme(d).empty();
}
bool is_account(std::string_view d) {
  return !all_same(d);
}
bool is_passport(std::string_view d) {
  return !all_same(d);
}

struct Rule {
  std::string_view entity, what;
  Topic topic;
  std::uint32_t lengths;
  std::string_view shapes;  // sizes of groups, as hexadecimal digits, divided by spaces
  bool (*valid)(std::string_view digits);
  double alone, shaped;  // without a word near it: one run of digits, in groups of such a shape
  double near;           // with one
  bool any_groups;       // so strict that its digits may be in groups of any size
};

constexpr Rule kRules[] = {
    {kCreditCard, "Luhn checksum and issuer", Topic::kCard, lengths({15, 16}), "4444 465 4443", is_card, 0.8, 0.95, 1.0,
     true},
    {kCreditCard, "Luhn checksum and issuer", Topic::kCard, lengths({13, 14, 17, 18, 19}), "464 44443 445 44441 44442",
     is_card, 0.45, 0.9, 1.0, true},
    {kCreditCard, "Luhn checksum and issuer", Topic::kCard, lengths({12}), "444", is_card, 0.4, 0.4, 0.9, false},
    {kCreditCard, "Luhn checksum", Topic::kCard, lengths({12, 13, 14, 15, 16, 17, 18, 19}), "4444 444", has_luhn, 0.1,
     0.15, 0.8, false},
    {kUsSsn, "area, group and serial are possible", Topic::kSsn, lengths({9}), "324", us_ssn, 0.2, 0.85, 0.95, false},
    {kUsItin, "group is possible", Topic::kItin, lengths({9}), "324", us_itin, 0.15, 0.8, 0.95, false},
    {kUsBankRouting, "ABA checksum", Topic::kRouting, lengths({9}), "", us_aba, 0.15, 0.15, 0.9, false},
    {kBankAccount, "digits", Topic::kAccount, lengths({8, 9, 10, 11, 12, 13, 14, 15, 16, 17}), "44 46 433 442 4444",
     is_account, 0.05, 0.05, 0.62, false},
    {kPassport, "digits", Topic::kPassport, lengths({9}), "", is_passport, 0.1, 0.1, 0.75, false},
    {kUkNhs, "mod 11 checksum", Topic::kNhs, lengths({10}), "334", uk_nhs, 0.25, 0.4, 0.95, false},
    {kDeTaxId, "mod 11,10 checksum", Topic::kDeTax, lengths({11}), "2333", de_tax_id, 0.4, 0.75, 0.95, false},
    {kFrNir, "key mod 97", Topic::kNir, lengths({15}), "1222332 122233 132 1222333", fr_nir, 0.7, 0.9, 0.97, true},
    {kPlPesel, "checksum and date", Topic::kPesel, lengths({11}), "65", pl_pesel, 0.45, 0.45, 0.95, false},
    {kNlBsn, "11-proof", Topic::kBsn, lengths({9}), "432 333", nl_bsn, 0.2, 0.3, 0.93, false},
    {kRuInn, "INN checksum", Topic::kInn, lengths({10, 12}), "46 444 2224 433 3333", ru_inn, 0.4, 0.4, 0.97, true},
    {kRuSnils, "SNILS checksum", Topic::kSnils, lengths({11}), "3332", ru_snils, 0.35, 0.9, 0.97, true},
    {kRuOgrn, "OGRN checksum", Topic::kOgrn, lengths({13}), "122521", ru_ogrn, 0.4, 0.6, 0.97, false},
    {kRuOgrnip, "OGRNIP checksum", Topic::kOgrn, lengths({15}), "", ru_ogrnip, 0.45, 0.5, 0.97, false},
    {kRuKpp, "tax office, reason, number", Topic::kKpp, lengths({9}), "", ru_kpp, 0.05, 0.05, 0.9, false},
    {kRuBik, "country code 04", Topic::kBik, lengths({9}), "", ru_bik, 0.1, 0.1, 0.94, false},
    {kRuOms, "OMS checksum", Topic::kOms, lengths({16}), "4444", ru_oms, 0.2, 0.2, 0.98, false},
    {kRuPassport, "series and number", Topic::kPassport, lengths({10}), "46 226 2233", ru_passport, 0.15, 0.3, 0.92,
     true},
    {kUsDriverLicense, "digits", Topic::kLicence, lengths({7, 8, 9, 10, 12}), "333 424 46 226 2224", is_account, 0.05,
     0.05, 0.75, false},
};

constexpr Rule kRuAccountRule{kRuBankAccount,
                              "class and currency are possible",
                              Topic::kRuAccount,
                              lengths({20}),
                              "5314 53147 531344 44444",
                              ru_account,
                              0.6,
                              0.75,
                              0.93,
                              true};

// A part of a number: its groups from one to another.
struct Window {
  const Number& number;
  std::size_t first, last;
  std::string_view digits;
  std::string_view gap;  // the separator between its groups; several: only the first counts

  std::size_t start() const { return number.groups[first].start; }
  std::size_t end() const { return number.groups[last].end; }
  bool whole() const { return first == 0 && last + 1 == number.count; }
};

std::string_view gap_behind(std::string_view text, const Number& number, std::size_t group) {
  return text.substr(number.groups[group].end, number.groups[group + 1].start - number.groups[group].end);
}

bool has_shape(const Window& window, std::string_view shapes) {
  while (!shapes.empty()) {
    const std::string_view shape = shapes.substr(0, shapes.find(' '));
    shapes.remove_prefix(std::min(shape.size() + 1, shapes.size()));
    if (shape.size() != window.last - window.first + 1) continue;
    bool fits = true;
    for (std::size_t i = 0; i < shape.size() && fits; ++i)
      fits = window.number.groups[window.first + i].size() == static_cast<std::size_t>(shape[i] - '0');
    if (fits) return true;
  }
  return false;
}

bool small_groups(const Window& window, std::size_t size) {
  for (std::size_t i = window.first; i <= window.last; ++i)
    if (window.number.groups[i].size() > size) return false;
  // It goes on with as small ones: then this is a part of something longer.
  const auto small = [&](std::size_t i) { return window.number.groups[i].size() <= size; };
  return !(window.first > 0 && small(window.first - 1)) &&
         !(window.last + 1 < window.number.count && small(window.last + 1));
}

enum class Fit : std::uint8_t { kNone, kRun, kShape, kGroups };

Fit fit_of(const Rule& rule, const Window& window, bool alike) {
  if (window.first == window.last) return Fit::kRun;
  if (has_shape(window, rule.shapes)) return Fit::kShape;
  if (!alike) return Fit::kNone;
  if (small_groups(window, 2) || (rule.any_groups && window.whole())) return Fit::kGroups;
  return Fit::kNone;
}

// Whether something is written right against it, so that it is a part of a longer word.
bool attached(const Reading& reading, const Window& window) {
  const auto glued = [](char c) { return c == '-' || c == '.' || c == '/' || c == '_'; };
  const std::size_t start = window.start(), end = window.end();
  if (reading.word_before(start)) return true;
  const char before = reading.before(start), behind = reading.at(end);
  if (glued(before) && start > 1 && reading.word_before(start - 1)) return before != '/' || window.first == 0;
  if (reading.word_behind(end) || behind == '%') return true;
  if (behind == '-' || behind == '/' || behind == '_')
    return reading.word_behind(end + 1) && (behind != '/' || window.last + 1 == window.number.count);
  return behind == '.' && window.last + 1 < window.number.count && is_digit(reading.at(end + 1));
}

// "12,50", "1,234": a decimal mark or another group in front or behind.
bool within_commas(const Reading& reading, const Window& window) {
  const std::size_t start = window.start(), end = window.end();
  if (reading.before(start) == ',' && start > 1 && is_digit(reading.text[start - 2])) return true;
  return reading.at(end) == ',' && is_digit(reading.at(end + 1));
}

void judge(const Reading& reading, const Rule& rule, const Window& window, Fit fit) {
  const Near near = reading.near(window.start(), window.end(), rule.topic);
  const bool stuck = attached(reading, window);
  if (stuck && !near.adjacent) return;
  const double alone = fit == Fit::kRun     ? rule.alone
                       : fit == Fit::kShape ? rule.shaped
                                            : std::min(rule.alone, rule.shaped);
  double score = score_of({alone, rule.near}, near) - reading.taken_off(window.start(), window.end(), near);
  if (near.word.empty() && within_commas(reading, window)) score -= 0.4;
  if (score < reading.least) return;
  if (rule.valid == is_card) {
    const std::string what = std::string(rule.what) + " (" + std::string(card_scheme(window.digits)) + ")";
    return reading.add(window.start(), window.end(), rule.entity, score, what, near);
  }
  reading.add(window.start(), window.end(), rule.entity, score, rule.what, near);
}

// A BIK anywhere near decides over the account's control key.
void judge_account(const Reading& reading, const Window& window, Fit fit) {
  Rule rule = kRuAccountRule;
  const std::size_t from = window.start() > 300 ? window.start() - 300 : 0;
  const std::string_view around = reading.text.substr(from, window.end() - from + 300);
  for (std::size_t at = around.find("04"); at != std::string_view::npos; at = around.find("04", at + 1)) {
    const std::string_view bik = around.substr(at, 9);
    const bool alone = (at == 0 || !is_digit(around[at - 1])) && (at + 9 >= around.size() || !is_digit(around[at + 9]));
    if (bik.size() < 9 || !alone || !std::ranges::all_of(bik, is_digit)) continue;
    if (!ru_account_of(window.digits, bik)) continue;
    rule.what = "control key holds for the BIK near it", rule.alone = rule.shaped = 0.98, rule.near = 1;
    break;
  }
  judge(reading, rule, window, fit);
}

void judge_window(const Reading& reading, const Window& window) {
  // Within a number, a window ends where a space or a slash is: dots and hyphens hold together.
  const auto divides = [](std::string_view gap) { return gap.find_first_of(" /()\t") != std::string_view::npos; };
  const Number& number = window.number;
  if (window.first > 0 && !divides(gap_behind(reading.text, number, window.first - 1))) return;
  if (window.last + 1 < number.count && !divides(gap_behind(reading.text, number, window.last))) return;
  bool alike = true;
  for (std::size_t i = window.first; i + 1 < window.last && alike; ++i)
    alike = gap_behind(reading.text, number, i) == gap_behind(reading.text, number, i + 1);
  const std::uint32_t length = 1U << window.digits.size();
  for (const Rule& rule : kRules) {
    if ((rule.lengths & length) == 0) continue;
    const Fit fit = fit_of(rule, window, alike);
    if (fit != Fit::kNone && rule.valid(window.digits)) judge(reading, rule, window, fit);
  }
  if (window.digits.size() == 20 && ru_account(window.digits)) {
    const Fit fit = fit_of(kRuAccountRule, window, alike);
    if (fit != Fit::kNone) judge_account(reading, window, fit);
  }
}

}  // namespace

std::size_t Number::size(std::size_t first, std::size_t last) const {
  std::size_t out = 0;
  for (std::size_t i = first; i <= last; ++i) out += groups[i].size();
  return out;
}

std::size_t read_number(std::string_view text, std::size_t at, std::size_t floor, Number& out) {
  out.count = out.digit_count = 0;
  std::size_t start = at;  // of a digit
  for (std::size_t i = at, between = 0; i > floor && at - i < kFurthestBack; --i) {
    if (is_digit(text[i - 1]))
      start = i - 1, between = 0;
    else if (!is_separator(text[i - 1]) || ++between > kMostBetween)
      break;
  }
  out.plus = start > 0 && text[start - 1] == '+';
  std::size_t i = start;
  while (i < text.size() && out.count < Number::kMostGroups) {
    std::size_t end = i;
    while (end < text.size() && is_digit(text[end])) ++end;
    if (out.digit_count + (end - i) > Number::kMostDigits) {
      if (out.count == 0) return end;  // a run too long for anything
      break;
    }
    out.groups[out.count++] = {i, end, out.digit_count};
    text.copy(out.digits.data() + out.digit_count, end - i, i);
    out.digit_count += end - i;
    std::size_t next = end;
    while (next < text.size() && next - end < kMostBetween && is_separator(text[next])) ++next;
    if (next >= text.size() || !is_digit(text[next])) break;
    i = next;
  }
  return out.groups[out.count - 1].end;
}

void recognise_number(const Reading& reading, const Number& number, const Phones& phones) {
  if (number.count == 0) return;
  if (number.count == 2 && gap_behind(reading.text, number, 0) == ".") return;  // a decimal fraction
  for (std::size_t first = 0; first < number.count; ++first) {
    std::size_t size = 0;
    for (std::size_t last = first; last < number.count; ++last) {
      size += number.groups[last].size();
      if (size > 20) break;
      if (size >= 7) judge_window(reading, {number, first, last, number.digits_of(first, last), {}});
    }
  }
  phones.recognise(reading, number);
}

}  // namespace fairlead::pii
