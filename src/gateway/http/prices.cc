#include "gateway/http/prices.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "access/control_plane.h"

namespace fairlead::gateway {
namespace {

namespace bj = boost::json;

double per_million(llm::PicoUsd price) {
  return static_cast<double>(price) / 1e6;
}

void add_rates(bj::object& out, const llm::Rates& rates) {
  out["input"] = per_million(rates.input);
  out["cached_input"] = per_million(rates.cached_input);
  out["cache_write"] = per_million(rates.cache_write);
  out["cache_write_1h"] = per_million(rates.cache_write + rates.cache_write_1h_more);
  out["output"] = per_million(rates.output);
  out["reasoning"] = per_million(rates.reasoning);
}

bj::value prices_json(const std::optional<llm::Prices>& prices) {
  if (!prices) return nullptr;
  bj::object out;
  add_rates(out, prices->rates);
  bj::array tiers;
  for (const llm::Prices::LongContext& tier : prices->long_context) {
    bj::object one{{"over", tier.over}};
    add_rates(one, tier.rates);
    tiers.push_back(std::move(one));
  }
  out["long_context"] = std::move(tiers);
  out["batch"] = prices->batch_percent / 100.0;
  return out;
}

bj::value or_null(std::int64_t tokens) {
  return tokens > 0 ? bj::value(tokens) : bj::value(nullptr);
}

bj::object route_json(const llm::Model& model, const llm::Route& route) {
  bj::object out;
  out["model"] = model.name;
  out["version"] = model.version;
  out["provider"] = route.provider->name();
  out["upstream_model"] = route.upstream_model;
  out["from"] = to_string(route.prices_from);
  out["as_of"] = route.prices_as_of.empty() ? bj::value(nullptr) : bj::value(route.prices_as_of);
  out["usd_per_million_tokens"] = prices_json(route.prices);
  out["context_length"] = or_null(route.context_length);
  out["max_output_tokens"] = or_null(route.max_output_tokens);
  return out;
}

// Of every route of what bare names stand for.
async::Task<void> list(http::Exchange& exchange, const SnapshotHolder& snapshots, std::string project) {
  const std::string wanted = access::parameter_of(exchange, "model");
  const Snapshot& snapshot = *snapshots.current(exchange.loop());  // until the first co_await
  bj::array data;
  if (const Project* const found = snapshot.project(project))
    for (const auto& [name, addressable] : found->addressables()) {
      const Target* const target = addressable.in_force();
      if (target == nullptr || target->kind != "model" || !target->model) continue;
      if (!wanted.empty() && wanted != target->name) continue;
      for (const llm::Route& route : target->model->routes) data.push_back(route_json(*target->model, route));
    }
  if (data.empty() && !wanted.empty()) {
    Error unknown{ErrorKind::kNotFound, "model_not_found", "There is no model `" + wanted + "` that can be called.",
                  "model"};
    co_return co_await access::refuse(exchange, std::move(unknown));
  }
  bj::object answer;
  answer["data"] = std::move(data);
  answer["has_more"] = false;
  co_await access::respond_json(exchange, 200, std::move(answer));
}

}  // namespace

void add_prices(http::Router& router, const access::Guard& guard, const SnapshotHolder& snapshots) {
  router.add(
      http::Method::kGet, "/api/v1/prices",
      guard.protect(access::Scope::kRead, [&snapshots](http::Exchange& exchange, const access::Principal& principal) {
        return list(exchange, snapshots, principal.project);
      }));
}

}  // namespace fairlead::gateway
