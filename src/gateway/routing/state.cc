#include "gateway/routing/state.h"

#include <fmt/format.h>

#include <algorithm>

namespace fairlead::gateway::routing {
namespace {

// Names hold no line break.
std::string joined(const std::string& project, const std::string& model) {
  return project + "\n" + model;
}

template <class Map>
void forget_unused(Map& map, const auto& expired) {
  for (auto one = map.begin(); one != map.end();) one = expired(one->second) ? map.erase(one) : std::next(one);
}

}  // namespace

void Registry::attach(const std::string& project, llm::Model& model, const Upstream& upstream) {
  const std::lock_guard lock(mutex_);
  auto state = std::make_shared<ModelState>();
  std::weak_ptr<ModelShared>& known = models_[joined(project, model.name)];
  state->shared = known.lock();
  if (!state->shared) known = state->shared = std::make_shared<ModelShared>(random_.next());
  for (const llm::Route& route : model.routes) {
    const std::string key =
        joined(project, model.name) + "\n" + std::string(route.provider->name()) + "\n" + route.upstream_model;
    Known& entry = routes_[key];
    std::shared_ptr<RouteState> of_route = entry.state.lock();
    // A provider that was changed is another upstream, whatever its name.
    if (!of_route || of_route->made_for.lock() != route.provider) {
      entry.state = of_route = std::make_shared<RouteState>(project, model.name, route);
      entry.version = 0;
    }
    if (model.version >= entry.version) {
      entry.policy = model.routing;
      entry.version = model.version;
    }
    const std::string place = upstream ? upstream(*route.provider) : fmt::format("{}", fmt::ptr(route.provider.get()));
    std::weak_ptr<Limiter>& limiter = limiters_[place + "\n" + route.upstream_model];
    if (!of_route->limiter) of_route->limiter = limiter.lock();
    if (!of_route->limiter) limiter = of_route->limiter = std::make_shared<Limiter>(loops_);
    state->routes.push_back(std::move(of_route));
  }
  if (model.shadow) state->shadow = Shadow{*model.shadow, shadow_of(project, "model:" + model.name)};
  model.state = std::move(state);
  forget_unused(models_, [](const auto& one) { return one.expired(); });
  forget_unused(limiters_, [](const auto& one) { return one.expired(); });
  forget_unused(routes_, [](const Known& one) { return one.state.expired(); });
}

std::shared_ptr<ShadowState> Registry::shadow_of(const std::string& project, const std::string& name) {
  std::shared_ptr<ShadowState>& known = shadows_[joined(project, name)];
  if (!known) known = std::make_shared<ShadowState>(project, name);
  return known;
}

std::shared_ptr<ShadowState> Registry::shadow(const std::string& project, const std::string& name) {
  const std::lock_guard lock(mutex_);
  return shadow_of(project, name);
}

std::vector<Registry::ShadowReport> Registry::shadows() const {
  const std::int64_t now_us = clock_.unix_micros();
  const std::lock_guard lock(mutex_);
  std::vector<ShadowReport> out;
  for (const auto& [key, state] : shadows_) {
    ShadowReport& report = out.emplace_back();
    report.project = state->project;
    report.name = state->name;
    report.in_flight = state->in_flight();
    report.spent_usd = state->budget.spent_usd(now_us);
    for (std::size_t i = 0; i < report.dropped.size(); ++i) report.dropped[i] = state->dropped(i);
  }
  return out;
}

std::vector<Registry::Report> Registry::routes() const {
  const SteadyTime now = clock_.steady();
  const std::lock_guard lock(mutex_);
  std::vector<Report> out;
  for (const auto& [key, known] : routes_) {
    const std::shared_ptr<RouteState> state = known.state.lock();
    if (!state) continue;
    Report& report = out.emplace_back();
    report.project = state->project;
    report.model = state->model;
    report.provider = state->provider;
    report.upstream_model = state->upstream_model;
    report.state = state->breaker.state(now);
    report.opens_in = state->breaker.opens_in(now);
    report.recent = state->breaker.recent(now, known.policy.breaker);
    report.tries = state->tries.load(std::memory_order_relaxed);
    report.failures = state->failures.load(std::memory_order_relaxed);
    report.openings = state->openings.load(std::memory_order_relaxed);
    report.in_flight = state->in_flight.load(std::memory_order_relaxed);
    if (known.policy.concurrency.max > 0) {
      report.upstream_in_flight = state->limiter->in_flight();
      report.upstream_waiting = state->limiter->waiting();
      report.upstream_limit = std::min(known.policy.concurrency.max, state->limiter->limit());
    }
    report.first_token = Micros(static_cast<std::int64_t>(state->first_token.last()));
    report.whole = Micros(static_cast<std::int64_t>(state->whole.last()));
  }
  return out;
}

}  // namespace fairlead::gateway::routing
