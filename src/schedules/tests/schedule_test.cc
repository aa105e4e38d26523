#include "schedules/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/iso_time.h"
#include "platform/json/text.h"
#include "schedules/kind.h"

namespace fairlead::schedules {
namespace {

namespace bj = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;

bj::object object(const char* text) {
  return json::parse(text)->as_object();
}

Timing timing(const char* spec) {
  std::vector<resources::SpecError> faults;
  return *Timing::of(object(spec), faults);
}

std::int64_t at(const char* text) {
  return *parse_iso_time(text) / 1'000'000;
}

std::vector<std::string> ticks(const Due& due) {
  std::vector<std::string> out;
  for (const std::int64_t tick_s : due.ticks) out.push_back(utc_text(tick_s).substr(11, 5));
  return out;
}

TEST(DueTicks, WhatWasNotMissedIsStartedWhateverTheRule) {
  const Timing every = timing(R"({"every": "3s"})");
  const std::int64_t last = at("2026-11-27T10:00:00Z");
  for (const CatchUp rule : {CatchUp::kSkip, CatchUp::kLatest, CatchUp::kAll}) {
    EXPECT_EQ(due_ticks(every, rule, last, last + 2).ticks.size(), 0U);
    EXPECT_EQ(due_ticks(every, rule, last, last + 3).ticks.size(), 1U);
    EXPECT_EQ(due_ticks(every, rule, last, last + 12).ticks.size(), 4U);
    EXPECT_FALSE(due_ticks(every, rule, last, last + 12).left_out);
  }
}

TEST(DueTicks, WhatWasMissedIsUpToTheRule) {
  const Timing hourly = timing(R"({"cron": "@hourly"})");
  const std::int64_t last = at("2026-11-27T03:00:00Z"), now = at("2026-11-27T06:30:00Z");
  EXPECT_THAT(ticks(due_ticks(hourly, CatchUp::kAll, last, now)), ElementsAre("04:00", "05:00", "06:00"));
  EXPECT_THAT(ticks(due_ticks(hourly, CatchUp::kLatest, last, now)), ElementsAre("06:00"));
  EXPECT_THAT(ticks(due_ticks(hourly, CatchUp::kSkip, last, now)), ElementsAre());
  // One that has just come is not missed.
  EXPECT_THAT(ticks(due_ticks(hourly, CatchUp::kSkip, last, at("2026-11-27T06:00:04Z"))), ElementsAre("06:00"));
  EXPECT_TRUE(due_ticks(hourly, CatchUp::kLatest, last, now).left_out);
  EXPECT_TRUE(due_ticks(hourly, CatchUp::kSkip, last, now).left_out);
  EXPECT_FALSE(due_ticks(hourly, CatchUp::kAll, last, now).left_out);
}

TEST(DueTicks, AllIsTheLastThousand) {
  const Timing every = timing(R"({"every": "1s"})");
  const std::int64_t last = at("2026-11-27T03:00:00Z"), now = last + 365 * 86'400;
  const Due due = due_ticks(every, CatchUp::kAll, last, now);
  ASSERT_EQ(due.ticks.size(), kMostMissed);
  EXPECT_EQ(due.ticks.back(), now);
  EXPECT_EQ(due.ticks.front(), now - 999);
  EXPECT_TRUE(due.left_out);
}

TEST(DueTicks, TheHourThatIsLeaptOverAndTheOneThatComesTwice) {
  const Timing berlin = timing(R"({"cron": "30 2 * * *", "zone": "Europe/Berlin"})");
  EXPECT_THAT(ticks(due_ticks(berlin, CatchUp::kAll, at("2026-03-28T12:00:00Z"), at("2026-03-29T12:00:00Z"))),
              ElementsAre("01:00"));
  EXPECT_THAT(ticks(due_ticks(berlin, CatchUp::kAll, at("2026-10-24T12:00:00Z"), at("2026-10-25T12:00:00Z"))),
              ElementsAre("00:30", "01:30"));
}

TEST(Schedule, MakesTheRequestOfATick) {
  std::vector<resources::SpecError> faults;
  const auto schedule = Schedule::of("default", "nightly", 3, 7, object(R"({
      "chain": "digest@3", "every": "1d", "queue": "slow",
      "input": {"day": "${{ schedule.time.getFullYear() }}", "at": "${{ schedule.time }}", "plain": [1]}})"),
                                     faults);
  ASSERT_NE(schedule, nullptr);
  const auto request = schedule->request(at("2026-11-27T03:00:00Z"));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->key, "schedule:nightly:2026-11-27T03:00:00Z");
  EXPECT_EQ(request->key_name, "schedule:nightly");
  EXPECT_EQ(request->chain, "digest@3");
  EXPECT_EQ(request->queue, "slow");
  EXPECT_EQ(json::to_text(request->input), R"({"day":2026,"at":"2026-11-27T03:00:00Z","plain":[1]})");
}

