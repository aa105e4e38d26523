#include "platform/calendar/time_zone.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>

namespace fairlead::calendar {
namespace {

namespace ch = std::chrono;

constexpr std::int64_t kDay_s = 86'400;
constexpr int kLastYear = 2140;  // of the rule that goes on for ever; a meter's time ends before
constexpr std::size_t kMostBytes = 1 << 20;

std::unexpected<Error> unknown(std::string_view why) {
  return fail(ErrorKind::kInvalid, "unknown_time_zone", std::string(why));
}

// Big-endian numbers, in turn.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool has(std::size_t size) const { return rest_.size() >= size; }
  std::string_view take(std::size_t size) {
    const std::string_view out = rest_.substr(0, size);
    rest_.remove_prefix(out.size());
    return out;
  }
  std::int64_t number(std::size_t size) {
    std::uint64_t value = 0;
    for (const char c : take(size)) value = (value << 8) | static_cast<unsigned char>(c);
    if (size == 4) return static_cast<std::int32_t>(value);
    return static_cast<std::int64_t>(value);
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

struct Header {
  char version = 0;
  std::int64_t isutcnt = 0, isstdcnt = 0, leapcnt = 0, timecnt = 0, typecnt = 0, charcnt = 0;
  std::size_t body_bytes(std::int64_t time_size) const {
    return static_cast<std::size_t>(timecnt * (time_size + 1) + typecnt * 6 + charcnt + leapcnt * (time_size + 4) +
                                    isstdcnt + isutcnt);
  }
};

std::optional<Header> read_header(Reader& in) {
  if (!in.has(44) || in.take(4) != "TZif") return std::nullopt;
  Header out;
  out.version = in.take(1)[0];
  in.take(15);
  for (std::int64_t* const count :
       {&out.isutcnt, &out.isstdcnt, &out.leapcnt, &out.timecnt, &out.typecnt, &out.charcnt}) {
    *count = in.number(4);
    if (*count < 0 || *count > static_cast<std::int64_t>(kMostBytes)) return std::nullopt;
  }
  return out;
}

// A POSIX TZ rule (RFC 8536, 3.3.1): std offset [dst [offset] , start[/time] , end[/time]].
class Rule {
 public:
  static std::optional<Rule> parse(std::string_view text) {
    Rule out;
    if (!name(text)) return std::nullopt;
    const auto standard = time(text);
    if (!standard) return std::nullopt;
    out.standard_s = -*standard;
    if (text.empty()) return out;
    if (!name(text)) return std::nullopt;
    out.summer_s = out.standard_s + 3'600;
    if (!text.starts_with(',')) {
      const auto summer = time(text);
      if (!summer) return std::nullopt;
      out.summer_s = -*summer;
    }
    if (!date(text, out.begin) || !date(text, out.end) || !text.empty()) return std::nullopt;
    out.has_summer = true;
    return out;
  }

  struct Date {
    char kind = 'M';  // M: a weekday of a month; J: a day of 365; 0: a day of 366
    int month = 0, week = 0, day = 0;
    std::int64_t time_s = 7'200;
    // Local seconds since 1970 as if there were no offset.
    std::int64_t in(int year) const {
      ch::sys_days date;
      if (kind == 'M') {
        const ch::year_month when{ch::year(year), ch::month(static_cast<unsigned>(month))};
        const ch::weekday weekday(static_cast<unsigned>(day));
        date = week == 5 ? ch::sys_days(when / weekday[ch::last])
                         : ch::sys_days(when / weekday[static_cast<unsigned>(week)]);
      } else {
        const bool skips = kind == 'J' && ch::year(year).is_leap() && day >= 60;
        date = ch::sys_days(ch::year(year) / ch::January / 1) + ch::days(kind == 'J' ? day - 1 + (skips ? 1 : 0) : day);
      }
      return date.time_since_epoch().count() * kDay_s + time_s;
    }
  };

  std::int64_t standard_s = 0, summer_s = 0;
  bool has_summer = false;
  Date begin, end;

 private:
  static bool name(std::string_view& text) {
    std::size_t size = 0;
    if (text.starts_with('<')) {
      size = text.find('>');
      if (size == std::string_view::npos) return false;
      ++size;
    } else {
      while (size < text.size() && std::isalpha(static_cast<unsigned char>(text[size])) != 0) ++size;
    }
    text.remove_prefix(size);
    return size >= 3;
  }
  static std::optional<int> number(std::string_view& text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || value < 0 || value > 400) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
  }
  // [+-]hh[:mm[:ss]]
  static std::optional<std::int64_t> time(std::string_view& text) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    std::int64_t seconds = 0;
    for (const std::int64_t unit : {3'600, 60, 1}) {
      if (unit != 3'600) {
        if (!text.starts_with(':')) break;
        text.remove_prefix(1);
      }
      const auto value = number(text);
      if (!value) return std::nullopt;
      seconds += *value * unit;
    }
    return negative ? -seconds : seconds;
  }
  static bool date(std::string_view& text, Date& out) {
    if (!text.starts_with(',')) return false;
    text.remove_prefix(1);
    if (text.starts_with('M')) {
      for (int* const part : {&out.month, &out.week, &out.day}) {
        text.remove_prefix(1);  // M, or the dot
        const auto value = number(text);
        if (!value || (part != &out.day && !text.starts_with('.'))) return false;
        *part = *value;
      }
      if (out.month < 1 || out.month > 12 || out.week < 1 || out.week > 5 || out.day > 6) return false;
    } else {
      out.kind = text.starts_with('J') ? 'J' : '0';
      if (out.kind == 'J') text.remove_prefix(1);
      const auto value = number(text);
      if (!value || *value > 365) return false;
      out.day = *value;
    }
    if (text.starts_with('/')) {
      text.remove_prefix(1);
      const auto at = time(text);
      if (!at) return false;
      out.time_s = *at;
    }
    return true;
  }
};

}  // namespace

Result<std::shared_ptr<const TimeZone>> TimeZone::load(const std::string& name, const std::string& folder) {
  if (name == "UTC") return std::make_shared<const TimeZone>();
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '/' || c == '_' || c == '-' || c == '+';
  };
  std::ifstream in;
  if (!name.empty() && name.front() != '/' && std::ranges::all_of(name, plain)) in.open(folder + "/" + name);
  std::ostringstream bytes;
  if (in.is_open()) bytes << in.rdbuf();
  if (bytes.view().empty())
    return unknown("There is no time zone `" + name + "` on this machine (" + folder +
                   "). Names are those of the IANA database, such as Europe/Berlin; UTC is always there.");
  return parse(bytes.view());
}

