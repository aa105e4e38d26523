#include <gmock/gmock.h>

#include "schedules/internal/rows.h"
#include "schedules/scheduler.h"
#include "schedules/tests/harness.h"

namespace fairlead::schedules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Scheduler::BackfillRequest range(const char* from, const char* to, std::int64_t at_once = 1) {
  return {.project = "default",
          .schedule = "hourly",
          .from_s = at(from),
          .to_s = at(to),
          .at_once = at_once,
          .author = "editor"};
}

Backfill only(Process& process) {
  const auto found = process.node().wait(process.scheduler().backfills("default", "hourly"));
  EXPECT_EQ(found->size(), 1U);
  return found->front();
}

// Looks until it has ended.
Backfill ended(Process& process) {
  for (int i = 0; i < 3'000 && only(process).state == "running"; ++i) {
    process.look();
    std::this_thread::sleep_for(Millis(2));
  }
  return only(process);
}

TEST_F(SchedulerTest, ABackfillRunsWhatHasNotRunOldestFirst) {
  Process process(*database_, clock_);
  process.put("hourly", spec(R"("cron": "@hourly")"));
  process.look();
  pass(3'600);
  process.look();
  EXPECT_THAT(process.ticks(), ElementsAre("11:00:00"));
  const auto made =
      process.node().wait(process.scheduler().backfill(range("2026-11-27T07:00:00Z", "2026-11-27T11:00:00Z", 2)));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->total, 5);
  const Backfill over = ended(process);
  EXPECT_EQ(over.state, "done");
  EXPECT_EQ(over.started, 4);
  EXPECT_EQ(over.had_run, 1);
  EXPECT_EQ(over.failed, 0);
  EXPECT_THAT(process.ticks(), ElementsAre("07:00:00", "08:00:00", "09:00:00", "10:00:00", "11:00:00"));
  // Ids count up: the oldest was started first.
  std::vector<std::string> keys;
  for (const journal::Run& run : process.runs()) keys.insert(keys.begin(), run.asked.key.substr(27, 2));
  EXPECT_THAT(keys, ElementsAre("11", "07", "08", "09", "10"));
}

TEST_F(SchedulerTest, NoMoreThanSoManyOfABackfillRunAtOnceAndARestartGoesOn) {
  const std::string waits = spec(R"("cron": "@hourly")", "waits");
  std::vector<std::string> first;
  {
    Process process(*database_, clock_);
    process.put("hourly", waits);
    ASSERT_TRUE(
        process.node().wait(process.scheduler().backfill(range("2026-11-27T01:00:00Z", "2026-11-27T05:00:00Z", 2))));
    for (int i = 0; i < 5; ++i) process.look();
    EXPECT_THAT(process.ticks(), ElementsAre("01:00:00", "02:00:00"));
    EXPECT_EQ(only(process).running, 2);
  }
  Process process(*database_, clock_);
  process.put("hourly", waits);
  for (std::size_t i = 0; i < 5; ++i) {
    process.look();
    const std::vector<journal::Run> runs = process.runs();
    std::size_t open = 0;
    for (const journal::Run& run : runs) open += journal::finished(run.state) ? 0 : 1;
    EXPECT_LE(open, 2U);
    const journal::Run& oldest = runs[runs.size() - 1 - i];
    ASSERT_TRUE(process.node().wait(process.node().engine().signal(
        "default", {.run = oldest.id, .id = "one", .name = "go", .data = "1", .at = 1})));
    EXPECT_EQ(process.node().wait_finished(oldest.id).state, journal::RunState::kSucceeded);
  }
  const Backfill over = ended(process);
  EXPECT_EQ(over.state, "done");
  EXPECT_EQ(over.started, 5);
  EXPECT_THAT(process.ticks(), ElementsAre("01:00:00", "02:00:00", "03:00:00", "04:00:00", "05:00:00"));
}

