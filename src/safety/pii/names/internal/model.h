// The trained file: which lists a word is on, what each feature says for each label, and what follows what.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fairlead::pii::names {

// Begin and inside of each entity; lanes of one vector, so never more than 16.
enum Label : std::uint8_t {
  kOutside,
  kBeginPerson,
  kInPerson,
  kBeginPlace,
  kInPlace,
  kBeginOrganization,
  kInOrganization,
  kBeginAddress,
  kInAddress,
  kBeginTitle,
  kInTitle,
  kBeginZip,
  kInZip,
  kNationality,
  kAge,
  kLabels,
};
constexpr std::size_t kLanes = 16;
std::string_view entity_of(Label label);  // "PERSON"; empty for kOutside
bool is_inside(Label label);
bool may_follow(Label before, Label label);

// What a step from one label to the next says, at most, and for one that may not be taken. Other values may leave 16
// bits.
constexpr std::int16_t kMostTransition = 1'000, kForbidden = -8'000;

using Scores = std::array<std::int16_t, kLanes>;
using Row = std::array<std::int8_t, kLanes>;

// The order in the file, little-endian: this, the rows, the slots.
struct alignas(64) ModelHead {
  char mark[8];  // "FLNAMES1"
  std::uint32_t rows, bucket_bits;
  std::uint32_t points;  // of the calibration
  std::uint32_t unused;
  std::int16_t follows[kLanes][kLanes];  // [before][label]
  std::int16_t starts[kLanes];
  std::uint8_t kinds_of_list[32];  // which lists an index stands for, as bits of ListBit
  struct Point {
    std::int16_t margin;
    std::uint16_t score;  // of 1,000
  } calibration[16];
};

enum ListBit : std::uint8_t {
  kFirstNames = 1,
  kLastNames = 2,
  kPlaces = 4,
  kCountries = 8,
  kPatronymics = 16,
  kOrganizations = 32,
  kCommonWords = 64,
  kStreets = 128,
};

// The row of a feature.
inline std::uint32_t row_of(std::uint32_t hash, std::uint32_t rows) {
  return static_cast<std::uint32_t>(std::uint64_t{hash} * rows >> 32);
}

// A view of a trained file, which must outlive it.
class Model {
 public:
  // Errors: invalid_model.
  static Result<Model> read(std::string_view bytes);

  const ModelHead& head() const { return *head_; }
  const Row& row(std::uint32_t hash) const { return rows_[row_of(hash, head_->rows)]; }
  // The index of the lists that have the word, 0: none.
  std::uint8_t list_of(std::uint32_t stem) const;
  double score_of(int margin) const;

 private:
  const ModelHead* head_ = nullptr;
  const Row* rows_ = nullptr;
  const std::uint16_t* slots_ = nullptr;
};

// Where a stem stands in the lists: in a bucket of eight slots, or in one of the next where that is full. A slot is the
// upper 11 bits of what is left of the hash and the index (never 0: an empty slot).
struct ListPlace {
  std::uint32_t bucket;
  std::uint16_t mark;  // shifted
};
constexpr unsigned kSlotsInBucket = 8, kListBits = 5;
inline ListPlace place_in_lists(std::uint32_t stem, unsigned bucket_bits) {
  std::uint64_t mixed = stem * 0x9E3779B97F4A7C15ULL;
  mixed ^= mixed >> 29;
  mixed *= 0xBF58476D1CE4E5B9ULL;
  return {static_cast<std::uint32_t>(mixed >> (64 - bucket_bits)),
          static_cast<std::uint16_t>(((mixed >> 20) & 0x7FFU) << kListBits)};
}

}  // namespace fairlead::pii::names
