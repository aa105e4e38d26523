// Check digits. Each takes what was written without separators, digits and capital letters, and says whether it holds.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace fairlead::pii {

constexpr int digit(char c) {
  return c - '0';
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}
// Of two to nineteen digits.
constexpr std::uint64_t number_of(std::string_view digits) {
  std::uint64_t out = 0;
  for (const char c : digits) out = out * 10 + static_cast<std::uint64_t>(digit(c));
  return out;
}
constexpr bool all_same(std::string_view digits) {
  return digits.find_first_not_of(digits.front()) == std::string_view::npos;
}
// The sum of digit times weight, for as many as there are weights.
template <std::size_t N>
constexpr int weighted(std::string_view digits, const int (&weights)[N]) {
  int sum = 0;
  for (std::size_t i = 0; i < N; ++i) sum += digit(digits[i]) * weights[i];
  return sum;
}

bool luhn(std::string_view digits);                         // ISO/IEC 7812-1, annex B
std::string_view card_scheme(std::string_view digits);      // "Visa"; empty: no scheme issues such a number
bool iban(std::string_view text);                           // ISO 13616-1: mod 97, and the length of the country
std::size_t iban_length(std::string_view country);          // 0: none
bool date_yymmdd(int year_of_century, int month, int day);  // some century has that day
bool date(int year, int month, int day);

bool us_ssn(std::string_view digits);        // SSA: area not 000, 666, 9xx; group not 00; serial not 0000
bool us_itin(std::string_view digits);       // IRS: 9xx, fourth and fifth digit 50-65, 70-88, 90-92, 94-99
bool us_aba(std::string_view digits);        // ABA: weights 3 7 1; prefixes 00-12, 21-32, 61-72, 80
bool uk_nhs(std::string_view digits);        // NHS Data Dictionary: mod 11
bool uk_nino(std::string_view text);         // HMRC NIM39110: prefixes and suffixes
bool de_tax_id(std::string_view digits);     // BZSt: ISO 7064 mod 11,10; one digit two or three times
bool fr_nir(std::string_view text);          // INSEE: 97 - n mod 97; 2A and 2B of Corsica
bool es_dni(std::string_view text);          // Orden INT/2058/2008: letter n mod 23
bool es_nie(std::string_view text);          // the same with X Y Z as 0 1 2
bool it_fiscal_code(std::string_view text);  // DM 23/12/1976: letter mod 26
bool pl_pesel(std::string_view digits);      // Dz.U. 2010 nr 217 poz. 1427: weights 1 3 7 9; a date
bool nl_bsn(std::string_view digits);        // Besluit BSN: 11-proef
bool ru_inn(std::string_view digits);        // order MM-3-... of the FNS: 10 digits one, 12 digits two check digits
bool ru_snils(std::string_view digits);      // PFR: weights 9..1, mod 101
bool ru_ogrn(std::string_view digits);       // order of Minfin 165n: 13 digits, mod 11 then 10; begins with 1 or 5
bool ru_ogrnip(std::string_view digits);     // the same: 15 digits, mod 13 then 10; begins with 3
bool ru_kpp(std::string_view digits);        // order of the FNS MMV-7-6/435: a tax office, a reason, a number
bool ru_bik(std::string_view digits);        // Bank of Russia 732-P: begins with 04 or 01, 02
bool ru_account(std::string_view digits);    // Bank of Russia 809-P: class and currency are possible
bool ru_account_of(std::string_view account, std::string_view bik);  // Bank of Russia 515: control key, weights 7 1 3
bool ru_oms(std::string_view digits);       // order of Minzdravsotsrazvitiya 158n: Luhn over all sixteen
bool ru_passport(std::string_view digits);  // series: region (OKATO) and year; number not 000000

bool base58check(std::string_view text);        // the double SHA-256 of a Bitcoin-like address, and its version byte
bool bech32(std::string_view text);             // BIP 173, BIP 350; bc, tb, ltc
bool eip55(std::string_view hex);               // 40 digits: capitals as Keccak-256 says, or all of one case
std::string keccak256(std::string_view bytes);  // of the 1600-bit state with the padding before SHA-3's

}  // namespace fairlead::pii
