#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "capacity/plot.h"
#include "capacity/records.h"
#include "capacity/upstream.h"

namespace fairlead::capacity {
namespace {

using gateway::routing::Random;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Target, IsReadAndWritten) {
  const Target target = Target::parse("  p99.5 duration<= 1.5s ").value();
  EXPECT_DOUBLE_EQ(target.share, 0.995);
  EXPECT_EQ(target.metric, Metric::kDuration);
  EXPECT_DOUBLE_EQ(target.most_us, 1.5e6);
  EXPECT_EQ(target.text(), "p99.5 duration <= 1.5s");
  EXPECT_EQ(Target::parse("p95 first_token ≤ 800ms").value().text(), "p95 first_token <= 800ms");
}

TEST(Target, PointsAtWhatItCannotRead) {
  const auto message = [](std::string_view text) {
    const auto target = Target::parse(text);
    EXPECT_FALSE(target) << text;
    return target ? std::string() : target.error().message;
  };
  EXPECT_THAT(message("p95 latency <= 800ms"),
              HasSubstr("\n  p95 latency <= 800ms\n      ^ here belongs `first_token`"));
  EXPECT_THAT(message("95 first_token <= 800ms"), HasSubstr("\n  ^ here belongs a percentile"));
  EXPECT_THAT(message("p100 first_token <= 800ms"), HasSubstr("\n  ^ here belongs a percentile"));
  EXPECT_THAT(message("p95 first_token = 800ms"), HasSubstr("here belongs `<=`"));
  EXPECT_THAT(message("p95 first_token <= -1ms"), HasSubstr("here belongs a time"));
  EXPECT_THAT(message("p95 first_token <= 800"), HasSubstr("at its end"));
  EXPECT_THAT(message("p95 first_token <= 800ms now"), HasSubstr("nothing more belongs here"));
  EXPECT_THAT(message(""), HasSubstr("here belongs a percentile"));
  EXPECT_THAT(message("p95\x1b[31m"), testing::Not(HasSubstr("\x1b")));
}

TEST(Arrivals, AreSoManyTimesAsDense) {
  Load load{.length_us = 100'000'000};
  for (int i = 0; i < 1'000; ++i) load.calls.push_back({.at_us = i * 100'000});
  Random random(3);
  const std::vector<Arrival> arrivals = draw_arrivals(load, 2.5, 1'000'000, random);
  const auto counted = std::ranges::count(arrivals, true, &Arrival::counts);
  EXPECT_NEAR(static_cast<double>(counted), 2'500, 30);
  EXPECT_TRUE(std::ranges::is_sorted(arrivals, {}, &Arrival::at_us));
  EXPECT_NEAR(static_cast<double>(arrivals.back().at_us), 108e6, 1e6) << "as long as the load, and what comes before";
  const std::vector<Arrival> fewer = draw_arrivals(load, 50, 2'000, random);
  EXPECT_LE(std::ranges::count(fewer, true, &Arrival::counts), 2'100);
}

TEST(Arrivals, KeepTheirBursts) {
  Load load{.length_us = 100'000'000};
  for (int i = 0; i < 100; ++i)
    for (int k = 0; k < 10; ++k) load.calls.push_back({.at_us = i * 1'000'000 + k * 1'000});
  Random random(3);
  std::size_t close = 0;
  const std::vector<Arrival> arrivals = draw_arrivals(load, 3, 1'000'000, random);
  for (std::size_t i = 1; i < arrivals.size(); ++i) close += arrivals[i].at_us - arrivals[i - 1].at_us <= 334 ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(close) / static_cast<double>(arrivals.size()), 0.9, 0.02);
}

TEST(Fit, FindsHowATimeGrows) {
  Random random(5);
  std::vector<Seen> seen;
  for (int i = 0; i < 2'000; ++i) {
    const double n = 1 + static_cast<double>(random.next() % 12);
    const double noise = 0.7 + 0.6 * random.unit();
    seen.push_back({n, 200'000 * (1 + 0.05 * (n - 1) + 0.004 * n * (n - 1)) * noise});
  }
  const LatencyFit fit = fit_latency(seen);
  EXPECT_NEAR(fit.at(1), 200'000, 8'000);
  for (const double n : {4.0, 12.0, 24.0}) {
    const double truth = 200'000 * (1 + 0.05 * (n - 1) + 0.004 * n * (n - 1));
    EXPECT_NEAR(fit.at(n), truth, 0.08 * truth) << n;
  }
}

TEST(Fit, GoesOnInALineUnlessMuchSpeaksForMore) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    std::vector<Seen> seen;
    for (int i = 0; i < 300; ++i) {
      const double n = 1 + static_cast<double>(random.next() % 12);
      seen.push_back({n, 200'000 * (1 + 0.05 * (n - 1)) * (0.7 + 0.6 * random.unit())});
    }
    const LatencyFit fit = fit_latency(seen);
    EXPECT_EQ(fit.coherency, 0) << seed;
    EXPECT_NEAR(fit.at(30), 200'000 * 2.45, 0.15 * 200'000 * 2.45) << seed;
  }
}

TEST(Fit, IsFlatWhereNothingSpeaksForMore) {
  int flat = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Random random(seed);
    std::vector<Seen> seen;
    for (int i = 0; i < 500; ++i)
      seen.push_back({1 + static_cast<double>(random.next() % 12), 100'000 + 50'000 * random.unit()});
    const LatencyFit fit = fit_latency(seen);
    EXPECT_EQ(fit.coherency, 0) << seed;
    EXPECT_NEAR(fit.at(24), 125'000, 0.1 * 125'000) << seed;
    flat += fit.contention == 0 ? 1 : 0;
  }
  EXPECT_GE(flat, 32);
}

TEST(Fit, OfAFewIsTheirMean) {
  EXPECT_EQ(fit_latency(std::vector<Seen>{{1, 100}, {2, 300}}).at(9), 200);
}

RecordedCall streamed(std::int64_t at_us, std::int64_t first_us, std::int64_t duration_us, std::int64_t output) {
  RecordedCall out{
      .at_us = at_us, .duration_us = duration_us, .first_token_us = first_us, .input = 10, .output = output};
  out.stream = true;
  out.tries.push_back({"a", "up", at_us, duration_us, ""});
  return out;
}

TEST(Upstreams, AreLearntFromWhatCallsTried) {
  Load load;
  for (int i = 0; i < 100; ++i) load.calls.push_back(streamed(i * 1'000'000, 200'000, 700'000, 11));
  load.calls[3].tries[0].error_code = "rate_limit_exceeded";
  load.calls[4].tries[0].error_code = "hedge_lost";
  const auto upstreams = learn_upstreams(load);
  ASSERT_EQ(upstreams.size(), 1u);
  const UpstreamModel& model = upstreams.at({"a", "up"});
  EXPECT_EQ(model.answers(), 98u);
  EXPECT_EQ(model.most_in_flight(), 1);
  EXPECT_NEAR(model.failing(), 0.01, 1e-9) << "what Fairlead ended is no failure of the upstream's";
  Random random(1);
  const Drawn drawn = model.draw(true, 10, 21, 1, random);
  EXPECT_NEAR(drawn.first_us, 200'000, 1);
  EXPECT_NEAR(drawn.rest_us, 1'000'000, 5) << "twice as many tokens take twice as long";
}

TEST(Upstreams, CallsInFlightAreCounted) {
  Load load;
  for (int i = 0; i < 400; ++i) {
    // Two at a time, then four at a time, which take twice as long.
    const bool busy = i >= 200;
    const std::int64_t at = busy ? 200'000'000 + (i - 200) / 4 * 2'000'000 : i / 2 * 1'000'000;
    load.calls.push_back(streamed(at, busy ? 400'000 : 200'000, 700'000, 2));
  }
  const auto upstreams = learn_upstreams(load);
  const UpstreamModel& model = upstreams.at({"a", "up"});
  EXPECT_EQ(model.most_in_flight(), 4);
  EXPECT_GT(model.first_fit().at(4), 1.3 * model.first_fit().at(1));
}

TEST(Upstreams, AWaitBeforeTheTryIsNotTheirs) {
  Load load;
  for (int i = 0; i < 40; ++i) {
    RecordedCall call = streamed(i * 2'000'000, 900'000, 1'400'000, 11);
    call.tries[0] = {"a", "up", call.at_us + 600'000, 800'000, ""};
    load.calls.push_back(call);
  }
  Random random(1);
  EXPECT_NEAR(learn_upstreams(load).at({"a", "up"}).draw(true, 10, 11, 1, random).first_us, 300'000, 1);
}

// What the lake answers, by what is asked.
Result<std::string> answered(const std::string& query, const std::string& rows) {
  if (query.find("as slot") != std::string::npos) return R"({"rows":[[0,2],[1,1]]})";
  return R"({"rows":[)" + rows + "]}";
}

constexpr std::string_view kTwo =
    R"([0,800.0,500.0,1.5,20,30,true,"prompt","reply",null,"key_1","u",["gold"],null,false,[)"
    R"({"provider":"a","asked":"up","ms":100.0,"error":"upstream_error","model":null,"waited":0.0},)"
    R"({"provider":"b","asked":"up","ms":400.0,"error":null,"model":"large","waited":50.0}]],)"
    R"([1000000,400.0,null,1.0,20,30,false,"prompt","reply","small","key_1",null,null,null,false,[)"
    R"({"provider":"a","asked":"up","ms":390.0,"error":null,"model":null,"waited":0.0}]])";

TEST(Records, AreBroughtIntoOrder) {
  const Ask ask = [](const std::string& query, std::int64_t) { return answered(query, std::string(kTwo)); };
  const Names names{[](const std::string& id) { return id == "key_1" ? std::string("app") : id; },
                    [](const std::string& model) { return model == "small"; }};
  const Load load = read_load(ask, names, 0, 86'400'000'000).value();
  ASSERT_EQ(load.calls.size(), 2u);
  const RecordedCall& first = load.calls[0];
  EXPECT_EQ(first.model, "small") << "it fell back; the prompt's other calls say from where";
  EXPECT_EQ(first.key, "app");
  EXPECT_THAT(first.tags, ElementsAre("gold"));
  ASSERT_EQ(first.tries.size(), 2u);
  EXPECT_EQ(first.tries[1].began_us, 400'000);
  EXPECT_EQ(first.tries[0].began_us, 250'000) << "it ended 50 ms before the second began";
  EXPECT_EQ(load.calls[1].first_token_us, -1);
  EXPECT_EQ(load.length_us, 2'000'000) << "a mean gap longer than from the first call to the last";
}

TEST(Records, NoneIsSaid) {
  const Ask ask = [](const std::string&, std::int64_t) -> Result<std::string> { return R"({"rows":[]})"; };
  const Names names{[](const std::string& id) { return id; }, [](const std::string&) { return true; }};
  const auto load = read_load(ask, names, 0, 86'400'000'000);
  ASSERT_FALSE(load);
  EXPECT_EQ(load.error().code, "no_records");
  EXPECT_THAT(load.error().message, HasSubstr("--since"));
}

TEST(Plot, ShowsWhatCanBeShown) {
  Plan plan;
  plan.question.target = Target::parse("p95 first_token <= 800ms").value();
  plan.question.model = "a<b";
  plan.question.load = 2;
  plan.runs = 5;
  plan.loads = {{.load = 1, .first_token = {100e3, 300e3, 600e3}, .at_target = 300e3, .low = 280e3, .high = INFINITY},
                {.load = 2,
                 .first_token = {INFINITY, INFINITY, INFINITY},
                 .at_target = INFINITY,
                 .low = INFINITY,
                 .high = INFINITY}};
  plan.holds_to = 1;
  const std::string svg = plot_of(plan);
  EXPECT_THAT(svg, HasSubstr("p95 first_token &lt;= 800ms, model a&lt;b"));
  EXPECT_THAT(svg, HasSubstr("from 2x on, too many calls get no answer"));
  EXPECT_THAT(svg, testing::Not(HasSubstr("inf")));
  EXPECT_THAT(svg, testing::Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace fairlead::capacity
