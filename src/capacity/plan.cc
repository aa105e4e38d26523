#include "capacity/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/suggest.h"
#include "capacity/internal/evaluation.h"

namespace fairlead::capacity {
namespace {

constexpr int kMostRuns = 10, kFewestRuns = 3, kSearchRuns = 3;
constexpr double kCallsAtLoad = 60'000;  // simulated at the load that is asked for
constexpr std::size_t kMostModels = 6, kMostUseCases = 20;
constexpr double kSmallShare = 0.02;  // of the calls: a model below that gets no search of its own

std::string use_case_of(const RecordedCall& call, By by) {
  switch (by) {
    case By::kTarget:
      return call.target_kind + ":" + call.target;
    case By::kKey:
      return call.key.empty() ? "(none)" : call.key;
    case By::kTag:
      return call.tags.empty() ? "(none)" : call.tags.front();
    case By::kUser:
      return call.user.empty() ? "(none)" : call.user;
  }
  return {};
}

class Planner {
 public:
  Planner(const Scenario& scenario, const Question& question)
      : scenario_(scenario), question_(question), evaluator_(scenario, question.target, question.seed) {}

  Result<Plan> plan(const std::map<std::string, BudgetUse>& budget_use) {
    FAIRLEAD_CHECK(check());
    const Load& load = scenario_.load;
    out_.question = question_;
    out_.from_us = load.from_us;
    out_.length_us = load.length_us;
    out_.calls = static_cast<std::size_t>(std::ranges::count(load.calls, false, &RecordedCall::is_shadow));
    out_.calls_per_minute = load.calls_per_minute();
    const double each = static_cast<double>(out_.calls) * question_.load;
    out_.runs = static_cast<int>(std::clamp<double>(kCallsAtLoad / each, kFewestRuns, kMostRuns));
    FAIRLEAD_CHECK(predict());
    FAIRLEAD_CHECK(find_end());
    FAIRLEAD_CHECK(find_limit());
    FAIRLEAD_CHECK(need_models());
    need_use_cases();
    need_budgets(budget_use);
    add_notes();
    return std::move(out_);
  }

 private:
  Result<void> check() {
    std::vector<std::string> names;
    for (const RecordedCall& one : scenario_.load.calls)
      if (std::ranges::find(names, one.model) == names.end()) names.push_back(one.model);
    if (!question_.model.empty() && !scenario_.models.contains(question_.model)) {
      for (const auto& [name, model] : scenario_.models) names.push_back(name);
      return fail(ErrorKind::kInvalid, "unknown_model",
                  "There is no model `" + question_.model.substr(0, 63) + "`." + did_you_mean(question_.model, names),
                  "model");
    }
    std::size_t count = 0;
    for (const RecordedCall& one : scenario_.load.calls) count += covers(one) && !one.is_shadow ? 1 : 0;
    // Ten calls beyond the percentile, or its place among them is a matter of luck.
    const auto needed =
        std::max<std::size_t>(100, static_cast<std::size_t>(std::ceil(10 / (1 - question_.target.share) - 1e-6)));
    if (count >= needed) return {};
    const std::string of = question_.model.empty() ? "" : " of model `" + question_.model + "`";
    return fail(ErrorKind::kInvalid, "too_few_records",
                fmt::format("The busiest stretch has {} call{}{}; {} takes {} at least. Give a longer --since, a lower "
                            "percentile, or come back when there was more traffic.",
                            count, count == 1 ? "" : "s", of, question_.target.percentile_text(), needed),
                "since");
  }

  bool covers(const RecordedCall& call) const { return question_.model.empty() || call.model == question_.model; }
  bool covers(const SimulatedCall& call) const { return covers(scenario_.load.calls[call.call]); }

