#include "platform/expr/internal/zone.h"

#include <unicode/timezone.h>

namespace fairlead::expr::internal {
namespace {

// [+-]HH:MM
std::optional<std::int32_t> offset_of(std::string_view name) {
  std::int32_t sign = 1;
  if (!name.empty() && (name[0] == '+' || name[0] == '-')) {
    sign = name[0] == '-' ? -1 : 1;
    name.remove_prefix(1);
  }
  const auto digit = [&](std::size_t place) {
    return name[place] >= '0' && name[place] <= '9' ? name[place] - '0' : -1;
  };
  if (name.size() != 5 || name[2] != ':') return std::nullopt;
  for (const std::size_t place : {0, 1, 3, 4})
    if (digit(place) < 0) return std::nullopt;
  const std::int32_t hours = digit(0) * 10 + digit(1);
  const std::int32_t minutes = digit(3) * 10 + digit(4);
  if (hours > 23 || minutes > 59) return std::nullopt;
  return sign * (hours * 3600 + minutes * 60);
}

}  // namespace

Zone::Zone() = default;
Zone::Zone(Zone&&) noexcept = default;
Zone& Zone::operator=(Zone&&) noexcept = default;
Zone::~Zone() = default;

std::optional<Zone> Zone::find(std::string_view name) {
  Zone out;
  if (name == "UTC" || name == "Z") return out;
  if (const auto offset = offset_of(name)) {
    out.fixed_ = *offset;
    return out;
  }
  // ICU also takes zones of its own form, "GMT+3"; those are refused: they are not in the IANA database.
  if (name.empty() || name.size() > 64 || name.starts_with("GMT+") || name.starts_with("GMT-")) return std::nullopt;
  for (const char c : name)
    if (static_cast<unsigned char>(c) >= 0x80 || c <= ' ') return std::nullopt;
  std::unique_ptr<const icu::TimeZone> zone(icu::TimeZone::createTimeZone(
      icu::UnicodeString::fromUTF8(icu::StringPiece(name.data(), static_cast<std::int32_t>(name.size())))));
  if (zone == nullptr || *zone == icu::TimeZone::getUnknown()) return std::nullopt;
  out.zone_ = std::move(zone);
  return out;
}

std::int32_t Zone::offset_at(std::int64_t seconds) const {
  if (zone_ == nullptr) return fixed_;
  std::int32_t raw = 0;
  std::int32_t daylight = 0;
  UErrorCode status = U_ZERO_ERROR;
  zone_->getOffset(static_cast<double>(seconds) * 1000.0, 0, raw, daylight, status);
  return U_FAILURE(status) ? 0 : (raw + daylight) / 1000;
}

}  // namespace fairlead::expr::internal