Result<std::shared_ptr<const TimeZone>> TimeZone::parse(std::string_view file) {
  constexpr std::string_view kNone = "It is no time zone: not a TZif file of version 2 or later.";
  if (file.size() > kMostBytes) return unknown(kNone);
  Reader in(file);
  auto header = read_header(in);
  // The first body has 32-bit times, for those who cannot read more.
  if (!header || header->version < '2' || !in.has(header->body_bytes(4))) return unknown(kNone);
  in.take(header->body_bytes(4));
  header = read_header(in);
  if (!header || !in.has(header->body_bytes(8)) || header->typecnt == 0) return unknown(kNone);
  auto out = std::make_shared<TimeZone>();
  std::vector<std::int64_t> times;
  for (std::int64_t i = 0; i < header->timecnt; ++i) times.push_back(in.number(8));
  const std::string_view types = in.take(static_cast<std::size_t>(header->timecnt));
  std::vector<std::int64_t> offsets;
  for (std::int64_t i = 0; i < header->typecnt; ++i) {
    offsets.push_back(in.number(4));
    in.take(2);
  }
  in.take(static_cast<std::size_t>(header->charcnt + header->leapcnt * 12 + header->isstdcnt + header->isutcnt));
  out->before_s_ = offsets.front();
  for (std::size_t i = 0; i < times.size(); ++i) {
    const auto type = static_cast<unsigned char>(types[i]);
    if (type >= offsets.size() || (i > 0 && times[i] <= times[i - 1])) return unknown(kNone);
    out->changes_.push_back({times[i], offsets[type]});
  }
  const std::string_view rest = in.rest();
  if (rest.size() > 2 && rest.front() == '\n' && rest.back() == '\n') out->add_rules(rest.substr(1, rest.size() - 2));
  return out;
}

void TimeZone::add_rules(std::string_view text) {
  const auto rule = Rule::parse(text);
  if (!rule) return;
  const std::int64_t known_s = changes_.empty() ? INT64_MIN : changes_.back().at_s;
  if (!rule->has_summer) {
    if (changes_.empty()) before_s_ = rule->standard_s;
    return;
  }
  std::vector<Change> more;
  for (int year = 1970; year <= kLastYear; ++year) {
    more.push_back({rule->begin.in(year)-rule->standard_s, rule->summer_s});
    more.push_back({rule->end.in(year)-rule->summer_s, rule->standard_s});
  }
  std::ranges::sort(more, {}, &Change::at_s);
  for (const Change& one : more)
    if (one.at_s > known_s) changes_.push_back(one);
}

std::int64_t TimeZone::offset_s(std::int64_t unix_s) const {
  const auto next = std::ranges::upper_bound(changes_, unix_s, {}, &Change::at_s);
  return next == changes_.begin() ? before_s_ : std::prev(next)->offset_s;
}

TimeZone::Stretch TimeZone::stretch_at(std::int64_t unix_s) const {
  const auto next = std::ranges::upper_bound(changes_, unix_s, {}, &Change::at_s);
  const std::int64_t end_s = next == changes_.end() ? INT64_MAX : next->at_s;
  if (next == changes_.begin()) return {INT64_MIN, end_s, before_s_};
  const Change& change = *std::prev(next);
  return {change.at_s, end_s, change.offset_s};
}

std::int64_t TimeZone::first_unix_s(std::int64_t local_s) const {
  // No offset is further than a day. Between two changes clocks go evenly.
  const std::int64_t from_s = local_s - kDay_s, to_s = local_s + kDay_s;
  std::int64_t offset = offset_s(from_s);
  auto next = std::ranges::upper_bound(changes_, from_s, {}, &Change::at_s);
  for (; next != changes_.end() && next->at_s <= to_s; ++next) {
    if (local_s - offset < next->at_s) return local_s - offset;
    offset = next->offset_s;
    if (local_s - offset < next->at_s) return next->at_s;  // it was leapt over
  }
  return local_s - offset;
}

}  // namespace fairlead::calendar
