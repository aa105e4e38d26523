#include "capacity/simulation.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <cmath>
#include <filesystem>

#include "capacity/internal/evaluation.h"

namespace fairlead::capacity {
namespace {

using End = SimulatedCall::End;
using namespace std::chrono_literals;

class NamedProvider final : public llm::Provider {
 public:
  explicit NamedProvider(std::string name) : name_(std::move(name)) {}
  std::string_view name() const override { return name_; }
  std::string_view type() const override { return "named"; }
  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall) override {
    co_return fail(ErrorKind::kInternal, "called", "A simulation calls nobody.");
  }

 private:
  const std::string name_;
};

class SimulationTest : public testing::Test {
 public:
  SimulationTest() {
    model_->name = "small";
    model_->timeout = 24h;
    load_.from_us = 1'700'000'000'000'000;
    add_route("a");
  }
  void add_route(std::string name) {
    model_->routes.push_back({.provider = std::make_shared<NamedProvider>(std::move(name)), .upstream_model = "up"});
  }
  double exponential(double mean) { return -mean * std::log(1 - random_.unit()); }
  // Poisson arrivals, `rate` a second, for so long.
  void arrive(double rate, double seconds, bool stream = false) {
    for (double at = exponential(1 / rate); at < seconds; at += exponential(1 / rate)) {
      RecordedCall call{.at_us = static_cast<std::int64_t>(at * 1e6), .input = 10, .output = 10, .stream = stream};
      call.model = call.target = "small";
      call.target_kind = "model";
      load_.calls.push_back(std::move(call));
    }
    load_.length_us = static_cast<std::int64_t>(seconds * 1e6);
  }
  // An upstream whose times are these, in seconds.
  void answers(const std::string& name, const std::vector<double>& times, bool stream = false,
               std::map<std::string, int> failures = {}, int tries = 1) {
    std::vector<UpstreamModel::Sample> samples;
    for (const double one : times)
      samples.push_back({.stream = stream, .input = 10, .output = 10, .first_us = one * 1e6, .rest_us = 0});
    upstreams_.insert_or_assign({name, "up"}, UpstreamModel(std::move(samples), std::move(failures), tries));
  }
  capacity::Run run(Conditions conditions = {}) {
    const Scenario scenario{
        "p", load_, upstreams_, {{"small", model_}}, budgets_, std::filesystem::temp_directory_path().string()};
    return simulate(scenario, conditions).value();
  }
  static double share(const capacity::Run& run, End end) {
    return static_cast<double>(std::ranges::count(run.calls, end, &SimulatedCall::end)) /
           static_cast<double>(run.calls.size());
  }

