#include "llm/internal/event_stencil.h"

#include <gtest/gtest.h>

#include <random>

namespace fairlead::llm::internal {
namespace {

std::string event(std::string_view content, std::string_view rest = R"("finish_reason":null)",
                  std::string_view padding = "x") {
  return "data: {\"id\":\"c1\",\"choices\":[{\"delta\":{\"content\":\"" + std::string(content) + "\"}," +
         std::string(rest) + "}],\"usage\":null,\"padding\":\"" + std::string(padding) + "\"}\n\n";
}

constexpr std::string_view kUsage = R"(,"usage":null)";

EventStencil taught(Cut cut = {}) {
  EventStencil stencil;
  stencil.learn(event("one"), cut);
  stencil.learn(event("other"), cut);
  return stencil;
}

TEST(EventStencil, KnowsNothingBeforeItHasSeenTwo) {
  EventStencil stencil;
  EXPECT_EQ(stencil.match(event("one")).size, 0u);
  stencil.learn(event("one"), {});
  EXPECT_EQ(stencil.match(event("one")).size, 0u);
}

TEST(EventStencil, KnowsEventsThatDifferInWhatVaries) {
  const EventStencil stencil = taught();
  for (const std::string_view content :
       {"", "a", "a longer text than that", R"(\"quoted\" \\ and \n)", R"(\\)", "Привет, мир", "0123456", "01234567"}) {
    const std::string one = event(content);
    EXPECT_EQ(stencil.match(one).size, one.size()) << content;
    EXPECT_EQ(stencil.match(one + event("next")).size, one.size()) << content;
    for (std::size_t cut = 0; cut < one.size(); ++cut) EXPECT_EQ(stencil.match(one.substr(0, cut)).size, 0u) << cut;
  }
}

TEST(EventStencil, DoesNotKnowWhatDiffersOtherwise) {
  const EventStencil stencil = taught();
  for (const std::string& other :
       {event("a", R"("finish_reason":"stop")"), event("a", R"("finish_reason": null)"), event("a", "\"error\":1"),
        event("a", R"("finish_reason":null)", "y"), event("line\nbreak"), event("a\\\nb"), event("\xff"),
        event("half\xd0"), event("a\",\"b\":\"c"), event("\\"), std::string("data: [DONE]\n\n"), std::string()}) {
    EXPECT_EQ(stencil.match(other).size, 0u) << other;
  }
}

TEST(EventStencil, LearnsMoreOfWhatVaries) {
  EventStencil stencil = taught();
  const std::string padded = event("more", R"("finish_reason":null)", "yyyy");
  EXPECT_EQ(stencil.match(padded).size, 0u);
  stencil.learn(padded, {});
  const std::string next = event("and", R"("finish_reason":null)", "zz");
  EXPECT_EQ(stencil.match(next).size, next.size());
}

TEST(EventStencil, LearnsAnewWhenTheStructureChanges) {
  EventStencil stencil = taught();
  const std::string_view other = R"("logprobs":null,"finish_reason":null)";
  stencil.learn(event("one", other), {});
  EXPECT_EQ(stencil.match(event("x")).size, 0u);
  EXPECT_EQ(stencil.match(event("x", other)).size, 0u);
  stencil.learn(event("two", other), {});
  EXPECT_GT(stencil.match(event("x", other)).size, 0u);
}

TEST(EventStencil, NeverTakesANameForAValue) {
  EventStencil stencil;
  stencil.learn("data: {\"a\":\"b\"}\n\n", {});
  stencil.learn("data: {\"c\":\"b\"}\n\n", {});
  stencil.learn("data: {\"d\" : \"b\"}\n\n", {});
  EXPECT_EQ(stencil.match("data: {\"e\":\"b\"}\n\n").size, 0u);
}

TEST(EventStencil, SaysWhereTheCutIs) {
  const std::string first = event("one"), second = event("other"), third = event("something else");
  EventStencil stencil;
  stencil.learn(first, {first.find(kUsage), kUsage.size()});
  stencil.learn(second, {second.find(kUsage), kUsage.size()});
  const auto match = stencil.match(third);
  ASSERT_EQ(match.size, third.size());
  EXPECT_EQ(third.substr(match.cut.from, match.cut.size), kUsage);
}

TEST(EventStencil, GivesUpOnAStreamWithoutOrder) {
  EventStencil stencil;
  for (int i = 0; i < 20; ++i) {
    const std::string rest = "\"r" + std::to_string(i) + "\":0";
    stencil.learn(event("a", rest), {});
  }
  stencil.learn(event("a"), {});
  stencil.learn(event("b"), {});
  EXPECT_EQ(stencil.match(event("c")).size, 0u);
}

// Whatever it is taught and asked, it stays within its bytes and says yes to equal structures alone.
TEST(EventStencil, BearsNoise) {
  std::mt19937 random(7);
  constexpr std::string_view kAlphabet = "\"\"\"\\:,{}ab \n\xd0\xb0";
  const auto noise = [&] {
    std::string text = "data: {";
    for (int i = std::uniform_int_distribution(0, 12)(random); i > 0; --i)
      text += kAlphabet[std::uniform_int_distribution<std::size_t>(0, kAlphabet.size() - 1)(random)];
    return text + "}\n\n";
  };
  int known = 0;
  for (int round = 0; round < 20'000; ++round) {
    EventStencil stencil;
    for (int i = 0; i < 3; ++i) stencil.learn(noise(), {});
    const std::string asked = noise();
    const auto match = stencil.match(asked);
    ASSERT_TRUE(match.size == 0 || match.size <= asked.size());
    known += match.size > 0;
  }
  EXPECT_GT(known, 0);
}

}  // namespace
}  // namespace fairlead::llm::internal
