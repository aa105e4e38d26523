#include "capacity/target.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace fairlead::capacity {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool take(std::string_view word) {
    skip_blanks();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  bool take_number(double& out) {
    const auto [end, error] =
        std::from_chars(text_.data() + at_, text_.data() + text_.size(), out, std::chars_format::fixed);
    if (error != std::errc()) return false;
    at_ = static_cast<std::size_t>(end - text_.data());
    return true;
  }
  bool at_end() {
    skip_blanks();
    return at_ == text_.size();
  }
  std::unexpected<Error> wrong(std::string_view wanted) {
    skip_blanks();
    // One line and printable, so that the mark stands where it belongs.
    std::string shown;
    for (const char c : text_.substr(0, 80)) shown += c >= ' ' && c != '\x7f' ? c : '?';
    return fail(ErrorKind::kInvalid, "invalid_target",
                fmt::format("The target cannot be read at {}:\n  {}\n  {}^ {}\nFor example: p95 first_token <= 800ms",
                            at_ < text_.size() ? fmt::format("character {}", at_ + 1) : "its end", shown,
                            std::string(std::min<std::size_t>(at_, 80), ' '), wanted),
                "target");
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string_view to_string(Metric metric) {
  return metric == Metric::kFirstToken ? "first_token" : "duration";
}

Result<Target> Target::parse(std::string_view text) {
  Reader reader(text);
  Target out;
  double percent = 0;
  constexpr std::string_view kPercentile = "here belongs a percentile, from p50 to p99.9";
  reader.skip_blanks();
  Reader before = reader;
  if (!reader.take("p") || !reader.take_number(percent) || percent < 50 || percent > 99.9)
    return before.wrong(kPercentile);
  out.share = percent / 100;
  if (reader.take("first_token"))
    out.metric = Metric::kFirstToken;
  else if (reader.take("duration"))
    out.metric = Metric::kDuration;
  else
    return reader.wrong("here belongs `first_token` or `duration`");
  if (!reader.take("<=") && !reader.take("≤") && !reader.take("<")) return reader.wrong("here belongs `<=`");
  reader.skip_blanks();
  before = reader;
  double number = 0;
  if (!reader.take_number(number) || number <= 0) return before.wrong("here belongs a time, such as 800ms or 1.5s");
  if (reader.take("ms"))
    out.most_us = number * 1e3;
  else if (reader.take("s"))
    out.most_us = number * 1e6;
  else
    return reader.wrong("here belongs `ms` or `s`");
  if (!reader.at_end()) return reader.wrong("nothing more belongs here");
  if (out.most_us > 86'400e6) return before.wrong("here belongs a time of a day at most");
  return out;
}

std::string Target::percentile_text() const {
  return fmt::format("p{:g}", share * 100);
}

std::string Target::text() const {
  return fmt::format("{} {} <= {}", percentile_text(), to_string(metric),
                     most_us < 1e6 ? fmt::format("{:g}ms", most_us / 1e3) : fmt::format("{:g}s", most_us / 1e6));
}

std::string duration_text(double us) {
  if (us < 1e6) return fmt::format("{:.0f} ms", us / 1e3);
  return us < 100e6 ? fmt::format("{:.2f} s", us / 1e6) : fmt::format("{:.0f} s", us / 1e6);
}

}  // namespace fairlead::capacity
