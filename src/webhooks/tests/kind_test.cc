#include "webhooks/kind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/json/text.h"
#include "webhooks/webhook.h"

namespace fairlead::webhooks {
namespace {

namespace bj = boost::json;
using testing::HasSubstr;

class OneChain final : public resources::Catalogue {
 public:
  const bj::object* find(std::string_view kind, std::string_view name) const override {
    return kind == "chain" && name == "publish" ? &chain_ : nullptr;
  }
  std::vector<std::string> names(std::string_view) const override { return {"publish"}; }

 private:
  bj::object chain_;
};

std::string faults_of(const std::string& spec) {
  std::string out;
  for (const auto& fault : webhook_kind().check("desk", json::parse(spec)->as_object(), OneChain()))
    out += fault.pointer + ": " + fault.message + "\n";
  return out;
}

TEST(WebhookKind, TakesWhatIsRight) {
  EXPECT_EQ(faults_of(R"({"url": "https://desk.example.com/hooks?of=fairlead", "secret": "secret:desk",
                          "events": ["run.completed", "run.late"], "chains": ["publish"]})"),
            "");
  EXPECT_EQ(faults_of(R"({"url": "http://127.0.0.1:9000", "secret": "env:DESK"})"), "");
}

TEST(WebhookKind, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> wrong[] = {
      {R"({"url": "desk.example.com", "secret": "env:A"})", "/url"},
      {R"({"url": "unix:/run/desk", "secret": "env:A"})", "/url"},
      {R"({"url": "https://me:word@desk.example.com/", "secret": "env:A"})", "password"},
      {R"({"url": "https://desk.example.com/#a", "secret": "env:A"})", "/url"},
      {R"({"url": "https://desk.example.com/a b", "secret": "env:A"})", "/url"},
      {R"({"url": "https://desk.example.com/\r\nx: y", "secret": "env:A"})", "/url"},
      {R"({"url": "https://desk.example.com", "secret": "whsec_0123456789"})", "/secret"},
      {R"({"url": "https://desk.example.com", "secret": "env:A", "events": ["run.complete"]})",
       "Did you mean `run.completed`?"},
      {R"({"url": "https://desk.example.com", "secret": "env:A", "chains": ["publsh"]})", "Did you mean `publish`?"}};
  for (const auto& [spec, word] : wrong) EXPECT_THAT(faults_of(spec), HasSubstr(word)) << spec;
}

TEST(WebhookKind, NamesItsSecret) {
  const auto named =
      webhook_kind().secrets(json::parse(R"({"url": "https://a", "secret": "secret:desk"})")->as_object());
  ASSERT_EQ(named.size(), 1U);
  EXPECT_EQ(named[0].name, "desk");
  EXPECT_TRUE(
      webhook_kind().secrets(json::parse(R"({"url": "https://a", "secret": "env:DESK"})")->as_object()).empty());
}

bool wants(const std::string& rest, const Event& event) {
  std::vector<resources::SpecError> faults;
  return Webhook::of("default", "desk", 1,
                     json::parse(R"({"url": "https://desk.example.com", "secret": "env:A")" + rest + "}")->as_object(),
                     faults)
      ->wants(event);
}

TEST(Webhook, WantsWhatItSays) {
  const Event run{.project = "default", .type = "run.completed", .subject = "r", .chain = "publish"};
  Event part = run;
  part.is_part = true;
  Event other = run;
  other.chain = "other";
  const Event response{.project = "default", .type = "response.completed", .subject = "resp_r"};
  EXPECT_TRUE(wants("", run) && wants("", other) && wants("", response));
  EXPECT_FALSE(wants("", part));
  const std::string named = R"(, "chains": ["publish"])";
  EXPECT_TRUE(wants(named, run) && wants(named, part) && wants(named, response));
  EXPECT_FALSE(wants(named, other));
  EXPECT_FALSE(wants(R"(, "events": ["run.failed"])", run));
}

}  // namespace
}  // namespace fairlead::webhooks
