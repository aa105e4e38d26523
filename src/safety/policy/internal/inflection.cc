#include "safety/policy/internal/inflection.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "safety/policy/internal/name_lists.h"
#include "safety/policy/internal/text.h"

namespace fairlead::policy {
namespace {

using Endings = std::array<std::string_view, kCases>;
constexpr Endings kConsonantEndings{"", "а", "у", "а", "ом", "е"};
constexpr Endings kShortEndings{"й", "я", "ю", "я", "ем", "е"};
constexpr Endings kShortIEndings{"й", "я", "ю", "я", "ем", "и"};
constexpr Endings kSoftEndings{"ь", "я", "ю", "я", "ем", "е"};
constexpr Endings kHardAEndings{"а", "ы", "е", "у", "ой", "е"};
constexpr Endings kVelarAEndings{"а", "и", "е", "у", "ой", "е"};
constexpr Endings kYaEndings{"я", "и", "е", "ю", "ей", "е"};
constexpr Endings kIyaEndings{"я", "и", "и", "ю", "ей", "и"};
constexpr Endings kSoftFemaleEndings{"ь", "и", "и", "ь", "ью", "и"};
constexpr Endings kFatherEndings{"", "а", "у", "а", "ем", "е"};
constexpr Endings kNoEndings{"", "", "", "", "", ""};
// A man's, a woman's.
constexpr std::array<std::string_view, 2 * kCases> kSurnameEndings{"",  "а",  "у",  "а", "ым", "е",
                                                                   "а", "ой", "ой", "у", "ой", "ой"};
constexpr std::array<std::string_view, 2 * kCases> kSkyEndings{"ий", "ого", "ому", "ого", "им", "ом",
                                                               "ая", "ой",  "ой",  "ую",  "ой", "ой"};

bool ends_with_any(std::string_view word, std::initializer_list<std::string_view> ends) {
  return std::ranges::any_of(ends, [&](std::string_view end) { return word.ends_with(end); });
}

std::size_t letters(std::string_view cyrillic) {
  return cyrillic.size() / 2;
}

struct Known {
  Part part;
  Declension declension;
  std::string_view stem;
  std::size_t form;
};

// All forms of first names; where a woman's and a man's are the same, the nominative of either comes first.
const std::unordered_map<std::string, std::vector<Known>>& first_names() {
  static const auto all = [] {
    std::unordered_map<std::string, std::vector<Known>> out;
    for (std::size_t form = 0; form < kCases; ++form) {
      for (const Part part : {Part::kWoman, Part::kMan}) {
        const std::span<const Spare> names = part == Part::kMan ? men() : women();
        for (const Spare& one : names)
          out[std::string(one.stem) + std::string(endings(one.declension)[form])].push_back(
              {part, one.declension, one.stem, form});
      }
    }
    return out;
  }();
  return all;
}

// The stem and the form of a word, if it ends like that.
bool take_ending(std::string_view word, std::span<const std::string_view> ends, std::size_t from, std::size_t to,
                 std::string& stem, std::size_t& form, bool (*is_stem)(std::string_view)) {
  for (std::size_t i = from; i < to; ++i) {
    if (!word.ends_with(ends[i])) continue;
    const std::string_view rest = word.substr(0, word.size() - ends[i].size());
    if (!is_stem(rest)) continue;
    stem = rest;
    form = i;
    return true;
  }
  return false;
}

bool is_ov(std::string_view stem) {
  return letters(stem) >= 4 && ends_with_any(stem, {"ов", "ев", "ин", "ын"});
}
bool is_sk(std::string_view stem) {
  return letters(stem) >= 4 && ends_with_any(stem, {"ск", "цк"});
}
bool is_father(std::string_view stem) {
  return letters(stem) >= 5 && ends_with_any(stem, {"ович", "евич", "ьич"});
}
bool is_daughter(std::string_view stem) {
  return letters(stem) >= 5 && ends_with_any(stem, {"овн", "евн", "ичн"});
}

bool is_vowel_end(std::string_view word) {
  return ends_with_any(word, {"а", "е", "и", "о", "у", "ы", "э", "ю", "я", "ё"});
}

Word as(Part part, Declension declension, std::string_view word, std::size_t form) {
  const std::string_view end = endings(declension)[form];
  return {part, declension, std::string(word.substr(0, word.size() - end.size())), form};
}

Word other_word(std::string_view word, const Word* before) {
  const bool man = before != nullptr && (before->part == Part::kMan || before->part == Part::kFather);
  const bool oblique = before != nullptr && before->form % kCases != 0;
  if (letters(word) < 3 || ends_with_any(word, {"о", "э", "ых", "их"}))
    return as(Part::kSurname, Declension::kNone, word, 0);
  if (!is_vowel_end(word)) {
    if (word.ends_with("ь")) return as(Part::kSurname, man ? Declension::kSoft : Declension::kSoftFemale, word, 0);
    if (word.ends_with("ий")) return as(Part::kSurname, Declension::kShortI, word, 0);
    if (word.ends_with("ой") && !man && before != nullptr) return as(Part::kSurname, Declension::kHardA, word, 4);
    if (word.ends_with("й")) return as(Part::kSurname, Declension::kShort, word, 0);
    if (man && oblique && ends_with_any(word, {"ом"})) return as(Part::kSurname, Declension::kConsonant, word, 4);
    return as(Part::kSurname, Declension::kConsonant, word, 0);
  }
  if (man && oblique && ends_with_any(word, {"а", "у", "е"}))
    return as(Part::kSurname, Declension::kConsonant, word, word.ends_with("а") ? 1 : word.ends_with("у") ? 2 : 5);
  const bool velar =
      letters(word) > 1 && ends_with_any(word.substr(0, word.size() - 2), {"г", "к", "х", "ж", "ч", "ш", "щ"});
  const Declension of_a = velar ? Declension::kVelarA : Declension::kHardA;
  if (word.ends_with("а")) return as(Part::kSurname, of_a, word, 0);
  if (word.ends_with("ия")) return as(Part::kSurname, Declension::kIya, word, 0);
  if (word.ends_with("я")) return as(Part::kSurname, Declension::kYa, word, 0);
  if (before != nullptr && !man && word.ends_with("у")) return as(Part::kSurname, of_a, word, 3);
  if (before != nullptr && !man && word.ends_with("е")) return as(Part::kSurname, of_a, word, 2);
  return as(Part::kSurname, Declension::kNone, word, 0);
}

}  // namespace

std::span<const std::string_view> endings(Declension declension) {
  switch (declension) {
    case Declension::kConsonant:
      return kConsonantEndings;
    case Declension::kShort:
      return kShortEndings;
    case Declension::kShortI:
      return kShortIEndings;
    case Declension::kSoft:
      return kSoftEndings;
    case Declension::kHardA:
      return kHardAEndings;
    case Declension::kVelarA:
      return kVelarAEndings;
    case Declension::kYa:
      return kYaEndings;
    case Declension::kIya:
      return kIyaEndings;
    case Declension::kSoftFemale:
      return kSoftFemaleEndings;
    case Declension::kSurname:
      return kSurnameEndings;
    case Declension::kSky:
      return kSkyEndings;
    case Declension::kFather:
      return kFatherEndings;
    case Declension::kNone:
      break;
  }
  return kNoEndings;
}

Word take_apart(std::string_view word, const Word* before) {
  const auto& known = first_names();
  if (const auto found = known.find(std::string(word)); found != known.end()) {
    const Known& one = found->second.front();
    return {one.part, one.declension, std::string(one.stem), one.form};
  }
  Word out;
  const bool woman = before != nullptr && (before->part == Part::kWoman || before->part == Part::kDaughter);
  out.declension = Declension::kFather;
  out.part = Part::kFather;
  if (take_ending(word, kFatherEndings, 0, kCases, out.stem, out.form, is_father)) return out;
  out.declension = Declension::kHardA;
  out.part = Part::kDaughter;
  if (take_ending(word, kHardAEndings, 0, kCases, out.stem, out.form, is_daughter)) return out;
  out.part = Part::kSurname;
  out.declension = Declension::kSky;
  const std::size_t first = woman ? kCases : 0;
  if (take_ending(word, kSkyEndings, first, first + kCases, out.stem, out.form, is_sk) ||
      take_ending(word, kSkyEndings, 0, 2 * kCases, out.stem, out.form, is_sk))
    return out;
  out.declension = Declension::kSurname;
  if (take_ending(word, kSurnameEndings, first, first + kCases, out.stem, out.form, is_ov) ||
      take_ending(word, kSurnameEndings, 0, 2 * kCases, out.stem, out.form, is_ov))
    return out;
  return other_word(word, before);
}

std::span<const Spare> spares(Part part, Declension declension) {
  // By part and declension, in the order of the tables.
  static const auto all = [] {
    std::unordered_map<int, std::vector<Spare>> out;
    const auto put = [&out](Part of, std::span<const Spare> names) {
      for (const Spare& one : names)
        if (!is_a_word_too(one.stem)) out[static_cast<int>(of) * 100 + static_cast<int>(one.declension)].push_back(one);
    };
    put(Part::kMan, men());
    put(Part::kWoman, women());
    put(Part::kFather, fathers());
    put(Part::kDaughter, daughters());
    put(Part::kSurname, surnames());
    return out;
  }();
  const auto found = all.find(static_cast<int>(part) * 100 + static_cast<int>(declension));
  if (found != all.end()) return found->second;
  const Declension other = part == Part::kWoman      ? Declension::kHardA
                           : part == Part::kMan      ? Declension::kConsonant
                           : part == Part::kFather   ? Declension::kFather
                           : part == Part::kDaughter ? Declension::kHardA
                                                     : Declension::kNone;
  return all.at(static_cast<int>(part) * 100 + static_cast<int>(other));
}

}  // namespace fairlead::policy
