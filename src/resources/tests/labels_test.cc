#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "resources/service.h"
#include "resources/tests/test_kinds.h"

namespace fairlead::resources {
namespace {

const access::Actor kOlga{"olga", "key_2"}, kMariasOther{"maria", "key_3"}, kAdmin{"admin", "key_0"};

// Versions 1 to 3 of a prompt, `production` at 1, and then protected.
class ProtectedLabel : public testing::Test {
 protected:
  explicit ProtectedLabel(bool approval = true) {
    for (const char* text : {"a", "b", "c"}) service_.apply({{"x.yaml", prompt_yaml("x", text)}});
    EXPECT_TRUE(promote("1"));
    EXPECT_TRUE(wait_for(service().protect("bank", {"production", approval, {"evals"}, "", 0}, kAdmin)));
    service().set_prepare(
        [this](const Project&) -> Result<ResourceService::Publish> { return [this] { ++published_; }; });
  }

  ResourceService& service() { return *service_.service; }
  Result<Promotion> promote(const char* ref, const access::Actor& actor = kMaria) {
    return wait_for(service().promote("bank", "", "x", ref, "production", "why", actor));
  }
  void check(const char* ref, bool passed, const char* note = "") {
    EXPECT_TRUE(wait_for(service().add_check("bank", ref, {"", "x", 0, "evals", passed, "", note, "", 0}, kMaria)));
  }
  Result<LabelMove> approve(const std::string& id, const access::Actor& actor = kOlga) {
    return wait_for(service().approve("bank", id, "fine", actor));
  }
  std::string waiting(const char* ref) {
    auto asked = promote(ref);
    return asked && asked->waiting ? asked->waiting->id : "none";
  }
  int production() { return service_.project().find("prompt", "x")->labels.at("production"); }
  std::vector<Approval> approvals(bool all) { return wait_for(service().approvals("bank", all, 100)).value(); }

