#include "safety/pii/internal/words.h"

#include <algorithm>
#include <array>
#include <string>

#include "safety/pii/entities.h"
#include "safety/pii/internal/checks.h"
#include "safety/pii/internal/normalise.h"

namespace fairlead::pii {
namespace {

constexpr std::size_t kLongestIban = 34;

struct Rule {
  std::string_view entity, what;
  Topic topic;
  std::size_t length;
  bool (*valid)(std::string_view text);
  Scores scores;
};
constexpr Rule kRules[] = {
    {kUkNino, "prefix and suffix are possible", Topic::kNino, 9, uk_nino, {0.7, 0.97}},
    {kEsDni, "letter mod 23", Topic::kDni, 9, es_dni, {0.7, 0.97}},
    {kEsNie, "letter mod 23", Topic::kDni, 9, es_nie, {0.8, 0.97}},
    {kItFiscalCode, "letter mod 26", Topic::kFiscalCode, 16, it_fiscal_code, {0.95, 1}},
    {kFrNir, "key mod 97", Topic::kNir, 15, fr_nir, {0.9, 0.97}},
};

std::string capitals(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), upper);
  return out;
}

// "GB82 WEST 1234 …": from its first four on, with single spaces, hyphens or dots.
void recognise_iban(const Reading& reading, std::size_t start) {
  const std::size_t wanted = iban_length(capitals(reading.text.substr(start, 2)));
  if (wanted == 0 || reading.word_before(start)) return;
  std::string text;
  std::size_t end = start;
  for (std::size_t i = start; i < reading.text.size() && text.size() < wanted && text.size() < kLongestIban; ++i) {
    const char c = reading.text[i];
    if (is_digit(c) || is_letter(c))
      text += upper(c), end = i + 1;
    else if ((c != ' ' && c != '-' && c != '.') || i == end + 1)
      break;
  }
  if (text.size() != wanted || reading.word_behind(end) || !iban(text)) return;
  const Near near = reading.near(start, end, Topic::kIban);
  reading.add(start, end, kIbanCode, score_of({0.97, 1}, near), "mod 97 checksum and the country's length", near, true);
}

void recognise_wallet(const Reading& reading, std::size_t start, std::size_t end) {
  const std::string_view word = reading.text.substr(start, end - start);
  std::string_view what;
  if (word.size() == 42 && word.starts_with("0x")) {
    if (eip55(word.substr(2))) what = "Ethereum address";
  } else if (bech32(word)) {
    what = "bech32 checksum";
  } else if (base58check(word)) {
    what = "base58 checksum";
  }
  if (what.empty()) return;
  const Near near = reading.near(start, end, Topic::kCrypto);
  reading.add(start, end, kCryptoAddress, score_of({0.95, 1}, near), what, near, true);
}

// "AB1234567", "C01X0006H": letters and digits that only the word before makes a passport.
void recognise_passport(const Reading& reading, std::size_t start, std::size_t end) {
  const std::string_view word = reading.text.substr(start, end - start);
  if (word.size() < 7 || word.size() > 9) return;
  const auto digits = std::ranges::count_if(word, is_digit);
  if (digits < 5 || !is_letter(word[0])) return;
  const Near near = reading.near(start, end, Topic::kPassport);
  reading.add(start, end, kPassport, score_of({0.2, 0.8}, near) - reading.taken_off(start, end, near),
              "letters and digits", near);
}

void recognise_licence_word(const Reading& reading, std::size_t start, std::size_t end) {
  const std::string_view word = reading.text.substr(start, end - start);
  if (word.size() < 5 || word.size() > 16 || std::ranges::count_if(word, is_digit) < 4) return;
  const Near near = reading.near(start, end, Topic::kLicence);
  if (near.word.empty()) return;
  reading.add(start, end, kUsDriverLicense, score_of({0.1, 0.75}, near), "letters and digits", near);
}

// The letters of plates, which look alike in both scripts.
std::size_t plate_letter_behind(std::string_view text, std::size_t end) {
  constexpr std::string_view kLatin = "ABEKMHOPCTYXabekmhopctyx";
  constexpr std::u32string_view kCyrillic = U"АВЕКМНОРСТУХавекмнорстух";
  if (end >= 1 && kLatin.find(text[end - 1]) != std::string_view::npos) return 1;
  if (end < 2 || static_cast<unsigned char>(text[end - 2]) < 0xD0) return 0;
  const Character one = character_at(text, end - 2);
  return one.size == 2 && kCyrillic.find(one.code) != std::u32string_view::npos ? 2 : 0;
}

// Regions: 01 to 99, and the later ones of three digits that begin with 1, 2, 7 or 9 (order of the Ministry of Interior
// 766).
bool is_region(std::string_view digits) {
  if (digits.size() == 2) return digits != "00";
  return digits.size() == 3 && std::string_view("1279").find(digits[0]) != std::string_view::npos;
}

}  // namespace

