#include "gateway/routing/limiter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <mutex>

#include "gateway/routing/pause.h"
#include "gateway/routing/tests/scripted.h"

namespace fairlead::gateway::routing {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class LimiterTest : public testing::Test {
 public:
  void SetUp() override { runtime_.start(); }
  void TearDown() override { runtime_.stop(); }

  // What `task` comes to on a loop.
  template <class T>
  std::future<T> on(int loop, async::Task<T> task) {
    return boost::asio::co_spawn(runtime_.loop(loop).context(), std::move(task), boost::asio::use_future);
  }

  struct Wish {
    std::string name, project = "p";
    int priority = 0;
    int loop = 0;
  };
  // Enters, notes its name, leaves.
  static async::Task<std::string> pass(LimiterTest& test, Wish wish, SteadyTime deadline) {
    auto place =
        co_await test.limiter_->enter(test.runtime_.loop(wish.loop), test.policy_, {wish.project, wish.priority},
                                      deadline, test.clock_, test.cancellation_);
    if (!place) co_return place.error().code;
    const std::lock_guard lock(test.mutex_);
    test.order_.push_back(wish.name);
    co_return "";
  }
  static async::Task<Limiter::Place> hold(LimiterTest& test, std::string project) {
    auto place = co_await test.limiter_->enter(test.runtime_.loop(0), test.policy_, {project, 0}, SteadyTime::max(),
                                               test.clock_, test.cancellation_);
    co_return *std::move(place);
  }
  static async::Task<int> give_back(Limiter::Place& place, Load load, SteadyTime now) {
    place.release(load, 100ms, false, now);
    co_return 0;
  }
  void wait_until_waiting(int count) {
    while (limiter_->waiting() != count) std::this_thread::yield();
  }

