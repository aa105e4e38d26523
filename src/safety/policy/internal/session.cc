#include "safety/policy/internal/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstring>

#include "safety/pii/entities.h"
#include "safety/policy/internal/text.h"

namespace fairlead::policy {
namespace {

constexpr int kAttempts = 400;
constexpr std::string_view kTitles[] = {"mr",      "mrs",       "ms",        "dr",      "prof",   "miss",
                                        "sir",     "mx",        "г",         "г-н",     "г-жа",   "господин",
                                        "госпожа", "господину", "господина", "госпоже", "госпожу"};
constexpr std::string_view kParticles[] = {"de", "von", "van", "der", "den", "del", "la",
                                           "le", "di",  "da",  "bin", "al",  "ibn"};

std::string key_text(std::string_view entity, std::string_view key) {
  std::string out(entity);
  out += '\0';
  return out.append(key);
}

std::string capitalised(std::string_view small) {
  std::string out;
  bool begins = true;
  for (std::size_t at = 0; at < small.size();) {
    const Character one = character_at(small, at);
    append(out, begins ? upper(one.value) : one.value);
    begins = one.value == '-' || one.value == ' ';
    at += std::max<std::size_t>(one.size, 1);
  }
  return out;
}

std::string with_e(std::string_view small) {  // ё as е
  return folded_text(small);
}

// The pieces of a name: words (letters, hyphens, apostrophes) and what is between.
struct Piece {
  std::string_view text;
  bool word = false;
};
std::vector<Piece> pieces_of(std::string_view text) {
  std::vector<Piece> out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    bool word = false;
    while (end < text.size()) {
      const Character one = character_at(text, end);
      const bool inside = is_letter(one.value) || (word && (folded(one.value) == '-' || one.value == '\''));
      if (end == at) word = is_letter(one.value);
      if (inside != word) break;
      end += std::max<std::size_t>(one.size, 1);
    }
    if (end == at) end = at + std::max<std::size_t>(character_at(text, at).size, 1);
    out.push_back({text.substr(at, end - at), word});
    at = end;
  }
  return out;
}

std::size_t letters_in(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); at += std::max<std::size_t>(character_at(text, at).size, 1)) ++count;
  return count;
}

std::string canonical(std::string_view entity, std::string_view original) {
  const std::string bare = compact(original);
  const bool digits = std::ranges::any_of(bare, [](char c) { return c >= '0' && c <= '9'; });
  const bool exact = entity == "EMAIL_ADDRESS" || entity == "DOMAIN_NAME" || entity == "DATE_TIME" ||
                     entity == "DATE_OF_BIRTH" || entity == "IP_ADDRESS";
  return digits && !exact ? bare : folded_text(original);
}

// The digits and letters of `made`, laid out as the original is; empty if they are not as many.
std::string in_layout_of(std::string_view original, std::string_view made) {
  const std::string characters = compact(made);
  std::string out;
  std::size_t next = 0;
  for (const char c : original) {
    const bool counts = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (counts && next >= characters.size()) return {};
    out += counts ? characters[next++] : c;
  }
  return next == characters.size() ? out : std::string();
}

}  // namespace

namespace {
// Calls `each` for every word: letters and digits, without case.
template <class Each>
void each_word(std::string_view text, Each each) {
  std::u32string word;
  for (std::size_t at = 0; at < text.size();) {
    const Character one = character_at(text, at);
    at += std::max<std::size_t>(one.size, 1);
    if (is_word(one.value))
      word += folded(one.value);
    else if (!word.empty())
      each(word), word.clear();
  }
  if (!word.empty()) each(word);
}

bool has_digit(std::u32string_view word) {
  return std::ranges::any_of(word, [](char32_t c) { return is_digit(c); });
}
}  // namespace

void Haystack::read() {
  constexpr std::size_t kShort = 16 * 1024;  // bytes that are sooner searched than taken apart
  for (; read_up_to_ < texts_.size(); ++read_up_to_) {
    const std::string_view text = texts_[read_up_to_];
    bytes_ += text.size();
    if (bytes_ <= kShort) {
      short_ += folded_text(text);
      short_ += '\n';
    }
    each_word(text, [&](const std::u32string& word) {
      if (bytes_ > kShort) words_.insert(word);
      if (!has_digit(word)) return;
      for (const char32_t c : word) append(digits_, upper(c));
    });
    digits_ += '\n';
  }
}

