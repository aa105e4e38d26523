#include "schedules/scheduler.h"

#include <gmock/gmock.h>

#include "schedules/tests/harness.h"

namespace fairlead::schedules {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(SchedulerTest, StartsEachTickOnceAndTellsTheRunItsTime) {
  Process process(*database_, clock_);
  process.put("often", spec(R"("every": "2s")"));
  process.look();
  EXPECT_THAT(process.ticks(), IsEmpty());  // it counts from when it was first seen
  pass(3);
  process.look();
  process.look();
  EXPECT_THAT(process.ticks(), ElementsAre("10:00:02"));
  pass(2);
  process.look();
  EXPECT_THAT(process.ticks(), ElementsAre("10:00:02", "10:00:04"));
  const journal::Run first = process.node().wait_finished(process.runs().back().id);
  EXPECT_EQ(first.output, "\"2026-11-27T10:00:02Z\"");
  EXPECT_EQ(first.asked.author, "schedule:often");
  const auto standings = process.node().wait(process.scheduler().standings("default"));
  EXPECT_EQ(standings->at("often").started, 2);
  EXPECT_EQ(standings->at("often").last_s, at("2026-11-27T10:00:04Z"));
}

TEST_F(SchedulerTest, AProcessThatWasAwayCatchesUpByTheRule) {
  const std::pair<const char*, std::vector<std::string>> rules[] = {
      {"skip", {"11:00:00"}},
      {"latest", {"11:00:00", "14:00:00"}},
      {"all", {"11:00:00", "12:00:00", "13:00:00", "14:00:00"}}};
  for (const auto& [rule, wanted] : rules) {
    journal::TestFolder folder;
    std::vector<store::Migration> migrations = journal::migrations();
    for (store::Migration& one : schedules::migrations()) migrations.push_back(std::move(one));
    const auto database = *store::open_sqlite(folder.file("store.db"), readers_, migrations);
    ManualClock clock(at("2026-11-27T10:30:00Z") * 1'000'000);
    const std::string hourly = spec(R"("cron": "@hourly", "catch_up": ")" + std::string(rule) + "\"");
    {
      Process process(*database, clock);
      process.put("hourly", hourly);
      process.look();
      clock.advance(Micros(1'801'000'000));
      process.look();
      EXPECT_THAT(process.ticks(), ElementsAre("11:00:00"));
    }
    clock.advance(Micros(3 * 3'600'000'000LL + 600'000'000));
    Process again(*database, clock);
    again.put("hourly", hourly);
    again.look();
    again.look();
    EXPECT_EQ(again.ticks(), wanted) << rule;
  }
}

TEST_F(SchedulerTest, ADeathBetweenTheRunAndTheMarkMakesNoSecondRun) {
  Process process(*database_, clock_);
  process.put("often", spec(R"("every": "2s", "catch_up": "all")"));
  process.look();
  pass(5);
  process.start_only("often", at("2026-11-27T10:00:02Z"));
  process.put("often", R"({"chain": "echo", "input": {"at": "another"}, "every": "2s", "catch_up": "all"})");
  process.look();
  EXPECT_THAT(process.ticks(), ElementsAre("10:00:02", "10:00:04"));
  EXPECT_EQ(process.node().wait_finished(process.runs().back().id).output, "\"2026-11-27T10:00:02Z\"");
  pass(2);
  process.look();
  EXPECT_THAT(process.ticks(), ElementsAre("10:00:02", "10:00:04", "10:00:06"));
}

TEST_F(SchedulerTest, RunsHaveTheSchedulesDeadline) {
  Process process(*database_, clock_);
  process.put("often", spec(R"("every": "1s", "deadline": "200ms")", "waits"));
  process.look();
  pass(1);
  process.look();
  const journal::Run run = process.node().wait_finished(process.runs().front().id);
  EXPECT_EQ(run.state, journal::RunState::kFailed);
  EXPECT_THAT(run.error, testing::HasSubstr("deadline"));
}

TEST_F(SchedulerTest, APausedOneStartsNothingAndCatchesUpAfterwards) {
  Process process(*database_, clock_);
  process.put("hourly", spec(R"("cron": "@hourly", "catch_up": "all")"));
  process.look();
  process.put("hourly", spec(R"("cron": "@hourly", "catch_up": "all", "paused": true)"));
  pass(2 * 3'600 + 60);
  process.look();
  EXPECT_THAT(process.ticks(), IsEmpty());
  process.put("hourly", spec(R"("cron": "@hourly", "catch_up": "all")"));
  process.look();
  EXPECT_THAT(process.ticks(), ElementsAre("11:00:00", "12:00:00"));
}

TEST_F(SchedulerTest, ADifferentTimingCountsFromNow) {
  Process process(*database_, clock_);
  process.put("one", spec(R"("cron": "0 11 * * *", "catch_up": "all")"));
  process.look();
  pass(2 * 3'600 + 60);
  process.put("one", spec(R"("cron": "*/30 * * * *", "catch_up": "all")"));
  process.look();
  EXPECT_THAT(process.ticks(), IsEmpty());
  pass(30 * 60);
  process.look();
  EXPECT_THAT(process.ticks(), ElementsAre("12:30:00"));
}

TEST_F(SchedulerTest, ANodeThatHasNotHeardOfANewTimingDoesNotPutTheOldOneBack) {
  Process ahead(*database_, clock_, "node-a");
  Process behind(*database_, clock_, "node-b");
  for (Process* const one : {&ahead, &behind}) {
    one->put("one", spec(R"("every": "7s", "catch_up": "all")"));
    one->look();
  }
  ahead.put("one", spec(R"("every": "5s", "catch_up": "all")"));
  ahead.look();
  for (int second = 0; second < 20; ++second) {
    pass(1);
    behind.look();
    ahead.look();
  }
  EXPECT_THAT(ahead.ticks(), ElementsAre("10:00:05", "10:00:10", "10:00:15", "10:00:20"));
}

TEST_F(SchedulerTest, TwoNodesMakeOneRunOfATick) {
  Process a(*database_, clock_, "node-a");
  Process b(*database_, clock_, "node-b");
  for (Process* const one : {&a, &b}) {
    one->put("often", spec(R"("every": "1s", "catch_up": "all")"));
    one->look();
    one->scheduler().start_blocking();
  }
  for (int second = 0; second < 5; ++second) {
    pass(1);
    const std::size_t wanted = static_cast<std::size_t>(second) + 1;
    for (int i = 0; i < 3'000 && a.ticks().size() < wanted; ++i) std::this_thread::sleep_for(Millis(5));
  }
  for (Process* const one : {&a, &b}) one->scheduler().stop_blocking();
  EXPECT_THAT(a.ticks(), ElementsAre("10:00:01", "10:00:02", "10:00:03", "10:00:04", "10:00:05"));
  EXPECT_EQ(a.runs().size(), 5U);
}

TEST_F(SchedulerTest, ATickThatCannotStartIsToldAndDoesNotHoldUpTheOthers) {
  Process process(*database_, clock_);
  process.put("broken", R"({"chain": "echo", "input": {"at": 7}, "every": "1s"})");
  process.look();
  pass(1);
  process.look();
  EXPECT_THAT(process.ticks(), IsEmpty());
  auto standings = process.node().wait(process.scheduler().standings("default"));
  EXPECT_NE(standings->at("broken").error, "");
  EXPECT_EQ(standings->at("broken").started, 0);
  process.put("broken", spec(R"("every": "1s")"));
  pass(1);
  process.look();
  EXPECT_THAT(process.ticks(), ElementsAre("10:00:02"));
  standings = process.node().wait(process.scheduler().standings("default"));
  EXPECT_EQ(standings->at("broken").error, "");
}

}  // namespace
}  // namespace fairlead::schedules
