// Time zones as the machine has them.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fairlead::calendar {

// The offsets from UTC that a place had, has and will have. Immutable, thread-safe.
class TimeZone {
 public:
  // "UTC", or a name of the IANA database as it is installed below `folder` (TZif files, RFC 8536), such as
  // "Europe/Berlin". Error: unknown_time_zone.
  static Result<std::shared_ptr<const TimeZone>> load(const std::string& name,
                                                      const std::string& folder = "/usr/share/zoneinfo");
  // The same of the bytes of such a file. Error: unknown_time_zone.
  static Result<std::shared_ptr<const TimeZone>> parse(std::string_view file);

  std::int64_t offset_s(std::int64_t unix_s) const;  // east of UTC, at that moment
  // The first moment at which clocks showed that time or a later one of the same leap: of a time that occurs twice the
  // first, of one that is skipped the moment of the leap.
  std::int64_t first_unix_s(std::int64_t local_s) const;

  // A stretch of time in which clocks go evenly: from `begin_s` to just before `end_s`. The first begins at INT64_MIN,
  // the last ends at INT64_MAX.
  struct Stretch {
    std::int64_t begin_s = 0, end_s = 0, offset_s = 0;
  };
  Stretch stretch_at(std::int64_t unix_s) const;

 private:
  struct Change {
    std::int64_t at_s, offset_s;
  };
  void add_rules(std::string_view rule);  // POSIX TZ: what goes on after the last change
  std::int64_t before_s_ = 0;             // the offset before the first change
  std::vector<Change> changes_;           // in order
};

}  // namespace fairlead::calendar
