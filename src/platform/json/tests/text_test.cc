#include "platform/json/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>

namespace fairlead::json {
namespace {

namespace bj = boost::json;
using testing::HasSubstr;

std::string message_of(std::string_view text, std::size_t depth = 128) {
  const auto parsed = parse(text, depth);
  return parsed ? "parsed" : parsed.error().message;
}

TEST(Parse, ReadsWhatRfc8259Allows) {
  const auto value = parse(" {\"a\": [1, -2.5e3, true, null, \"\\u20ac\"], \"b\": {}} ");
  ASSERT_TRUE(value);
  EXPECT_EQ(to_text(*value), "{\"a\":[1,-2500.0,true,null,\"€\"],\"b\":{}}");
}

TEST(Parse, SaysWhereItIsWrong) {
  EXPECT_THAT(message_of("{\n  \"a\": tru\n}"), HasSubstr("line 2, column 8"));
  EXPECT_THAT(message_of("{\"a\": 1"), HasSubstr("ends before the value"));
  EXPECT_THAT(message_of("{} {}"), HasSubstr("more text after the value"));
  EXPECT_THAT(message_of(""), HasSubstr("ends before the value"));
  EXPECT_THAT(message_of("\"é\" x"), HasSubstr("column 5"));
  const auto error = parse("[1,]").error();
  EXPECT_EQ(error.code, "invalid_json");
  EXPECT_EQ(error.kind, ErrorKind::kInvalid);
}

TEST(Parse, RefusesWhatIsNotStrictJson) {
  for (const char* text : {"[1,]", "{a:1}", "'x'", "01", "1.", ".5", "+1", "NaN", "Infinity", "// c\n1", "\"\t\"",
                           "\"\xff\"", "\"\xed\xa0\x80\"", "[1 2]", "nul", "1e999", "\xef\xbb\xbf{}"}) {
    EXPECT_FALSE(parse(text)) << text;
  }
}

TEST(Parse, RefusesAMemberThatIsThereTwice) {
  EXPECT_THAT(message_of(R"({"a": 1, "b": {"a": 2}, "\u0061": 3})"), HasSubstr("the member \"a\" twice"));
  EXPECT_TRUE(parse(R"([{"a": 1}, {"a": 1}, {"b": {"a": 1}, "a": {}}])"));
}

TEST(Parse, BoundsTheDepth) {
  const std::string deep = std::string(50, '[') + std::string(50, ']');
  EXPECT_TRUE(parse(deep, 50));
  EXPECT_THAT(message_of(deep, 49), HasSubstr("more than 49 deep"));
  EXPECT_FALSE(parse(std::string(1'000'000, '[')));
}

TEST(Parse, ReadsNumbersExactly) {
  EXPECT_EQ(parse("123456789.12345678")->get_double(), 123456789.12345678);
  EXPECT_EQ(parse("2.2250738585072011e-308")->get_double(), 2.2250738585072011e-308);
  EXPECT_EQ(parse("18446744073709551615")->get_uint64(), 18446744073709551615u);
  EXPECT_EQ(parse("-9223372036854775808")->get_int64(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(parse("1e-400")->get_double(), 0.0);
}

TEST(Text, KeepsNumbersTheirKind) {
  EXPECT_EQ(to_text(*parse("[1, 1.0, 1.5, 1e30, 1e-7, 18446744073709551615]")),
            "[1,1.0,1.5,1e+30,1e-7,18446744073709551615]");
  EXPECT_TRUE(parse(to_text(*parse("1.0")))->is_double());
}

TEST(Text, IsPrettyForPeople) {
  EXPECT_EQ(to_pretty_text(*parse(R"({"b":[1,{"c":[]}],"a":{}})")),
            "{\n  \"b\": [\n    1,\n    {\n      \"c\": []\n    }\n  ],\n  \"a\": {}\n}");
}

TEST(Canonical, WritesNumbersAsRfc8785AppendixB) {
  const std::pair<std::uint64_t, const char*> cases[] = {{0x0000000000000000, "0"},
                                                         {0x8000000000000000, "0"},
                                                         {0x0000000000000001, "5e-324"},
                                                         {0x8000000000000001, "-5e-324"},
                                                         {0x7fefffffffffffff, "1.7976931348623157e+308"},
                                                         {0xffefffffffffffff, "-1.7976931348623157e+308"},
                                                         {0x4340000000000000, "9007199254740992"},
                                                         {0xc340000000000000, "-9007199254740992"},
                                                         {0x4430000000000000, "295147905179352830000"},
                                                         {0x44b52d02c7e14af5, "9.999999999999997e+22"},
                                                         {0x44b52d02c7e14af6, "1e+23"},
                                                         {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
                                                         {0x444b1ae4d6e2ef4e, "999999999999999700000"},
                                                         {0x444b1ae4d6e2ef4f, "999999999999999900000"},
                                                         {0x444b1ae4d6e2ef50, "1e+21"},
                                                         {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
                                                         {0x3eb0c6f7a0b5ed8d, "0.000001"},
                                                         {0x41b3de4355555553, "333333333.3333332"},
                                                         {0x41b3de4355555554, "333333333.33333325"},
                                                         {0x41b3de4355555555, "333333333.3333333"},
                                                         {0x41b3de4355555556, "333333333.3333334"},
                                                         {0x41b3de4355555557, "333333333.33333343"},
                                                         {0xbecbf647612f3696, "-0.0000033333333333333333"},
                                                         {0x43143ff3c1cb0959, "1424953923781206.2"}};
  for (const auto& [bits, text] : cases) EXPECT_EQ(canonical(bj::value(std::bit_cast<double>(bits))), text);
}

TEST(Canonical, WritesTheExamplesOfRfc8785) {
  EXPECT_EQ(
      canonical(*parse(R"({"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
                                 "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
                                 "literals": [null, true, false]})")),
      R"({"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"})");
  EXPECT_EQ(
      canonical(*parse(R"({"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\ud83d\ude00": 5, "\u0080": 6, "\u00f6": 7})")),
      "{\"\\r\":2,\"1\":4,\"\xc2\x80\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\xef\xac\xb3\":3}");
}

TEST(Canonical, EqualValuesHaveEqualTextAndOthersNot) {
  EXPECT_EQ(canonical(*parse("1.0")), canonical(*parse("1")));
  EXPECT_EQ(canonical(*parse("-0.0")), "0");
  EXPECT_NE(canonical(*parse("9007199254740993")), canonical(*parse("9007199254740992")));
  EXPECT_EQ(canonical(*parse(R"({"a":1,"b":2})")), canonical(*parse(R"({"b":2,"a":1})")));
}

TEST(AppendString, EscapesAndRepairs) {
  EXPECT_EQ(quoted("a\"b\\c\n\x01\x7f/"), "\"a\\\"b\\\\c\\n\\u0001\x7f/\"");
  // One U+FFFD for each maximal part of an ill-formed sequence (Unicode 15, section 3.9, table 3-8).
  EXPECT_EQ(quoted("\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64"), "\"a���b�c��d\"");
  EXPECT_EQ(quoted("\xed\xa0\x80"), "\"���\"");
  EXPECT_EQ(quoted("\xf0\x9f\x98\x80\xe2\x82"), "\"😀�\"");
  EXPECT_EQ(quoted("\xc0\xaf\xf5"), "\"���\"");
  for (int byte = 0; byte < 256; ++byte)
    EXPECT_TRUE(parse(json::quoted(std::string(1, static_cast<char>(byte))))) << byte;
}

}  // namespace
}  // namespace fairlead::json
