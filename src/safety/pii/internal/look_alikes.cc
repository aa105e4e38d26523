#include "safety/pii/internal/look_alikes.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace fairlead::pii {
namespace {

enum Bits : unsigned {
  kDigit = 1,
  kLatinPlain = 2,  // Latin, like no Cyrillic letter
  kLatinAlike = 4,  // Latin, like a Cyrillic one
  kOtherAlike = 8,  // Cyrillic or Greek, like a Latin one
  kCyrillic = 16,   // Cyrillic, like no Latin one
  kElse = 32,
};

constexpr std::u32string_view kOther =
    U"аеорсухіѕјԁԛԝһӏѵАВЕКМНОРСТУХІЅЈԌԚԜҮ"
    U"ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαονρικυγτε";
constexpr std::u32string_view kLatin =
    U"aeopcyxisjdqwhlvABEKMHOPCTYXISJGQWY"
    U"ABEZHIKMNOPTYXaovpikuyte";
static_assert(kOther.size() == kLatin.size());

struct Tables {
  std::array<char32_t, 0x600> latin{};    // from U+0000
  std::array<char32_t, 0x80> cyrillic{};  // from ASCII
  constexpr Tables() {
    for (std::size_t i = 0; i < kOther.size(); ++i) {
      latin[kOther[i]] = kLatin[i];
      if (kOther[i] >= 0x400 && cyrillic[kLatin[i]] == 0) cyrillic[kLatin[i]] = kOther[i];
    }
  }
};
constexpr Tables kTables;

}  // namespace

char32_t latin_of(char32_t code) {
  return code < kTables.latin.size() && kTables.latin[code] != 0 ? kTables.latin[code] : code;
}

char32_t cyrillic_of(char32_t code) {
  return code < kTables.cyrillic.size() && kTables.cyrillic[code] != 0 ? kTables.cyrillic[code] : code;
}

bool is_other_letter(char32_t code) {
  if (code >= 0x400 && code < 0x482) return true;
  return u_isalpha(static_cast<UChar32>(code)) != 0 || u_charType(static_cast<UChar32>(code)) == U_NON_SPACING_MARK;
}

unsigned script_bits(char32_t code) {
  if (code < 0x80) {
    if (code >= '0' && code <= '9') return kDigit;
    return kTables.cyrillic[code] != 0 ? kLatinAlike : kLatinPlain;
  }
  if (latin_of(code) != code) return kOtherAlike;
  return code >= 0x400 && code < 0x530 ? kCyrillic : kElse;
}

int way_to_fold(unsigned bits) {
  if ((bits & kElse) != 0) return 0;
  if ((bits & kOtherAlike) != 0 && (bits & kCyrillic) == 0 && (bits & (kDigit | kLatinPlain | kLatinAlike)) != 0)
    return 1;
  if ((bits & kCyrillic) != 0 && (bits & kLatinAlike) != 0 && (bits & (kLatinPlain | kDigit)) == 0) return -1;
  return 0;
}

}  // namespace fairlead::pii
