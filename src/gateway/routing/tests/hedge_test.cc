#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/routing/retries.h"
#include "gateway/routing/tests/scripted.h"

namespace fairlead::gateway::routing {
namespace {

using namespace std::chrono_literals;

// A model whose second route is tried beside the first one after 20 ms, as often as it likes.
class HedgeTest : public testing::Test {
 protected:
  Bench& bench(std::vector<Script> first, std::vector<Script> second, double share = 1) {
    first_ = std::make_shared<ScriptedProvider>("first", std::move(first));
    second_ = std::make_shared<ScriptedProvider>("second", std::move(second));
    bench_.emplace(std::vector{first_, second_});
    bench_->model->routing.hedge = {.share = share, .after = 20ms};
    return *bench_;
  }
  static Script slow() { return {.hang_before = true}; }
  static Script whole() { return {.deltas = {"{}"}}; }
  std::shared_ptr<ScriptedProvider> first_, second_;
  std::optional<Bench> bench_;
};

std::vector<std::string> ways(const Answered& answered) {
  std::vector<std::string> out;
  for (const telemetry::Attempt& one : answered.attempts)
    out.push_back(one.provider + ":" + one.reason + ":" + one.error_code);
  return out;
}

TEST_F(HedgeTest, TheSecondAnswersWhenTheFirstIsSlow) {
  for (const bool stream : {false, true}) {
    Bench& bench = this->bench({slow()}, {stream ? streams({"a", "b"}) : whole()});
    const Answered answered = stream ? bench.stream() : bench.ask();
    EXPECT_FALSE(answered.error);
    EXPECT_THAT(ways(answered), testing::ElementsAre("first::hedge_lost", "second:hedge:"));
    EXPECT_EQ(first_->cancelled, 1);
    EXPECT_EQ(answered.record.provider, "second");
    EXPECT_EQ(bench.registry.routes().at(0).in_flight, 0);
    EXPECT_EQ(bench.registry.routes().at(0).failures, 0u) << "slow is not broken";
  }
}

TEST_F(HedgeTest, AFirstThatIsFastEnoughHasNone) {
  const Answered answered = bench({whole()}, {whole()}).ask();
  EXPECT_THAT(ways(answered), testing::ElementsAre("first::"));
  EXPECT_TRUE(second_->calls.empty());
}

TEST_F(HedgeTest, ARoleIsNoAnswerYet) {
  Script role{.deltas = {chunk("")}, .hang_after = 1};
  const Script good = streams({"a"});
  Script with_role = good;
  with_role.deltas.insert(with_role.deltas.begin(), chunk(""));
  const Answered answered = bench({role}, {with_role}).stream();
  EXPECT_EQ(answered.wire, chunk("") + good.deltas[0] + good.deltas[1]) << "one role, of the one that answers";
  EXPECT_EQ(answered.record.provider, "second");
}

TEST_F(HedgeTest, TheFirstGoesOnWhenTheSecondFails) {
  Script late{.deltas = {"{}"}, .wait_before = 80ms};
  const Answered answered = bench({late}, {Script{.refuse = unreachable()}}).ask();
  EXPECT_EQ(answered.wire, "{}");
  EXPECT_THAT(ways(answered), testing::ElementsAre("second:hedge:hedge_lost", "first::"));
}

TEST_F(HedgeTest, TheFirstWinsWhenItComesBeforeTheSecond) {
  Script late{.deltas = {"{}"}, .wait_before = 80ms};
  const Answered answered = bench({late}, {slow()}).ask();
  EXPECT_EQ(answered.record.provider, "first");
  EXPECT_EQ(second_->cancelled, 1);
}

TEST_F(HedgeTest, WaitsForTheSecondWhenTheFirstFails) {
  Script fails{.refuse = Error{ErrorKind::kUpstream, "upstream_error", "500"}, .wait_before = 80ms};
  Script late{.deltas = {"{}"}, .wait_before = 120ms};
  const Answered answered = bench({fails}, {late}).ask();
  EXPECT_FALSE(answered.error);
  EXPECT_THAT(ways(answered), testing::ElementsAre("first::upstream_error", "second:hedge:"));
}

TEST_F(HedgeTest, BothFailingIsAFailureOfBoth) {
  Script fails{.refuse = Error{ErrorKind::kUpstream, "upstream_error", "500"}, .wait_before = 80ms};
  const Answered answered = bench({fails}, {fails}).ask();
  EXPECT_EQ(answered.error->code, "upstream_error");
  EXPECT_THAT(ways(answered), testing::ElementsAre("first::upstream_error", "second:hedge:upstream_error"));
}

TEST_F(HedgeTest, TheCallersFaultEndsBoth) {
  Script refuses{.refuse = Error{ErrorKind::kInvalid, "invalid_value", "no"}, .wait_before = 80ms};
  const Answered answered = bench({refuses}, {slow()}).ask();
  EXPECT_EQ(answered.error->code, "invalid_value");
  EXPECT_EQ(second_->cancelled, 1);
}

TEST_F(HedgeTest, ACallThatIsCancelledEndsBoth) {
  Script stalls{.deltas = {"x"}, .wait_before = 80ms};
  Bench& bench = this->bench({stalls}, {slow()});
  bench.cancel_after = 50ms;
  const Answered answered = bench.ask();
  EXPECT_EQ(answered.error->kind, ErrorKind::kCancelled);
  EXPECT_EQ(second_->cancelled, 1);
}

TEST_F(HedgeTest, CostsAShareOfTheCallsAtMost) {
  Script late{.deltas = {"{}"}, .wait_before = 60ms};
  Bench& bench = this->bench({late}, {slow()}, 0.25);
  for (int i = 0; i < 9; ++i) bench.ask();
  EXPECT_EQ(second_->calls.size(), 3u) << "the one that a model starts with, and a quarter of nine";
}

TEST_F(HedgeTest, WaitsForThePercentileOfWhatItHasSeen) {
  Bench& bench = this->bench({slow()}, {whole()});
  bench.model->routing.hedge.after = 0ms;
  for (int i = 0; i < 100; ++i) state_of(*bench.model)->shared->whole.observe(i < 90 ? 1ms : 40ms);
  EXPECT_EQ(bench.ask().record.provider, "second");
}

TEST(HedgeBudgetTest, SavesUpTenAtMost) {
  HedgeBudget budget;
  for (int i = 0; i < 10'000; ++i) budget.count_call(0.05);
  int granted = 0;
  while (budget.withdraw()) ++granted;
  EXPECT_EQ(granted, 10);
}

}  // namespace
}  // namespace fairlead::gateway::routing
