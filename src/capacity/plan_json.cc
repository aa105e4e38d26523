#include <boost/json/array.hpp>
#include <cmath>

#include "base/clock.h"
#include "capacity/plan.h"

namespace fairlead::capacity {
namespace {

namespace bj = boost::json;

// Milliseconds to a tenth; null: never.
bj::value ms(double us) {
  if (!std::isfinite(us)) return nullptr;
  return std::round(us / 100) / 10;
}
double rounded(double value, double digits = 100) {
  return std::round(value * digits) / digits;
}

bj::object percentiles(const Percentiles& of) {
  return {{"p50", ms(of.p50)}, {"p95", ms(of.p95)}, {"p99", ms(of.p99)}};
}

bj::object load_json(const LoadPoint& one) {
  bj::object out;
  out["load"] = rounded(one.load, 1'000);
  out["calls_per_minute"] = rounded(one.calls_per_minute);
  out["first_token_ms"] = percentiles(one.first_token);
  out["duration_ms"] = percentiles(one.duration);
  out["at_target_ms"] = ms(one.at_target);
  out["interval_ms"] = bj::array{ms(one.low), ms(one.high)};
  out["turned_away"] = rounded(one.turned_away, 1e5);
  out["meets"] = one.meets;
  return out;
}

bj::object model_json(const ModelNeed& one) {
  bj::object out;
  out["model"] = one.model;
  out["calls_per_minute"] = rounded(one.calls_per_minute);
  out["first_token_ms"] = percentiles(one.first_token);
  out["duration_ms"] = percentiles(one.duration);
  out["meets"] = one.meets;
  const auto or_null = [](int value) { return value > 0 ? bj::value(value) : bj::value(nullptr); };
  out["concurrency"] = or_null(one.bound);
  out["concurrency_needed"] = or_null(one.needed);
  out["concurrency_advised"] = or_null(one.advised);
  bj::array routes;
  for (const RouteUse& route : one.routes)
    routes.push_back(bj::object{{"provider", route.provider},
                                {"upstream_model", route.upstream_model},
                                {"in_flight_p99", route.usual},
                                {"in_flight_most", route.most},
                                {"requests_per_minute", std::ceil(route.rate.requests)},
                                {"tokens_per_minute", std::ceil(route.rate.tokens)},
                                {"recorded_in_flight_most", route.seen},
                                {"recorded_answers", route.answers},
                                {"alone_ms", ms(route.fit.alone_us)},
                                {"contention", rounded(route.fit.contention, 1e5)},
                                {"coherency", rounded(route.fit.coherency, 1e6)}});
  out["routes"] = std::move(routes);
  return out;
}

}  // namespace

bj::object to_json(const Plan& plan) {
  const Question& question = plan.question;
  bj::object out;
  out["target"] = question.target.text();
  out["load"] = question.load;
  if (!question.model.empty()) out["model"] = question.model;
  out["recorded"] = bj::object{{"from", iso8601(plan.from_us)},
                               {"to", iso8601(plan.from_us + plan.length_us)},
                               {"calls", plan.calls},
                               {"calls_per_minute", rounded(plan.calls_per_minute)}};
  bj::array loads, models, use_cases, needs;
  for (const LoadPoint& one : plan.loads) loads.push_back(load_json(one));
  out["loads"] = std::move(loads);
  out["holds_to"] = plan.holds_to > 0 ? bj::value(rounded(plan.holds_to)) : bj::value(nullptr);
  out["holds_beyond"] = plan.holds_beyond;
  if (!plan.limited_by.empty()) {
    out["limited_by"] = plan.limited_by;
    out["limit"] = plan.limit_text;
  }
  for (const ModelNeed& one : plan.models) models.push_back(model_json(one));
  out["models"] = std::move(models);
  out["by"] = kByNames[static_cast<std::size_t>(question.by)];
  for (const UseCaseNeed& one : plan.use_cases)
    use_cases.push_back(bj::object{{"use_case", one.name},
                                   {"requests_per_minute", one.needed.requests},
                                   {"tokens_per_minute", one.needed.tokens},
                                   {"advised_requests_per_minute", one.advised.requests},
                                   {"advised_tokens_per_minute", one.advised.tokens}});
  out["use_cases"] = std::move(use_cases);
  for (const BudgetNeed& one : plan.budgets)
    needs.push_back(bj::object{{"budget", one.name},
                               {"limit", one.limit},
                               {"per", one.per},
                               {"amount", one.amount},
                               {"expected", rounded(one.used)}});
  out["budgets"] = std::move(needs);
  out["headroom"] = question.headroom;
  out["seed"] = question.seed;
  out["runs"] = plan.runs;
  out["notes"] = bj::array(plan.notes.begin(), plan.notes.end());
  return out;
}

}  // namespace fairlead::capacity
