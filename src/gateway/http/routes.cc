#include "gateway/http/routes.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "access/control_plane.h"

namespace fairlead::gateway {
namespace {

namespace bj = boost::json;
using Report = routing::Registry::Report;
using ShadowReport = routing::Registry::ShadowReport;
using Type = telemetry::Metrics::Type;
using Sample = telemetry::Metrics::Sample;

bj::value millis_or_null(Micros latency) {
  return latency.count() > 0 ? bj::value(static_cast<double>(latency.count()) / 1'000) : bj::value(nullptr);
}

bj::object report_json(const Report& report) {
  bj::object out;
  out["model"] = report.model;
  out["provider"] = report.provider;
  out["upstream_model"] = report.upstream_model;
  out["state"] = to_string(report.state);
  out["left_out_for_ms"] = report.opens_in.count();
  out["recent_tries"] = report.recent.calls;
  out["recent_failures"] = report.recent.failures;
  out["in_flight"] = report.in_flight;
  out["upstream_in_flight"] = report.upstream_in_flight;
  out["upstream_waiting"] = report.upstream_waiting;
  out["upstream_limit"] = report.upstream_limit > 0 ? bj::value(report.upstream_limit) : bj::value(nullptr);
  out["first_token_ms"] = millis_or_null(report.first_token);
  out["whole_ms"] = millis_or_null(report.whole);
  return out;
}

async::Task<void> list(http::Exchange& exchange, const routing::Registry& registry, std::string project) {
  bj::array data;
  for (const Report& report : registry.routes())
    if (report.project == project) data.push_back(report_json(report));
  bj::object answer;
  answer["data"] = std::move(data);
  answer["has_more"] = false;
  co_await access::respond_json(exchange, 200, std::move(answer));
}

void add_shadow_metrics(telemetry::Metrics& metrics, const routing::Registry& registry) {
  const auto add = [&](std::string name, std::string help, double (*value_of)(const ShadowReport&)) {
    metrics.add("fairlead_shadow_" + std::move(name), Type::kGauge, std::move(help), [&registry, value_of] {
      std::vector<Sample> out;
      for (const ShadowReport& one : registry.shadows())
        out.push_back({{{"project", one.project}, {"of", one.name}}, value_of(one)});
      return out;
    });
  };
  add("in_flight", "Shadows that have not ended.",
      [](const ShadowReport& one) { return static_cast<double>(one.in_flight); });
  add("spent_usd", "What counts against the day's budget (UTC) of shadows, in US dollars.",
      [](const ShadowReport& one) { return one.spent_usd; });
  metrics.add("fairlead_shadow_dropped_total", Type::kCounter, "Shadows that were not sent, by why.", [&registry] {
    std::vector<Sample> out;
    for (const ShadowReport& one : registry.shadows())
      for (std::size_t i = 0; i < one.dropped.size(); ++i)
        out.push_back(
            {{{"project", one.project}, {"of", one.name}, {"reason", std::string(routing::kShadowDropNames[i])}},
             static_cast<double>(one.dropped[i])});
    return out;
  });
}

}  // namespace

void add_routes(http::Router& router, const access::Guard& guard, const routing::Registry& registry) {
  router.add(
      http::Method::kGet, "/api/v1/routes",
      guard.protect(access::Scope::kRead, [&registry](http::Exchange& exchange, const access::Principal& principal) {
        return list(exchange, registry, principal.project);
      }));
}

void add_metrics(telemetry::Metrics& metrics, const routing::Registry& registry) {
  const auto add = [&](std::string name, Type type, std::string help, double (*value_of)(const Report&)) {
    metrics.add("fairlead_route_" + std::move(name), type, std::move(help), [&registry, value_of] {
      std::vector<Sample> out;
      for (const Report& one : registry.routes())
        out.push_back({{{"project", one.project},
                        {"model", one.model},
                        {"provider", one.provider},
                        {"upstream_model", one.upstream_model}},
                       value_of(one)});
      return out;
    });
  };
  add("state", Type::kGauge, "The route's breaker: 0 closed, 1 half open, 2 open.", [](const Report& one) {
    return one.state == routing::Breaker::State::kClosed ? 0.0
           : one.state == routing::Breaker::State::kOpen ? 2.0
                                                         : 1.0;
  });
  add("in_flight", Type::kGauge, "Tries of the route that have not ended.",
      [](const Report& one) { return static_cast<double>(one.in_flight); });
  add("upstream_limit", Type::kGauge, "Calls that the route's upstream bears at a time, as it is adapted; 0: no limit.",
      [](const Report& one) { return static_cast<double>(one.upstream_limit); });
  add("upstream_waiting", Type::kGauge, "Calls that wait for a place at the route's upstream.",
      [](const Report& one) { return static_cast<double>(one.upstream_waiting); });
  add("tries_total", Type::kCounter, "Tries of the route.",
      [](const Report& one) { return static_cast<double>(one.tries); });
  add("failures_total", Type::kCounter, "Tries of the route that failed through its own fault.",
      [](const Report& one) { return static_cast<double>(one.failures); });
  add("openings_total", Type::kCounter, "How often the route's breaker opened.",
      [](const Report& one) { return static_cast<double>(one.openings); });
  add_shadow_metrics(metrics, registry);
}

}  // namespace fairlead::gateway
