#include "budgets/hold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <filesystem>
#include <thread>

#include "base/id.h"

namespace fairlead::budgets {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kDollar = kNanosPerDollar;

Amounts needs(std::int64_t input, std::int64_t output, std::int64_t cost) {
  return {1, input, output, input + output, cost, 0};
}

class HoldTest : public testing::Test {
 public:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("hold-" + new_id(SystemClock().unix_micros()));
    std::filesystem::create_directory(folder_);
    ledger_ = std::move(*Ledger::open({.path = (folder_ / "ledger").string(), .accounts = 64, .lanes = 8}, clock_));
  }
  void TearDown() override {
    book_.reset();
    ledger_.reset();
    std::filesystem::remove_all(folder_);
  }
  // Specs by name, as JSON.
  const Book& book(std::vector<std::pair<std::string, std::string>> specs) {
    std::vector<Definition> all;
    for (const auto& [name, spec] : specs)
      all.push_back(*Definition::of("bank", name, 1, boost::json::parse(spec).as_object()));
    book_ = std::make_unique<Book>("bank", std::move(all), *ledger_);
    book_->adopt(now());
    return *book_;
  }
  std::int64_t now() const { return clock_.unix_micros(); }
  Result<void> enter(Hold& hold, const Caller& caller = {}, Hold::Part part = Hold::Part::kAll) {
    return hold.enter(*book_, caller, part, 0, now());
  }
  std::string message(const Result<void>& result) { return result ? "" : result.error().message; }
  // A whole call that uses what it is said to.
  Result<void> call(const Caller& caller, std::int64_t cost, std::int64_t used) {
    Hold hold;
    FAIRLEAD_CHECK(hold.enter(*book_, caller, Hold::Part::kAll, 0, now()));
    FAIRLEAD_CHECK(hold.reserve(needs(0, 0, cost), now()));
    hold.settle(needs(0, 0, used), now());
    return {};
  }

  std::filesystem::path folder_;
  ManualClock clock_{1'795'703'631'000'000};  // 2026-11-26T14:33:51Z
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<Book> book_;
};

TEST_F(HoldTest, RefusesWhatMayCostMoreThanIsLeft) {
  book({{"team-a", R"({"cost": 200, "per": "month"})"}});
  EXPECT_TRUE(call({}, 150 * kDollar, 150 * kDollar));
  Hold open;
  ASSERT_TRUE(enter(open));
  ASSERT_TRUE(open.reserve(needs(0, 0, 20 * kDollar), now()));
  const auto refused = call({}, 40 * kDollar, 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kExhausted);
  EXPECT_EQ(refused.error().code, "budget_exceeded");
  EXPECT_EQ(refused.error().message,
            "Budget `team-a` is spent: 150.00 of 200.00 USD, and 20.00 are held by calls in flight. This call may need "
            "40.00 more. It resets on 2026-12-01T00:00Z.");
  open.settle(needs(0, 0, kDollar / 1000), now());
  EXPECT_TRUE(call({}, 40 * kDollar, 40 * kDollar));
  EXPECT_TRUE(call({}, 9'999'000'000, 9'999'000'000));
  EXPECT_EQ(message(call({}, 1, 1)), "Budget `team-a` is spent: 200.00 of 200.00 USD. It resets on 2026-12-01T00:00Z.");
}

TEST_F(HoldTest, ConditionsAreAllMet) {
  book({{"narrow", R"({"for": {"key": ["a", "b"], "model": "small", "tag": "x"}, "requests": 1, "per": "day"})"}});
  const std::vector<std::string> x{"y", "x"}, y{"y"};
  const auto covers = [&](const Caller& caller) { return book_->budgets()[0]->covers(caller); };
  EXPECT_TRUE(covers({.key = "a", .user = {}, .model = "small", .prompt = {}, .tags = x}));
  EXPECT_TRUE(covers({.key = "b", .user = {}, .model = "small", .prompt = {}, .tags = x}));
  EXPECT_FALSE(covers({.key = "c", .user = {}, .model = "small", .prompt = {}, .tags = x}));
  EXPECT_FALSE(covers({.key = "a", .user = {}, .model = "large", .prompt = {}, .tags = x}));
  EXPECT_FALSE(covers({.key = "a", .user = {}, .model = "small", .prompt = {}, .tags = y}));
  EXPECT_FALSE(covers({.key = "a", .user = {}, .model = "small", .prompt = {}, .tags = {}}));
}

TEST_F(HoldTest, EachHasTheirOwn) {
  book({{"users", R"({"each": "user", "requests": 2, "per": "day"})"}});
  for (const char* const user : {"u-1", "u-2", ""}) {
    EXPECT_TRUE(call({.user = user}, 0, 0));
    EXPECT_TRUE(call({.user = user}, 0, 0));
    EXPECT_FALSE(call({.user = user}, 0, 0)) << user;
  }
  EXPECT_THAT(message(call({.user = "u-1"}, 0, 0)),
              HasSubstr("Budget `users` of user `u-1` is spent: 2 of 2 requests."));
  EXPECT_THAT(message(call({}, 0, 0)), HasSubstr("Budget `users` of calls without a user is spent"));
}

TEST_F(HoldTest, ACallOfSeveralTagsIsChargedToEachOnce) {
  book({{"tags", R"({"each": "tag", "requests": 3, "per": "day"})"}});
  const std::vector<std::string> both{"a", "b", "a"}, one{"a"}, other{"b"};
  EXPECT_TRUE(call({.tags = both}, 0, 0));
  EXPECT_TRUE(call({.tags = one}, 0, 0));
  EXPECT_TRUE(call({.tags = one}, 0, 0));
  EXPECT_FALSE(call({.tags = both}, 0, 0));
  EXPECT_TRUE(call({.tags = other}, 0, 0)) << "the refused call took nothing of b";
  EXPECT_TRUE(call({.tags = other}, 0, 0));
  EXPECT_FALSE(call({.tags = other}, 0, 0));
}

TEST_F(HoldTest, ARefusalTakesNothingAnywhere) {
  book({{"a-wide", R"({"requests": 10, "cost": 100, "per": "day"})"}, {"b-narrow", R"({"cost": 1, "per": "day"})"}});
  for (int i = 0; i < 50; ++i) {
    Hold hold;
    ASSERT_TRUE(enter(hold));
    ASSERT_FALSE(hold.reserve(needs(0, 0, 2 * kDollar), now()));
    hold.settle({}, now());
  }
  EXPECT_TRUE(call({}, kDollar, kDollar));
  Hold hold;
  ASSERT_TRUE(enter(hold));
  EXPECT_EQ(hold.tightest(true, now())->left, 8);
}

TEST_F(HoldTest, ConcurrencyComesBack) {
  book({{"batch", R"({"concurrency": 2})"}});
  Hold one;
  ASSERT_TRUE(enter(one));
  {
    Hold two, three;
    ASSERT_TRUE(enter(two));
    const auto refused = enter(three);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "rate_limit_exceeded");
    EXPECT_EQ(refused.error().message,
              "Budget `batch` allows 2 calls at a time, and as many are in flight. Try again when one has ended.");
  }
  Hold four;
  EXPECT_TRUE(enter(four));
  one.settle(needs(0, 0, 0), now());
  Hold five;
  EXPECT_TRUE(enter(five));
}