  gateway::routing::Random random_{11};
  Load load_;
  std::map<UpstreamName, UpstreamModel> upstreams_;
  std::shared_ptr<llm::Model> model_ = std::make_shared<llm::Model>();
  std::vector<budgets::Definition> budgets_;
};

// The probability that a call waits, of `servers` and so much offered load (Erlang, 1917).
double erlang_c(int servers, double load) {
  double sum = 0, term = 1;
  for (int k = 0; k < servers; ++k) {
    sum += term;
    term *= load / (k + 1);
  }
  const double last = term * servers / (servers - load);
  return last / (sum + last);
}

// Poisson arrivals, exponential times, four places: the gateway's own limiter is a queue of the textbooks.
TEST_F(SimulationTest, WaitsAreThoseOfErlangsFormula) {
  constexpr double kRate = 7, kMean = 0.4;
  constexpr int kPlaces = 4;
  arrive(kRate, 2'000);
  std::vector<double> times;
  for (int i = 0; i < 10'000; ++i) times.push_back(-kMean * std::log((i + 0.5) / 10'000));
  answers("a", times);
  model_->routing.concurrency = {.max = kPlaces, .queue = 1'000'000, .wait = 1h};
  double waited = 0, waiting = 0, calls = 0;
  for (std::uint64_t seed = 1; seed <= 4; ++seed)
    for (const SimulatedCall& one : run({.seed = seed}).calls) {
      EXPECT_EQ(one.end, End::kAnswered);
      waited += one.waited_us / 1e6;
      waiting += one.waited_us > 0 ? 1 : 0;
      calls += 1;
    }
  const double rate = static_cast<double>(load_.calls.size()) / 2'000;  // as it was drawn
  const double offered = rate * kMean, waits = erlang_c(kPlaces, offered);
  EXPECT_NEAR(waiting / calls, waits, 0.05 * waits);
  const double expected = waits / (kPlaces / kMean - rate);
  EXPECT_NEAR(waited / calls, expected, 0.1 * expected);
}

TEST_F(SimulationTest, IsTheSameForTheSameSeed) {
  arrive(20, 30, true);
  std::vector<double> times;
  for (int i = 0; i < 500; ++i) times.push_back(exponential(0.1));
  answers("a", times, true);
  model_->routing.concurrency = {.max = 8};
  const capacity::Run first = run({.factor = 2, .seed = 5}), again = run({.factor = 2, .seed = 5});
  ASSERT_EQ(first.calls.size(), again.calls.size());
  for (std::size_t i = 0; i < first.calls.size(); ++i) {
    EXPECT_EQ(first.calls[i].call, again.calls[i].call);
    EXPECT_EQ(first.calls[i].first_token_us, again.calls[i].first_token_us);
  }
  const capacity::Run other = run({.factor = 2, .seed = 6});
  EXPECT_NE(first.calls.front().first_token_us, other.calls.front().first_token_us);
}

TEST_F(SimulationTest, TimeoutsOfATryMoveOnInSimulatedTime) {
  arrive(5, 100, true);
  answers("a", {600}, true);
  answers("b", {0.2}, true);
  add_route("b");
  model_->routing.timeouts.first_token = 1s;
  model_->routing.breaker.error_rate = 2;
  const capacity::Run made = run();
  ASSERT_FALSE(made.calls.empty());
  for (const SimulatedCall& one : made.calls) {
    EXPECT_EQ(one.end, End::kAnswered);
    EXPECT_DOUBLE_EQ(one.first_token_us, 1.2e6);
  }
  EXPECT_GT(made.upstreams.at({"a", "up"}).most(), 1);
}

TEST_F(SimulationTest, AHedgeAnswersForASlowFirstTry) {
  arrive(5, 100);
  answers("a", {2});
  answers("b", {0.1});
  add_route("b");
  model_->routing.hedge = {.share = 1, .after = 300ms};
  const capacity::Run made = run();
  ASSERT_FALSE(made.calls.empty());
  for (const SimulatedCall& one : made.calls) EXPECT_DOUBLE_EQ(one.duration_us, 0.4e6);
}

TEST_F(SimulationTest, ACallThatOutlastsItsModelsTimeoutIsTooLate) {
  arrive(5, 20);
  answers("a", {10});
  model_->timeout = 3s;
  const capacity::Run made = run();
  EXPECT_EQ(share(made, End::kTooLate), 1);
  EXPECT_DOUBLE_EQ(made.calls.front().duration_us, 3e6);
}

TEST_F(SimulationTest, AQueueThatIsFullTurnsAway) {
  arrive(20, 60);
  answers("a", {1});
  model_->routing.concurrency = {.max = 5, .queue = 10, .wait = 5s};
  const capacity::Run made = run();
  EXPECT_NEAR(share(made, End::kBusy), 0.75, 0.1) << "5 of 20 a second are served";
  EXPECT_EQ(made.upstreams.at({"a", "up"}).most(), 5);
}

TEST_F(SimulationTest, ABudgetsRateRefusesWhatIsOverIt) {
  arrive(2, 600);
  answers("a", {0.1});
  budgets_.push_back(
      *budgets::Definition::of("p", "rate", 1, boost::json::parse(R"({"requests": 60, "per": "1m"})").as_object()));
  const capacity::Run made = run();
  EXPECT_NEAR(share(made, End::kRefused), 0.5, 0.1) << "one of two a second is let in";
  EXPECT_GT(made.refused.at("rate"), 0u);
}

TEST_F(SimulationTest, ARouteFailsAsOftenAsItDid) {
  arrive(20, 100);
  answers("a", {0.1}, false, {{"context_length_exceeded", 30}}, 100);
  const capacity::Run made = run();
  EXPECT_NEAR(share(made, End::kFailed), 0.3, 0.04);
}

TEST_F(SimulationTest, SaysWhatLimits) {
  arrive(20, 60);
  answers("a", {1});
  model_->routing.concurrency = {.max = 5, .queue = 10, .wait = 5s};
  const Scenario scenario{"p", load_, upstreams_, {{"small", model_}}, {}, ""};
  const Target target = Target::parse("p95 duration <= 2s").value();
  const Evaluator evaluator(scenario, target, 1);
  const auto all = [](const SimulatedCall&) { return true; };
  EXPECT_EQ(evaluator.limit_of(evaluator.runs(1, {}, 2).value(), all).first, "concurrency");
  EXPECT_EQ(Evaluator(scenario, Target::parse("p95 duration <= 900ms").value(), 1)
                .limit_of(evaluator.runs(1, {}, 2).value(), all)
                .first,
            "upstream");
}

TEST_F(SimulationTest, ThePlanFindsTheLeastConcurrencyThatHolds) {
  arrive(10, 40);
  answers("a", {1});
  model_->routing.concurrency = {.max = 3, .queue = 100, .wait = 5s};
  const Scenario scenario{"p", load_, upstreams_, {{"small", model_}}, {}, ""};
  const Question question{
      .target = Target::parse("p95 duration <= 1500ms").value(), .load = 2, .now_us = 86'400'000'000};
  const Plan plan = make_plan(scenario, question, {}).value();
  EXPECT_EQ(plan.holds_to, 0);
  EXPECT_EQ(plan.limited_by, "concurrency");
  ASSERT_EQ(plan.models.size(), 1u);
  EXPECT_GE(plan.models[0].needed, 20) << "twenty calls a second of a second each";
  EXPECT_LE(plan.models[0].needed, 40);
  EXPECT_EQ(plan.models[0].advised, std::ceil(plan.models[0].needed * 1.2));
  ASSERT_EQ(plan.use_cases.size(), 1u);
  EXPECT_NEAR(plan.use_cases[0].needed.requests, 1'200, 150);
  EXPECT_EQ(plan.use_cases[0].name, "model:small");
  EXPECT_NEAR(plan.use_cases[0].needed.tokens, 20 * plan.use_cases[0].needed.requests, 40);
  EXPECT_LT(plan.models[0].routes[0].rate.requests, 200) << "three places of a second each";
}

TEST_F(SimulationTest, APlanSaysWhatItLacks) {
  arrive(1, 50);
  answers("a", {1});
  const Scenario scenario{"p", load_, upstreams_, {{"small", model_}}, {}, ""};
  Question question{.target = Target::parse("p95 duration <= 1500ms").value()};
  auto plan = make_plan(scenario, question, {});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, "too_few_records");
  EXPECT_NE(plan.error().message.find("p95 takes 200"), std::string::npos) << plan.error().message;
  question.model = "smal";
  plan = make_plan(scenario, question, {});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, "unknown_model");
  EXPECT_NE(plan.error().message.find("Did you mean `small`?"), std::string::npos) << plan.error().message;
}

}  // namespace
}  // namespace fairlead::capacity
