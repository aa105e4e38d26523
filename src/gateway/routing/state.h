// What is remembered of models and routes between calls, across configuration snapshots.
#pragma once
#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "gateway/routing/breaker.h"
#include "gateway/routing/latency.h"
#include "gateway/routing/limiter.h"
#include "gateway/routing/random.h"
#include "gateway/routing/retries.h"
#include "gateway/routing/shadow_state.h"
#include "llm/provider.h"

namespace fairlead::gateway::routing {

// Of one route of one model, shared by all loops and by every version of the model that has the same route.
struct RouteState {
  RouteState(std::string of_project, std::string of_model, const llm::Route& route)
      : project(std::move(of_project)),
        model(std::move(of_model)),
        provider(route.provider->name()),
        upstream_model(route.upstream_model),
        made_for(route.provider) {}
  const std::string project, model, provider, upstream_model;
  const std::weak_ptr<llm::Provider> made_for;
  std::shared_ptr<Limiter> limiter;  // of the upstream; never null in a model that is in use

  Breaker breaker;
  PeakEwma first_token, whole;  // of streams, and of answers in one piece
  std::atomic<int> in_flight{0};
  std::atomic<std::uint64_t> tries{0}, failures{0}, openings{0};

  PeakEwma& latency(bool stream) { return stream ? first_token : whole; }
};

// Of one model, shared by all loops and all of its versions.
struct ModelShared {
  explicit ModelShared(std::uint64_t seed) : random(seed) {}
  Random random;
  RetryBudget retries;
  HedgeBudget hedges;
  LatencyDistribution first_token, whole;  // kept only for a model that hedges

  LatencyDistribution& latencies(bool stream) { return stream ? first_token : whole; }
};

// What hangs on an llm::Model: state of the model, and of its routes in their order.
struct ModelState final : llm::RouterState {
  std::shared_ptr<ModelShared> shared;
  std::vector<std::shared_ptr<RouteState>> routes;
  std::optional<Shadow> shadow;
};

// The state of a model, or null.
inline ModelState* state_of(const llm::Model& model) {
  return static_cast<ModelState*>(model.state.get());
}

// Keeps the state of what is in some snapshot. Thread-safe, with a lock: not for the call's path.
class Registry {
 public:
  // What tells upstreams apart that are one for several projects: the same text, the same place and account.
  using Upstream = std::function<std::string(const llm::Provider& provider)>;

  Registry(const Clock& clock, std::uint64_t seed, int loops) : clock_(clock), loops_(loops), random_(seed) {}
  // Gives `model` its state: a route whose provider object and upstream model are as they were keeps what is known.
  // Without `upstream` each provider object is a place of its own.
  void attach(const std::string& project, llm::Model& model, const Upstream& upstream = {});

  // The state of the shadows of `name` ("prompt:support-reply"). A model's is attached with the model. Kept for ever,
  // so that no change of resources gives a day's budget twice.
  std::shared_ptr<ShadowState> shadow(const std::string& project, const std::string& name);
  struct ShadowReport {
    std::string project, name;
    int in_flight = 0;
    double spent_usd = 0;  // of today's budget
    std::array<std::uint64_t, kShadowDropNames.size()> dropped{};
  };
  // Of all that have or had one, by project and name.
  std::vector<ShadowReport> shadows() const;

  struct Report {
    std::string project, model, provider, upstream_model;
    Breaker::State state = Breaker::State::kClosed;
    Millis opens_in{0};
    Breaker::Counts recent;
    std::uint64_t tries = 0, failures = 0, openings = 0;
    int in_flight = 0;
    int upstream_in_flight = 0, upstream_waiting = 0, upstream_limit = 0;  // all 0 where there is no limit
    Micros first_token{0}, whole{0};
  };
  // Every route that is in use, by project, model, provider and upstream model.
  std::vector<Report> routes() const;

 private:
  std::shared_ptr<ShadowState> shadow_of(const std::string& project, const std::string& name);
  const Clock& clock_;
  const int loops_;
  mutable std::mutex mutex_;
  Random random_;
  std::map<std::string, std::weak_ptr<ModelShared>> models_;
  std::map<std::string, std::weak_ptr<Limiter>> limiters_;
  struct Known {
    std::weak_ptr<RouteState> state;
    llm::RoutingPolicy policy;  // of the newest version of the model that has the route
    int version = 0;
  };
  std::map<std::string, Known> routes_;
  std::map<std::string, std::shared_ptr<ShadowState>> shadows_;
};

}  // namespace fairlead::gateway::routing
