#include "cli/internal/live_steps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/internal/show.h"
#include "platform/json/text.h"

namespace fairlead::cli {
namespace {

void take_all(LiveSteps& steps, std::initializer_list<const char*> events) {
  for (const char* const event : events) steps.take(json::parse(event).value());
}

TEST(LiveSteps, EachStepIsALineThatChanges) {
  LiveSteps steps({"split", "each", "editor"});
  EXPECT_EQ(steps.page(80, false), "  split          ·\n  each           ·\n  editor         ·\n");
  take_all(steps, {R"({"event":"taken","at":"2026-01-01T00:00:00Z","data":{}})",
                   R"({"event":"result","step":"split","at":"2026-01-01T00:00:00Z","data":[]})",
                   R"({"event":"intent","step":"each[0]","attempt":1,"at":"2026-01-01T00:00:00Z","data":{}})",
                   R"({"event":"intent","step":"each[1]","attempt":1,"at":"2026-01-01T00:00:00Z","data":{}})",
                   R"({"event":"result","step":"each[0]","at":"2026-01-01T00:00:01Z","data":1})"});
  EXPECT_EQ(steps.page(80, false),
            "  split          ✓ 0.0 s\n  each           …   1 done, 1 running\n  editor         ·\n");
  take_all(
      steps,
      {R"({"event":"failure","step":"each[1]","at":"2026-01-01T00:00:02Z","data":{"code":"rate_limited","retry_at":5}})"});
  EXPECT_THAT(steps.page(80, false), testing::HasSubstr("each           ·   1 done, 1 retried (rate limited)\n"));
  take_all(steps, {R"({"event":"intent","step":"each[1]","attempt":2,"at":"2026-01-01T00:00:03Z","data":{}})",
                   R"({"event":"result","step":"each[1]","attempt":2,"at":"2026-01-01T00:00:04Z","data":1})",
                   R"({"event":"wait","step":"editor","at":"2026-01-01T00:00:04Z","data":{"for":"approve:editor"}})"});
  EXPECT_EQ(steps.page(80, false),
            "  split          ✓ 0.0 s\n  each           ✓ 4.0 s   2 done, 1 retried (rate limited)\n"
            "  editor         · waits for approval\n");
  take_all(steps, {R"({"event":"failure","step":"editor","at":"2026-01-01T00:00:09Z","data":{"code":"timed_out"}})",
                   R"({"event":"result","step":"more","at":"2026-01-01T00:00:09Z","data":1})"});
  EXPECT_THAT(steps.page(80, false), testing::HasSubstr("  editor         ✗ 5.0 s\n  more           ✓ 0.0 s\n"));
}

TEST(LiveSteps, AMapHasABarAndWhatHasNotBegunSaysWhatItWaitsFor) {
  LiveSteps steps({"split", "each", "check"});
  const auto known =
      json::parse(R"([{"name":"split"},{"name":"each","after":["split"]},{"name":"check","after":["each"]}])");
  steps.know(*known);
  EXPECT_EQ(steps.page(80, false),
            "  split          ·\n  each           · waits for split\n  check          · waits for each\n");
  take_all(steps, {R"({"event":"result","step":"split","at":"2026-01-01T00:00:00Z","data":[]})"});
  EXPECT_FALSE(steps.wants_to_know());
  take_all(steps, {R"({"event":"intent","step":"each[0]","attempt":1,"at":"2026-01-01T00:00:00Z","data":{}})"});
  EXPECT_TRUE(steps.wants_to_know());
  EXPECT_FALSE(steps.wants_to_know());
  const auto more = json::parse(R"([{"name":"each","after":["split"],"of":9},{"name":"check","after":["each"]}])");
  steps.know(*more);
  for (int i = 0; i < 7; ++i)
    steps.take(*json::parse(R"({"event":"result","step":"each[)" + std::to_string(i) +
                            R"(]","at":"2026-01-01T00:00:01Z","data":1})"));
  take_all(
      steps,
      {R"({"event":"intent","step":"each[7]","attempt":1,"at":"2026-01-01T00:00:01Z","data":{}})",
       R"({"event":"failure","step":"each[8]","at":"2026-01-01T00:00:01Z","data":{"code":"rate_limit","retry_at":1767225602400000}})"});
  EXPECT_EQ(steps.page(100, false),
            "  split          ✓ 0.0 s\n"
            "  each           ████████████▌      7/9   1 running, 1 retried (rate limit, waits 1.4 s)\n"
            "  check          · waits for each\n");
  EXPECT_THAT(steps.page(40, false), testing::HasSubstr("  each           7/9   1 running, 1 retr\n"));
  take_all(steps, {R"({"event":"result","step":"each[7]","at":"2026-01-01T00:00:02Z","data":1})",
                   R"({"event":"intent","step":"each[8]","attempt":2,"at":"2026-01-01T00:00:02Z","data":{}})",
                   R"({"event":"result","step":"each[8]","at":"2026-01-01T00:00:03Z","data":1})"});
  EXPECT_EQ(steps.page(80, false),
            "  split          ✓ 0.0 s\n  each           ✓ 3.0 s   9 done, 1 retried (rate limit)\n"
            "  check          ·\n");
}

TEST(LiveSteps, SayWhatTheyWaitFor) {
  LiveSteps steps({"nap", "editor", "each", "gate"});
  const std::string time = local_time("2026-01-01T00:00:05Z");
  take_all(steps,
           {R"({"event":"wait","step":"nap","at":"2026-01-01T00:00:00Z","data":{"until":1767225605000000}})",
            R"({"event":"wait","step":"editor","at":"x","data":{"for":"approve:editor","ask":"Publish it?"}})",
            R"({"event":"wait","step":"each[3]","at":"x","data":{"for":"approve:each[3]","until":1767225605000000}})",
            R"({"event":"held","step":"gate","at":"x","data":{"by":"queue model:small"}})"});
  EXPECT_EQ(steps.page(80, false), "  nap            · sleeps until " + time +
                                       "\n  editor         · waits for approval: Publish it?\n"
                                       "  each           · waits for approval of each[3]   until " +
                                       time + "\n  gate           · waits for queue model:small\n");
}

TEST(LiveSteps, WhatAForkTookOverIsDoneAndWhatARetryNamesBeginsAnew) {
  LiveSteps steps({"split", "each", "editor", "desk"});
  take_all(steps,
           {R"({"event":"copied","step":"split","at":"2026-01-01T00:00:00Z","data":{"from":"01X","output":1}})",
            R"({"event":"copied","step":"each[0]","at":"2026-01-01T00:00:00Z","data":{"from":"01X","output":1}})",
            R"({"event":"copied","step":"each[1]","at":"2026-01-01T00:00:00Z","data":{"from":"01X","failure":{}}})",
            R"({"event":"failure","step":"editor","at":"2026-01-01T00:00:00Z","data":{"code":"timed_out"}})",
            R"({"event":"result","step":"desk#1","at":"2026-01-01T00:00:00Z","data":1})",
            R"({"event":"failure","step":"desk","at":"2026-01-01T00:00:00Z","data":{"code":"timed_out"}})"});
  EXPECT_EQ(steps.page(80, false),
            "  split          ✓ 0.0 s\n  each           ✓ 0.0 s   1 done, 1 failed\n  editor         ✗ 0.0 s\n"
            "  desk           ✗ 0.0 s   1 done, 1 failed\n");
  take_all(steps, {R"({"event":"retried","at":"2026-01-01T00:00:01Z","data":{"by":"me","steps":["editor","desk"]}})",
                   R"({"event":"withdrawn","step":"each[1]","at":"2026-01-01T00:00:01Z","data":null})"});
  EXPECT_EQ(steps.page(80, false),
            "  split          ✓ 0.0 s\n  each           ·   1 done\n  editor         ·\n  desk           ·   1 done\n");
}

TEST(LiveSteps, LinesFitTheTerminal) {
  LiveSteps steps({"a"});
  take_all(steps,
           {R"({"event":"wait","step":"a","at":"x","data":{"for":"a very long name of what it waits for, really"}})"});
  EXPECT_EQ(steps.page(40, false), "  a              · waits for a very long\n");
}

}  // namespace
}  // namespace fairlead::cli
