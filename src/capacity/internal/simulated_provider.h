// A provider that answers as late as the records say.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "capacity/internal/simulated_time.h"
#include "capacity/simulation.h"
#include "llm/provider.h"

namespace fairlead::capacity {

// What one call asks of whoever answers it. By the call's id, which is its place in a list.
struct Asked {
  std::int64_t input = 0, output = 0;
  SteadyTime sent{};  // first; the epoch: not yet
};

// Calls in flight at one upstream, and for how long how many were.
class Presence {
 public:
  explicit Presence(const SimulatedTime& time) : time_(time), began_us_(time.unix_micros()) {}
  int enter(std::int64_t tokens);  // how many there are then
  void leave();
  void begin_counting(SteadyTime at) { counted_to_ = at, counts_ = true; }
  UpstreamUse end_counting();

 private:
  void count();
  const SimulatedTime& time_;
  const std::int64_t began_us_;
  int now_ = 0;
  bool counts_ = false;
  SteadyTime counted_to_{};
  UpstreamUse seen_;
};

// Of one loop and one simulation.
class SimulatedProvider final : public llm::Provider {
 public:
  SimulatedProvider(std::string name, SimulatedTime& time, std::vector<Asked>& asked, std::uint64_t seed)
      : name_(std::move(name)), time_(time), asked_(asked), random_(seed) {}
  std::string_view name() const override { return name_; }
  std::string_view type() const override { return "simulated"; }
  // `model` outlives this. `piece`: a stream says something that often at least; 0: its first and its last alone.
  void add(const std::string& upstream_model, const UpstreamModel& model, Millis piece);
  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall call) override;

  struct Upstream {
    const UpstreamModel* model = nullptr;
    Millis piece{0};
    std::shared_ptr<Presence> presence;
  };
  const std::map<std::string, Upstream, std::less<>>& upstreams() const { return upstreams_; }

 private:
  const std::string name_;
  SimulatedTime& time_;
  std::vector<Asked>& asked_;
  gateway::routing::Random random_;
  std::map<std::string, Upstream, std::less<>> upstreams_;
};

}  // namespace fairlead::capacity