TEST_F(HoldTest, ARateSaysWhenToTryAgain) {
  book({{"fast", R"({"requests": 2, "tokens": 1000, "per": "1m"})"}});
  EXPECT_TRUE(call({}, 0, 0));
  EXPECT_TRUE(call({}, 0, 0));
  const auto refused = call({}, 0, 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "rate_limit_exceeded");
  EXPECT_EQ(refused.error().retry_after_ms, 30'000);
  EXPECT_EQ(refused.error().message, "Budget `fast` allows 2 requests per 1m; 0 are left. Try again in 30 s.");
  clock_.advance(std::chrono::seconds(30));
  Hold hold;
  ASSERT_TRUE(enter(hold));
  EXPECT_EQ(message(hold.reserve(needs(900, 101, 0), now())),
            "Budget `fast` allows 1000 tokens per 1m, and this call may need 1001: it will never fit.");
  EXPECT_TRUE(hold.reserve(needs(900, 100, 0), now()));
}

TEST_F(HoldTest, MoreIsTakenWhenMoreIsNeeded) {
  book({{"b", R"({"cost": 10, "tokens": 1000, "per": "day"})"}});
  Hold hold;
  ASSERT_TRUE(enter(hold));
  ASSERT_TRUE(hold.reserve(needs(100, 400, 4 * kDollar), now()));
  ASSERT_TRUE(hold.reserve(needs(100, 300, 3 * kDollar), now())) << "is there already";
  ASSERT_TRUE(hold.reserve(needs(200, 800, 8 * kDollar), now()));
  EXPECT_FALSE(hold.reserve(needs(200, 801, 8 * kDollar), now()));
  EXPECT_FALSE(hold.reserve(needs(200, 800, 11 * kDollar), now()));
  EXPECT_EQ(hold.tightest(false, now())->left, 0);
  hold.settle(needs(150, 500, 6 * kDollar), now());
  Hold next;
  ASSERT_TRUE(enter(next));
  EXPECT_EQ(next.tightest(false, now())->left, 350);
  EXPECT_TRUE(next.reserve(needs(0, 350, 4 * kDollar), now()));
}

TEST_F(HoldTest, WhatIsMoreThanWasReservedIsCounted) {
  book({{"b", R"({"cost": 10, "per": "day"})"}});
  EXPECT_TRUE(call({}, kDollar, 3 * kDollar));
  EXPECT_EQ(book_->budgets()[0]->counters().overruns, 1u);
  EXPECT_FALSE(call({}, 8 * kDollar, 0));
  EXPECT_TRUE(call({}, 7 * kDollar, 0));
  // Where several steps reserved, the whole is the truth.
  Hold hold;
  ASSERT_TRUE(enter(hold));
  ASSERT_TRUE(hold.reserve(needs(0, 0, kDollar), now()));
  ASSERT_TRUE(hold.reserve(needs(0, 0, 2 * kDollar), now()));
  hold.settle(needs(0, 0, 5 * kDollar), now());
  EXPECT_FALSE(call({}, 3 * kDollar, 0));
  EXPECT_TRUE(call({}, 2 * kDollar, 0));
}

TEST_F(HoldTest, ASoftBudgetCountsAndTells) {
  book({{"soft", R"({"cost": 1, "per": "day", "hard": false, "alert": [0.5, 1]})"}});
  EXPECT_TRUE(call({}, 5 * kDollar, kDollar / 4));
  EXPECT_EQ(book_->budgets()[0]->counters().alerts, 0u);
  EXPECT_TRUE(call({}, 5 * kDollar, kDollar / 4));
  EXPECT_EQ(book_->budgets()[0]->counters().alerts, 1u);
  EXPECT_TRUE(call({}, 5 * kDollar, kDollar));
  EXPECT_TRUE(call({}, 5 * kDollar, kDollar));
  EXPECT_EQ(book_->budgets()[0]->counters().alerts, 2u);
  Hold hold;
  ASSERT_TRUE(enter(hold));
  EXPECT_EQ(hold.alerts(now()), "soft cost 250%");
  clock_.advance(std::chrono::hours(24));
  EXPECT_EQ(hold.alerts(now()), "");
}

TEST_F(HoldTest, AShadowTakesNoRequestAndNoPlace) {
  book({{"b", R"({"requests": 1, "concurrency": 1, "cost": 2, "per": "day"})"}});
  Hold call, shadow;
  ASSERT_TRUE(enter(call));
  ASSERT_TRUE(enter(shadow, {}, Hold::Part::kAmounts));
  EXPECT_TRUE(shadow.reserve(needs(0, 0, kDollar), now()));
  EXPECT_FALSE(call.reserve(needs(0, 0, 2 * kDollar), now()));
}

TEST_F(HoldTest, ARaisedLimitKeepsWhatIsSpent) {
  book({{"b", R"({"cost": 10, "per": "month"})"}});
  EXPECT_TRUE(call({}, 9 * kDollar, 9 * kDollar));
  book({{"b", R"({"cost": 12, "per": "month"})"}});
  EXPECT_FALSE(call({}, 4 * kDollar, 0));
  EXPECT_TRUE(call({}, 3 * kDollar, 0));
  book({});
  book({{"b", R"({"cost": 10, "per": "day"})"}});
  EXPECT_FALSE(call({}, 2 * kDollar, 0));
  EXPECT_TRUE(call({}, kDollar, 0));
  clock_.advance(std::chrono::hours(24));
  EXPECT_TRUE(call({}, 10 * kDollar, 0));
}

TEST_F(HoldTest, AFullLedgerRefusesForHardBudgetsAlone) {
  book({{"users", R"({"each": "user", "requests": 5, "per": "day"})"}});
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(call({.user = std::to_string(i)}, 0, 0));
  const auto refused = call({.user = "one more"}, 0, 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(refused.error().code, "budget_ledger_full");
  EXPECT_TRUE(call({.user = "1"}, 0, 0));
  clock_.advance(std::chrono::hours(24));
  ledger_->sweep();
  EXPECT_TRUE(call({.user = "one more"}, 0, 0));
  book({{"users", R"({"each": "user", "requests": 5, "per": "day", "hard": false})"}});
  for (int i = 0; i < 80; ++i) ASSERT_TRUE(call({.user = "x" + std::to_string(i)}, 0, 0));
}

// 137 of a thousand fit; whoever asks whenever, exactly so many get in.
TEST_F(HoldTest, ExactlyAsManyAsFit) {
  for (int round = 0; round < 20; ++round) {
    const std::string name = "race-" + std::to_string(round);
    book({{name, R"({"requests": 137, "per": "day"})"}, {name + "-cost", R"({"cost": 1000, "per": "day"})"}});
    std::atomic<int> admitted{0}, refused{0};
    std::vector<std::thread> threads;
    for (int lane = 0; lane < 8; ++lane) {
      threads.emplace_back([&, lane] {
        for (int i = 0; i < 125; ++i) {
          Hold hold;
          const bool in = hold.enter(*book_, {}, Hold::Part::kAll, lane, now()).has_value() &&
                          hold.reserve(needs(0, 0, kDollar), now()).has_value();
          ++(in ? admitted : refused);
          hold.settle(needs(0, 0, in ? kDollar / 2 : 0), now());
        }
      });
    }
    for (std::thread& one : threads) one.join();
    EXPECT_EQ(admitted, 137);
    EXPECT_EQ(refused, 1000 - 137);
    Hold hold;
    EXPECT_EQ(message(enter(hold)),
              "Budget `" + name + "` is spent: 137 of 137 requests. It resets on 2026-11-27T00:00Z.");
  }
}

}  // namespace
}  // namespace fairlead::budgets
