#include "gateway/http/cache_routes.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "access/control_plane.h"

namespace fairlead::gateway {
namespace {

namespace bj = boost::json;
using cache::Cache;

bj::value name_or_null(const std::string& name) {
  return name.empty() ? bj::value(nullptr) : bj::value(name);
}

async::Task<void> show(http::Exchange& exchange, Cache& cache, std::string project) {
  std::vector<Cache::Held> held = co_await cache.held(std::move(project));
  std::ranges::sort(held, std::ranges::greater(), &Cache::Held::bytes);
  bj::array data;
  for (const Cache::Held& one : held)
    data.push_back({{"prompt", name_or_null(one.owner.prompt)},
                    {"model", one.owner.model},
                    {"answers", one.answers},
                    {"bytes", one.bytes}});
  bj::object answer{{"data", std::move(data)}, {"has_more", false}};
  co_await access::respond_json(exchange, 200, std::move(answer));
}

async::Task<void> clear(http::Exchange& exchange, Cache& cache, std::string project) {
  cache::Selection selection{std::move(project), access::parameter_of(exchange, "prompt"),
                             access::parameter_of(exchange, "model")};
  auto cleared = co_await cache.clear(exchange.loop(), std::move(selection));
  if (!cleared) {
    co_await access::refuse(exchange, std::move(cleared).error());
    co_return;
  }
  bj::object answer{{"cleared", cleared->here}};
  if (cleared->shared) answer["cleared_in_redis"] = *cleared->shared;
  co_await access::respond_json(exchange, 200, std::move(answer));
}

}  // namespace

void add_cache_routes(http::Router& router, const access::Guard& guard, Cache& cache) {
  router.add(
      http::Method::kGet, "/api/v1/cache",
      guard.protect(access::Scope::kRead, [&cache](http::Exchange& exchange, const access::Principal& principal) {
        return show(exchange, cache, principal.project);
      }));
  router.add(
      http::Method::kDelete, "/api/v1/cache",
      guard.protect(access::Scope::kWrite, [&cache](http::Exchange& exchange, const access::Principal& principal) {
        return clear(exchange, cache, principal.project);
      }));
}

void add_cache_metrics(telemetry::Metrics& metrics, const Cache& cache) {
  using Type = telemetry::Metrics::Type;
  const auto add = [&](std::string name, Type type, std::string help, double (*value_of)(const Cache::Totals&)) {
    metrics.add("fairlead_cache_" + std::move(name), type, std::move(help),
                [&cache, value_of] { return value_of(cache.totals()); });
  };
  add("bytes", Type::kGauge, "Memory of the answers that are kept, of all projects.",
      [](const Cache::Totals& totals) { return static_cast<double>(totals.bytes); });
  add("capacity_bytes", Type::kGauge, "The bound of fairlead_cache_bytes: the setting cache.memory.",
      [](const Cache::Totals& totals) { return static_cast<double>(totals.capacity); });
  add("answers", Type::kGauge, "Answers that are kept, of all projects.",
      [](const Cache::Totals& totals) { return static_cast<double>(totals.answers); });
  add("evictions_total", Type::kCounter, "Answers that left for want of room.",
      [](const Cache::Totals& totals) { return static_cast<double>(totals.evictions); });
}

void add_cache_metrics(telemetry::Metrics& metrics, const cache::SharedAnswers& shared) {
  using enum telemetry::Metrics::Type;
  using cache::SharedAnswers;
  metrics.add("fairlead_cache_redis_connected", kGauge,
              "Whether every event loop has its connection to the Redis that nodes share answers through.",
              [&shared] { return shared.connected() ? 1.0 : 0.0; });
  metrics.add("fairlead_cache_redis_writes_total", kCounter, "Answers that were written to Redis.",
              [&shared] { return static_cast<double>(shared.writes()); });
  metrics.add(
      "fairlead_cache_redis_lookups_total", kCounter, "Answers that Redis was asked for, by what came of it.",
      [&shared] {
        constexpr std::string_view kNames[SharedAnswers::kOutcomes] = {"hit", "miss", "late", "away", "invalid"};
        std::vector<telemetry::Metrics::Sample> out;
        for (std::size_t i = 0; i < SharedAnswers::kOutcomes; ++i) {
          const auto count = shared.lookups(static_cast<SharedAnswers::Outcome>(i));
          out.push_back({{{"outcome", std::string(kNames[i])}}, static_cast<double>(count)});
        }
        return out;
      });
}

}  // namespace fairlead::gateway