  Result<LoadPoint> point(double factor, int runs, std::vector<Run>* keep = nullptr) {
    FAIRLEAD_TRY(std::vector<Run> made, evaluator_.runs(factor, {}, runs));
    const LoadPoint out = evaluator_.point(factor, made, [this](const SimulatedCall& one) { return covers(one); });
    if (keep != nullptr) *keep = std::move(made);
    return out;
  }

  Result<void> predict() {
    const double most = question_.load;
    std::set<double> loads = {std::min(1.0, most)};
    constexpr int kSteps = 4;
    for (int i = 0; i <= kSteps; ++i) loads.insert(std::min(1.0, most) + (most - std::min(1.0, most)) * i / kSteps);
    loads.insert(most);
    for (const double one : loads) {
      FAIRLEAD_TRY(LoadPoint made, point(one, out_.runs, one == most ? &at_load_ : nullptr));
      out_.loads.push_back(made);
    }
    // And beyond, to see how much is left.
    for (const double by : {1.25, 1.6, 2.0}) {
      if (!out_.loads.back().meets) break;
      FAIRLEAD_TRY(LoadPoint made, point(most * by, out_.runs));
      out_.loads.push_back(made);
    }
    return {};
  }

  // Between the last load that holds and the first that does not.
  Result<void> find_end() {
    const auto first = std::ranges::find(out_.loads, false, &LoadPoint::meets);
    if (first == out_.loads.end()) {
      out_.holds_to = out_.loads.back().load;
      out_.holds_beyond = true;
      return {};
    }
    double low = first == out_.loads.begin() ? 0 : std::prev(first)->load, high = first->load;
    for (int i = 0; i < 4 && high - low > 0.05 * high && low > 0; ++i) {
      const double middle = (low + high) / 2;
      FAIRLEAD_TRY(const LoadPoint made, point(middle, kSearchRuns));
      (made.meets ? low : high) = middle;
    }
    out_.holds_to = low;
    fails_at_ = first->load;
    return {};
  }

  Result<void> find_limit() {
    if (fails_at_ == 0) return {};
    FAIRLEAD_TRY(const std::vector<Run> runs, evaluator_.runs(fails_at_, {}, kSearchRuns));
    const auto limit = evaluator_.limit_of(runs, [this](const SimulatedCall& one) { return covers(one); });
    out_.limited_by = limit.first;
    out_.limit_text = fmt::format("at {:g}x {}", std::round(fails_at_ * 100) / 100, limit.second);
    return {};
  }

  Result<void> need_models() {
    std::map<std::string, std::size_t> counts;
    for (const RecordedCall& one : scenario_.load.calls)
      if (covers(one) && !one.is_shadow) ++counts[one.model];
    std::vector<std::pair<std::string, std::size_t>> by_count(counts.begin(), counts.end());
    std::ranges::stable_sort(by_count, std::greater{}, &std::pair<std::string, std::size_t>::second);
    for (const auto& [name, count] : by_count) {
      const bool small = static_cast<double>(count) < kSmallShare * static_cast<double>(out_.calls);
      if (out_.models.size() >= kMostModels || (small && !out_.models.empty())) {
        out_.notes.push_back("Models with few calls (such as `" + name + "`) are part of the load, and have no row.");
        break;
      }
      FAIRLEAD_CHECK(need_model(name));
    }
    return {};
  }

