#include "budgets/definition.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <cmath>

namespace fairlead::budgets {
namespace {

namespace bj = boost::json;

std::string_view text_in(const bj::object& object, std::string_view name) {
  const bj::value* const value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

std::optional<double> number_of(const bj::value* value) {
  return value != nullptr && value->is_number() ? std::optional(value->to_number<double>()) : std::nullopt;
}

std::optional<Scope> scope_of(std::string_view name) {
  const auto found = std::ranges::find(kScopeNames, name);
  if (found == kScopeNames.end()) return std::nullopt;
  return static_cast<Scope>(found - kScopeNames.begin());
}

void read_conditions(const bj::object& spec, Definition& out) {
  const bj::value* const given = spec.if_contains("for");
  if (given == nullptr || !given->is_object()) return;
  for (const auto& [name, value] : given->get_object()) {
    const auto scope = scope_of(name);
    if (!scope) continue;
    Definition::Condition& condition = out.conditions.emplace_back();
    condition.scope = *scope;
    if (value.is_string()) condition.any_of.emplace_back(value.get_string());
    if (!value.is_array()) continue;
    for (const bj::value& one : value.get_array())
      if (one.is_string()) condition.any_of.emplace_back(one.get_string());
  }
}

void read_alerts(const bj::object& spec, Definition& out) {
  const bj::value* const given = spec.if_contains("alert");
  if (const auto one = number_of(given)) out.alerts.push_back(*one);
  if (given == nullptr || !given->is_array()) return;
  for (const bj::value& one : given->get_array())
    if (const auto share = number_of(&one)) out.alerts.push_back(*share);
  std::ranges::sort(out.alerts);
}

Result<Period> period_of(const bj::object& spec, const std::string& zone_name) {
  constexpr std::array<std::string_view, 4> kUnits = {"hour", "day", "week", "month"};
  Period out;
  out.text = text_in(spec, "per");
  if (const auto unit = std::ranges::find(kUnits, out.text); unit != kUnits.end()) {
    out.kind = Period::Kind::kCalendar;
    out.unit = static_cast<Unit>(unit - kUnits.begin());
    FAIRLEAD_TRY(out.zone, TimeZone::load(zone_name));
  } else if (const auto refill = refill_of(out.text)) {
    out.kind = Period::Kind::kBucket;
    out.refill_ns = *refill;
  }
  return out;
}

}  // namespace

std::optional<std::int64_t> refill_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const std::int64_t unit_s = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3'600 : 0;
  if (error != std::errc() || unit_s == 0 || number < 1 || number > 86'400 / unit_s) return std::nullopt;
  return number * unit_s * 1'000'000'000;
}

Result<Definition> Definition::of(std::string project, std::string name, int version, const bj::object& spec) {
  Definition out;
  out.project = std::move(project);
  out.name = std::move(name);
  out.version = version;
  read_conditions(spec, out);
  if (const std::string_view each = text_in(spec, "each"); !each.empty()) out.each = scope_of(each);
  for (std::size_t i = 0; i < kMetrics; ++i) {
    const auto amount = number_of(spec.if_contains(kMetricNames[i]));
    if (!amount) continue;
    const auto metric = static_cast<Metric>(i);
    const double unit = metric == Metric::kCost ? static_cast<double>(kNanosPerDollar) : 1;
    out.limits.push_back({metric, std::llround(*amount * unit)});
  }
  read_alerts(spec, out);
  if (const bj::value* const hard = spec.if_contains("hard"); hard != nullptr && hard->is_bool())
    out.hard = hard->get_bool();
  if (const std::string_view zone = text_in(spec, "time_zone"); !zone.empty()) out.zone_name = zone;
  FAIRLEAD_TRY(out.period, period_of(spec, out.zone_name));
  return out;
}

}  // namespace fairlead::budgets
