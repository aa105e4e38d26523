#include <gmock/gmock.h>

#include "platform/json/text.h"
#include "safety/policy/internal/json_document.h"

namespace fairlead::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = JsonDocument::Kind;

std::vector<std::string> texts(std::string_view json, Kind kind = Kind::kConversation, bool passes_media = true) {
  const auto document = JsonDocument::read(json, kind, passes_media);
  if (!document) return {document.error().code};
  std::vector<TextJob*> jobs;
  (*document)->jobs(jobs);
  std::vector<std::string> out;
  for (const TextJob* const one : jobs)
    out.push_back(one->context + std::string(one->text) + (one->is_name ? " (name)" : ""));
  return out;
}

TEST(Documents, TextsOfAConversation) {
  EXPECT_THAT(
      texts(
          R"([{"role":"user","content":"a\u0431"},{"role":"user","name":"Bob","content":[{"type":"text","text":"c"}]}])"),
      ElementsAre("aб", "Bob (name)", "c"));
  EXPECT_THAT(
      texts(
          R"([{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"inn\":7707083893,\"who\":\"d\"}"}}]}])"),
      ElementsAre("inn: 7707083893", "who: d"));
  EXPECT_THAT(texts(R"([{"role":"user","content":[{"type":"tool_use","id":"x","name":"f","input":{"who_is":"e"}}]}])"),
              ElementsAre("who is: e"));
  EXPECT_THAT(texts(R"([{"role":"tool","tool_call_id":"1","content":"{\"name\": \"\\u0418\\u0432\\u0430\\u043d\"}"}])"),
              ElementsAre("name: Иван"));
  EXPECT_THAT(texts(R"("just a text")"), ElementsAre("just a text"));
  EXPECT_THAT(texts(R"([[1,2,3],[4,5]])"), ElementsAre());
}

TEST(Documents, WhatOnlyLooksLikeJsonIsAText) {
  for (const char* const one : {"[call Ivan, +7 916 123-45-67]", "[4111 1111 1111 1111]", "{\"k\": sk-live-1}",
                                "[01-02]", "{\"a\":\"\\u04 Ivan\"}", "[\"\\x41\"]"})
    EXPECT_THAT(texts(json::quoted(one)), ElementsAre(one));
}

TEST(Documents, AToolsResultHasPartsToo) {
  const char* const image =
      R"([{"type":"function_call_output","call_id":"1","output":[{"type":"input_image","image_url":"https://x/y.png"},{"type":"input_text","text":"a"}]}])";
  EXPECT_THAT(texts(image), ElementsAre("a"));
  EXPECT_THAT(texts(image, Kind::kConversation, false), ElementsAre("privacy_blocked"));
}

TEST(Documents, AFileMayComeInLines) {
  const auto part = [](const std::string& url) {
    return R"([{"role":"user","content":[{"type":"file","file":{"file_data":")" + url + R"("}}]}])";
  };
  EXPECT_THAT(texts(part("data:text/plain;base64,aGVs\\r\\nbG8=\\n"), Kind::kConversation, false),
              ElementsAre("hello"));
  EXPECT_THAT(texts(part("data:Text/Plain;base64,aGVsbG8="), Kind::kConversation, true), ElementsAre("hello"))
      << "it is text, whatever the case of its type";
}

// `media: pass` lets through what cannot be read by nature, not texts that nobody could look into.
TEST(Documents, ATextThatCannotBeReadIsRefused) {
  for (const char* const url : {"data:text/plain;base64,aGVs=bG8=", "data:text/plain;charset=utf-16;base64,//5oAGkA"}) {
    const std::string part =
        R"([{"role":"user","content":[{"type":"file","file":{"file_data":")" + std::string(url) + R"("}}]}])";
    for (const bool passes_media : {false, true}) {
      const auto document = JsonDocument::read(part, Kind::kConversation, passes_media);
      ASSERT_FALSE(document) << url;
      EXPECT_EQ(document.error().code, "privacy_blocked");
      EXPECT_THAT(document.error().message, HasSubstr("a text file that cannot be searched"));
    }
  }
  const char* const pdf =
      R"([{"role":"user","content":[{"type":"file","file":{"file_data":"data:application/pdf;base64,AAAA"}}]}])";
  EXPECT_THAT(texts(pdf, Kind::kConversation, true), ElementsAre());
  const auto refused = JsonDocument::read(pdf, Kind::kConversation, false);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("This call holds a file that is not text"));
}

TEST(Documents, DataHasNumbersAndNames) {
  EXPECT_THAT(texts(R"({"inn":7794580730,"n":5,"user":"u@x.ru","list":["a",{"b_c":"d"}]})", Kind::kData),
              ElementsAre("inn: 7794580730", "user: u@x.ru", "list: a", "b c: d"))
      << "5 is nobody's";
}

TEST(Documents, MediaPassOnlyIfTheyMay) {
  const char* const image =
      R"([{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}])";
  EXPECT_THAT(texts(image), ElementsAre());
  EXPECT_THAT(texts(image, Kind::kConversation, false), ElementsAre("privacy_blocked"));
  EXPECT_THAT(texts(R"([{"role":"user","content":[{"type":"image_url","image\u005furl":{"url":"x"}}]}])",
                    Kind::kConversation, false),
              ElementsAre("privacy_blocked"));
  EXPECT_THAT(
      texts(
          R"([{"role":"user","content":[{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AAAA"}}]}])",
          Kind::kConversation, false),
      ElementsAre("privacy_blocked"));
  EXPECT_THAT(
      texts(
          R"([{"role":"user","content":[{"type":"document","source":{"data":"hello","media_type":"text/plain","type":"text"}}]}])",
          Kind::kConversation, false),
      ElementsAre("hello"));
  EXPECT_THAT(
      texts(
          R"([{"role":"user","content":[{"type":"file","file":{"filename":"a.txt","file_data":"data:text/plain;base64,aGVsbG8="}}]}])",
          Kind::kConversation, false),
      ElementsAre("a.txt", "hello"));
}

TEST(Documents, OnlyWhatChangedIsWrittenAnew) {
  const std::string json =
      R"( [ {"role": "user",  "content": "a \u0431"} , {"role":"tool","content":"{\"n\":\"x\",\"inn\":7794580730,\"k\":[1,2]}"} ] )";
  auto document = JsonDocument::read(json, Kind::kConversation, true);
  ASSERT_TRUE(document);
  EXPECT_FALSE((*document)->changed());
  EXPECT_EQ((*document)->write(), json);
  std::vector<TextJob*> jobs;
  (*document)->jobs(jobs);
  ASSERT_EQ(jobs.size(), 3U);
  jobs[1]->changed = jobs[2]->changed = true;
  jobs[1]->instead = "\"quoted\"";
  jobs[2]->instead = "1234567894";
  EXPECT_EQ(
      (*document)->write(),
      R"( [ {"role": "user",  "content": "a \u0431"} , {"role":"tool","content":"{\"n\":\"\\\"quoted\\\"\",\"inn\":1234567894,\"k\":[1,2]}"} ] )");
  jobs[2]->instead = "*****";
  EXPECT_THAT((*document)->write(), HasSubstr(R"(\"inn\":\"*****\")"));
}

TEST(Documents, WhatIsNoJsonIsRefused) {
  for (const char* const one : {"", "{", "[1,", R"({"a")", R"({"a":})", R"("x)", R"([1] 2)", R"({"a":1,})"})
    EXPECT_FALSE(JsonDocument::read(one, Kind::kConversation, true)) << one;
}

}  // namespace
}  // namespace fairlead::policy