bool Haystack::holds(std::string_view made) {
  read();
  if (!short_.empty() && short_.find(folded_text(made)) != std::string::npos) return true;
  bool all = !words_.empty(), any = false, digits = false;
  each_word(made, [&](const std::u32string& word) {
    any = true;
    digits |= has_digit(word);
    all = all && words_.contains(word);
  });
  if (any && all) return true;
  const std::string bare = digits ? compact(made) : std::string();
  return bare.size() >= 4 && digits_.find(bare) != std::string::npos;
}

Chance Session::chance(std::string_view entity, std::string_view key, int attempt) const {
  std::string text = seed_;
  text += '\0';
  text += key_text(entity, key);
  const Sha256 digest = key_->of(text);
  std::uint64_t seed = 0;
  std::memcpy(&seed, digest.data(), sizeof seed);
  Chance out(seed);
  for (int i = 0; i < attempt; ++i) out = Chance(out.next());
  return out;
}

// One way and one distance for a session, so that what lies between two dates stays.
int Session::days(int attempt) const {
  Chance of = chance("days", "", 0);
  const int distance = 40 + static_cast<int>(of.below(700)) + attempt;
  return of.below(2) == 0 ? distance : -distance;
}

const Session::Entry* Session::find(std::string_view entity, std::string_view key) const {
  const auto found = by_key_.find(key_text(entity, key));
  return found == by_key_.end() ? nullptr : &entries_[found->second];
}

void Session::add(Entry entry) {
  const auto index = static_cast<std::uint32_t>(entries_.size());
  if (!by_key_.emplace(key_text(entry.entity, entry.key), index).second) return;
  for (const Pair& pair : entry.pairs) {
    made_.add({pair.made, pair.original, pair.written, index});
    // A short word that is somebody's name may be anything elsewhere; where it is found again, it has its pseudonym.
    if (letters_in(pair.original) >= 3) originals_.add({pair.original, pair.made, pair.written, index});
    bytes_ += 4 * (pair.made.size() + pair.original.size()) + 256;
  }
  bytes_ += entry.entity.size() + 2 * entry.key.size() + 256;
  entries_.push_back(std::move(entry));
  shared_.reset();
}

std::shared_ptr<const Matcher> Session::pseudonyms() {
  if (!shared_) shared_ = std::make_shared<const Matcher>(made_);
  return shared_;
}

bool Session::is_free(const std::vector<Pair>& pairs, Haystack& others) const {
  return std::ranges::none_of(pairs, [&](const Pair& pair) {
    return made_.has(pair.made) || originals_.has(pair.made) || others.holds(pair.made);
  });
}

std::string Session::hide(std::string_view entity, std::string_view original, Haystack& others) {
  // Numbers are known by what stands between their first digit and their last.
  if (original.size() > 1 && original[0] == '(' && (is_digit(original[1]) || original[1] == '+')) {
    const std::string rest = hide(entity, original.substr(1), others);
    return rest.empty() ? rest : "(" + rest;
  }
  std::string made = hide_alike(entity, original, others);
  if (made.empty() || gives_back(made, original)) return made;
  // Letters in an address that was taken for a name, spaces that were others when it was seen first: it is known as it
  // stands, or not at all.
  return entity == pii::kPerson ? hide_exactly(original, others) : std::string();
}

bool Session::gives_back(std::string_view made, std::string_view original) const {
  std::string out;
  std::size_t at = 0;
  made_.find(made, 0, true, [&](const Match& match) {
    out += made.substr(at, match.start - at);
    out += in_case_of(made.substr(match.start, match.end - match.start), match.form->seen, match.form->gives);
    at = match.end;
  });
  out += made.substr(at);
  return out == original;
}

