#include "capacity/simulation.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <optional>
#include <utility>

#include "base/id.h"
#include "budgets/budget.h"
#include "budgets/ledger.h"
#include "capacity/internal/simulated_provider.h"
#include "capacity/internal/simulated_time.h"
#include "gateway/dry_call.h"
#include "gateway/routing/state.h"
#include "llm/call.h"

namespace fairlead::capacity {
namespace {

using ModelPointer = std::shared_ptr<const llm::Model>;

// What a use case's answers may have: the longest that was seen. What a request said itself is not recorded.
std::map<std::string, std::int64_t> longest_answers(const Load& load) {
  std::map<std::string, std::int64_t> out;
  for (const RecordedCall& one : load.calls) {
    std::int64_t& most = out[one.target_kind + ":" + one.target];
    most = std::max({most, one.output, std::int64_t{1}});
  }
  return out;
}

// A ledger of a run's own; its file has no name as soon as it is open.
class Charges {
 public:
  Result<void> open(const Scenario& scenario, const Clock& clock) {
    if (scenario.budgets.empty()) return {};
    const std::string path = scenario.folder + "/simulated-ledger-" + new_id(SystemClock().unix_micros());
    FAIRLEAD_TRY(ledger_, budgets::Ledger::open({.path = path, .accounts = 16'384}, clock));
    unlink(path.c_str());
    book_.emplace(scenario.project, scenario.budgets, *ledger_);
    return {};
  }
  const budgets::Book* book() const { return book_ ? &*book_ : nullptr; }
  void sweep() {
    if (ledger_) ledger_->sweep();
  }

 private:
  std::unique_ptr<budgets::Ledger> ledger_;
  std::optional<budgets::Book> book_;
};

class Simulation {
 public:
  Simulation(const Scenario& scenario, const Conditions& conditions)
      : scenario_(scenario),
        conditions_(conditions),
        random_(conditions.seed),
        time_(scenario.load.from_us),
        registry_(time_, random_.next(), 1),
        longest_(longest_answers(scenario.load)),
        loop_(0) {
    for (const auto& [name, model] : scenario.upstreams) upstreams_.emplace(name, model.resampled(random_));
  }

  Result<Run> run() {
    FAIRLEAD_CHECK(charges_.open(scenario_, time_));
    for (const auto& [name, model] : scenario_.models) models_[name] = simulated(*model);
    arrivals_ = draw_arrivals(scenario_.load, conditions_.factor, conditions_.most_calls, random_);
    asked_.resize(arrivals_.size());
    run_.calls.reserve(arrivals_.size());
    begun_ = time_.now();
    const auto first = std::ranges::find(arrivals_, true, &Arrival::counts);
    if (first != arrivals_.end())
      time_.arm(
          begun_ + Micros(first->at_us), [](void* self) { static_cast<Simulation*>(self)->count(); }, this);
    arm_next();
    do {
      loop_.context().restart();
      loop_.context().poll();
    } while ((next_ < arrivals_.size() || in_progress_ > 0) && time_.advance());
    if (!counted_) count();
    stop_counting();
    if (const budgets::Book* const book = charges_.book())
      for (const auto& budget : book->budgets()) run_.refused[budget->definition().name] = budget->counters().refused;
    return std::move(run_);
  }

 private:
  // The model over simulated providers, with a state of its own.
  std::shared_ptr<llm::Model> simulated(const llm::Model& model) {
    std::shared_ptr<llm::Model>& known = copies_[&model];
    if (known) return known;
    const auto copy = std::make_shared<llm::Model>(model);
    known = copy;
    copy->shadow.reset();
    copy->state.reset();
    const auto bound = conditions_.concurrency.find(model.name);
    if (bound != conditions_.concurrency.end()) copy->routing.concurrency.max = bound->second;
    for (llm::Route& route : copy->routes) {
      const std::string name(route.provider->name());
      std::shared_ptr<SimulatedProvider>& provider = providers_[name];
      if (!provider) provider = std::make_shared<SimulatedProvider>(name, time_, asked_, random_.next());
      provider->add(route.upstream_model, model_of(route, model), model.routing.timeouts.between_tokens / 2);
      route.provider = provider;
    }
    for (ModelPointer& fallback : copy->fallbacks) fallback = simulated(*fallback);
    registry_.attach(scenario_.project, *copy);
    return copy;
  }

  // A route that nobody took is thought to be like the model's others.
  const UpstreamModel& model_of(const llm::Route& route, const llm::Model& model) const {
    const auto known = [this](const llm::Route& one) -> const UpstreamModel* {
      const auto found = upstreams_.find({std::string(one.provider->name()), one.upstream_model});
      return found != upstreams_.end() && found->second.answers() > 0 ? &found->second : nullptr;
    };
    if (const UpstreamModel* const own = known(route)) return *own;
    for (const llm::Route& other : model.routes)
      if (const UpstreamModel* const like = known(other)) return *like;
    return upstreams_.begin()->second;
  }

  void arm_next() {
    if (next_ < arrivals_.size())
      time_.arm(
          begun_ + Micros(arrivals_[next_].at_us), [](void* self) { static_cast<Simulation*>(self)->arrive(); }, this);
  }
  void arrive() {
    const std::size_t index = next_++;
    arm_next();
    ++in_progress_;
    boost::asio::co_spawn(loop_.context(), pass(index), boost::asio::detached);
    if (index % 4'096 == 0) charges_.sweep();
  }

  // Text of about so many tokens, shared by those that are about as long.
  std::string_view messages_of(std::int64_t tokens) {
    std::int64_t size = 16;
    while (size < tokens && size < (1 << 18)) size += std::max<std::int64_t>(1, size / 8);
    std::string& text = texts_[size];
    if (text.empty()) {
      text = R"([{"role":"user","content":")";
      for (std::int64_t i = 8; i < size; ++i) text += "the ";
      text += R"("}])";
      text.reserve(text.size() + 64);  // readers of JSON look behind the end
    }
    return text;
  }

