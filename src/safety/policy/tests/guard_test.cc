// Rules at work on calls.
#include "safety/policy/guard.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <deque>
#include <filesystem>

#include "platform/json/text.h"
#include "safety/policy/tests/fake_detector.h"
#include "safety/policy/tests/support.h"

namespace fairlead::policy {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

class Guarded : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/fairlead-guard-XXXXXX";
    folder = ::mkdtemp(name);
    const auto migrations = Vault::migrations();
    auto opened = store::open(folder + "/test.db", pool, migrations);
    ASSERT_TRUE(opened) << opened.error().message;
    database = *std::move(opened);
    VaultKeySource source;
    source.owned = folder + "/privacy.key";
    auto made = Vault::open(runtime, *database, tests::test_clock(), std::move(source));
    ASSERT_TRUE(made) << made.error().message;
    vault = *std::move(made);
    runtime.start();
  }
  void TearDown() override {
    if (vault) vault->end();
    runtime.stop();
    vault.reset();
    database.reset();
    std::filesystem::remove_all(folder);
  }

  struct Hidden {
    std::string text, record;
    int gave_up = 0;  // of the detector that is tried out, when the call went on
  };
  // One call, of which the detector of the policies that are tried out is `fake`.
  Hidden hide(const std::vector<std::string>& specs, const std::string& text) {
    std::deque<Definition> definitions;
    std::vector<const Definition*> all;
    for (const std::string& spec : specs) all.push_back(&definitions.emplace_back(tests::definition(spec)));
    auto rules = Rules::create(
        all, [this](const std::string&, const DetectorSpec&) -> Result<std::shared_ptr<Plugged>> { return fake; });
    EXPECT_TRUE(rules);
    const Guard guard("default", *rules, {*vault, pool, tests::test_clock()});
    const std::string messages = R"([{"role":"user","content":)" + json::quoted(text) + "}]";
    return boost::asio::co_spawn(runtime.loop(0).executor(), run(guard, messages), boost::asio::use_future).get();
  }
  async::Task<Hidden> run(const Guard& guard, std::string messages) {
    async::Cancellation cancellation;
    llm::Call call;
    call.project = "default";
    call.loop = &runtime.loop(0);
    call.cancellation = &cancellation;
    std::vector<llm::Member> members(1);
    members[0].name = "messages";
    members[0].json = messages;
    const std::unique_ptr<llm::PrivacyCall> privacy = guard.begin();
    auto hidden = co_await privacy->hide(call, members);
    Hidden out;
    out.gave_up = fake->gave_up;
    out.text = hidden ? std::string(members[0].json) : hidden.error().code;
    while (privacy->record().find(lasts_until) == std::string::npos)
      co_await boost::asio::post(runtime.loop(0).executor(), async::use_task);
    co_await privacy->end();
    out.record = privacy->record();
    co_return out;
  }

  std::string folder;
  async::Runtime runtime{1};
  async::BlockingPool pool{1};
  std::unique_ptr<store::Database> database;
  std::unique_ptr<Vault> vault;
  const std::shared_ptr<tests::FakeDetector> fake =
      std::make_shared<tests::FakeDetector>(tests::spec_of({"MEDICAL_CONDITION"}));
  std::string lasts_until;  // stands in the record of what is tried out
};

constexpr const char* kTried =
    R"({"privacy":{"shadow":true,"time_limit":"300ms","entities":{"MEDICAL_CONDITION":"redact","EMAIL_ADDRESS":"block"},
        "detectors":[{"url":"http://127.0.0.1:9000/analyze","entities":["MEDICAL_CONDITION"]}]}})";
constexpr const char* kInForce = R"({"privacy":{"entities":{"EMAIL_ADDRESS":"pseudonymise"}}})";

TEST_F(Guarded, WhatIsTriedOutNeitherDelaysNorChangesACall) {
  fake->waits = true;
  const Hidden out = hide({kInForce, kTried}, "asthma, maria@bank.ru");
  EXPECT_EQ(out.gave_up, 0) << "the call went on while it was asked";
  EXPECT_THAT(out.text, HasSubstr("asthma, "));
  EXPECT_THAT(out.text, Not(HasSubstr("maria")));
  EXPECT_THAT(out.text, HasSubstr("@example.")) << "there was time for a pseudonym";
  EXPECT_THAT(out.record, HasSubstr(R"("input":{"EMAIL_ADDRESS":{"pseudonymise":1}})"));
  EXPECT_THAT(out.record, HasSubstr(R"("shadow":{"policies":["p@1"],"input":{"EMAIL_ADDRESS":{"block":1}},)"
                                    R"("blocked":"EMAIL_ADDRESS","incomplete":true,)"
                                    R"("unanswered":{"127.0.0.1:9000":"cancelled"}})"))
      << "and the record says who was not waited for";
}

TEST_F(Guarded, WhatIsTriedOutIsRecorded) {
  lasts_until = "redact";
  const Hidden out = hide({kTried}, "asthma");
  EXPECT_THAT(out.text, HasSubstr("asthma"));
  EXPECT_EQ(out.record, R"({"policies":[],"shadow":{"policies":["p@1"],"input":{"MEDICAL_CONDITION":{"redact":1}}}})");
  fake->fails = true;
  lasts_until = "unanswered";
  EXPECT_EQ(hide({kTried}, "asthma").record,
            R"({"policies":[],"shadow":{"policies":["p@1"],"input":{},"incomplete":true,)"
            R"("unanswered":{"127.0.0.1:9000":"upstream_unreachable"}}})");
}

TEST_F(Guarded, LongTextsAreTriedOutBesideToo) {
  fake->fails = true;
  std::string text = "maria@bank.ru ";
  while (text.size() < 50'000) text += "and some words of no one. ";
  const Hidden out = hide({kInForce, kTried}, text);
  EXPECT_THAT(out.text, HasSubstr("@example."));
  EXPECT_THAT(out.record, HasSubstr(R"("shadow":{"policies":["p@1"],"input":{"EMAIL_ADDRESS":{"block":1}})"));
}

}  // namespace
}  // namespace fairlead::policy
