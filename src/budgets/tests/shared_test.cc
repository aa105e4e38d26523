#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json/parse.hpp>
#include <filesystem>
#include <future>
#include <memory>
#include <random>
#include <thread>

#include "base/id.h"
#include "budgets/hold.h"
#include "budgets/shared_ledger.h"
#include "platform/shared/tests/redis_server.h"

namespace fairlead::budgets {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

constexpr SharedLedger::Timing kQuick{.grace = 400ms, .lease = 10s, .beat = 20ms};

Amounts dollars(std::int64_t cost) {
  return {1, 0, 0, 0, cost * kNanosPerDollar, 0};
}

using Specs = std::vector<std::pair<std::string, std::string>>;

template <class Check>
void eventually(Check check) {
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (!check()) {
    ASSERT_LT(std::chrono::steady_clock::now(), until);
    std::this_thread::sleep_for(2ms);
  }
}

// One process of several.
class Node {
 public:
  Node(const std::string& folder, const shared::RedisServer& redis, const Specs& specs,
       SharedLedger::Timing timing = kQuick)
      : runtime_(2) {
    std::filesystem::create_directories(folder);
    ledger_ =
        std::move(*Ledger::open({.path = folder + "/ledger", .accounts = 64, .lanes = 2, .shared = true}, clock_));
    const shared::RedisOptions options = *shared::parse_redis_url(redis.url());
    shared_ = std::make_unique<SharedLedger>(runtime_, options, *ledger_, clock_, timing);
    ledger_->share(shared_.get());
    std::vector<Definition> all;
    for (const auto& [name, spec] : specs)
      all.push_back(*Definition::of("bank", name, 1, boost::json::parse(spec).as_object()));
    book_ = std::make_unique<Book>("bank", std::move(all), *ledger_);
    book_->adopt(clock_.unix_micros());
    runtime_.start();
    shared_->start();
  }
  ~Node() {
    if (!dead_) shared_->stop();
    runtime_.stop();
    book_.reset();
  }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  void die() {
    dead_ = true;
    runtime_.stop();
  }
  void wait_ready() {
    eventually([this] { return shared_->ready() && shared_->connected(); });
  }
  // What a coroutine on that loop comes to.
  template <class T>
  T on(int lane, async::Task<T> task) {
    return asio::co_spawn(runtime_.loop(lane).executor(), std::move(task), asio::use_future).get();
  }
  template <class T>
  std::future<T> begin(int lane, async::Task<T> task) {
    return asio::co_spawn(runtime_.loop(lane).executor(), std::move(task), asio::use_future);
  }

  async::Task<Result<void>> open(Hold& hold, int lane, std::int64_t cost, Caller caller = {}) {
    FAIRLEAD_CO_CHECK(hold.enter(*book_, caller, Hold::Part::kAll, lane, clock_.unix_micros()));
    if (hold.asks()) {
      auto asked = co_await hold.ask(clock_.unix_micros());
      if (!asked) co_return asked;
    }
    FAIRLEAD_CO_CHECK(hold.reserve(dollars(cost), clock_.unix_micros()));
    if (hold.asks()) {
      auto asked = co_await hold.ask(clock_.unix_micros());
      if (!asked) co_return asked;
    }
    co_return Result<void>{};
  }
  async::Task<Result<void>> close(Hold& hold, std::int64_t used) {
    hold.settle(dollars(used), clock_.unix_micros());
    co_return Result<void>{};
  }
  async::Task<Result<void>> call(int lane, std::int64_t cost, std::int64_t used, Caller caller = {}) {
    Hold hold;
    auto opened = co_await open(hold, lane, cost, caller);
    hold.settle(opened ? dollars(used) : Amounts{}, clock_.unix_micros());
    co_return opened;
  }
  Meter::Use use(Metric metric, std::size_t budget = 0) {
    const Budget& of = *book_->budgets()[budget];
    const std::int64_t now = shared_->now_us();
    return of.shared()->meter(metric).use(of.bound({metric, 1}, now), now);
  }
  std::int64_t spent(std::size_t budget = 0) { return use(Metric::kCost, budget).spent / kNanosPerDollar; }
  std::int64_t reserved(std::size_t budget = 0) { return use(Metric::kCost, budget).reserved / kNanosPerDollar; }

