#include <array>

#include "safety/pii/internal/checks.h"

namespace fairlead::pii {

bool ru_inn(std::string_view d) {
  if (d.substr(0, 2) == "00") return false;  // the region
  if (d.size() == 10) return weighted(d, {2, 4, 10, 3, 5, 9, 4, 6, 8}) % 11 % 10 == digit(d[9]);
  return d.size() == 12 && weighted(d, {7, 2, 4, 10, 3, 5, 9, 4, 6, 8}) % 11 % 10 == digit(d[10]) &&
         weighted(d, {3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8}) % 11 % 10 == digit(d[11]);
}

bool ru_snils(std::string_view d) {
  // Numbers up to 001-001-998 have no check digits.
  if (number_of(d.substr(0, 9)) <= 1'001'998) return false;
  const int rest = weighted(d, {9, 8, 7, 6, 5, 4, 3, 2, 1}) % 101;
  return static_cast<std::uint64_t>(rest == 100 ? 0 : rest) == number_of(d.substr(9));
}

bool ru_ogrn(std::string_view d) {
  return (d[0] == '1' || d[0] == '5' || d[0] == '2') &&
         number_of(d.substr(0, 12)) % 11 % 10 == static_cast<unsigned>(digit(d[12]));
}

bool ru_ogrnip(std::string_view d) {
  return (d[0] == '3' || d[0] == '4') && number_of(d.substr(0, 14)) % 13 % 10 == static_cast<unsigned>(digit(d[14]));
}

bool ru_kpp(std::string_view d) {
  const auto region = number_of(d.substr(0, 2)), reason = number_of(d.substr(4, 2));
  return region >= 1 && region <= 99 && reason >= 1 && d.substr(6) != "000";
}

bool ru_bik(std::string_view d) {
  return d.substr(0, 2) == "04" || d.substr(0, 2) == "01" || d.substr(0, 2) == "02";
}

bool ru_account(std::string_view d) {
  constexpr std::string_view kCurrencies[] = {"810", "643", "840", "978", "156", "826",
                                              "756", "392", "398", "933", "949", "784"};
  if (d[0] == '0' || d[0] == '9') return false;
  for (const std::string_view one : kCurrencies)
    if (d.substr(5, 3) == one) return true;
  return false;
}

bool ru_account_of(std::string_view account, std::string_view bik) {
  // A correspondent account is keyed with the fifth and sixth digit of the BIK, any other with its last three.
  std::array<char, 23> digits{};
  const std::string_view last = bik.substr(6);
  const bool of_bank = account.starts_with("301");
  digits[0] = of_bank ? '0' : last[0];
  digits[1] = of_bank ? bik[4] : last[1];
  digits[2] = of_bank ? bik[5] : last[2];
  account.copy(digits.data() + 3, 20);
  constexpr int kWeights[] = {7, 1, 3};
  int sum = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) sum += digit(digits[i]) * kWeights[i % 3] % 10;
  return sum % 10 == 0;
}

bool ru_oms(std::string_view d) {
  return luhn(d) && !all_same(d);
}

bool ru_passport(std::string_view d) {
  const auto region = number_of(d.substr(0, 2)), year = number_of(d.substr(2, 2));
  return region >= 1 && (year <= 40 || year >= 97) && d.substr(4) != "000000";
}

}  // namespace fairlead::pii
