#include <algorithm>
#include <array>

#include "safety/pii/internal/checks.h"

namespace fairlead::pii {
namespace {

struct Scheme {
  std::string_view name;
  unsigned first, last;  // of the first digits, as many as `digits`
  unsigned digits;
  unsigned least, most;  // length of a number
};
// ISO/IEC 7812 issuer ranges as the schemes publish them. The first that fits counts.
constexpr Scheme kSchemes[] = {
    {"American Express", 34, 34, 2, 15, 15},
    {"American Express", 37, 37, 2, 15, 15},
    {"Diners Club", 300, 305, 3, 14, 19},
    {"Diners Club", 3095, 3095, 4, 14, 19},
    {"Diners Club", 36, 36, 2, 14, 19},
    {"Diners Club", 38, 39, 2, 14, 19},
    {"JCB", 3528, 3589, 4, 16, 19},
    {"JCB", 1800, 1800, 4, 15, 15},
    {"JCB", 2131, 2131, 4, 15, 15},
    {"Mir", 2200, 2204, 4, 16, 19},
    {"Mastercard", 2221, 2720, 4, 16, 16},
    {"Mastercard", 51, 55, 2, 16, 16},
    {"Visa", 4, 4, 1, 13, 13},
    {"Visa", 4, 4, 1, 16, 16},
    {"Visa", 4, 4, 1, 19, 19},
    {"Discover", 6011, 6011, 4, 16, 19},
    {"Discover", 644, 649, 3, 16, 19},
    {"Discover", 65, 65, 2, 16, 19},
    {"UnionPay", 62, 62, 2, 16, 19},
    {"UnionPay", 81, 81, 2, 16, 19},
    {"Verve", 506099, 506198, 6, 16, 19},
    {"RuPay", 60, 60, 2, 16, 16},
    {"RuPay", 82, 82, 2, 16, 16},
    {"Troy", 9792, 9792, 4, 16, 16},
    {"Humo", 9860, 9860, 4, 16, 16},
    {"Uzcard", 8600, 8600, 4, 16, 16},
    {"Maestro", 50, 50, 2, 12, 19},
    {"Maestro", 56, 58, 2, 12, 19},
    {"Maestro", 63, 63, 2, 12, 19},
    {"Maestro", 67, 67, 2, 12, 19},
    {"Maestro", 6, 6, 1, 12, 15},
    {"Dankort", 5019, 5019, 4, 16, 16},
};

struct Country {
  char code[3];
  std::uint8_t length;
};
// The IBAN registry of SWIFT, release 99.
constexpr Country kIbans[] = {
    {"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22}, {"BH", 22},
    {"BI", 27}, {"BR", 29}, {"BY", 28}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24}, {"DE", 22}, {"DJ", 27},
    {"DK", 18}, {"DO", 28}, {"EE", 20}, {"EG", 29}, {"ES", 24}, {"FI", 18}, {"FK", 18}, {"FO", 18}, {"FR", 27},
    {"GB", 22}, {"GE", 22}, {"GI", 23}, {"GL", 18}, {"GR", 27}, {"GT", 28}, {"HN", 28}, {"HR", 21}, {"HU", 28},
    {"IE", 22}, {"IL", 23}, {"IQ", 23}, {"IS", 26}, {"IT", 27}, {"JO", 30}, {"KW", 30}, {"KZ", 20}, {"LB", 28},
    {"LC", 32}, {"LI", 21}, {"LT", 20}, {"LU", 20}, {"LV", 21}, {"LY", 25}, {"MC", 27}, {"MD", 24}, {"ME", 22},
    {"MK", 19}, {"MN", 20}, {"MR", 27}, {"MT", 31}, {"MU", 30}, {"NI", 28}, {"NL", 18}, {"NO", 15}, {"OM", 23},
    {"PK", 24}, {"PL", 28}, {"PS", 29}, {"PT", 25}, {"QA", 29}, {"RO", 24}, {"RS", 22}, {"RU", 33}, {"SA", 24},
    {"SC", 31}, {"SD", 18}, {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27}, {"SO", 23}, {"ST", 25}, {"SV", 28},
    {"TL", 23}, {"TN", 24}, {"TR", 26}, {"UA", 29}, {"VA", 22}, {"VG", 24}, {"XK", 20}, {"YE", 30},
};

}  // namespace

bool luhn(std::string_view digits) {
  int sum = 0;
  bool twice = false;
  for (auto one = digits.rbegin(); one != digits.rend(); ++one, twice = !twice) {
    const int value = digit(*one) * (twice ? 2 : 1);
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 == 0;
}

std::string_view card_scheme(std::string_view digits) {
  for (const Scheme& scheme : kSchemes) {
    if (digits.size() < scheme.least || digits.size() > scheme.most) continue;
    const std::uint64_t first = number_of(digits.substr(0, scheme.digits));
    if (first >= scheme.first && first <= scheme.last) return scheme.name;
  }
  return {};
}

std::size_t iban_length(std::string_view country) {
  const auto found =
      std::ranges::lower_bound(kIbans, country, {}, [](const Country& one) { return std::string_view(one.code, 2); });
  return found != std::end(kIbans) && std::string_view(found->code, 2) == country ? found->length : 0;
}

bool iban(std::string_view text) {
  if (text.size() < 15 || iban_length(text.substr(0, 2)) != text.size()) return false;
  unsigned rest = 0;
  const auto take = [&rest](char c) {
    if (is_digit(c))
      rest = (rest * 10 + static_cast<unsigned>(digit(c))) % 97;
    else if (c >= 'A' && c <= 'Z')
      rest = (rest * 100 + static_cast<unsigned>(c - 'A' + 10)) % 97;
    else
      return false;
    return true;
  };
  for (const char c : text.substr(4))
    if (!take(c)) return false;
  for (const char c : text.substr(0, 4))
    if (!take(c)) return false;
  return rest == 1;
}

bool date(int year, int month, int day) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > 12 || day < 1) return false;
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return day <= kDays[month - 1] + (month == 2 && leap ? 1 : 0);
}

bool date_yymmdd(int year_of_century, int month, int day) {
  return date(1900 + year_of_century, month, day) || date(2000 + year_of_century, month, day);
}

}  // namespace fairlead::pii