std::string Session::hide_alike(std::string_view entity, std::string_view original, Haystack& others) {
  if (entity == pii::kPerson) return hide_name(original, others);
  if (entity == pii::kGpe) return hide_town(original, others);
  const std::string key = canonical(entity, original);
  const std::string exact_key = "~" + std::string(original);
  const Entry* known = find(entity, exact_key);
  if (known == nullptr) known = find(entity, key);
  std::string use_key = key;
  if (known != nullptr) {
    if (std::string made = as_written(*known, original); !made.empty()) return made;
    use_key = exact_key;
    const Pair& first = known->pairs.front();
    std::string made = first.written == Written::kAsNumber ? in_layout_of(original, first.made) : std::string();
    if (!made.empty() && made != first.made) {
      add({std::string(entity), exact_key, {{made, std::string(original), Written::kAsWords}}});
      return made;
    }
  }
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Chance luck = chance(entity, use_key, attempt);
    auto pairs = make_up(entity, original, days(attempt), luck);
    if (!pairs) return {};
    if (!is_free(*pairs, others)) continue;
    add({std::string(entity), use_key, *std::move(pairs)});
    return entries_.back().pairs.front().made;
  }
  return {};
}

std::string Session::as_written(const Entry& entry, std::string_view original) {
  const Pair& first = entry.pairs.front();
  std::string made = in_case_of(original, first.original, first.made);
  return in_case_of(made, first.made, first.original) == original ? made : std::string();
}

// A word that inflects: all of its forms, and those of one that stands for it.
const Session::Entry& Session::name_entry(std::string_view entity, const std::string& key, std::string_view stem,
                                          Declension declension, std::span<const Spare> names, Haystack& others) {
  if (const Entry* const known = find(entity, key)) return *known;
  const auto ends = endings(declension);
  for (int attempt = 0;; ++attempt) {
    Chance luck = chance(entity, key, attempt);
    const Spare& spare = names[luck.below(names.size())];
    std::string made_stem(spare.stem);
    // A list may be shorter than what is to be named.
    if (attempt > 60) made_stem = std::string(names[luck.below(names.size())].stem) + "о-" + made_stem;
    if (attempt > kAttempts) made_stem += fmt::format("{}", attempt);
    const auto made_ends = endings(spare.declension);
    Entry entry{std::string(entity), key, {}};
    for (std::size_t i = 0; i < std::max(ends.size(), made_ends.size()); ++i) {
      const std::size_t mine = i < ends.size() ? i : i % kCases, theirs = i < made_ends.size() ? i : i % kCases;
      entry.pairs.push_back({capitalised(made_stem + std::string(made_ends[theirs])),
                             capitalised(std::string(stem) + std::string(ends[mine])), Written::kAsWords});
    }
    const bool itself = with_e(made_stem) == with_e(stem);
    if (!itself && is_free(entry.pairs, others)) {
      add(std::move(entry));
      return entries_.back();
    }
  }
}

std::string Session::hide_word(std::string_view word, const Word* before, Word& taken, Haystack& others) {
  const std::string small = with_e(lower(word));
  // A form of a name that is known says more than its ending.
  std::string as_known;
  originals_.find(word, 0, true, [&](const Match& match) {
    if (match.start != 0 || match.end != word.size() || entity_of(*match.form) != pii::kPerson) return;
    std::string made = in_case_of(word, match.form->seen, match.form->gives);
    if (in_case_of(made, match.form->gives, match.form->seen) == word) as_known = std::move(made);
  });
  taken = take_apart(small, before);
  if (!as_known.empty()) return as_known;
  if (find(pii::kPerson, "~" + std::string(word)) != nullptr) return hide_exactly(word, others);
  const std::string stem = lower(word).substr(0, taken.stem.size());  // with its ё
  const std::string key =
      fmt::format("{}/{}/{}", static_cast<int>(taken.part), static_cast<int>(taken.declension), taken.stem);
  const auto names = spares(taken.part, taken.declension);
  const Entry& entry = name_entry(pii::kPerson, key, stem, taken.declension, names, others);
  const Pair& pair = entry.pairs[std::min(taken.form, entry.pairs.size() - 1)];
  std::string made = in_case_of(word, pair.original, pair.made);
  if (in_case_of(made, pair.made, pair.original) == word) return made;
  return hide_exactly(word, others);
}

