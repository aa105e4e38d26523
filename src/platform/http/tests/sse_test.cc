#include "platform/http/sse.h"

#include <gtest/gtest.h>

#include <vector>

namespace fairlead::http {
namespace {

using Events = std::vector<std::pair<std::string, std::string>>;

Events parse(const std::vector<std::string_view>& pieces, SseParser& parser) {
  Events events;
  for (const std::string_view piece : pieces) {
    const auto fed = parser.feed(piece, [&](const ServerSentEvent& one) { events.emplace_back(one.event, one.data); });
    EXPECT_TRUE(fed.has_value());
  }
  return events;
}

struct Case {
  std::string text;
  Events events;
};

const std::vector<Case> kCases = {
    {"data: one\n\ndata: two\n\n", {{"message", "one"}, {"message", "two"}}},
    {"data: one\r\n\r\ndata: two\r\n\r\n", {{"message", "one"}, {"message", "two"}}},
    {"data: one\r\rdata: two\r\r", {{"message", "one"}, {"message", "two"}}},
    {"data: one\r\n\n", {{"message", "one"}}},
    {"data: a\ndata: b\rdata:  c\r\n\n", {{"message", "a\nb\n c"}}},
    {"\xEF\xBB\xBF"
     "data: x\n\n",
     {{"message", "x"}}},
    {"data: \xEF\xBB\xBFx\n\n", {{"message", "\xEF\xBB\xBFx"}}},
    {": comment\n\n:\n\ndata: x\n: inside\n\n", {{"message", "x"}}},
    {"event: ping\ndata: {}\n\ndata: y\n\n", {{"ping", "{}"}, {"message", "y"}}},
    {"event: lost\n\ndata: y\n\n", {{"message", "y"}}},
    {"data\n\n", {{"message", ""}}},
    {"data:\ndata:\n\n", {{"message", "\n"}}},
    {"data: x\nid: 1\nretry: 5\nunknown: z\n\n", {{"message", "x"}}},
    {"data: unfinished\n", {}},
    {"data: a:b: c\n\n", {{"message", "a:b: c"}}},
    {"\n\n\ndata: x\n\n\n", {{"message", "x"}}},
};

TEST(SseParser, ReadsEventsSplitAtEveryByte) {
  for (const Case& one : kCases) {
    for (std::size_t first = 0; first <= one.text.size(); ++first) {
      for (std::size_t second = first; second <= one.text.size(); ++second) {
        SseParser parser;
        const std::string_view text = one.text;
        EXPECT_EQ(parse({text.substr(0, first), text.substr(first, second - first), text.substr(second)}, parser),
                  one.events)
            << one.text << " at " << first << ", " << second;
      }
    }
  }
}

TEST(SseParser, KnowsWhetherTheStreamEndedInAnEvent) {
  SseParser parser;
  parse({"data: x\n\n"}, parser);
  EXPECT_FALSE(parser.unfinished());
  parse({"data: x\n"}, parser);
  EXPECT_TRUE(parser.unfinished());
  parse({"\n"}, parser);
  EXPECT_FALSE(parser.unfinished());
  parse({"da"}, parser);
  EXPECT_TRUE(parser.unfinished());
}

TEST(SseParser, RefusesAnEventOverItsLimit) {
  for (const char* piece : {"data: 0123456789\n", "0123456789"}) {
    SseParser parser(64);
    Result<void> fed;
    for (int i = 0; i < 10 && fed; ++i) fed = parser.feed(piece, [](const ServerSentEvent&) {});
    ASSERT_FALSE(fed.has_value());
    EXPECT_EQ(fed.error().code, "upstream_too_large");
  }
}

}  // namespace
}  // namespace fairlead::http
