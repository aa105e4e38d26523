#include "platform/http/multipart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace fairlead::http {
namespace {

constexpr std::string_view kType = "multipart/form-data; boundary=XX";

std::string part(std::string_view head, std::string_view body) {
  return "--XX\r\n" + std::string(head) + "\r\n\r\n" + std::string(body) + "\r\n";
}

TEST(ParseForm, GivesThePartsAsTheyWereSent) {
  const std::string body = "preamble\r\n" + part("Content-Disposition: form-data; name=\"purpose\"", "batch") +
                           part(
                               "content-disposition: form-data; filename=\"a \\\"b\\\".txt\"; name=file\r\n"
                               "Content-Type: text/plain",
                               std::string("one\r\n--X\r\n\0two", 14)) +
                           part("Content-Disposition: form-data; name=\"empty\"", "") + "--XX--\r\nepilogue";
  const auto parts = parse_form(kType, body);
  ASSERT_TRUE(parts) << parts.error().message;
  ASSERT_EQ(parts->size(), 3u);
  EXPECT_EQ((*parts)[0].name, "purpose");
  EXPECT_FALSE((*parts)[0].filename);
  EXPECT_EQ((*parts)[0].body, "batch");
  EXPECT_EQ((*parts)[1].name, "file");
  EXPECT_EQ((*parts)[1].filename, "a \"b\".txt");
  EXPECT_EQ((*parts)[1].content_type, "text/plain");
  EXPECT_EQ((*parts)[1].body, std::string_view("one\r\n--X\r\n\0two", 14));
  EXPECT_EQ((*parts)[2].body, "");
}

TEST(ParseForm, TakesAQuotedBoundaryAndAnEmptyForm) {
  EXPECT_EQ(parse_form("Multipart/Form-Data; charset=utf-8; boundary=\"X X\"", "--X X--").value().size(), 0u);
  EXPECT_EQ(parse_form(kType, "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n--XX--").error().code,
            "invalid_multipart")
      << "the line break belongs to the head's end";
}

TEST(ParseForm, RefusesWhatIsNoForm) {
  const std::string good = part("Content-Disposition: form-data; name=a", "x") + "--XX--";
  for (const std::string_view type : {"", "application/json", "multipart/form-data", "multipart/form-data; boundary=",
                                      "multipart/mixed; boundary=XX", "multipart/form-data; boundary=\"XX"})
    EXPECT_EQ(parse_form(type, good).error().code, "invalid_content_type") << type;
  const std::string many = [] {
    std::string body;
    for (int i = 0; i < 65; ++i) body += part("Content-Disposition: form-data; name=a", "x");
    return body + "--XX--";
  }();
  const std::string bodies[] = {
      "",
      "x",
      "--XX",
      "--XX\r\n",
      "--XXY\r\n\r\n\r\n--XX--",
      part("Content-Disposition: form-data; name=a", "x"),
      part("Content-Disposition: attachment; name=a", "x") + "--XX--",
      part("Content-Disposition: form-data", "x") + "--XX--",
      part("Content-Disposition: form-data; name=\"a", "x") + "--XX--",
      part("Content-Type: text/plain", "x") + "--XX--",
      part("nonsense", "x") + "--XX--",
      part("Content-Disposition: form-data; name=a\r\nX: " + std::string(9000, 'x'), "x") + "--XX--",
      many,
  };
  for (const std::string& body : bodies) {
    const auto parts = parse_form(kType, body);
    ASSERT_FALSE(parts) << body;
    EXPECT_EQ(parts.error().code, "invalid_multipart") << body;
  }
}

TEST(ParseForm, SurvivesSlips) {
  const std::string seed =
      part("Content-Disposition: form-data; name=\"file\"; filename=\"x\"\r\nContent-Type: a/b", "one") +
      part("Content-Disposition: form-data; name=purpose", "") + "--XX--\r\n";
  constexpr std::string_view kPieces[] = {"\r\n", "--XX", "--", "\r\n\r\n", "\"", ";", "=", ":", "\\", "XX--", "\n"};
  std::mt19937_64 random(17);
  std::size_t accepted = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string body = seed;
    for (std::size_t edits = 1 + random() % 3; edits > 0; --edits) {
      const std::size_t at = random() % (body.size() + 1);
      if (random() % 3 == 0) {
        body.erase(at, 1 + random() % 5);
      } else {
        body.insert(at, kPieces[random() % std::size(kPieces)]);
      }
    }
    const auto parts = parse_form(kType, body);
    if (!parts) continue;
    ++accepted;
    for (const FormPart& one : *parts) {
      ASSERT_TRUE(one.body.empty() ||
                  (one.body.data() >= body.data() && one.body.data() + one.body.size() <= body.data() + body.size()));
    }
  }
  EXPECT_GT(accepted, 1000u);
}

}  // namespace
}  // namespace fairlead::http