 private:
  SystemClock clock_;
  async::Runtime runtime_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<SharedLedger> shared_;
  std::unique_ptr<Book> book_;
  bool dead_ = false;
};

class SharedBudgets : public testing::Test {
 protected:
  void SetUp() override {
    if (!shared::RedisServer::installed()) GTEST_SKIP() << "redis-tools is not installed";
    redis_ = std::make_unique<shared::RedisServer>(true);
    folder_ = std::filesystem::temp_directory_path() / ("shared-" + new_id(SystemClock().unix_micros()));
    runtime_.start();
    client_ = std::make_unique<shared::Redis>(runtime_.loop(0), *shared::parse_redis_url(redis_->url()));
    runtime_.loop(0).post([this] { client_->start(greet); });
  }
  void TearDown() override {
    b_.reset();
    a_.reset();
    if (client_) asio::co_spawn(runtime_.loop(0).executor(), client_->stop(), asio::use_future).get();
    runtime_.stop();
    std::filesystem::remove_all(folder_);
  }
  static async::Task<Result<void>> greet() { co_return Result<void>{}; }
  std::string ask(std::vector<std::string> words) {
    for (;;) {
      auto answer = asio::co_spawn(runtime_.loop(0).executor(), client_->ask(words), asio::use_future).get();
      if (answer) return answer->text;
      if (answer.error().code != "redis_unavailable") return answer.error().message;
      std::this_thread::sleep_for(2ms);
    }
  }
  std::unique_ptr<Node> node(const std::string& name, SharedLedger::Timing timing = kQuick) {
    auto out = std::make_unique<Node>((folder_ / name).string(), *redis_, specs_, timing);
    out->wait_ready();
    return out;
  }
  void start(Specs specs, SharedLedger::Timing timing = kQuick) {
    specs_ = std::move(specs);
    a_ = node("a", timing);
    b_ = node("b");
  }
  Result<void> call(Node& node, std::int64_t cost, std::int64_t used, Caller caller = {}) {
    return node.on(0, node.call(0, cost, used, caller));
  }
  // When hard budgets are answered for again.
  Result<void> call_when_back(Node& node, std::int64_t cost, std::int64_t used) {
    Result<void> out;
    eventually([&] {
      out = call(node, cost, used);
      return out || out.error().code != "budgets_unavailable";
    });
    return out;
  }