// A word that is not written as names are: it is given back as it is, and has a pseudonym of its own for that.
std::string Session::hide_exactly(std::string_view word, Haystack& others) {
  const std::string key = "~" + std::string(word);
  if (const Entry* const known = find(pii::kPerson, key)) return known->pairs[0].made;
  const bool cyrillic = is_cyrillic(character_at(word, 0).value);
  const auto russian = spares(Part::kSurname, Declension::kSurname);
  const auto latin = latin_spares(LatinPart::kSurname);
  for (int attempt = 0;; ++attempt) {
    Chance luck = chance(pii::kPerson, key, attempt);
    std::string made =
        capitalised(cyrillic ? russian[luck.below(russian.size())].stem : latin[luck.below(latin.size())]);
    if (attempt > 60) made += cyrillic ? "-Младший" : "-Junior";
    if (attempt > 120) made += fmt::format("{}", attempt);
    std::vector<Pair> pairs{{made, std::string(word), Written::kAsWords}};
    if (!is_free(pairs, others)) continue;
    add({std::string(pii::kPerson), key, std::move(pairs)});
    return made;
  }
}

std::string Session::hide_latin(std::string_view word, Haystack& others) {
  const std::string small = folded_text(word);
  const Entry* entry = find(pii::kPerson, small);
  const auto names = latin_spares(latin_part(small));
  for (int attempt = 0; entry == nullptr; ++attempt) {
    Chance luck = chance(pii::kPerson, small, attempt);
    std::string made(names[luck.below(names.size())]);
    if (attempt > 60) made = std::string(names[luck.below(names.size())]) + "-" + made;
    if (attempt > kAttempts) made += fmt::format("{}", attempt);
    // As it is written, if that is how names are: McDonald.
    std::string original(is_upper(character_at(word, 0).value) && upper(word) != word ? std::string(word)
                                                                                      : capitalised(small));
    std::vector<Pair> pairs{{capitalised(made), std::move(original), Written::kAsWords}};
    if (made == small || !is_free(pairs, others)) continue;
    add({std::string(pii::kPerson), small, std::move(pairs)});
    entry = &entries_.back();
  }
  std::string made = as_written(*entry, word);
  return made.empty() ? hide_exactly(word, others) : made;
}

// Word by word, so that "Иван Петров", "Петрову" and "Иван" go together, and a family keeps its name.
std::string Session::hide_name(std::string_view original, Haystack& others) {
  const bool is_address = original.find('@') != std::string_view::npos;  // its letters are no initials
  if (!is_plain(original) || is_address) return hide_exactly(original, others);
  std::string out;
  Word before;
  bool any = false, initials = false, named = false;
  for (const Piece& piece : pieces_of(original)) {
    const std::string small = folded_text(piece.text);
    const bool particle = std::ranges::find(kParticles, piece.text) != std::end(kParticles);
    if (!piece.word || particle || std::ranges::find(kTitles, small) != std::end(kTitles)) {
      out += piece.text;
      continue;
    }
    if (letters_in(piece.text) == 1) {  // an initial
      initials = true;
      const bool cyrillic = is_cyrillic(character_at(piece.text, 0).value);
      constexpr char32_t kLetters[] = U"АБВГДЕЗИКЛМНОПРСТФ";
      Chance luck = chance("initial", small, 0);
      append(out, cyrillic ? kLetters[luck.below(18)] : U'A' + static_cast<char32_t>(luck.below(26)));
      continue;
    }
    named = true;
    if (is_cyrillic(character_at(piece.text, 0).value)) {
      Word taken;
      out += hide_word(piece.text, any ? &before : nullptr, taken, others);
      before = taken;
      any = true;
    } else {
      out += hide_latin(piece.text, others);
    }
  }
  if (initials && !named) return {};  // a letter stands for too much to be known again
  // Initials alone say nothing, so a name with some is known as a whole too.
  if (initials && letters_in(original) > 4 && find(pii::kPerson, "=" + folded_text(original)) == nullptr &&
      !made_.has(out))
    add({std::string(pii::kPerson), "=" + folded_text(original), {{out, std::string(original), Written::kAsWords}}});
  return out;
}

