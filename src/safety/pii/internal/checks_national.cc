#include <algorithm>
#include <array>

#include "safety/pii/internal/checks.h"

namespace fairlead::pii {

bool us_ssn(std::string_view d) {
  const auto area = number_of(d.substr(0, 3));
  return area != 0 && area != 666 && area < 900 && d.substr(3, 2) != "00" && d.substr(5) != "0000" &&
         d != "123456789" && !all_same(d);
}

bool us_itin(std::string_view d) {
  const auto group = number_of(d.substr(3, 2));
  return d[0] == '9' &&
         ((group >= 50 && group <= 65) || (group >= 70 && group <= 88) || (group >= 90 && group <= 92) || group >= 94);
}

bool us_aba(std::string_view d) {
  const auto prefix = number_of(d.substr(0, 2));
  if (!(prefix <= 12 || (prefix >= 21 && prefix <= 32) || (prefix >= 61 && prefix <= 72) || prefix == 80)) return false;
  return !all_same(d) && weighted(d, {3, 7, 1, 3, 7, 1, 3, 7, 1}) % 10 == 0;
}

bool uk_nhs(std::string_view d) {
  const int check = 11 - weighted(d, {10, 9, 8, 7, 6, 5, 4, 3, 2}) % 11;
  return check != 10 && check % 11 == digit(d[9]) && !all_same(d);
}

bool uk_nino(std::string_view t) {
  constexpr std::string_view kNeverFirst = "DFIQUV", kNeverSecond = "DFIOQUV";
  constexpr std::string_view kNever[] = {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"};
  if (t.size() != 9 || !is_letter(t[0]) || !is_letter(t[1]) || t[8] < 'A' || t[8] > 'D') return false;
  if (!std::ranges::all_of(t.substr(2, 6), is_digit)) return false;
  return kNeverFirst.find(t[0]) == std::string_view::npos && kNeverSecond.find(t[1]) == std::string_view::npos &&
         std::ranges::find(kNever, t.substr(0, 2)) == std::end(kNever);
}

bool de_tax_id(std::string_view d) {
  if (d[0] == '0') return false;
  std::array<int, 10> times{};
  for (const char c : d.substr(0, 10)) ++times[static_cast<std::size_t>(digit(c))];
  // One digit two or three times, each other at most once.
  if (std::ranges::count_if(times, [](int n) { return n >= 2; }) != 1 || std::ranges::max(times) > 3) return false;
  int product = 10;
  for (const char c : d.substr(0, 10)) {
    int sum = (digit(c) + product) % 10;
    if (sum == 0) sum = 10;
    product = sum * 2 % 11;
  }
  return (11 - product) % 10 == digit(d[10]);
}

bool fr_nir(std::string_view t) {
  if (t.size() != 15 || !(t[0] >= '1' && t[0] <= '8') || t[0] == '5' || t[0] == '6') return false;
  std::uint64_t minus = 0;
  std::array<char, 15> digits{};
  std::ranges::copy(t, digits.begin());
  if (t[6] == 'A' || t[6] == 'B') {
    if (t[5] != '2') return false;
    minus = t[6] == 'A' ? 1'000'000 : 2'000'000;
    digits[6] = '0';
  }
  const std::string_view d(digits.data(), digits.size());
  if (!std::ranges::all_of(d, is_digit)) return false;
  const auto month = number_of(d.substr(3, 2));
  if (!((month >= 1 && month <= 12) || (month >= 20 && month <= 42) || month >= 50)) return false;
  return 97 - (number_of(d.substr(0, 13)) - minus) % 97 == number_of(d.substr(13));
}

namespace {
constexpr std::string_view kDniLetters = "TRWAGMYFPDXBNJZSQVHLCKE";
}

bool es_dni(std::string_view t) {
  if (t.size() != 9 || !std::ranges::all_of(t.substr(0, 8), is_digit)) return false;
  return kDniLetters[number_of(t.substr(0, 8)) % 23] == t[8];
}

bool es_nie(std::string_view t) {
  if (t.size() != 9 || t[0] < 'X' || t[0] > 'Z' || !std::ranges::all_of(t.substr(1, 7), is_digit)) return false;
  return kDniLetters[(static_cast<std::uint64_t>(t[0] - 'X') * 10'000'000 + number_of(t.substr(1, 7))) % 23] == t[8];
}

bool it_fiscal_code(std::string_view t) {
  constexpr std::string_view kShape = "LLLLLLDDMDDLDDDL", kMonths = "ABCDEHLMPRST", kDigitLetters = "LMNPQRSTUV";
  // The value of a digit or letter in an odd place, by the same in an even one.
  constexpr int kOdd[] = {1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
  if (t.size() != 16) return false;
  int sum = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    const char c = t[i];
    const bool fits = kShape[i] == 'L'   ? c >= 'A' && c <= 'Z'
                      : kShape[i] == 'M' ? kMonths.find(c) != std::string_view::npos
                                         : is_digit(c) || kDigitLetters.find(c) != std::string_view::npos;
    if (!fits) return false;
    const int value = is_digit(c) ? digit(c) : c - 'A';
    if (i < 15) sum += i % 2 == 0 ? kOdd[value] : value;
  }
  return 'A' + sum % 26 == t[15];
}

bool pl_pesel(std::string_view d) {
  const auto month = static_cast<int>(number_of(d.substr(2, 2)));
  if (!date_yymmdd(static_cast<int>(number_of(d.substr(0, 2))), month % 20,
                   static_cast<int>(number_of(d.substr(4, 2)))))
    return false;
  return (10 - weighted(d, {1, 3, 7, 9, 1, 3, 7, 9, 1, 3}) % 10) % 10 == digit(d[10]);
}

bool nl_bsn(std::string_view d) {
  return !all_same(d) && d != "123456789" && weighted(d, {9, 8, 7, 6, 5, 4, 3, 2, -1}) % 11 == 0;
}

}  // namespace fairlead::pii
