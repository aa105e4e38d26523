#include "gateway/routing/breaker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "gateway/routing/tests/scripted.h"

namespace fairlead::gateway::routing {
namespace {

using namespace std::chrono_literals;
using Entry = Breaker::Entry;
using State = Breaker::State;

class BreakerTest : public testing::Test {
 protected:
  void calls(int count, bool good) {
    for (int i = 0; i < count; ++i) {
      const Entry entry = breaker_.enter(now_);
      if (good)
        breaker_.succeeded(entry, now_, policy_);
      else
        breaker_.failed(entry, now_, policy_, random_);
    }
  }
  SteadyTime now_{1h};
  llm::BreakerPolicy policy_{};
  Random random_{1};
  Breaker breaker_;
};

TEST_F(BreakerTest, OpensAtTheErrorRateAndNotBeforeEnoughCalls) {
  calls(9, false);
  EXPECT_EQ(breaker_.state(now_), State::kClosed);
  calls(1, false);
  EXPECT_EQ(breaker_.state(now_), State::kOpen);
  EXPECT_FALSE(breaker_.passes(now_));
}

TEST_F(BreakerTest, CountsTheWindowAlone) {
  calls(9, false);
  now_ += 31s;
  calls(9, true);
  calls(1, false);
  EXPECT_EQ(breaker_.state(now_), State::kClosed);
  EXPECT_EQ(breaker_.recent(now_, policy_).calls, 10u);
  EXPECT_EQ(breaker_.recent(now_, policy_).failures, 1u);
  calls(8, false);
  EXPECT_EQ(breaker_.state(now_), State::kOpen) << "9 of 18";
}

TEST_F(BreakerTest, LetsOneProbeThroughAfterThePause) {
  calls(10, false);
  now_ += 6s;
  EXPECT_EQ(breaker_.state(now_), State::kHalfOpen);
  EXPECT_TRUE(breaker_.passes(now_));
  const Entry probe = breaker_.enter(now_);
  EXPECT_EQ(probe, Entry::kProbe);
  EXPECT_FALSE(breaker_.passes(now_)) << "one at a time";
  breaker_.succeeded(probe, now_, policy_);
  EXPECT_EQ(breaker_.state(now_), State::kClosed);
  calls(8, false);
  EXPECT_EQ(breaker_.state(now_), State::kClosed) << "what was before is forgotten";
}

TEST_F(BreakerTest, PausesForTwiceAsLongEachTimeUpToABound) {
  calls(10, false);
  for (const Millis pause : {5s, 10s, 20s, 40s, 80s, 120s, 120s}) {
    const auto left = breaker_.opens_in(now_);
    EXPECT_GE(left, pause * 89 / 100);
    EXPECT_LE(left, pause * 111 / 100);
    now_ += left + 1ms;
    EXPECT_TRUE(breaker_.failed(breaker_.enter(now_), now_, policy_, random_));
  }
}

TEST_F(BreakerTest, GivesAnAbandonedProbeToTheNextCall) {
  calls(10, false);
  now_ += 6s;
  breaker_.abandoned(breaker_.enter(now_));
  EXPECT_TRUE(breaker_.passes(now_));
  breaker_.enter(now_);
  now_ += 61s;
  EXPECT_TRUE(breaker_.passes(now_)) << "one that was lost holds nothing up for ever";
}

TEST_F(BreakerTest, AForcedSuccessClosesItAndAForcedFailureDoesNotProlong) {
  calls(10, false);
  const auto left = breaker_.opens_in(now_);
  const Entry forced = breaker_.enter(now_);
  EXPECT_EQ(forced, Entry::kForced);
  breaker_.failed(forced, now_, policy_, random_);
  EXPECT_EQ(breaker_.opens_in(now_), left);
  breaker_.succeeded(breaker_.enter(now_), now_, policy_);
  EXPECT_EQ(breaker_.state(now_), State::kClosed);
}

TEST_F(BreakerTest, CanBeTurnedOff) {
  policy_.error_rate = 2;
  calls(100, false);
  EXPECT_EQ(breaker_.state(now_), State::kClosed);
}

TEST_F(BreakerTest, CountsRightFromManyThreads) {
  constexpr int kThreads = 4, kCalls = 2'000;
  policy_.error_rate = 1;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([this] {
      for (int i = 0; i < kCalls; ++i) {
        const Entry entry = breaker_.enter(now_);
        if (i % 4 == 0)
          breaker_.failed(entry, now_, policy_, random_);
        else
          breaker_.succeeded(entry, now_, policy_);
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(breaker_.recent(now_, policy_).calls, static_cast<unsigned>(kThreads * kCalls));
  EXPECT_EQ(breaker_.recent(now_, policy_).failures, static_cast<unsigned>(kThreads * kCalls / 4));
}

TEST(BreakerOfARoute, SparesItUntilAProbeSucceeds) {
  std::vector<Script> scripts(11, Script{.refuse = unreachable()});
  scripts.push_back({.deltas = {"{}"}});
  auto first = std::make_shared<ScriptedProvider>("first", scripts);
  auto second = std::make_shared<ScriptedProvider>("second", std::vector<Script>{{.deltas = {"{}"}}});
  Bench bench({first, second});
  for (int i = 0; i < 30; ++i) EXPECT_FALSE(bench.ask().error);
  EXPECT_EQ(first->calls.size(), 10u);
  EXPECT_EQ(bench.registry.routes().at(0).state, State::kOpen);
  bench.clock.advance(6s);
  EXPECT_EQ(bench.ask().record.provider, "second") << "the probe fails, the call does not";
  EXPECT_EQ(first->calls.size(), 11u);
  bench.clock.advance(12s);
  EXPECT_EQ(bench.ask().record.provider, "first");
  EXPECT_EQ(bench.registry.routes().at(0).state, State::kClosed);
}

TEST(BreakerOfARoute, IsNoReasonToRefuseWhenAllAreOpen) {
  auto only = std::make_shared<ScriptedProvider>("only", std::vector<Script>{{.refuse = unreachable()}});
  Bench bench({only});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(bench.ask().error->code, "upstream_unreachable");
  EXPECT_EQ(only->calls.size(), 20u);
}

TEST(BreakerOfARoute, SurvivesAnotherVersionOfTheModelButNotAnotherProvider) {
  auto first = std::make_shared<ScriptedProvider>("first", std::vector<Script>{{.refuse = unreachable()}});
  auto second = std::make_shared<ScriptedProvider>("second", std::vector<Script>{{.deltas = {"{}"}}});
  Bench bench({first, second});
  for (int i = 0; i < 10; ++i) bench.ask();
  auto next = std::make_shared<llm::Model>(*bench.model);
  next->version = 2;
  std::swap(next->routes[0], next->routes[1]);
  bench.registry.attach("p", *next);
  EXPECT_EQ(state_of(*next)->routes[1]->breaker.state(bench.clock.steady()), State::kOpen);
  EXPECT_EQ(state_of(*next)->shared, state_of(*bench.model)->shared);
  next->routes[1].provider = std::make_shared<ScriptedProvider>("first");
  bench.registry.attach("p", *next);
  EXPECT_EQ(state_of(*next)->routes[1]->breaker.state(bench.clock.steady()), State::kClosed);
  bench.registry.attach("q", *next);
  EXPECT_NE(state_of(*next)->shared, state_of(*bench.model)->shared) << "another project's";
}

}  // namespace
}  // namespace fairlead::gateway::routing
