// What may be kept of what comes to runs, with policies that a test plays.
#include "chains/privacy.h"

#include <gmock/gmock.h>

#include "chains/tests/steps_fixture.h"

namespace fairlead::chains {
namespace {

namespace bj = boost::json;
using testing::HasSubstr;

// `maria` becomes `anna`, and what holds `secret` is refused.
class PlayedHiding final : public llm::Hiding {
 public:
  bool applies(const async::Loop&, const std::string& project) const override { return project == "default"; }
  async::Task<Result<llm::Kept>> hide(async::Loop&, llm::Kept kept) const override {
    seen.push_back(kept);
    if (is_away) co_return fail(ErrorKind::kUnavailable, "privacy_unavailable", "Later.");
    std::vector<std::string*> texts{&kept.json, &kept.session, &kept.user};
    for (std::string& name : kept.names) texts.push_back(&name);
    for (std::string* const text : texts) {
      if (text->find("secret") != std::string::npos)
        co_return fail(ErrorKind::kPermissionDenied, "privacy_blocked", "It holds a SECRET.");
      for (std::size_t at = 0; (at = text->find("maria", at)) != std::string::npos;) text->replace(at, 5, "anna");
    }
    co_return kept;
  }
  mutable std::vector<llm::Kept> seen;
  bool is_away = false;
};

class ChainPrivacy : public ChainSteps {
 protected:
  ChainPrivacy() { chains_.set_hiding(hiding_); }
  async::Loop& loop() { return node_->loops().loop(0); }
  journal::Run find(const std::string& id) { return *node_->wait(node_->engine().find("default", id)); }
  KeepOfTask keep() {
    return [this](const Task& task, std::string value) { return keep_of(task.run, std::move(value)); };
  }
  async::Task<Result<std::string>> keep_of(std::string run, std::string value) {
    auto found = co_await node_->engine().find("default", run);
    auto kept = co_await hide_for_run(chains_, loop(), *found, std::move(value));
    co_return kept;
  }
  PlayedHiding hiding_;
};

constexpr const char* kWaits = R"({"input": {"who": {"type": "string", "default": ""}},
  "steps": [{"name": "a", "wait": "go"}], "output": "${{ input.who }}"})";
constexpr const char* kAsksWorker =
    R"({"steps": [{"name": "a", "task": "resize", "retry": {"attempts": 1}}], "output": "${{ steps.a.output }}"})";

TEST_P(ChainPrivacy, AStartIsHiddenWhole) {
  (void)start(kWaits);
  StartRequest asked;
  asked.project = "default";
  asked.chain = "one@1";
  asked.input = {{"who", "maria"}};
  asked.session = "of maria";
  asked.user = "maria";
  asked.key = "k-maria";
  asked.queue = "q-maria";
  const auto kept = node_->wait(hide_start(chains_, loop(), asked));
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(kept->input.at("who"), "anna");
  EXPECT_EQ(kept->session + kept->user + kept->key + kept->queue, "of annaannak-annaq-anna");
  EXPECT_EQ(hiding_.seen.back().target, "chain:one@1");
  asked.input["who"] = "secret";
  EXPECT_EQ(node_->wait(hide_start(chains_, loop(), asked)).error().code, "privacy_blocked");
  const std::size_t before = hiding_.seen.size();
  asked.chain = "chain:nothing";
  EXPECT_TRUE(node_->wait(hide_start(chains_, loop(), asked))) << "there is no such chain: that is said by request()";
  asked.chain = "one";
  asked.project = "elsewhere";
  EXPECT_TRUE(node_->wait(hide_start(chains_, loop(), asked)));
  EXPECT_EQ(hiding_.seen.size(), before) << "a project without policies is not asked";
}