  TestService service_;
  int published_ = 0;
};

TEST_F(ProtectedLabel, takes_the_checks_that_it_names) {
  EXPECT_EQ(promote("3").error().message,
            "`production` is protected, and version 3 of prompt `x` lacks the check `evals`.");
  check("2", true);  // of another version
  check("3", false, "3 of 40 had no procedure");
  auto failed = promote("3");
  EXPECT_EQ(failed.error().code, "checks_not_passed");
  EXPECT_EQ(failed.error().message,
            "`production` is protected, and version 3 of prompt `x` has failed a check: `evals` failed: 3 of 40 had no "
            "procedure.");
  check("3", true);  // the last one counts
  EXPECT_NE(waiting("3"), "none");
  EXPECT_EQ(production(), 1);
  EXPECT_EQ(published_, 0);  // nothing that calls would see
}

TEST_F(ProtectedLabel, moves_when_another_person_approves) {
  check("3", true);
  const std::string id = waiting("3");
  EXPECT_EQ(waiting("3"), id);  // asked for already
  EXPECT_EQ(approve(id, kMaria).error().code, "own_request");
  EXPECT_EQ(approve(id, kMariasOther).error().code, "own_request");
  auto moved = approve(id);
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_EQ(moved->from, 1);
  EXPECT_EQ(moved->to, 3);
  EXPECT_EQ(moved->by, "olga");
  EXPECT_GT(moved->at_us, 0);
  EXPECT_EQ(production(), 3);
  EXPECT_EQ(published_, 1);
  EXPECT_EQ(approve(id).error().code, "already_decided");
  EXPECT_TRUE(approvals(false).empty());
  const Approval kept = approvals(true).at(0);
  EXPECT_EQ(kept.state, "approved");
  EXPECT_EQ(kept.asked_by, "maria");
  EXPECT_EQ(kept.why, "why");
  EXPECT_EQ(kept.decided_by, "olga");
  EXPECT_EQ(kept.note, "fine");
}

TEST_F(ProtectedLabel, does_not_move_from_elsewhere_than_was_asked) {
  check("2", true);
  check("3", true);
  const std::string two = waiting("2"), three = waiting("3");
  EXPECT_EQ(approvals(false).size(), 2u);
  ASSERT_TRUE(approve(two));
  EXPECT_TRUE(approvals(false).empty());
  auto late = approve(three);
  ASSERT_FALSE(late);
  EXPECT_EQ(
      late.error().message,
      "`production` of prompt `x` stood at version 1 when this was asked for, and is at version 2 now. Nothing was "
      "moved; ask anew.");
  EXPECT_EQ(production(), 2);
  EXPECT_EQ(approve(three).error().message,
            "Request " + three + " is stale: `production` had moved when it was approved. Ask anew.");
}

TEST_F(ProtectedLabel, looks_at_the_checks_again) {
  check("3", true);
  const std::string id = waiting("3");
  check("3", false);
  EXPECT_EQ(approve(id).error().code, "checks_not_passed");
  EXPECT_EQ(production(), 1);
  check("3", true);
  EXPECT_TRUE(approve(id.substr(0, 20)));  // still waits; an id may be shortened
}

TEST_F(ProtectedLabel, stays_when_it_is_rejected) {
  check("3", true);
  const std::string id = waiting("3");
  auto rejected = wait_for(service().reject("bank", id, "not on a Friday", kOlga));
  ASSERT_TRUE(rejected);
  EXPECT_EQ(rejected->state, "rejected");
  EXPECT_EQ(approve(id).error().message, "Request " + id + " was rejected by `olga`.");
  EXPECT_NE(waiting("3"), id);
}

TEST_F(ProtectedLabel, is_not_asked_for_any_more_once_who_asked_says_so) {
  check("3", true);
  const auto withdraw = [&](const std::string& id, const access::Actor& actor,
                            AnyonesRequest any = AnyonesRequest::kNo) {
    return wait_for(service().withdraw("bank", id, "the text is wrong", any, actor));
  };
  const std::string id = waiting("3");
  EXPECT_EQ(withdraw(id, kOlga).error().code, "not_own_request");
  EXPECT_EQ(approvals(false).size(), 1u);
  auto withdrawn = withdraw(id.substr(0, 20), kMariasOther);
  ASSERT_TRUE(withdrawn) << withdrawn.error().message;
  EXPECT_EQ(withdrawn->state, "withdrawn");
  EXPECT_TRUE(approvals(false).empty());
  EXPECT_EQ(approvals(true).at(0).note, "the text is wrong");
  EXPECT_EQ(approve(id).error().message, "Request " + id + " was withdrawn by `maria`.");
  EXPECT_EQ(withdraw(id, kMaria).error().code, "already_decided");
  EXPECT_EQ(production(), 1);
  const std::string again = waiting("3");
  EXPECT_NE(again, id);
  EXPECT_TRUE(withdraw(again, kAdmin, AnyonesRequest::kYes));
}

TEST_F(ProtectedLabel, rolls_back_at_once) {
  check("3", true);
  ASSERT_TRUE(approve(waiting("3")));
  auto back = wait_for(service().rollback("bank", "", "x", "production", kMaria));
  ASSERT_TRUE(back);
  EXPECT_EQ(production(), 1);
}

TEST_F(ProtectedLabel, is_not_moved_by_an_apply) {
  EXPECT_EQ(service_.faults({{"x.yaml", prompt_yaml("x", "d", "labels: [staging, production]\n")}}),
            "x.yaml:3:19: label `production` is protected\n"
            "  take it out of `labels`; after the apply: fairlead promote x@latest --to production");
  EXPECT_EQ(service_.faults({{"y.yaml", prompt_yaml("y", "d", "labels: [production]\n")}}).substr(0, 11),
            "y.yaml:3:10");
  // What it does not move is no fault.
  EXPECT_EQ(service_.faults({{"x.yaml", prompt_yaml("x", "c", "labels: [production]\n")}}), "");
  ASSERT_TRUE(wait_for(service().protect("bank", {"staging", true, {}, "", 0}, kAdmin)));
  EXPECT_EQ(service_.faults({{"x.yaml", prompt_yaml("x", "d")}}), "");
  EXPECT_EQ(service_.project().find("prompt", "x")->labels.at("staging"), 3);
}

TEST_F(ProtectedLabel, can_be_set_free) {
  ASSERT_TRUE(wait_for(service().unprotect("bank", "production", kAdmin)));
  EXPECT_TRUE(promote("2")->move.audit > 0);
  EXPECT_EQ(production(), 2);
  EXPECT_EQ(wait_for(service().unprotect("bank", "production", kAdmin)).error().code, "label_not_protected");
  EXPECT_EQ(wait_for(service().protect("bank", {"latest", true, {}, "", 0}, kAdmin)).error().code, "invalid_label");
  EXPECT_EQ(wait_for(service().protect("bank", {"p", false, {}, "", 0}, kAdmin)).error().code, "invalid_value");
}

class CheckedLabel : public ProtectedLabel {
 protected:
  CheckedLabel() : ProtectedLabel(false) {}
};

TEST_F(CheckedLabel, moves_at_once_when_the_checks_are_passed) {
  EXPECT_EQ(promote("2").error().code, "checks_not_passed");
  check("2", true);
  auto moved = promote("2");
  ASSERT_TRUE(moved);
  EXPECT_FALSE(moved->waiting);
  EXPECT_EQ(production(), 2);
}

// Of many that approve the same request, one moves the label.
TEST_F(ProtectedLabel, is_moved_once) {
  check("3", true);
  const std::string id = waiting("3");
  std::atomic<int> moved{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] { moved += approve(id, {"olga", "key_" + std::to_string(10 + i)}) ? 1 : 0; });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(moved, 1);
  EXPECT_EQ(published_, 1);
}

}  // namespace
}  // namespace fairlead::resources
