#include "safety/pii/names/internal/model.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace fairlead::pii::names {

std::string_view entity_of(Label label) {
  constexpr std::string_view kNames[kLabels] = {"",
                                                "PERSON",
                                                "PERSON",
                                                "GPE",
                                                "GPE",
                                                "ORGANIZATION",
                                                "ORGANIZATION",
                                                "STREET_ADDRESS",
                                                "STREET_ADDRESS",
                                                "TITLE",
                                                "TITLE",
                                                "ZIP_CODE",
                                                "ZIP_CODE",
                                                "NRP",
                                                "AGE"};
  return kNames[label];
}

bool is_inside(Label label) {
  return label == kInPerson || label == kInPlace || label == kInOrganization || label == kInAddress ||
         label == kInTitle || label == kInZip;
}

bool may_follow(Label before, Label label) {
  return !is_inside(label) || before == label || before + 1 == label;
}

Result<Model> Model::read(std::string_view bytes) {
  static_assert(std::endian::native == std::endian::little && sizeof(ModelHead) % 64 == 0);
  const auto refuse = [](std::string what) { return fail(ErrorKind::kInvalid, "invalid_model", std::move(what)); };
  if (bytes.size() < sizeof(ModelHead) || std::memcmp(bytes.data(), "FLNAMES1", 8) != 0)
    return refuse("This is no trained file for names.");
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(ModelHead) != 0)
    return refuse("A trained file must lie at a multiple of 64 bytes.");
  Model out;
  out.head_ = reinterpret_cast<const ModelHead*>(bytes.data());
  const ModelHead& head = *out.head_;
  if (head.rows < 256 || head.rows > (1U << 20) || head.bucket_bits < 4 || head.bucket_bits > 20 || head.points < 2 ||
      head.points > std::size(head.calibration))
    return refuse("The head of the trained file for names makes no sense.");
  const auto fits = [](std::int16_t one) {
    return one == kForbidden || (one >= -kMostTransition && one <= kMostTransition);
  };
  if (!std::ranges::all_of(head.starts, fits) ||
      !std::ranges::all_of(head.follows, [&](const auto& from) { return std::ranges::all_of(from, fits); }))
    return refuse("A transition in the trained file for names is out of its range.");
  const std::size_t rows = sizeof(Row) * head.rows;
  const std::size_t slots = (sizeof(std::uint16_t) * kSlotsInBucket) << head.bucket_bits;
  if (bytes.size() != sizeof(ModelHead) + rows + slots) return refuse("The trained file for names was cut off.");
  out.rows_ = reinterpret_cast<const Row*>(bytes.data() + sizeof(ModelHead));
  out.slots_ = reinterpret_cast<const std::uint16_t*>(bytes.data() + sizeof(ModelHead) + rows);
  return out;
}

std::uint8_t Model::list_of(std::uint32_t stem) const {
  const ListPlace place = place_in_lists(stem, head_->bucket_bits);
  const std::uint32_t buckets = 1U << head_->bucket_bits;
  for (std::uint32_t step = 0; step < buckets; ++step) {
    const std::uint16_t* const slots = slots_ + std::size_t{(place.bucket + step) % buckets} * kSlotsInBucket;
    for (unsigned i = 0; i < kSlotsInBucket; ++i)
      if ((slots[i] & ~0x1FU) == place.mark && slots[i] != 0) return slots[i] & 0x1FU;
    if (slots[kSlotsInBucket - 1] == 0) return 0;  // buckets are filled from the left
  }
  return 0;
}

double Model::score_of(int margin) const {
  const auto& points = head_->calibration;
  if (margin <= points[0].margin) return points[0].score / 1000.0;
  for (std::uint32_t i = 1; i < head_->points; ++i) {
    if (margin > points[i].margin) continue;
    const double share = static_cast<double>(margin - points[i - 1].margin) / (points[i].margin - points[i - 1].margin);
    return (points[i - 1].score + share * (points[i].score - points[i - 1].score)) / 1000.0;
  }
  return points[head_->points - 1].score / 1000.0;
}

}  // namespace fairlead::pii::names