  async::Task<void> pass(std::size_t index) {
    const Arrival& arrival = arrivals_[index];
    const RecordedCall& recorded = scenario_.load.calls[arrival.call];
    asked_[index] = {.input = recorded.input, .output = recorded.output};
    async::Cancellation cancellation;
    llm::Call call;
    call.id = std::to_string(index);
    call.project = scenario_.project;
    call.options.user = recorded.user;
    call.options.tags = recorded.tags;
    call.target_kind = recorded.target_kind;
    call.target_name = recorded.target;
    call.model = models_.at(recorded.model);
    call.loop = &loop_;
    call.cancellation = &cancellation;
    const std::string most = std::to_string(longest_.at(recorded.target_kind + ":" + recorded.target));
    call.request.model = recorded.model;
    call.request.stream = recorded.stream;
    call.request.messages = messages_of(recorded.input);
    call.request.message_count = 1;
    call.request.set("messages", call.request.messages);
    call.request.set("max_tokens", most);
    const gateway::DryCourse course = co_await gateway::run_dry(call, recorded.key, charges_.book(), time_, time_);
    --in_progress_;
    if (arrival.counts) note(index, course);
  }

  void note(std::size_t index, const gateway::DryCourse& course) {
    using End = SimulatedCall::End;
    const RecordedCall& recorded = scenario_.load.calls[arrivals_[index].call];
    SimulatedCall out{.call = arrivals_[index].call, .at_us = arrivals_[index].at_us};
    const auto micros = [](Micros time) { return static_cast<double>(time.count()); };
    const double own = static_cast<double>(recorded.gateway_us);  // Fairlead's part, which is not simulated
    out.first_token_us = micros(course.first_token) + own;
    out.duration_us = micros(course.duration) + own;
    const SteadyTime came = begun_ + Micros(arrivals_[index].at_us);
    const SteadyTime sent = asked_[index].sent == SteadyTime{} ? came + course.duration : asked_[index].sent;
    out.waited_us = std::chrono::duration<double, std::micro>(sent - came).count();
    if (course.error) {
      if (course.refused)
        out.end = End::kRefused;
      else if (course.error->code == "upstream_busy")
        out.end = End::kBusy;
      else
        out.end = course.error->kind == ErrorKind::kTimeout ? End::kTooLate : End::kFailed;
    }
    run_.calls.push_back(out);
  }

  void count() {
    counted_ = true;
    for (const auto& [name, provider] : providers_)
      for (const auto& [model, of] : provider->upstreams()) of.presence->begin_counting(time_.now());
  }
  void stop_counting() {
    for (const auto& [name, provider] : providers_)
      for (const auto& [model, of] : provider->upstreams()) run_.upstreams[{name, model}] = of.presence->end_counting();
  }

  const Scenario& scenario_;
  const Conditions& conditions_;
  gateway::routing::Random random_;
  SimulatedTime time_;
  std::map<UpstreamName, UpstreamModel> upstreams_;
  std::map<std::int64_t, std::string> texts_;
  std::vector<Asked> asked_;
  Charges charges_;
  gateway::routing::Registry registry_;
  std::map<std::string, std::shared_ptr<SimulatedProvider>> providers_;
  std::map<const llm::Model*, std::shared_ptr<llm::Model>> copies_;
  std::map<std::string, ModelPointer> models_;
  const std::map<std::string, std::int64_t> longest_;
  std::vector<Arrival> arrivals_;
  SteadyTime begun_{};
  std::size_t next_ = 0;
  int in_progress_ = 0;
  bool counted_ = false;
  Run run_;
  async::Loop loop_;  // last: what it still runs goes before what that uses
};

}  // namespace

int UpstreamUse::at_share(double share) const {
  double all = 0;
  for (const double one : time_us) all += one;
  double so_far = 0;
  for (std::size_t n = 0; n < time_us.size(); ++n) {
    so_far += time_us[n];
    if (so_far >= share * all) return static_cast<int>(n);
  }
  return most();
}

Result<Run> simulate(const Scenario& scenario, const Conditions& conditions) {
  if (scenario.cancelled != nullptr && scenario.cancelled->load())
    return fail(ErrorKind::kCancelled, "cancelled", "The server is about to end.");
  return Simulation(scenario, conditions).run();
}

}  // namespace fairlead::capacity
