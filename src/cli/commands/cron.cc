#include "platform/calendar/cron.h"

#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <memory>

#include "base/clock.h"
#include "base/iso_time.h"
#include "cli/internal/command.h"

namespace fairlead::cli {
namespace {

namespace bj = boost::json;
namespace ch = std::chrono;

struct CronWords {
  std::string expression, zone = "UTC", from, cases;
  std::int64_t count = 5;
};

struct Times {
  std::shared_ptr<const calendar::TimeZone> zone;
  std::vector<std::int64_t> at_s;
};

constexpr std::int64_t kMost = 10'000;

Result<Times> times_of(const CronWords& words) {
  FAIRLEAD_TRY(const calendar::Cron cron, calendar::Cron::parse(words.expression));
  Times out;
  FAIRLEAD_TRY(out.zone, calendar::TimeZone::load(words.zone));
  if (words.count < 1 || words.count > kMost)
    return fail(ErrorKind::kInvalid, "invalid_value", fmt::format("The count is 1 to {}.", kMost));
  std::int64_t now = SystemClock().unix_micros();
  if (!words.from.empty()) {
    const auto from = parse_iso_time(words.from);
    if (!from)
      return fail(ErrorKind::kInvalid, "invalid_value",
                  "`" + words.from + "` is no time. Write it as 2026-12-01T00:00:00Z.");
    now = *from;
  }
  std::int64_t now_s = now / 1'000'000;
  for (std::int64_t i = 0; i < words.count; ++i) {
    const auto next = cron.next(*out.zone, now_s);
    if (!next) break;
    out.at_s.push_back(*next);
    now_s = *next;
  }
  return out;
}

std::string utc(std::int64_t at_s) {
  return fmt::format("{}Z", iso8601(at_s * 1'000'000).substr(0, 19));
}

// "Sun 2026-03-29 03:00 +02:00   2026-03-29T01:00:00Z"
std::string line(std::int64_t at_s, const calendar::TimeZone& zone) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  const std::int64_t offset_s = zone.offset_s(at_s), minutes = std::abs(offset_s) / 60;
  const std::string local = iso8601((at_s + offset_s) * 1'000'000);
  const ch::weekday weekday(ch::floor<ch::days>(ch::sys_seconds(ch::seconds(at_s + offset_s))));
  return fmt::format("  {} {} {} {}{:02}:{:02}   {}\n", kDays[weekday.c_encoding()], local.substr(0, 10),
                     local.substr(11, 5), offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60, utc(at_s));
}

bj::array as_json(const Times& times) {
  bj::array out;
  for (const std::int64_t at_s : times.at_s) out.emplace_back(utc(at_s));
  return out;
}

// A line of JSON for each line of the file.
void run_cases(Context& context, const CronWords& words) {
  std::ifstream in(words.cases);
  if (!in) return context.fail_with({ErrorKind::kInvalid, "no_such_file", words.cases + " cannot be read."});
  std::string text;
  for (int number = 1; std::getline(in, text); ++number) {
    const auto one = json::parse(text);
    if (!one || !one->is_object())
      return context.fail_with(
          {ErrorKind::kInvalid, "invalid_json",
           fmt::format("{}:{}: want {{\"cron\", \"zone\", \"from\", \"count\"}}.", words.cases, number)});
    CronWords asked;
    asked.expression = text_of(*one, "cron");
    if (one->get_object().contains("zone")) asked.zone = text_of(*one, "zone");
    asked.from = text_of(*one, "from");
    if (one->get_object().contains("count")) asked.count = integer_of(*one, "count");
    const auto times = times_of(asked);
    bj::object out;
    if (times)
      out["times"] = as_json(*times);
    else
      out["error"] = times.error().message;
    std::printf("%s\n", json::to_text(out).c_str());
  }
}

void next(Context& context, const CronWords& words) {
  if (!words.cases.empty()) return run_cases(context, words);
  if (words.expression.empty())
    return context.fail_with({ErrorKind::kInvalid, "missing_argument", "Give an expression, or --cases FILE."});
  const auto times = times_of(words);
  if (!times) return context.fail_with(times.error());
  if (context.as_json) {
    std::printf("%s\n", json::to_pretty_text(as_json(*times)).c_str());
    return;
  }
  for (const std::int64_t at_s : times->at_s) std::fputs(line(at_s, *times->zone).c_str(), stdout);
}

}  // namespace

void add_cron(CLI::App& app, Context& context) {
  const auto words = std::make_shared<CronWords>();
  CLI::App* const noun = app.add_subcommand("cron", "Cron expressions, as schedules are written in");
  noun->require_subcommand(1);
  CLI::App* const verb = noun->add_subcommand("next", "Say when an expression comes next");
  CLI::Option* const expression =
      verb->add_option("expression", words->expression, "Five fields, or @daily and its like");
  verb->add_option("--zone", words->zone, "Time zone, such as Europe/Berlin; else UTC");
  verb->add_option("--from", words->from, "The times after this one: 2026-12-01T00:00:00Z; else now");
  verb->add_option("--count", words->count, "How many (5)");
  CLI::Option* const cases =
      verb->add_option("--cases", words->cases, "JSON lines: cron, zone, from, count; a line of JSON for each");
  cases->type_name("FILE")->excludes(expression);
  verb->add_flag("--json", context.as_json, "Print JSON");
  verb->footer("Example:\n  fairlead cron next \"30 2 * * mon-fri\" --zone Europe/Berlin --count 3");
  verb->callback([&context, words] { next(context, *words); });
}

}  // namespace fairlead::cli
