// Words that say what a number near them is.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "safety/pii/internal/pattern_database.h"

namespace fairlead::pii {

enum class Topic : std::uint8_t {
  kNone,
  kCard,
  kIban,
  kPhone,
  kSsn,
  kItin,
  kLicence,
  kPassport,
  kAccount,
  kRouting,
  kNhs,
  kNino,
  kDeTax,
  kNir,
  kDni,
  kFiscalCode,
  kPesel,
  kBsn,
  kInn,
  kSnils,
  kOgrn,
  kKpp,
  kBik,
  kRuAccount,
  kOms,
  kPlate,
  kBirth,
  kDate,
  kSecret,
  kCrypto,
  kOther,  // what numbers of no person are called: an order, a version, a price
};
using Topics = std::uint64_t;
constexpr Topics bit(Topic topic) {
  return Topics{1} << static_cast<unsigned>(topic);
}

// Of a word that says little: another one near takes its place.
constexpr Topics kWeak = Topics{1} << 63;

struct ContextWord {
  std::string_view text;  // small letters
  Topics topics;
  bool stem = false;  // may go on
};
std::span<const ContextWord> context_words();
// How a word is looked for. Words are matched as they are, capitalised, and in capitals.
std::vector<Pattern> patterns_of(const ContextWord& word);

// Where a word was read.
struct ContextHit {
  std::size_t start, end;
  std::uint16_t word;  // index in context_words()
};

// How far before and behind a number a word counts, in characters.
constexpr std::size_t kCharactersBefore = 60, kCharactersBehind = 25;

struct Near {
  std::string_view word;  // empty: none
  double nearness = 0;    // 1 beside it, 0 at the edge of the window
  bool adjacent = false;  // nothing but separators between
  bool weak = false;
};

// The words of a text, in their order.
class Context {
 public:
  void clear() { hits_.clear(); }
  void add(ContextHit hit) { hits_.push_back(hit); }
  // The nearest word on the topic around [start, end) of the text.
  Near near(std::string_view text, std::size_t start, std::size_t end, Topic topic) const;

 private:
  std::vector<ContextHit> hits_;
};

}  // namespace fairlead::pii