void recognise_word(const Reading& reading, std::size_t start, std::size_t end) {
  const std::string_view word = reading.text.substr(start, end - start);
  if (word.size() >= 4 && is_letter(word[0]) && is_letter(word[1]) && is_digit(word[2]) && is_digit(word[3]))
    recognise_iban(reading, start);
  const bool free = !reading.word_before(start) && !reading.word_behind(end);
  if (!free) return;
  if (word.size() >= 26 && word.size() <= 90) recognise_wallet(reading, start, end);
  if (word.size() < 5 || word.size() > 16) return;
  const bool hyphened = (reading.before(start) == '-' && reading.word_before(start - 1)) ||
                        (reading.at(end) == '-' && reading.word_behind(end + 1));
  if (hyphened) return;
  recognise_passport(reading, start, end);
  recognise_licence_word(reading, start, end);
  for (const Rule& rule : kRules) {
    if (rule.length != word.size()) continue;
    const std::string text = capitals(word);
    if (!rule.valid(text)) continue;
    const Near near = reading.near(start, end, rule.topic);
    const double score = score_of(rule.scores, near) - (text != word ? 0.1 : 0) - reading.taken_off(start, end, near);
    reading.add(start, end, rule.entity, score, rule.what, near);
  }
}

void recognise_spaced_nino(const Reading& reading, std::size_t end) {
  constexpr std::size_t kLength = 13;
  if (end < kLength || reading.word_before(end - kLength) || reading.word_behind(end)) return;
  std::string text(reading.text.substr(end - kLength, kLength));
  std::erase_if(text, [](char c) { return c == ' ' || c == '-'; });
  if (!uk_nino(capitals(text))) return;
  const Near near = reading.near(end - kLength, end, Topic::kNino);
  reading.add(end - kLength, end, kUkNino, score_of({0.85, 0.98}, near), "prefix and suffix are possible", near);
}

void recognise_spaced_dni(const Reading& reading, std::size_t end) {
  for (const std::size_t length : {std::size_t{10}, std::size_t{11}}) {
    if (end < length || reading.word_before(end - length) || reading.word_behind(end)) continue;
    std::string text(reading.text.substr(end - length, length));
    std::erase_if(text, [](char c) { return c == ' ' || c == '-'; });
    text = capitals(text);
    const bool dni = es_dni(text);
    if (!dni && !es_nie(text)) continue;
    const Near near = reading.near(end - length, end, Topic::kDni);
    reading.add(end - length, end, dni ? kEsDni : kEsNie, score_of({0.75, 0.97}, near), "letter mod 23", near);
  }
}

void recognise_plate(const Reading& reading, std::size_t at) {
  const std::string_view text = reading.text;
  std::size_t end = at;  // of the region's first digit
  while (end < text.size() && is_digit(text[end])) ++end;
  const std::size_t region = at - 1;
  if (region == 0 || !is_region(text.substr(region, end - region)) || reading.word_behind(end)) return;
  std::size_t i = region;
  const auto space = [&] {
    if (i > 0 && text[i - 1] == ' ') --i;
  };
  const auto letters = [&](int count) {
    for (; count > 0; --count) {
      const std::size_t size = plate_letter_behind(text, i);
      if (size == 0) return false;
      i -= size;
    }
    return true;
  };
  space();
  if (!letters(2)) return;
  space();
  if (i < 3 || !std::ranges::all_of(text.substr(i - 3, 3), is_digit) || text.substr(i - 3, 3) == "000") return;
  i -= 3;
  if (i > 0 && is_digit(text[i - 1])) return;
  space();
  if (!letters(1) || reading.word_before(i)) return;
  const Near near = reading.near(i, end, Topic::kPlate);
  reading.add(i, end, kRuCarPlate, score_of({0.75, 0.97}, near), "letters and region of GOST R 50577", near);
}

void recognise_licence(const Reading& reading, std::size_t end) {
  // "number is", "no.", "#" and the like may stand between.
  constexpr std::size_t kFurthest = 24;
  const std::string_view text = reading.text;
  std::size_t start = end;
  while (start < text.size() && start - end < kFurthest && !is_digit(text[start])) ++start;
  while (start > end && is_letter(text[start - 1])) --start;
  std::size_t stop = start, digits = 0;
  for (; stop < text.size() && stop - start < 20; ++stop) {
    if (is_digit(text[stop]))
      ++digits;
    else if (!is_letter(text[stop]) &&
             !(text[stop] == '-' && (is_digit(reading.at(stop + 1)) || is_letter(reading.at(stop + 1)))))
      break;
  }
  if (digits < 5 || stop - start > 19 || start == stop) return;
  const Near near = reading.near(start, stop, Topic::kLicence);
  reading.add(start, stop, kUsDriverLicense, score_of({0.1, 0.8}, near), "follows the name of a licence", near);
}

}  // namespace fairlead::pii