  std::unique_ptr<shared::RedisServer> redis_;
  std::filesystem::path folder_;
  async::Runtime runtime_{1};
  std::unique_ptr<shared::Redis> client_;
  Specs specs_;
  std::unique_ptr<Node> a_, b_;
};

const Specs kTeam = {{"team", R"({"cost": 200, "requests": 1000, "concurrency": 500, "per": "month"})"}};

TEST_F(SharedBudgets, WhatOneNodeSpendsTheOtherHasNot) {
  start(kTeam);
  EXPECT_TRUE(call(*a_, 150, 150));
  Hold open;
  ASSERT_TRUE(a_->on(1, a_->open(open, 1, 20)));
  const auto refused = call(*b_, 40, 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "budget_exceeded");
  EXPECT_THAT(
      refused.error().message,
      StartsWith("Budget `team` is spent: 150.00 of 200.00 USD, and 20.00 are held by calls in flight. This call "
                 "may need 40.00 more. It resets on 20"));
  EXPECT_TRUE(a_->on(1, a_->close(open, 1)));
  eventually([&] { return a_->reserved() == 0; });
  EXPECT_TRUE(call(*b_, 40, 40));
  eventually([&] { return b_->reserved() == 0; });
  EXPECT_FALSE(call(*a_, 10, 0));
  EXPECT_TRUE(call(*a_, 9, 9));
  eventually([&] { return a_->spent() == 200; });
  EXPECT_EQ(a_->use(Metric::kRequests).spent, 4) << "what was refused was no request";
}

TEST_F(SharedBudgets, ManyAtOnceOnAllLoopsNeverOverspend) {
  start(kTeam);
  std::vector<std::future<Result<void>>> calls;
  for (int i = 0; i < 800; ++i) {
    Node& node = i % 2 == 0 ? *a_ : *b_;
    const int lane = i / 2 % 2;
    calls.push_back(node.begin(lane, node.call(lane, 5, 1)));
  }
  int granted = 0;
  for (auto& one : calls) granted += one.get() ? 1 : 0;
  eventually([&] { return a_->reserved() + b_->reserved() == 0; });
  EXPECT_EQ(std::max(a_->spent(), b_->spent()), granted);
  EXPECT_LE(granted, 200);
  EXPECT_GE(granted, 40);
}

TEST_F(SharedBudgets, ARateComesBackOverAllNodes) {
  start({{"rate", R"({"each": "user", "requests": 2, "per": "1h"})"}});
  const Caller me{.user = "u-1"};
  EXPECT_TRUE(call(*a_, 0, 0, me));
  EXPECT_TRUE(call(*b_, 0, 0, me));
  const auto refused = call(*a_, 0, 0, me);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "rate_limit_exceeded");
  EXPECT_THAT(refused.error().message, HasSubstr("`rate` of user `u-1` allows 2 requests per 1h; 0 are left."));
  EXPECT_GT(refused.error().retry_after_ms, 29 * 60'000);
  EXPECT_LE(refused.error().retry_after_ms, 30 * 60'000);
  EXPECT_TRUE(call(*a_, 0, 0, {.user = "u-2"}));
}

TEST_F(SharedBudgets, PlacesOfADeadNodeAreFreeAndWhatItHeldIsSpent) {
  start({{"few", R"({"cost": 200, "concurrency": 1, "per": "ever"})"}}, {.grace = 400ms, .lease = 300ms, .beat = 20ms});
  {
    Hold open;
    ASSERT_TRUE(a_->on(0, a_->open(open, 0, 60)));
    const auto busy = call(*b_, 1, 1);
    ASSERT_FALSE(busy);
    EXPECT_THAT(busy.error().message, HasSubstr("allows 1 calls at a time"));
    a_->die();
    eventually([&] { return call(*b_, 10, 10).has_value(); });
    eventually([&] { return b_->spent() == 70; });  // the worst case of it, and this call
  }
  EXPECT_FALSE(call(*b_, 131, 0));
  EXPECT_TRUE(call(*b_, 130, 0));
}

// A process that is killed leaves a file; here it is taken from under one that then does nothing any more.
class KilledNode : public SharedBudgets {
 protected:
  static constexpr SharedLedger::Timing kShort{.grace = 400ms, .lease = 300ms, .beat = 20ms};

  // 50 of 200 are spent, 60 set aside, and 30 times 100 are asked for when it dies.
  void kill_a(SharedLedger::Timing timing = kQuick) {
    start({{"team", R"({"cost": 200, "per": "ever"})"}}, timing);
    EXPECT_TRUE(call(*a_, 50, 50));
    eventually([&] { return a_->reserved() == 0; });
    ASSERT_TRUE(a_->on(0, a_->open(open_, 0, 60)));
    redis_->pause();
    for (Hold& hold : asking_) (void)a_->begin(1, a_->open(hold, 1, 100));
    std::this_thread::sleep_for(50ms);
    a_->die();
    std::filesystem::create_directories(folder_ / "again");
    std::filesystem::copy_file(folder_ / "a" / "ledger", folder_ / "again" / "ledger");
    redis_->resume();
  }
  void TearDown() override {
    for (Hold& hold : asking_) std::destroy_at(&hold), std::construct_at(&hold);
    std::destroy_at(&open_), std::construct_at(&open_);
    SharedBudgets::TearDown();
  }
  // What is spent as Redis has it, in dollars.
  std::int64_t in_redis() {
    eventually([this] { return call(*b_, 0, 0).has_value(); });
    return b_->spent();
  }

  Hold open_;
  std::array<Hold, 30> asking_;
};

TEST_F(KilledNode, ThatIsBackAtOnceTellsNothingThatItOnlyAskedForAndNothingTwice) {
  kill_a({.grace = 400ms, .lease = 3s, .beat = 20ms});
  const auto again = node("again");
  EXPECT_EQ(in_redis(), 110) << "50 were spent, and 60 may have been";
  EXPECT_FALSE(call(*b_, 91, 0));
  EXPECT_TRUE(call(*again, 20, 20));
  std::this_thread::sleep_for(3'200ms);  // the lease has ended
  EXPECT_EQ(in_redis(), 130);
  EXPECT_FALSE(call(*again, 71, 0));
  EXPECT_TRUE(call(*again, 70, 70));
}

TEST_F(KilledNode, ThatIsBackLateFindsItSpentOnce) {
  kill_a(kShort);
  eventually([this] { return in_redis() == 110; });
  EXPECT_TRUE(call(*b_, 10, 10));
  const auto again = node("again");
  EXPECT_EQ(in_redis(), 120);
  EXPECT_TRUE(call(*again, 80, 80));
  EXPECT_FALSE(call(*b_, 1, 0));
}

TEST_F(KilledNode, ThatIsNeverBackHasSpentWhatItHadSetAside) {
  kill_a(kShort);
  eventually([this] { return in_redis() == 110; });
  EXPECT_FALSE(call(*b_, 91, 0));
  EXPECT_TRUE(call(*b_, 90, 90));
}

TEST_F(KilledNode, WithTheDataOfRedisIsTheOnlyOneThatKnowsWhatItHadSetAside) {
  kill_a();
  ask({"FLUSHALL"});
  const auto again = node("again");
  EXPECT_TRUE(call_when_back(*again, 0, 0));
  EXPECT_EQ(again->spent(), 110);
  EXPECT_FALSE(call(*b_, 91, 0));
  EXPECT_TRUE(call(*b_, 90, 90));
}

TEST_F(KilledNode, KnowsNoMoreThanARedisThatWasRestartedWithItsData) {
  kill_a();
  redis_->kill();
  redis_->start();
  const auto again = node("again");
  EXPECT_TRUE(call_when_back(*b_, 0, 0));
  EXPECT_EQ(in_redis(), 110);
  EXPECT_FALSE(call(*again, 91, 0));
  EXPECT_TRUE(call(*again, 90, 90));
}

// Two folders of one name: the first goes on, and tells the truth.
TEST_F(SharedBudgets, ACopyOfADataFolderTakesNothingFromTheNodeThatLives) {
  start(kTeam);
  Hold open;
  ASSERT_TRUE(a_->on(0, a_->open(open, 0, 60)));
  std::filesystem::create_directories(folder_ / "copy");
  std::filesystem::copy_file(folder_ / "a" / "ledger", folder_ / "copy" / "ledger");
  const auto copy = node("copy");
  EXPECT_TRUE(call_when_back(*copy, 0, 0));
  EXPECT_TRUE(call_when_back(*a_, 1, 1));
  EXPECT_TRUE(a_->on(0, a_->close(open, 9)));
  eventually([&] { return call(*b_, 190, 0).has_value(); });
  EXPECT_FALSE(call(*b_, 191, 0));
}

// Its connection stands, but it was not heard of for longer than its lease.
TEST_F(SharedBudgets, WhoWasTakenForDeadTellsTheTruth) {
  start(kTeam, {.grace = 400ms, .lease = 1s, .beat = 2s});
  Hold open, other;
  ASSERT_TRUE(a_->on(0, a_->open(open, 0, 60)));
  ASSERT_TRUE(a_->on(0, a_->open(other, 0, 30)));
  eventually([&] { return call(*b_, 0, 0) && b_->spent() == 90; });
  EXPECT_TRUE(a_->on(0, a_->close(open, 7)));
  EXPECT_FALSE(call(*b_, 200 - 37 + 1, 0)) << "30 are held, or spent";
  eventually([&] { return call(*b_, 200 - 37, 0).has_value(); });
  eventually([&] { return call(*a_, 0, 0).has_value(); });  // it joins anew: 30 are set aside again
  EXPECT_TRUE(a_->on(0, a_->close(other, 0)));
  eventually([&] { return call(*b_, 200 - 7, 0).has_value(); });
  EXPECT_FALSE(call(*b_, 200 - 7 + 1, 0));
}

TEST_F(SharedBudgets, AnEmptiedRedisRefillsNothing) {
  start(kTeam);
  EXPECT_TRUE(call(*a_, 90, 90));
  eventually([&] { return a_->reserved() == 0; });  // Redis has heard of it, and tells the other with its answer
  EXPECT_TRUE(call(*b_, 60, 60));
  Hold open;
  ASSERT_TRUE(a_->on(1, a_->open(open, 1, 40)));
  eventually([&] { return b_->spent() == 150; });
  ask({"FLUSHALL"});
  EXPECT_FALSE(call_when_back(*b_, 11, 0)) << "150 are spent, 40 held";
  EXPECT_TRUE(call_when_back(*b_, 10, 10));
  EXPECT_TRUE(a_->on(1, a_->close(open, 1)));
  eventually([&] { return a_->reserved() == 0; });
  EXPECT_FALSE(call(*b_, 40, 0));
  EXPECT_TRUE(call(*b_, 39, 39));
}

TEST_F(SharedBudgets, ANodeThatStartsAnewKnowsWhatRedisHasLost) {
  start(kTeam);
  EXPECT_TRUE(call(*a_, 150, 150));
  eventually([&] { return a_->reserved() == 0; });
  a_.reset();
  b_.reset();
  ask({"FLUSHALL"});
  a_ = node("a");
  EXPECT_FALSE(call_when_back(*a_, 51, 0));
  EXPECT_TRUE(call(*a_, 50, 50));
}

TEST_F(SharedBudgets, WithoutRedisHardBudgetsRefuseAndSoftOnesAreAddedUpLater) {
  start({{"hard", R"({"for": {"user": "h"}, "cost": 200, "per": "day"})"},
         {"soft", R"({"hard": false, "cost": 200, "per": "day"})"}});
  const Caller hard{.user = "h"};
  EXPECT_TRUE(call(*a_, 10, 10));
  EXPECT_TRUE(call(*b_, 10, 10, hard));
  redis_->kill();
  const auto refused = call(*a_, 1, 1, hard);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(refused.error().code, "budgets_unavailable");
  EXPECT_THAT(refused.error().message,
              StartsWith("Budget `hard` is shared with other nodes and cannot be checked now: "));
  EXPECT_GT(refused.error().retry_after_ms, 0);
  EXPECT_TRUE(call(*a_, 1, 5));
  EXPECT_TRUE(call(*b_, 1, 300));
  redis_->start();
  eventually([&] { return call(*a_, 10, 10, hard).has_value(); });
  // 10, 10, 5 and 300 before, and what follows; once.
  std::int64_t more = 10;
  eventually([&] {
    EXPECT_TRUE(call(*a_, 0, 1));
    ++more;
    return a_->spent(1) == 325 + more;
  });
  eventually([&] { return a_->spent(0) == 20; });
}

// What becomes of a command is not known when its connection breaks, at whatever moment.
TEST_F(SharedBudgets, ConnectionsThatBreakAtAnyTimeCountNothingTwiceAndLoseNothing) {
  start({{"all", R"({"cost": 50000, "requests": 1000000, "per": "ever"})"}});
  std::mt19937 random(7);
  std::int64_t used = 0, granted = 0;
  for (int round = 0; round < 40; ++round) {
    std::vector<std::pair<std::int64_t, std::future<Result<void>>>> calls;
    for (int i = 0; i < 60; ++i) {
      Node& node = i % 2 == 0 ? *a_ : *b_;
      const auto cost = static_cast<std::int64_t>(random() % 9);
      calls.emplace_back(cost, node.begin(i / 2 % 2, node.call(i / 2 % 2, 10, cost)));
    }
    if (round % 2 == 0) ask({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    for (auto& [cost, done] : calls) {
      const auto result = done.get();
      if (result) used += cost;
      granted += result ? 1 : 0;
      EXPECT_EQ(result ? "budgets_unavailable" : result.error().code, "budgets_unavailable");
    }
    for (Node* const node : {a_.get(), b_.get()})
      for (const int lane : {0, 1}) eventually([&] { return node->on(lane, node->call(lane, 1, 0)).has_value(); });
  }
  eventually([&] { return a_->reserved() + b_->reserved() == 0; });
  EXPECT_TRUE(call(*a_, 1, 0));
  EXPECT_EQ(a_->spent(), used);
  EXPECT_GT(granted, 500);
  EXPECT_LT(granted, 40 * 60) << "no connection broke";
  Result<void> rest = fail(Error{});
  for (int i = 0; i < 200 && !rest; ++i) rest = call(*b_, 50'000 - used, 0);
  EXPECT_TRUE(rest) << rest.error().message;
}

TEST_F(SharedBudgets, ARedisThatStandsStillIsAsOneThatIsAway) {
  start(kTeam);
  Hold open;
  ASSERT_TRUE(a_->on(0, a_->open(open, 0, 60)));
  redis_->pause();
  const auto before = std::chrono::steady_clock::now();
  const auto refused = call(*b_, 1, 1);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "budgets_unavailable");
  EXPECT_TRUE(a_->on(0, a_->close(open, 50)));  // waits for nobody
  redis_->resume();
  EXPECT_FALSE(call_when_back(*b_, 151, 0));
  eventually([&] { return call(*b_, 150, 0).has_value(); });
  EXPECT_EQ(b_->spent(), 50);
}

TEST_F(SharedBudgets, AnotherPeriodKeepsWhatIsSpent) {
  start({{"team", R"({"cost": 200, "per": "day"})"}});
  EXPECT_TRUE(call(*a_, 150, 150));
  specs_ = {{"team", R"({"cost": 200, "per": "month"})"}};
  b_.reset();
  b_ = node("c");
  EXPECT_FALSE(call(*b_, 51, 0));
  EXPECT_TRUE(call(*b_, 50, 50));
}

}  // namespace
}  // namespace fairlead::budgets
