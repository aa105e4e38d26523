#include "gateway/sessions/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fairlead::gateway::sessions {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Turn turn(int number, std::int64_t tokens = 10) {
  const std::string n = std::to_string(number);
  return {R"({"role":"user","content":"q)" + n + R"("},{"role":"assistant","content":"a)" + n + "\"}", tokens, false};
}

TEST(Session, KeepsTheLatestTurnsWithinItsTurnsAndTokens) {
  Session session;
  for (int i = 1; i <= 5; ++i) session.add(turn(i), {.turns = 3, .tokens = 1'000}, 1);
  EXPECT_EQ(session.turn_count(), 3u);
  EXPECT_THAT(session.messages(), StartsWith(R"({"role":"user","content":"q3"})"));
  session.add(turn(6), {.turns = 3, .tokens = 25}, 1);
  EXPECT_EQ(session.turn_count(), 2u);
  session.add(turn(7, 26), {.turns = 3, .tokens = 25}, 1);
  EXPECT_EQ(session.messages(), "") << "a turn that is too long is not remembered";
}

TEST(Session, ResultsOfToolsStayWithTheTurnThatAskedForThem) {
  Session session;
  session.add(turn(1), {.turns = 1}, 1);
  Turn results = turn(2);
  results.goes_on = true;
  session.add(results, {.turns = 1}, 1);
  EXPECT_EQ(session.turn_count(), 1u);
  EXPECT_THAT(session.messages(), HasSubstr("q1"));
  EXPECT_THAT(session.messages(), HasSubstr("a2"));
}

TEST(Session, ComesBackFromTheStoreAsItWas) {
  Session session;
  for (int i = 1; i <= 3; ++i) session.add(turn(i), {.ttl = std::chrono::seconds(60)}, 1'000'000);
  session.sum_up("short", 1);
  const Stored stored = session.stored();
  EXPECT_EQ(stored.turn_count, 2);
  EXPECT_EQ(stored.expires_at_us, 61'000'000);
  const Session again(stored);
  EXPECT_EQ(again.messages(), session.messages());
  EXPECT_EQ(again.bytes(), session.bytes());
  EXPECT_FALSE(again.expired(60'999'999));
  EXPECT_TRUE(again.expired(61'000'000));
}

TEST(Session, IsSummedUpWhenItIsTooLong) {
  const llm::MemoryPolicy policy{.turns = 4, .tokens = 1'000, .summary = "sum-up"};
  Session session;
  for (int i = 1; i <= 4; ++i) session.add(turn(i), policy, 1);
  EXPECT_FALSE(session.to_sum(policy));
  session.add(turn(5), policy, 1);
  const auto what = session.to_sum(policy);
  ASSERT_TRUE(what);
  EXPECT_EQ(what->conversation, "user: q1\nassistant: a1\nuser: q2\nassistant: a2\nuser: q3\nassistant: a3\n");
  session.add(turn(6), policy, 1);  // meanwhile
  session.sum_up("three things", what->until);
  EXPECT_EQ(session.turn_count(), 3u);
  EXPECT_THAT(session.messages(),
              StartsWith(R"({"role":"system","content":"What was said before, in short:\nthree things"})"));
  EXPECT_THAT(session.messages(), HasSubstr("q4"));
  EXPECT_THAT(session.messages(), Not(HasSubstr("q3")));
  for (int i = 7; i <= 8; ++i) session.add(turn(i), policy, 1);
  EXPECT_THAT(session.to_sum(policy)->conversation, StartsWith("In short, before: three things\nuser: q4"));
  // Were it never summed up: twice as much at most.
  for (int i = 9; i <= 30; ++i) session.add(turn(i), policy, 1);
  EXPECT_EQ(session.turn_count(), 8u);
}

TEST(Session, ForgetsAll) {
  Session session;
  session.add(turn(1), {}, 1);
  session.sum_up("short", 0);
  session.clear();
  EXPECT_EQ(session.messages(), "");
  EXPECT_EQ(session.bytes(), 0u);
  EXPECT_FALSE(session.expired(1));
}

}  // namespace
}  // namespace fairlead::gateway::sessions
