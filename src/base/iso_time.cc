#include "base/iso_time.h"

#include <chrono>

namespace fairlead {
namespace {

// Takes what it reads off the front.
struct Reader {
  std::string_view rest;
  bool failed = false;

  int digits(std::size_t count) {
    int value = 0;
    if (rest.size() < count) failed = true;
    for (std::size_t i = 0; i < count && !failed; ++i) {
      if (rest[i] < '0' || rest[i] > '9') failed = true;
      value = value * 10 + (rest[i] - '0');
    }
    if (!failed) rest.remove_prefix(count);
    return value;
  }
  bool take(char c) {
    if (rest.empty() || rest[0] != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  void expect(char c) { failed |= !take(c); }
};

}  // namespace

std::optional<std::int64_t> parse_iso_time(std::string_view text) {
  namespace chrono = std::chrono;
  Reader reader{text};
  const int year = reader.digits(4);
  reader.expect('-');
  const int month = reader.digits(2);
  reader.expect('-');
  const int day = reader.digits(2);
  if (!reader.take('t')) reader.expect('T');
  const int hour = reader.digits(2);
  reader.expect(':');
  const int minute = reader.digits(2);
  int second = 0;
  std::int64_t micros = 0;
  if (reader.take(':')) {
    second = reader.digits(2);
    if (reader.take('.')) {
      std::int64_t unit = 100'000;
      if (reader.rest.empty() || reader.rest[0] < '0' || reader.rest[0] > '9') return std::nullopt;
      while (!reader.rest.empty() && reader.rest[0] >= '0' && reader.rest[0] <= '9') {
        micros += unit * (reader.rest[0] - '0');
        unit /= 10;
        reader.rest.remove_prefix(1);
      }
    }
  }
  int offset_minutes = 0;
  if (!reader.take('Z') && !reader.take('z')) {
    const bool west = reader.take('-');
    if (!west) reader.expect('+');
    const int hours = reader.digits(2);
    reader.expect(':');
    const int minutes = reader.digits(2);
    if (hours > 23 || minutes > 59) return std::nullopt;
    offset_minutes = (west ? -1 : 1) * (hours * 60 + minutes);
  }
  const chrono::year_month_day date{chrono::year(year), chrono::month(static_cast<unsigned>(month)),
                                    chrono::day(static_cast<unsigned>(day))};
  if (reader.failed || !reader.rest.empty() || !date.ok() || hour > 23 || minute > 59 || second > 59)
    return std::nullopt;
  const auto time =
      chrono::sys_days(date) + chrono::hours(hour) + chrono::minutes(minute - offset_minutes) + chrono::seconds(second);
  return chrono::duration_cast<chrono::microseconds>(time.time_since_epoch()).count() + micros;
}

}  // namespace fairlead