TEST_P(ChainPrivacy, WhatComesToARunIsHiddenWithItsSession) {
  (void)start(kWaits);
  StartRequest asked;
  asked.project = "default";
  asked.chain = "one";
  asked.session = "s-1";
  const auto request = chains_.request(std::move(asked));
  const journal::Run run = node_->wait(node_->engine().start(*request))->run;
  EXPECT_EQ(node_->wait(hide_for_run(chains_, loop(), run, R"({"a":"maria"})")).value(), R"({"a":"anna"})");
  EXPECT_EQ(hiding_.seen.back().session, "s-1");
  EXPECT_EQ(hiding_.seen.back().target, "chain:one@1");
  EXPECT_EQ(node_->wait(hide_text_for_run(chains_, loop(), run, "\"maria\"\n")).value(), "\"anna\"\n");
  EXPECT_EQ(node_->wait(hide_name_for_run(chains_, loop(), run, "maria")).value(), "anna");
  Chains::ForkRequest fork;
  fork.run = run;
  fork.from = "a";
  fork.chain = "@1";
  fork.input = {{"who", "maria"}};
  fork.key = "maria";
  const auto kept = node_->wait(hide_fork(chains_, loop(), fork));
  EXPECT_EQ(kept->input.at("who"), "anna");
  EXPECT_EQ(kept->key, "anna");
  EXPECT_EQ(hiding_.seen.back().target, "chain:one@1");
  EXPECT_EQ(hiding_.seen.back().session, "s-1");
}

TEST_P(ChainPrivacy, WhatIsReusedIsOfTheSameSession) {
  for (const char* const said : {"one", "two", "three"}) model_.say(said);
  const auto first = run(R"({"steps": [{"name": "a", "model": "m", "messages": "say", "reuse": "1h"}]})");
  EXPECT_EQ(first.output, R"("one")");
  std::string outputs;
  for (const char* const session : {"s-1", "s-1", "s-2", ""}) {
    StartRequest asked;
    asked.project = "default";
    asked.chain = "one";
    asked.session = session;
    const auto request = chains_.request(std::move(asked));
    outputs += node_->wait_finished(node_->wait(node_->engine().start(*request))->run.id).output;
  }
  EXPECT_EQ(outputs, R"("two""two""three""one")");
}

TEST_P(ChainPrivacy, WhatAWorkerGivesIsHidden) {
  const std::string id = start(kAsksWorker);
  const auto task = poll();
  ASSERT_TRUE(task);
  const std::string lease = Tasks::lease_name(*task);
  EXPECT_TRUE(node_->wait(tasks_->heartbeat("default", lease, R"({"at":"maria"})", keep())));
  EXPECT_EQ(node_->wait(tasks_->list({.project = "default"}))->at(0).progress, R"({"at":"anna"})");
  const auto blocked = node_->wait(tasks_->heartbeat("default", lease, R"("secret")", keep()));
  ASSERT_TRUE(blocked) << "the lease is kept";
  EXPECT_EQ(blocked->refused.value_or(Error()).code, "privacy_blocked");
  EXPECT_EQ(node_->wait(tasks_->list({.project = "default"}))->at(0).progress, R"({"at":"anna"})");
  hiding_.is_away = true;
  const auto unseen = node_->wait(tasks_->heartbeat("default", lease, R"("maria")", keep()));
  ASSERT_TRUE(unseen);
  EXPECT_EQ(unseen->refused.value_or(Error()).code, "privacy_unavailable");
  bj::value output = bj::object{{"who", "maria"}};
  EXPECT_EQ(node_->wait(tasks_->complete("default", lease, output, keep())).error().code, "privacy_unavailable");
  hiding_.is_away = false;
  EXPECT_TRUE(node_->wait(tasks_->complete("default", lease, output, keep()))) << "it may be sent again";
  EXPECT_EQ(node_->wait_finished(id).output, R"({"who":"anna"})");
}

TEST_P(ChainPrivacy, WhatAWorkerMayNotGiveFailsItsTask) {
  const std::string id = start(kAsksWorker);
  const auto task = poll();
  ASSERT_TRUE(task);
  bj::value output = "a secret";
  const auto refused = node_->wait(tasks_->complete("default", Tasks::lease_name(*task), std::move(output), keep()));
  EXPECT_EQ(refused.error().code, "privacy_blocked");
  EXPECT_THAT(node_->wait_finished(id).error, HasSubstr("privacy_blocked"));
  const std::string again = start(kAsksWorker);
  const auto other = poll();
  ASSERT_TRUE(other);
  EXPECT_TRUE(node_->wait(tasks_->fail_with("default", Tasks::lease_name(*other), journal::FailureClass::kPermanent,
                                            "gone", "maria is gone", keep())));
  EXPECT_THAT(node_->wait_finished(again).error, HasSubstr("anna is gone"));
}

INSTANTIATE_TEST_SUITE_P(Store, ChainPrivacy, testing::Values(journal::On::kSqlite), journal::name_of);

}  // namespace
}  // namespace fairlead::chains