std::string Session::hide_town(std::string_view original, Haystack& others) {
  const auto pieces = pieces_of(original);
  const bool one_word = pieces.size() == 1 && pieces[0].word;
  const bool cyrillic = !original.empty() && is_cyrillic(character_at(original, 0).value);
  if (one_word && cyrillic) {
    std::string as_known;
    originals_.find(original, 0, true, [&](const Match& match) {
      if (match.start == 0 && match.end == original.size() && entity_of(*match.form) == pii::kGpe)
        as_known = in_case_of(original, match.form->seen, match.form->gives);
    });
    if (!as_known.empty()) return as_known;
    const std::string with_yo = lower(original);
    Word word = take_apart(with_e(with_yo), nullptr);
    if (word.part != Part::kSurname || word.declension == Declension::kSurname || word.declension == Declension::kSky)
      word = {Part::kSurname, Declension::kNone, with_e(with_yo), 0};
    // One of the same declension, where there is one.
    std::vector<Spare> names;
    for (const Spare& one : towns())
      if (one.declension == word.declension) names.push_back(one);
    if (names.size() < 4) names.assign(towns().begin(), towns().end());
    const Entry& entry = name_entry(pii::kGpe, fmt::format("{}/{}", static_cast<int>(word.declension), word.stem),
                                    with_yo.substr(0, word.stem.size()), word.declension, names, others);
    const Pair& pair = entry.pairs[std::min(word.form, entry.pairs.size() - 1)];
    return in_case_of(original, pair.original, pair.made);
  }
  const std::string key = "=" + folded_text(original);
  if (const Entry* const known = find(pii::kGpe, key)) return known->pairs[0].made;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Chance luck = chance(pii::kGpe, key, attempt);
    std::string made = cyrillic ? std::string() : std::string(latin_towns()[luck.below(latin_towns().size())]);
    if (cyrillic) {
      const Spare& spare = towns()[luck.below(towns().size())];
      made = capitalised(std::string(spare.stem) + std::string(endings(spare.declension)[0]));
    }
    if (attempt > 60) made = fmt::format("{} {}", cyrillic ? "Новый" : "New", made);
    if (attempt > 120) made += fmt::format("-{}", attempt);
    std::vector<Pair> pairs{{std::move(made), std::string(original), Written::kAsWords}};
    if (!is_free(pairs, others)) continue;
    add({std::string(pii::kGpe), key, std::move(pairs)});
    return entries_.back().pairs[0].made;
  }
  return {};
}

boost::json::value Session::to_json(const Entry& entry) {
  boost::json::array pairs;
  for (const Pair& pair : entry.pairs)
    pairs.push_back(boost::json::array{pair.made, pair.original, static_cast<int>(pair.written)});
  return boost::json::array{entry.entity, entry.key, std::move(pairs)};
}

Result<Session::Entry> Session::from_json(const boost::json::value& value) {
  const auto damaged = [] {
    return fail(ErrorKind::kInternal, "vault_damaged", "An entry of the vault makes no sense.");
  };
  const auto* const list = value.if_array();
  if (list == nullptr || list->size() != 3 || !(*list)[0].is_string() || !(*list)[1].is_string() ||
      !(*list)[2].is_array())
    return damaged();
  Entry out{std::string((*list)[0].get_string()), std::string((*list)[1].get_string()), {}};
  for (const auto& one : (*list)[2].get_array()) {
    const auto* const pair = one.if_array();
    if (pair == nullptr || pair->size() != 3 || !(*pair)[0].is_string() || !(*pair)[1].is_string() ||
        !(*pair)[2].is_int64())
      return damaged();
    out.pairs.push_back({std::string((*pair)[0].get_string()), std::string((*pair)[1].get_string()),
                         (*pair)[2].get_int64() == 1 ? Written::kAsNumber : Written::kAsWords});
  }
  if (out.pairs.empty()) return damaged();
  return out;
}

}  // namespace fairlead::policy
