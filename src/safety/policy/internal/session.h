// What stands behind the pseudonyms of one session, both ways.
#pragma once
#include <boost/json/value.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/keyed_digest.h"
#include "base/result.h"
#include "safety/policy/internal/inflection.h"
#include "safety/policy/internal/matcher.h"
#include "safety/policy/internal/shape.h"

namespace fairlead::policy {

// The texts of a call, in which no pseudonym may occur. Read when it is first asked for.
class Haystack {
 public:
  void add(std::string_view text) { texts_.push_back(text); }  // which outlives it
  void read();  // what has been added, beforehand: it takes long for long texts
  // Whether all of its words, or its number in any layout, stand there.
  bool holds(std::string_view made);

 private:
  std::vector<std::string_view> texts_;
  std::size_t read_up_to_ = 0, bytes_ = 0;
  std::string short_;                         // without case, of short texts
  std::unordered_set<std::u32string> words_;  // of long ones
  std::string digits_;                        // digits and letters alone, of words with a digit
};

// Used by one thread at a time.
class Session {
 public:
  // One original and its pseudonym, in all forms.
  struct Entry {
    std::string entity, key;
    std::vector<Pair> pairs;
  };

  // `seed` is of the project's key and the session's name: it alone decides which pseudonym comes first.
  Session(std::shared_ptr<const KeyedDigest> key, std::string seed) : key_(std::move(key)), seed_(std::move(seed)) {}

  // What to write instead; the same for the same. Empty: no pseudonym could be found for it.
  std::string hide(std::string_view entity, std::string_view original, Haystack& others);
  // Originals that are known, with what stands for them; and the other way round, as it grows and as it is now.
  const Matcher& originals() const { return originals_; }
  const Matcher& made() const { return made_; }
  std::shared_ptr<const Matcher> pseudonyms();
  std::string_view entity_of(const Form& form) const { return entries_[form.entry].entity; }

  // In the order in which they came; entries are only added.
  const std::deque<Entry>& entries() const { return entries_; }
  void add(Entry entry);
  std::size_t bytes() const { return bytes_; }

  static boost::json::value to_json(const Entry& entry);
  static Result<Entry> from_json(const boost::json::value& value);

 private:
  std::string hide_alike(std::string_view entity, std::string_view original, Haystack& others);
  bool gives_back(std::string_view made, std::string_view original) const;
  std::string hide_name(std::string_view original, Haystack& others);
  std::string hide_word(std::string_view word, const Word* before, Word& taken, Haystack& others);
  std::string hide_exactly(std::string_view word, Haystack& others);
  std::string hide_latin(std::string_view word, Haystack& others);
  std::string hide_town(std::string_view original, Haystack& others);
  // The pseudonym of an entry in the way in which `original` is written; empty if it would not be given back like that.
  static std::string as_written(const Entry& entry, std::string_view original);
  const Entry* find(std::string_view entity, std::string_view key) const;
  Chance chance(std::string_view entity, std::string_view key, int attempt) const;
  bool is_free(const std::vector<Pair>& pairs, Haystack& others) const;
  const Entry& name_entry(std::string_view entity, const std::string& key, std::string_view stem, Declension declension,
                          std::span<const Spare> spares, Haystack& others);
  int days(int attempt) const;

  std::shared_ptr<const KeyedDigest> key_;
  std::string seed_;
  std::deque<Entry> entries_;  // which do not move
  std::map<std::string, std::size_t, std::less<>> by_key_;
  Matcher originals_;
  Matcher made_;
  std::shared_ptr<const Matcher> shared_;  // made_ as it was lately; null: it has grown since
  std::size_t bytes_ = 0;
};

}  // namespace fairlead::policy