class Others final : public resources::Catalogue {
 public:
  const bj::object* find(std::string_view kind, std::string_view name) const override {
    return kind == "chain" && name == "digest" ? &chain_ : nullptr;
  }
  std::vector<std::string> names(std::string_view) const override { return {"digest"}; }

 private:
  bj::object chain_ = object(R"({"input": {"day": {"type": "string"}, "tone": {"default": "dry"}}, "steps": []})");
};

std::string faults_of(const char* spec) {
  std::string out;
  for (const resources::SpecError& fault : schedule_kind().check("nightly", object(spec), Others()))
    out += fault.pointer + " " + fault.message + "\n";
  return out;
}

TEST(ScheduleKind, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(faults_of(R"({"chain": "digest", "cron": "@daily", "zone": "Europe/Berlin", "input": {"day": "x"}})"), "");
  EXPECT_THAT(faults_of(R"({"chain": "digest", "cron": "0 0 30 2 *", "input": {"day": "x"}})"), HasSubstr("/cron "));
  EXPECT_THAT(faults_of(R"({"chain": "digest", "cron": "0 0 30 2 *", "input": {"day": "x"}})"),
              HasSubstr("never comes"));
  EXPECT_THAT(faults_of(R"({"chain": "digest", "cron": "@daily", "zone": "Europe/Atlantis", "input": {"day": "x"}})"),
              HasSubstr("/zone There is no time zone"));
  EXPECT_THAT(faults_of(R"({"chain": "digest", "input": {"day": "x"}})"), HasSubstr("`cron` or `every`"));
  EXPECT_THAT(faults_of(R"({"chain": "digest", "cron": "@daily", "every": "1h", "input": {"day": "x"}})"),
              HasSubstr("/every a schedule has"));
  EXPECT_THAT(faults_of(R"({"chain": "digest", "every": "1500ms", "input": {"day": "x"}})"),
              HasSubstr("whole seconds"));
  EXPECT_THAT(faults_of(R"({"chain": "digest", "every": "1h", "zone": "UTC", "input": {"day": "x"}})"),
              HasSubstr("/zone "));
  EXPECT_THAT(faults_of(R"({"chain": "digets", "every": "1h"})"), HasSubstr("Did you mean `digest`?"));
  EXPECT_THAT(faults_of(R"({"chain": "digest", "every": "1h"})"), HasSubstr("needs the input `day`"));
  EXPECT_THAT(faults_of(R"({"chain": "digest", "every": "1h", "input": {"day": "x", "tune": 1}})"),
              HasSubstr("/input/tune chain `digest` has no input `tune`. Did you mean `tone`?"));
  EXPECT_THAT(faults_of(R"({"chain": "digest", "every": "1h", "input": {"day": "${{ schedule.tim }}"}})"),
              HasSubstr("/input/day "));
}

}  // namespace
}  // namespace fairlead::schedules