  Result<void> need_model(const std::string& name) {
    const auto of_model = [this, &name](const SimulatedCall& one) {
      return scenario_.load.calls[one.call].model == name;
    };
    const auto point_with = [&](int bound) -> Result<std::pair<LoadPoint, std::vector<Run>>> {
      FAIRLEAD_TRY(std::vector<Run> runs, evaluator_.runs(question_.load, {{name, bound}}, kSearchRuns));
      LoadPoint made = evaluator_.point(question_.load, runs, of_model);
      return std::pair(made, std::move(runs));
    };
    const llm::Model& model = *scenario_.models.at(name);
    ModelNeed need{.model = name};
    const LoadPoint now = evaluator_.point(question_.load, at_load_, of_model);
    need.calls_per_minute = now.calls_per_minute;
    need.first_token = now.first_token;
    need.duration = now.duration;
    need.meets = now.meets;
    need.bound = model.routing.concurrency.max;
    FAIRLEAD_TRY(const auto unbound, point_with(0));
    int most = 1;
    for (const llm::Route& route : model.routes) {
      const UpstreamName upstream(route.provider->name(), route.upstream_model);
      RouteUse use{.provider = upstream.first, .upstream_model = upstream.second};
      for (const Run& run : at_load_) {
        const auto found = run.upstreams.find(upstream);
        if (found == run.upstreams.end()) continue;
        use.usual = std::max(use.usual, found->second.at_share(0.99));
        use.most = std::max(use.most, found->second.most());
        add_busiest(use.rate, found->second.tries, run);
      }
      for (const Run& run : unbound.second)
        if (const auto found = run.upstreams.find(upstream); found != run.upstreams.end())
          most = std::max(most, found->second.most());
      if (const auto known = scenario_.upstreams.find(upstream); known != scenario_.upstreams.end()) {
        use.seen = known->second.most_in_flight();
        use.answers = known->second.answers();
        use.fit = known->second.first_fit();
      }
      need.routes.push_back(std::move(use));
    }
    FAIRLEAD_TRY(need.needed, least_bound(unbound.first.meets, most, point_with));
    need.advised = need.needed == 0 ? 0 : static_cast<int>(std::ceil(need.needed * (1 + question_.headroom) - 1e-9));
    out_.models.push_back(std::move(need));
    return {};
  }

  // The least `concurrency.max` with which the target holds; 0: none. An upstream that slows down under load may do
  // with a bound what it cannot do without.
  Result<int> least_bound(bool holds_unbound, int most, const auto& point_with) {
    int good = holds_unbound ? most : 0, bad = 0;
    for (int bound = most; good == 0 && bound > 0; bound /= 2) {
      FAIRLEAD_TRY(const auto made, point_with(bound));
      if (made.first.meets) good = bound;
    }
    while (good - bad > 1) {
      const int middle = (good + bad) / 2;
      FAIRLEAD_TRY(const auto made, point_with(middle));
      (made.first.meets ? good : bad) = middle;
    }
    return good;
  }

  void need_use_cases() {
    std::map<std::string, Rate> means;
    for (const Run& run : at_load_) {
      std::map<std::string, std::vector<Event>> events;
      for (const SimulatedCall& one : run.calls) {
        const RecordedCall& call = scenario_.load.calls[one.call];
        if (covers(call)) events[use_case_of(call, question_.by)].emplace_back(one.at_us, call.input + call.output);
      }
      for (const auto& [name, of] : events) add_busiest(means[name], of, run);
    }
    const double with_room = 1 + question_.headroom;
    for (const auto& [name, rate] : means)
      out_.use_cases.push_back({name,
                                {std::ceil(rate.requests), std::ceil(rate.tokens)},
                                {std::ceil(rate.requests * with_room), std::ceil(rate.tokens * with_room)}});
    std::ranges::stable_sort(out_.use_cases, std::greater{},
                             [](const UseCaseNeed& one) { return one.needed.requests; });
    if (out_.use_cases.size() > kMostUseCases) {
      out_.notes.push_back(
          fmt::format("{} use cases with fewer calls are not listed.", out_.use_cases.size() - kMostUseCases));
      out_.use_cases.resize(kMostUseCases);
    }
  }

