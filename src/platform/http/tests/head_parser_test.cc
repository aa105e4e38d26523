#include "platform/http/internal/head_parser.h"

#include <gtest/gtest.h>

#include "platform/http/tests/fuzz/beast_oracle.h"
#include "platform/http/tests/fuzz/mutations.h"

namespace fairlead::http {
namespace {

TEST(HeadParser, ReadsEveryPartOfARequest) {
  HeadParser parser({});
  const std::string text =
      "POST /v1/chat?x=1?y HTTP/1.1\r\nHost: a:1\r\nX-A:  b c \t\r\nContent-Length: 12\r\nExpect: "
      "100-Continue\r\nConnection: foo, CLOSE\r\n\r\nrest";
  ASSERT_EQ(parser.parse_request(text), HeadParser::Status::kDone);
  const RequestHead& head = parser.request();
  EXPECT_EQ(head.method, Method::kPost);
  EXPECT_EQ(head.method_text, "POST");
  EXPECT_EQ(head.target, "/v1/chat?x=1?y");
  EXPECT_EQ(head.path, "/v1/chat");
  EXPECT_EQ(head.query, "x=1?y");
  EXPECT_EQ(head.header("x-a"), "b c");
  EXPECT_EQ(head.header("nothing"), std::nullopt);
  EXPECT_EQ(head.content_length, 12u);
  EXPECT_TRUE(head.expect_continue);
  EXPECT_FALSE(head.keep_alive);
  EXPECT_FALSE(head.chunked);
  EXPECT_EQ(parser.head_size(), text.size() - 4);
}

// RFC 9110 section 5.5, each byte at each place of values that are read by the word and by the byte, between others.
TEST(HeadParser, TakesNoControlCharacterInAValue) {
  for (std::size_t size = 3; size <= 21; ++size) {
    for (std::size_t place = 1; place + 1 < size;
         ++place) {  // at the ends there may be spaces, which are no part of it
      for (int byte = 0; byte < 256; ++byte) {
        std::string value(size, byte % 2 == 0 ? 'v' : '\xd0');
        value[place] = static_cast<char>(byte);
        const std::string line = "x:" + value;
        Header header;
        const bool good = byte == '\t' || (byte >= 0x20 && byte != 0x7f);
        ASSERT_EQ(parse_field_line(line, header), good) << byte << " at " << place << " of " << size;
        if (!good) continue;
        ASSERT_EQ(header.value, value);
      }
    }
  }
}

TEST(HeadParser, AnAbsoluteTargetGivesPathAndHost) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"http://b", "/", "/"}, {"http://b/", "/", "/"}, {"HTTPS://b:1/x?y", "/x", "/x?y"}, {"http://b?y", "/", "?y"}};
  for (const auto& [target, path, origin_form] : cases) {
    HeadParser parser({});
    const std::string text = "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n";
    ASSERT_EQ(parser.parse_request(text), HeadParser::Status::kDone) << target;
    EXPECT_EQ(parser.request().path, path);
    EXPECT_EQ(parser.request().target, origin_form);
    EXPECT_EQ(parser.request().header("host")->front(), 'b');
  }
}

TEST(HeadParser, IsReusedAfterReset) {
  HeadParser parser({});
  ASSERT_EQ(parser.parse_request("GET / HTTP/9.1\r\n"), HeadParser::Status::kFault);
  EXPECT_EQ(parser.fault().status, 505);
  parser.reset();
  ASSERT_EQ(parser.parse_request("GET /a HTTP/1.1\r\nHost: a\r\n\r\n"), HeadParser::Status::kDone);
  EXPECT_EQ(parser.request().headers.size(), 1u);
}

// Seeded, so that it finds the same each time; tests/fuzz/head_parser_fuzz goes on for as long as it is told.
TEST(HeadParser, AgreesWithBeastOnWhatItAccepts) {
  std::mt19937_64 random(20261124);
  int accepted = 0;
  for (int round = 0; round < 60'000; ++round) {
    const bool request = round % 4 != 0;
    const auto& seeds = request ? seed_requests() : seed_responses();
    const std::string& seed = seeds[random() % seeds.size()];
    const std::string text = round < 64 ? seed : mutate(seed, seeds, random);
    ASSERT_EQ(request ? compare_request(text) : compare_response(text), "") << text;
    ASSERT_EQ(compare_splits(text, request), "") << text;
    HeadParser parser({});
    accepted += (request ? parser.parse_request(text) : parser.parse_response(text)) == HeadParser::Status::kDone;
  }
  EXPECT_GT(accepted, 6'000) << "too few mutations are still heads for the comparison to mean much";
}

}  // namespace
}  // namespace fairlead::http
