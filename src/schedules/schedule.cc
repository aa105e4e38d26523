#include "schedules/schedule.h"

#include <algorithm>

#include "base/clock.h"
#include "platform/config/settings.h"

namespace fairlead::schedules {
namespace {

namespace bj = boost::json;

std::string text_of(const bj::object& spec, std::string_view name) {
  const bj::value* const value = spec.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

constexpr std::int64_t kDay_s = 86'400;

std::int64_t floor_to(std::int64_t value, std::int64_t of) {
  return value - ((value % of) + of) % of;
}

// What a schedule's expressions may use.
class Variables final : public expr::Activation {
 public:
  Variables(std::int64_t tick_s, const std::string& name) : tick_s_(tick_s), name_(name) {}
  bool variable(std::uint32_t, std::string_view name, expr::Value& out) const override {
    if (name == "schedule.time") {
      out = expr::Value::timestamp(tick_s_, 0);
    } else if (name == "schedule.name") {
      out = expr::Value::string(name_);
    } else {
      return false;
    }
    return true;
  }

 private:
  const std::int64_t tick_s_;
  const std::string& name_;
};

}  // namespace

std::string utc_text(std::int64_t unix_s) {
  return iso8601(unix_s * 1'000'000).substr(0, 19) + "Z";
}

std::optional<Timing> Timing::of(const bj::object& spec, std::vector<resources::SpecError>& faults) {
  const bool has_cron = spec.contains("cron"), has_every = spec.contains("every");
  if (has_cron == has_every) {
    faults.push_back({has_cron ? "/every" : "", "a schedule has `cron` or `every`, one of them."});
    return std::nullopt;
  }
  if (has_every) {
    if (spec.contains("zone"))
      faults.push_back({"/zone", "`every` counts seconds, the same in every zone: leave `zone` out, or use `cron`."});
    const std::string text = text_of(spec, "every");
    const auto every = config::parse_duration(text);
    const std::int64_t ms = every ? every->count() : 0;
    if (ms < 1'000 || ms % 1'000 != 0 || ms > 366 * kDay_s * 1'000) {
      faults.push_back({"/every", "`" + text + "` is not whole seconds, from 1s to 366d."});
      return std::nullopt;
    }
    return Timing(ms / 1'000, "every " + text);
  }
  const std::string zone_name = spec.contains("zone") ? text_of(spec, "zone") : "UTC";
  auto cron = calendar::Cron::parse(text_of(spec, "cron"));
  if (!cron) faults.push_back({"/cron", cron.error().message});
  auto zone = calendar::TimeZone::load(zone_name);
  if (!zone) faults.push_back({"/zone", zone.error().message});
  if (!cron || !zone) return std::nullopt;
  return Timing(InZone{*cron, std::move(*zone)}, text_of(spec, "cron") + " " + zone_name);
}

std::optional<std::int64_t> Timing::next(std::int64_t after_s) const {
  if (const auto* in_zone = std::get_if<InZone>(&when_)) return in_zone->cron.next(*in_zone->zone, after_s);
  const std::int64_t every_s = std::get<std::int64_t>(when_);
  return floor_to(after_s, every_s) + every_s;
}

std::optional<std::int64_t> Timing::previous(std::int64_t before_s) const {
  if (const auto* in_zone = std::get_if<InZone>(&when_)) return in_zone->cron.previous(*in_zone->zone, before_s);
  return floor_to(before_s - 1, std::get<std::int64_t>(when_));
}

std::shared_ptr<const Schedule> Schedule::of(const std::string& project, const std::string& name, int version,
                                             std::int64_t revision, const bj::object& spec,
                                             std::vector<resources::SpecError>& faults) {
  const auto timing = Timing::of(spec, faults);
  expr::Environment environment;
  environment.declare("schedule.time", expr::Kind::kTimestamp);
  environment.declare("schedule.name", expr::Kind::kString);
  const bj::value* const input = spec.if_contains("input");
  chains::Values values =
      chains::Values::compile(input != nullptr ? *input : bj::value(bj::object()), "/input", environment, faults);
  if (!timing || !faults.empty()) return nullptr;
  Schedule out{.project = project,
               .name = name,
               .version = version,
               .revision = revision,
               .chain = text_of(spec, "chain"),
               .timing = *timing,
               .queue = text_of(spec, "queue"),
               .input = std::move(values),
               .spec = spec};
  const std::string rule = text_of(spec, "catch_up");
  out.catch_up = rule == "skip" ? CatchUp::kSkip : rule == "all" ? CatchUp::kAll : CatchUp::kLatest;
  if (const auto deadline = config::parse_duration(text_of(spec, "deadline"))) out.deadline = *deadline;
  const bj::value* const paused = spec.if_contains("paused");
  out.paused = paused != nullptr && paused->is_bool() && paused->get_bool();
  return std::make_shared<const Schedule>(std::move(out));
}

Result<chains::StartRequest> Schedule::request(std::int64_t tick_s) const {
  FAIRLEAD_TRY(bj::value made, input.make(Variables(tick_s, name)));
  chains::StartRequest out;
  out.project = project;
  out.chain = chain;
  if (made.is_object()) out.input = std::move(made.get_object());
  out.key_name = "schedule:" + name;
  out.key = "schedule:" + name + ":" + utc_text(tick_s);
  out.queue = queue;
  return out;
}

Due due_ticks(const Timing& timing, CatchUp rule, std::int64_t last_s, std::int64_t now_s) {
  Due out;
  const auto first = timing.next(last_s);
  if (!first || *first > now_s) return out;
  const bool missed = now_s - *first > kOnTime_s;
  const std::size_t most = missed && rule == CatchUp::kLatest ? 1 : kMostMissed;
  const std::int64_t after_s = missed && rule == CatchUp::kSkip ? now_s - kOnTime_s - 1 : last_s;
  auto tick = timing.previous(now_s + 1);
  for (; tick && *tick > after_s && out.ticks.size() < most; tick = timing.previous(*tick)) out.ticks.push_back(*tick);
  std::ranges::reverse(out.ticks);
  out.left_out = out.ticks.empty() || out.ticks.front() > *first;
  return out;
}

}  // namespace fairlead::schedules