  using Event = std::pair<std::int64_t, std::int64_t>;  // when, and its tokens
  // Adds the run's part of a mean over the runs at the load that is asked for.
  void add_busiest(Rate& mean, const std::vector<Event>& events, const Run& run) const {
    if (run.calls.empty()) return;
    const auto [first, last] = std::ranges::minmax(run.calls, {}, &SimulatedCall::at_us);
    const std::int64_t from_us = first.at_us, length_us = std::max<std::int64_t>(1, last.at_us - first.at_us);
    const std::int64_t slot_us = std::min<std::int64_t>(60'000'000, length_us);
    const std::int64_t slots = length_us / slot_us;  // what is left of a minute would not tell
    std::map<std::int64_t, Rate> rates;
    const double each = 60e6 / static_cast<double>(slot_us);
    for (const auto& [at_us, tokens] : events) {
      const std::int64_t slot = (at_us - from_us) / slot_us;
      if (at_us < from_us || slot >= slots) continue;
      rates[slot].requests += each;
      rates[slot].tokens += static_cast<double>(tokens) * each;
    }
    Rate most;
    for (const auto& [slot, rate] : rates)
      most = {std::max(most.requests, rate.requests), std::max(most.tokens, rate.tokens)};
    mean.requests += most.requests / static_cast<double>(at_load_.size());
    mean.tokens += most.tokens / static_cast<double>(at_load_.size());
  }

  // A month is more than what is replayed: its use is what the records say of the time that was asked about.
  void need_budgets(const std::map<std::string, BudgetUse>& budget_use) {
    for (const budgets::Definition& one : scenario_.budgets) {
      const auto used = budget_use.find(one.name);
      if (one.period.kind != budgets::Period::Kind::kCalendar || one.each || used == budget_use.end()) continue;
      const std::map<std::string, double> hours = {{"hour", 1}, {"day", 24}, {"week", 168}, {"month", 730.5}};
      const double window_us = hours.at(one.period.text) * 3'600e6;
      const double times = window_us / static_cast<double>(question_.now_us - question_.since_us) * question_.load;
      for (const budgets::Definition::Limit& limit : one.limits) {
        BudgetNeed need{one.name, std::string(budgets::name_of(limit.metric)), one.period.text,
                        static_cast<double>(limit.amount), 0};
        switch (limit.metric) {
          case budgets::Metric::kRequests:
            need.used = used->second.requests;
            break;
          case budgets::Metric::kInputTokens:
            need.used = used->second.input_tokens;
            break;
          case budgets::Metric::kOutputTokens:
            need.used = used->second.output_tokens;
            break;
          case budgets::Metric::kTokens:
            need.used = used->second.input_tokens + used->second.output_tokens;
            break;
          case budgets::Metric::kCost:
            need.used = used->second.cost_usd;
            need.amount /= static_cast<double>(budgets::kNanosPerDollar);
            break;
          case budgets::Metric::kConcurrency:
            continue;
        }
        need.used *= times;
        out_.budgets.push_back(std::move(need));
      }
    }
  }

  void add_notes() {
    for (const ModelNeed& model : out_.models)
      for (const RouteUse& route : model.routes) {
        const std::string name = "`" + route.upstream_model + "` at provider `" + route.provider + "`";
        if (route.answers == 0)
          out_.notes.push_back("No answer of " + name + " is recorded: it is taken to be like another route.");
        else if (route.answers < 100)
          out_.notes.push_back(
              fmt::format("Only {} answers of {} are recorded: its times are uncertain.", route.answers, name));
        if (route.answers > 0 && route.most > route.seen)
          out_.notes.push_back(
              fmt::format("The records have {} at most {} calls at a time, the plan {}: beyond, its times "
                          "are what the fitted curve says.",
                          name, route.seen, route.most));
      }
  }

  const Scenario& scenario_;
  const Question& question_;
  Evaluator evaluator_;
  Plan out_;
  std::vector<Run> at_load_;
  double fails_at_ = 0;
};

}  // namespace

Result<Plan> make_plan(const Scenario& scenario, const Question& question,
                       const std::map<std::string, BudgetUse>& budget_use) {
  return Planner(scenario, question).plan(budget_use);
}

}  // namespace fairlead::capacity