  SystemClock clock_;
  async::Runtime runtime_{2};
  std::shared_ptr<Limiter> limiter_ = std::make_shared<Limiter>(2);
  llm::ConcurrencyPolicy policy_{.max = 1, .wait = 10s};
  async::Cancellation cancellation_;
  std::mutex mutex_;
  std::vector<std::string> order_;
};

TEST_F(LimiterTest, GivesPlacesByPriorityThenToTheProjectThatHasFewestThenByTime) {
  policy_.max = 3;
  std::vector<Limiter::Place> held;
  for (const char* project : {"greedy", "greedy", "greedy"}) held.push_back(on(0, hold(*this, project)).get());
  std::vector<std::future<std::string>> waiting;
  int count = 0;
  for (const Wish& wish : {Wish{"greedy 1", "greedy"}, Wish{"greedy 2", "greedy"}, Wish{"modest", "modest"},
                           Wish{"new", "new"}, Wish{"urgent", "greedy", 5}, Wish{"idle", "new", -5}}) {
    waiting.push_back(on(0, pass(*this, wish, SteadyTime::max())));
    wait_until_waiting(++count);
  }
  EXPECT_TRUE(order_.empty());
  on(0, give_back(held[0], Load::kBorne, clock_.steady())).get();
  for (auto& one : waiting) EXPECT_EQ(one.get(), "");
  EXPECT_THAT(order_, ElementsAre("urgent", "modest", "new", "greedy 1", "greedy 2", "idle"));
  for (std::size_t i = 1; i < held.size(); ++i) on(0, give_back(held[i], Load::kBorne, clock_.steady())).get();
  EXPECT_EQ(limiter_->in_flight(), 0);
}

TEST_F(LimiterTest, ShedsWhenTheQueueIsFullOrWillNotMoveInTime) {
  policy_.queue = 1;
  Limiter::Place held = on(0, hold(*this, "p")).get();
  auto first = on(0, pass(*this, {"first"}, SteadyTime::max()));
  wait_until_waiting(1);
  EXPECT_EQ(on(0, pass(*this, {"second"}, SteadyTime::max())).get(), "upstream_busy");
  policy_.queue = 100;
  EXPECT_EQ(on(0, pass(*this, {"late"}, clock_.steady())).get(), "upstream_busy") << "no time to wait";
  on(0, give_back(held, Load::kBorne, clock_.steady() + 20s)).get();  // a call takes 20 s here, with a limit of 20
  EXPECT_EQ(first.get(), "");
  Limiter::Place again = on(0, hold(*this, "p")).get();
  EXPECT_EQ(on(0, pass(*this, {"hopeless"}, clock_.steady() + 500ms)).get(), "upstream_busy")
      << "a second is to be expected";
  on(0, give_back(again, Load::kBorne, clock_.steady())).get();
}

TEST_F(LimiterTest, WaitsNoLongerThanItMay) {
  policy_.wait = 20ms;
  Limiter::Place held = on(0, hold(*this, "p")).get();
  EXPECT_EQ(on(0, pass(*this, {"x"}, SteadyTime::max())).get(), "upstream_busy");
  EXPECT_EQ(limiter_->waiting(), 0);
  on(0, give_back(held, Load::kBorne, clock_.steady())).get();
}

TEST_F(LimiterTest, WhoIsCancelledLeavesTheQueue) {
  Limiter::Place held = on(0, hold(*this, "p")).get();
  auto waiting = on(0, pass(*this, {"x"}, SteadyTime::max()));
  wait_until_waiting(1);
  runtime_.loop(0).post([this] { cancellation_.request(); });
  EXPECT_EQ(waiting.get(), "cancelled");
  EXPECT_EQ(limiter_->waiting(), 0);
  on(0, give_back(held, Load::kBorne, clock_.steady())).get();
  EXPECT_EQ(limiter_->in_flight(), 0);
}

TEST_F(LimiterTest, APlaceThatComesFreeOnOneLoopIsGivenToAnother) {
  Limiter::Place held = on(0, hold(*this, "p")).get();
  auto waiting = on(1, pass(*this, {.name = "other", .loop = 1}, SteadyTime::max()));
  wait_until_waiting(1);
  on(0, give_back(held, Load::kBorne, clock_.steady())).get();
  EXPECT_EQ(waiting.get(), "");
}

TEST_F(LimiterTest, AGuestGetsOnlyWhatIsFreeAndGivesWay) {
  policy_.max = 2;
  async::Cancellation guests[2];
  const auto visit = [this](int loop, async::Cancellation& guest) {
    return on(loop, limiter_->enter(runtime_.loop(loop), policy_, {.project = "p", .priority = 99, .is_guest = true},
                                    SteadyTime::max(), clock_, guest))
        .get();
  };
  const auto is_displaced = [this](int loop, const async::Cancellation& guest) {
    std::promise<bool> out;
    runtime_.loop(loop).post([&] { out.set_value(guest.requested() && guest.reason() == Limiter::kDisplaced); });
    return out.get_future().get();
  };
  const auto release = [this](int loop, Limiter::Place& place) {
    on(loop, give_back(place, Load::kNotKnown, clock_.steady())).get();
  };
  Limiter::Place held = on(0, hold(*this, "p")).get();
  auto first = visit(1, guests[0]);
  ASSERT_TRUE(first);
  EXPECT_EQ(visit(0, guests[1]).error().code, "upstream_busy") << "none is free";
  EXPECT_EQ(limiter_->in_flight(), 1) << "guests are not counted";
  EXPECT_FALSE(is_displaced(1, guests[0]));
  Limiter::Place second = on(0, hold(*this, "p")).get();
  EXPECT_TRUE(is_displaced(1, guests[0])) << "across loops";
  EXPECT_EQ(visit(0, guests[1]).error().code, "upstream_busy");
  release(1, *first);
  release(0, second);
  auto third = visit(0, guests[1]);
  ASSERT_TRUE(third) << "everything was given back";
  auto waiting = on(0, pass(*this, {"urgent"}, SteadyTime::max()));
  EXPECT_EQ(waiting.get(), "") << "a caller does not wait for a guest";
  EXPECT_TRUE(is_displaced(0, guests[1]));
  release(0, *third);
  release(0, held);
  EXPECT_EQ(limiter_->in_flight(), 0);
}

TEST_F(LimiterTest, HoldsItsBoundAndForgetsNobodyUnderLoadFromAllLoops) {
  policy_ = {.max = 3, .queue = 1'000, .wait = 60s};
  std::atomic<int> inside{0}, most{0}, done{0};
  struct Shared {
    LimiterTest* test;
    std::atomic<int>*inside, *most, *done;
  } shared{this, &inside, &most, &done};
  constexpr auto kWorker = [](Shared all, int loop) -> async::Task<void> {
    async::Cancellation cancellation;
    for (int i = 0; i < 200; ++i) {
      async::Loop& here = all.test->runtime_.loop(loop);
      auto place = co_await all.test->limiter_->enter(here, all.test->policy_, {"p", 0}, SteadyTime::max(),
                                                      all.test->clock_, cancellation);
      if (!place) co_return;
      const int now = ++*all.inside;
      int seen = *all.most;
      while (seen < now && !all.most->compare_exchange_weak(seen, now)) {
      }
      co_await boost::asio::post(here.executor(), async::use_task);
      --*all.inside;
      place->release(Load::kBorne, 1ms, true, all.test->clock_.steady());
    }
    ++*all.done;
  };
  std::vector<std::future<void>> workers;
  for (int i = 0; i < 16; ++i) workers.push_back(on(i % 2, kWorker(shared, i % 2)));
  for (auto& one : workers) one.get();
  EXPECT_EQ(done, 16);
  EXPECT_LE(most, 3);
  EXPECT_EQ(limiter_->in_flight(), 0);
  EXPECT_EQ(limiter_->waiting(), 0);
}

// A limiter that is told of calls, without waiting for any.
class AdaptingTest : public LimiterTest {
 protected:
  // `count` calls in flight at once, again and again, each with that latency.
  void calls(int rounds, int count, Micros latency, Load load = Load::kBorne) {
    policy_.max = 100'000;
    for (int i = 0; i < rounds; ++i) {
      std::vector<Limiter::Place> held;
      for (int k = 0; k < std::min(count, limiter_->limit()); ++k) held.push_back(on(0, hold(*this, "p")).get());
      now_ += 100ms;
      for (Limiter::Place& one : held) on(0, finish(one, load, latency, now_)).get();
    }
  }
  static async::Task<int> finish(Limiter::Place& place, Load load, Micros latency, SteadyTime now) {
    place.release(load, latency, true, now);
    co_return 0;
  }
  SteadyTime now_{1h};
};

TEST_F(AdaptingTest, GrowsWhileItIsUsedAndLatencyStays) {
  calls(10, 1'000, 100ms);
  EXPECT_GT(limiter_->limit(), 40);
}

TEST_F(AdaptingTest, StaysWhereItIsNotUsed) {
  calls(50, 3, 100ms);
  EXPECT_EQ(limiter_->limit(), 20);
}

TEST_F(AdaptingTest, ShrinksAsLatencyGrows) {
  calls(2, 1'000, 100ms);
  const int before = limiter_->limit();
  calls(1, 1'000, 1s);
  EXPECT_LT(limiter_->limit(), before * 3 / 4);
}

TEST_F(AdaptingTest, ShrinksByAFifthWhenToldAndNeverToNothing) {
  calls(1, 20, 100ms, Load::kTooMuch);
  EXPECT_EQ(limiter_->limit(), 16) << "once for what happens together";
  calls(1'000, 1, 100ms, Load::kTooMuch);
  EXPECT_EQ(limiter_->limit(), 1);
}

TEST(Priorities, AreTheHighestOfTheTagsAndTheKey) {
  const llm::ConcurrencyPolicy policy{
      .max = 1, .priorities = {{"gold", 5}, {"batch", -5}}, .key_priorities = {{"nightly", -20}}};
  const std::vector<std::string> none{"x"}, low{"batch"}, both{"batch", "gold"}, tag_like_key{"nightly", "key:nightly"};
  EXPECT_EQ(priority_of(policy, none, "x"), 0);
  EXPECT_EQ(priority_of(policy, low, "gold"), -5) << "a key is no tag";
  EXPECT_EQ(priority_of(policy, both, "nightly"), 5);
  EXPECT_EQ(priority_of(policy, low, "nightly"), -5);
  EXPECT_EQ(priority_of(policy, none, "nightly"), -20);
  EXPECT_EQ(priority_of(policy, tag_like_key, "x"), 0);
}

TEST(LimitOfAnUpstream, SendsCallsElsewhereAndIsSharedByModels) {
  auto first = std::make_shared<ScriptedProvider>("first", std::vector<Script>{{.deltas = {"{}"}}});
  auto second = std::make_shared<ScriptedProvider>("second", std::vector<Script>{{.deltas = {"{}"}}});
  Bench bench({first, second});
  bench.model->routing.concurrency = {.max = 1, .queue = 0};
  llm::Model other = *bench.model;
  other.name = "other";
  Registry registry(bench.clock, 1, 2);
  registry.attach("another project", other, [](const llm::Provider& provider) { return std::string(provider.name()); });
  registry.attach("p", *bench.model, [](const llm::Provider& provider) { return std::string(provider.name()); });
  // Somebody else has the only place.
  async::Runtime runtime(1);
  async::Cancellation cancellation;
  auto entered = boost::asio::co_spawn(runtime.loop(0).context(),
                                       state_of(*bench.model)
                                           ->routes[0]
                                           ->limiter->enter(runtime.loop(0), bench.model->routing.concurrency, {"x", 0},
                                                            SteadyTime::max(), bench.clock, cancellation),
                                       boost::asio::use_future);
  runtime.loop(0).context().poll();
  Limiter::Place place = entered.get().value();
  EXPECT_EQ(state_of(other)->routes[0]->limiter->in_flight(), 1) << "the other model's too";
  const Answered answered = bench.ask();
  EXPECT_EQ(answered.record.provider, "second");
  EXPECT_EQ(answered.attempts.at(0).error_code, "upstream_busy");
  EXPECT_EQ(registry.routes().at(2).upstream_in_flight, 1);
}

TEST(LimitOfAnUpstream, RefusesWithTheTimeToComeBackWhenNobodyElseIsThere) {
  auto only = std::make_shared<ScriptedProvider>("only", std::vector<Script>{{.deltas = {"{}"}}});
  Bench bench({only});
  bench.model->routing.concurrency = {.max = 1, .queue = 0};
  bench.model->routing.retries = 3;
  EXPECT_FALSE(bench.ask().error);
  EXPECT_FALSE(bench.ask().error) << "the place is given back";
  async::Runtime runtime(1);
  async::Cancellation cancellation;
  auto entered = boost::asio::co_spawn(runtime.loop(0).context(),
                                       state_of(*bench.model)
                                           ->routes[0]
                                           ->limiter->enter(runtime.loop(0), bench.model->routing.concurrency, {"x", 0},
                                                            SteadyTime::max(), bench.clock, cancellation),
                                       boost::asio::use_future);
  runtime.loop(0).context().poll();
  Limiter::Place place = entered.get().value();
  const Answered refused = bench.ask();
  EXPECT_EQ(refused.error->code, "upstream_busy");
  EXPECT_EQ(refused.error->kind, ErrorKind::kExhausted);
  EXPECT_GE(refused.error->retry_after_ms, 1'000);
  EXPECT_EQ(refused.attempts.size(), 1u);
}

}  // namespace
}  // namespace fairlead::gateway::routing
