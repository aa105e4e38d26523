// Time zones: fixed offsets, and names of the IANA database by ICU's data.
#pragma once
#include <unicode/uversion.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

U_NAMESPACE_BEGIN
class TimeZone;
U_NAMESPACE_END

namespace fairlead::expr::internal {

class Zone {
 public:
  // "Europe/Berlin", "UTC", "+02:00", "-09:30", "02:00". Nothing: there is no such zone.
  static std::optional<Zone> find(std::string_view name);
  Zone(Zone&&) noexcept;
  Zone& operator=(Zone&&) noexcept;
  ~Zone();
  // Of that second of Unix time, in seconds east of UTC.
  std::int32_t offset_at(std::int64_t seconds) const;

 private:
  Zone();
  std::int32_t fixed_ = 0;
  std::unique_ptr<const icu::TimeZone> zone_;
};

}  // namespace fairlead::expr::internal
