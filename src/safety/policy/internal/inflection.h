// How Russian names are inflected: enough to tell the forms of a name, and to give another one in the same form.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace fairlead::policy {

inline constexpr std::size_t kCases = 6;  // nominative, genitive, dative, accusative, instrumental, prepositional

// What is behind the stem. A surname's two are of a man and of a woman, and share the stem.
enum class Declension : std::uint8_t {
  kConsonant,   // Антон, Шевчук
  kShort,       // Серге-й
  kShortI,      // Васили-й
  kSoft,        // Игор-ь
  kHardA,       // Алин-а
  kVelarA,      // Ольг-а
  kYa,          // Наталь-я
  kIya,         // Мари-я
  kSoftFemale,  // Казан-ь
  kSurname,     // Смирнов, Смирнов-а
  kSky,         // Достоевск-ий, -ая
  kFather,      // Иванович
  kNone,        // Шевченко
};

// The ends of all cases; of a surname first the man's, then the woman's.
std::span<const std::string_view> endings(Declension declension);

enum class Part : std::uint8_t { kMan, kWoman, kFather, kDaughter, kSurname };

// One word of a name, taken apart.
struct Word {
  Part part = Part::kSurname;
  Declension declension = Declension::kNone;
  std::string stem;      // small letters
  std::size_t form = 0;  // of endings()
};

// A Cyrillic word, small letters, in any case. `before`: the word of the same name in front of it, or null.
Word take_apart(std::string_view word, const Word* before);

// What may stand for words of this kind: "Антон", with what is left out of its end.
struct Spare {
  std::string_view stem;
  Declension declension;
};
std::span<const Spare> spares(Part part, Declension declension);
std::span<const Spare> towns();

// Whether a Latin word is a man's or a woman's first name; nothing of others.
enum class LatinPart : std::uint8_t { kMan, kWoman, kSurname };
LatinPart latin_part(std::string_view word);  // small letters
std::span<const std::string_view> latin_spares(LatinPart part);
std::span<const std::string_view> latin_towns();
std::span<const std::string_view> companies(bool cyrillic);
std::span<const std::string_view> streets(bool cyrillic);

}  // namespace fairlead::policy