TEST_F(SchedulerTest, WhatADeadProcessHadTakenAndNotStartedIsStarted) {
  Process process(*database_, clock_);
  process.put("hourly", spec(R"("cron": "@hourly")"));
  const auto made =
      process.node().wait(process.scheduler().backfill(range("2026-11-27T07:00:00Z", "2026-11-27T09:00:00Z", 2)));
  const auto schedule = *process.schedules().find("default", "hourly");
  const auto taken = database_->write_blocking([&](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(const auto ticks, internal::take_ticks(connection, made->id, schedule->timing));
    EXPECT_EQ(ticks.size(), 2U);
    // There is no room for others.
    FAIRLEAD_TRY(const auto more, internal::take_ticks(connection, made->id, schedule->timing));
    EXPECT_TRUE(more.empty());
    return {};
  });
  ASSERT_TRUE(taken);
  process.start_only("hourly", at("2026-11-27T07:00:00Z"));
  const Backfill over = ended(process);
  EXPECT_EQ(over.state, "done");
  EXPECT_EQ(over.started + over.had_run, 3);
  EXPECT_THAT(process.ticks(), ElementsAre("07:00:00", "08:00:00", "09:00:00"));
}

TEST_F(SchedulerTest, TwoNodesTogetherKeepWithinTheRoomOfABackfill) {
  Process a(*database_, clock_, "node-a");
  Process b(*database_, clock_, "node-b");
  for (Process* const one : {&a, &b}) one->put("hourly", spec(R"("cron": "@hourly")", "waits"));
  ASSERT_TRUE(a.node().wait(a.scheduler().backfill(range("2026-11-26T00:00:00Z", "2026-11-26T12:00:00Z", 3))));
  for (Process* const one : {&a, &b}) one->scheduler().start_blocking();
  for (int i = 0; i < 3'000 && a.ticks().size() < 3; ++i) std::this_thread::sleep_for(Millis(5));
  std::this_thread::sleep_for(Millis(600));  // time enough for more looks of both
  for (Process* const one : {&a, &b}) one->scheduler().stop_blocking();
  EXPECT_THAT(a.ticks(), ElementsAre("00:00:00", "01:00:00", "02:00:00"));
}

TEST_F(SchedulerTest, ACancelledBackfillTakesNoFurtherTick) {
  Process process(*database_, clock_);
  process.put("hourly", spec(R"("cron": "@hourly")", "waits"));
  const auto made =
      process.node().wait(process.scheduler().backfill(range("2026-11-27T01:00:00Z", "2026-11-27T05:00:00Z")));
  process.look();
  const auto cancelled = process.node().wait(process.scheduler().cancel_backfill("default", made->id.substr(0, 20)));
  ASSERT_TRUE(cancelled) << cancelled.error().message;
  EXPECT_EQ(cancelled->state, "cancelled");
  EXPECT_EQ(process.node().wait(process.scheduler().cancel_backfill("other", made->id)).error().code,
            "backfill_not_found");
  const std::string run = process.runs().front().id;
  ASSERT_TRUE(process.node().wait(
      process.node().engine().signal("default", {.run = run, .id = "one", .name = "go", .data = "1", .at = 1})));
  process.node().wait_finished(run);
  process.look();
  EXPECT_THAT(process.ticks(), ElementsAre("01:00:00"));
}

TEST_F(SchedulerTest, ABackfillIsOfARangeThatIsOverAndHasTicks) {
  Process process(*database_, clock_);
  process.put("hourly", spec(R"("cron": "@hourly")"));
  const auto message = [&](Scheduler::BackfillRequest request) {
    const auto made = process.node().wait(process.scheduler().backfill(std::move(request)));
    return made ? std::string() : made.error().message;
  };
  EXPECT_THAT(message(range("2026-11-27T07:00:00Z", "2026-11-27T11:00:00Z")), HasSubstr("future"));
  EXPECT_THAT(message(range("2026-11-27T07:00:00Z", "2026-11-27T06:00:00Z")), HasSubstr("before"));
  EXPECT_THAT(message(range("2026-11-27T07:10:00Z", "2026-11-27T07:20:00Z")), HasSubstr("no tick"));
  EXPECT_THAT(message(range("2001-01-01T00:00:00Z", "2026-11-27T07:20:00Z")), HasSubstr("100000"));
  EXPECT_THAT(message(range("2026-11-27T07:00:00Z", "2026-11-27T08:00:00Z", 0)), HasSubstr("1 to 100"));
}

}  // namespace
}  // namespace fairlead::schedules
