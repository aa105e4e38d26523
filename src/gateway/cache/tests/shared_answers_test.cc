#include "gateway/cache/shared_answers.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <thread>

#include "gateway/cache/cache.h"
#include "platform/shared/tests/redis_server.h"

namespace fairlead::gateway::cache {
namespace {

using namespace std::chrono_literals;
using Outcome = SharedAnswers::Outcome;

std::shared_ptr<const KeptAnswer> shared_answer_of(std::string text) {
  auto out = std::make_shared<KeptAnswer>();
  out->streamed = true;
  out->wire = std::move(text);
  return out;
}

// A process of its own, but for the process.
class Node {
 public:
  explicit Node(const std::string& url, std::chrono::milliseconds patience = 50ms)
      : shared_(runtime_, options(url, patience)) {
    cache_.share(shared_);
    runtime_.start();
    shared_.start([this](Selection selection) { return forget(std::move(selection)); });
  }
  ~Node() {
    shared_.stop();
    runtime_.stop();
  }

  bool comes_true(const std::function<bool()>& what) const {
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (!what() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(2ms);
    return what();
  }
  bool connects() const {
    return comes_true([this] { return shared_.connected(); });
  }
  Found look_up(Asked what, int loop = 0) { return on(loop, cache_.look_up(runtime_.loop(loop), std::move(what))); }
  // On the same loop as the next, so before it.
  std::future<Found> begin_look_up(Asked what) {
    return boost::asio::co_spawn(runtime_.loop(0).context(), cache_.look_up(runtime_.loop(0), std::move(what)),
                                 boost::asio::use_future);
  }
  // A call that leads, is answered by its upstream, and leaves that to the others.
  bool asks_upstream(Asked what, const std::string& text) {
    const Found found = look_up(what);
    if (!found.leads) return false;
    end(found, what, text);
    return true;
  }
  void end(const Found& found, Asked what, const std::string& text) {
    const std::uint64_t before = shared_.writes();
    what.stamp = found.stamp;
    run([&] {
      const auto answer = shared_answer_of(text);
      found.flight->begin({});
      found.flight->append(text, true);
      found.flight->end(answer);
      cache_.settle(runtime_.loop(0), what, found.flight, answer);
    });
    writes_before_ = before;
  }
  bool has_written() const {
    return comes_true([this] { return shared_.writes() > writes_before_; });
  }
  Result<Cache::Cleared> clear(Selection selection) {
    return on(0, cache_.clear(runtime_.loop(0), std::move(selection)));
  }
  SharedAnswers::Got get(std::string_view name) {
    return on(0, shared_.get(runtime_.loop(0), sha256(name), {"bank", "", "small"}, true));
  }
  SharedAnswers& shared() { return shared_; }
  std::size_t answers() const { return cache_.totals().answers; }

 private:
  static SharedAnswers::Options options(const std::string& url, std::chrono::milliseconds patience) {
    SharedAnswers::Options out{.redis = *shared::parse_redis_url(url)};
    out.redis.timeout = std::max<std::chrono::milliseconds>(1s, 2 * patience);
    out.patience = patience;
    out.poll = 20ms;
    return out;
  }
  async::Task<void> forget(Selection selection) { co_await cache_.clear_here(std::move(selection)); }
  template <class T>
  T on(int loop, async::Task<T> task) {
    return boost::asio::co_spawn(runtime_.loop(loop).context(), std::move(task), boost::asio::use_future).get();
  }
  void run(std::function<void()> work) {
    for (int i = 0; i < runtime_.size(); ++i) {
      std::promise<void> done;
      runtime_.loop(i).post([&] {
        if (i == 0) work();
        done.set_value();
      });
      done.get_future().get();
    }
  }

  SystemClock clock_;
  async::Runtime runtime_{2};
  SharedAnswers shared_;
  Cache cache_{runtime_, 1 << 20, clock_};
  std::uint64_t writes_before_ = 0;
};

Asked asked(std::string_view name, llm::CacheMode mode = llm::CacheMode::kOn, std::chrono::milliseconds ttl = 60s) {
  return {.key = sha256(name), .owner = {"bank", "", "small"}, .mode = mode, .ttl = ttl, .streamed = true};
}

class SharedAnswersTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!shared::RedisServer::installed()) GTEST_SKIP() << "no Redis";
    redis_.emplace();
  }
  std::optional<shared::RedisServer> redis_;
};

TEST_F(SharedAnswersTest, NodesGiveEachOthersAnswersAndKeepThem) {
  Node a(redis_->url()), b(redis_->url());
  ASSERT_TRUE(a.connects() && b.connects());
  ASSERT_TRUE(a.asks_upstream(asked("x"), "data: 1\n\n"));
  ASSERT_TRUE(a.has_written());
  const Found found = b.look_up(asked("x"), 1);
  ASSERT_TRUE(found.answer);
  EXPECT_EQ(found.answer->wire, "data: 1\n\n");
  EXPECT_FALSE(found.flight);
  EXPECT_EQ(b.shared().lookups(Outcome::kHit), 1u);
  EXPECT_TRUE(b.comes_true([&] { return b.answers() == 1; }));
  EXPECT_TRUE(b.look_up(asked("x")).answer);
  EXPECT_EQ(b.shared().lookups(Outcome::kHit), 1u) << "the second is from memory";
  // Another one, on its own.
  Asked other = asked("x");
  other.key = sha256("y");
  EXPECT_TRUE(b.look_up(other).leads);
}

TEST_F(SharedAnswersTest, ANewNodeFindsWhatAnEarlierOneLeft) {
  {
    Node a(redis_->url());
    ASSERT_TRUE(a.connects());
    ASSERT_TRUE(a.asks_upstream(asked("x"), "data: 1\n\n"));
    ASSERT_TRUE(a.has_written());
  }
  Node again(redis_->url());
  ASSERT_TRUE(again.connects());
  EXPECT_TRUE(again.look_up(asked("x", llm::CacheMode::kRead)).answer);
}

TEST_F(SharedAnswersTest, ThoseWhoWaitGetWhatRedisHad) {
  Node a(redis_->url()), b(redis_->url(), 10s);
  ASSERT_TRUE(a.connects() && b.connects());
  ASSERT_TRUE(a.asks_upstream(asked("x"), "data: 1\n\n"));
  ASSERT_TRUE(a.has_written());
  redis_->pause();
  auto first = b.begin_look_up(asked("x"));
  const Found second = b.look_up(asked("x"));
  redis_->resume();
  ASSERT_TRUE(first.get().answer);
  ASSERT_TRUE(second.flight);
  EXPECT_FALSE(second.leads);
  EXPECT_EQ(second.flight->state(), Flight::State::kEnded);
  EXPECT_EQ(second.flight->answer()->wire, "data: 1\n\n");
}

TEST_F(SharedAnswersTest, AnAnswersTimeCountsForAll) {
  Node a(redis_->url()), b(redis_->url());
  ASSERT_TRUE(a.connects() && b.connects());
  ASSERT_TRUE(a.asks_upstream(asked("x", llm::CacheMode::kOn, 300ms), "data: 1\n\n"));
  ASSERT_TRUE(a.has_written());
  const auto got = b.get("x");
  ASSERT_TRUE(got.answer);
  EXPECT_LE(got.left, 300ms);
  EXPECT_GT(got.left, 0ms);
  EXPECT_TRUE(b.comes_true([&] { return !b.get("x").answer; }));
}

TEST_F(SharedAnswersTest, WhatIsClearedIsClearedEverywhere) {
  Node a(redis_->url()), b(redis_->url());
  ASSERT_TRUE(a.connects() && b.connects());
  ASSERT_TRUE(a.asks_upstream(asked("x"), "data: 1\n\n"));
  ASSERT_TRUE(a.has_written());
  ASSERT_TRUE(b.look_up(asked("x")).answer);
  const Found in_flight = b.look_up(asked("z"));  // begun before, ended after
  ASSERT_TRUE(in_flight.leads);
  const auto none = a.clear({"shop", "", ""});
  EXPECT_EQ(none->shared, 0u);
  const auto cleared = a.clear({"bank", "", "small"});
  ASSERT_TRUE(cleared);
  EXPECT_EQ(cleared->here, 1u);
  EXPECT_EQ(cleared->shared, 1u);
  EXPECT_FALSE(a.look_up(asked("x", llm::CacheMode::kRead)).answer);
  EXPECT_TRUE(b.comes_true([&] { return b.answers() == 0; }));
  b.end(in_flight, asked("z"), "data: old\n\n");
  EXPECT_FALSE(b.get("z").answer);
  EXPECT_EQ(b.shared().writes(), 0u);
  // What comes from then on is kept again.
  ASSERT_TRUE(b.asks_upstream(asked("x"), "data: 2\n\n"));
  ASSERT_TRUE(b.has_written());
  EXPECT_EQ(a.look_up(asked("x")).answer->wire, "data: 2\n\n");
}

TEST_F(SharedAnswersTest, OnlyWhatIsSelectedIsCleared) {
  Node a(redis_->url());
  ASSERT_TRUE(a.connects());
  Asked one = asked("1"), two = asked("2"), three = asked("3");
  one.owner = {"bank", "reply", "small"};
  two.owner = {"bank", "other", "small"};
  three.owner = {"shop", "reply", "small"};
  for (const Asked& what : {one, two, three}) {
    ASSERT_TRUE(a.asks_upstream(what, "data: 1\n\n"));
    ASSERT_TRUE(a.has_written());
  }
  EXPECT_EQ(a.clear({"bank", "reply", ""})->shared, 1u);
  EXPECT_EQ(a.clear({"bank", "other", "large"})->shared, 0u);
  Node b(redis_->url());
  ASSERT_TRUE(b.connects());
  EXPECT_TRUE(b.look_up(one).leads);
  EXPECT_TRUE(b.look_up(two).answer);
  EXPECT_TRUE(b.look_up(three).answer);
}

TEST_F(SharedAnswersTest, ANodeForgetsIfItCannotKnowWhatWasCleared) {
  Node a(redis_->url());
  ASSERT_TRUE(a.connects());
  ASSERT_TRUE(a.asks_upstream(asked("x"), "data: 1\n\n"));
  ASSERT_EQ(a.answers(), 1u);
  redis_->kill();
  ASSERT_TRUE(a.comes_true([&] { return !a.shared().connected(); }));
  EXPECT_TRUE(a.look_up(asked("x")).answer) << "while Redis is away it has its own";
  const auto cleared = a.clear({"shop", "", ""});
  ASSERT_FALSE(cleared);
  EXPECT_EQ(cleared.error().code, "cache_unavailable");
  EXPECT_TRUE(a.asks_upstream(asked("y"), "data: 2\n\n"));
  EXPECT_GT(a.shared().lookups(Outcome::kAway), 0u);
  redis_->start();  // without its data
  ASSERT_TRUE(a.connects());
  EXPECT_TRUE(a.comes_true([&] { return a.answers() == 0; }));
}

TEST_F(SharedAnswersTest, NobodyWaitsForOneThatDoesNotAnswer) {
  Node a(redis_->url());
  ASSERT_TRUE(a.connects());
  redis_->pause();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(a.look_up(asked("0")).leads);
  const auto first = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(first, 50ms);
  EXPECT_LT(first, 500ms);
  const auto second = std::chrono::steady_clock::now();
  for (int i = 1; i < 200; ++i) EXPECT_TRUE(a.look_up(asked(std::to_string(i))).leads);
  EXPECT_LT(std::chrono::steady_clock::now() - second, 500ms) << "the others do not wait at all";
  EXPECT_EQ(a.shared().lookups(Outcome::kHit) + a.shared().lookups(Outcome::kMiss), 0u);
  redis_->resume();
  EXPECT_TRUE(a.comes_true([&] {
    (void)a.get("after");
    return a.shared().lookups(Outcome::kMiss) > 0;
  }));
}

TEST_F(SharedAnswersTest, AForeignValueIsAMiss) {
  Node a(redis_->url());
  ASSERT_TRUE(a.connects());
  ASSERT_TRUE(a.asks_upstream(asked("x"), "data: 1\n\n"));
  ASSERT_TRUE(a.has_written());
  async::Runtime runtime(1);
  shared::Redis client(runtime.loop(0), *shared::parse_redis_url(redis_->url()));
  runtime.start();
  const auto ask = [&](std::vector<std::string> words) {
    return boost::asio::co_spawn(runtime.loop(0).context(), client.ask(std::move(words)), boost::asio::use_future)
        .get();
  };
  const auto nothing = []() -> async::Task<Result<void>> { co_return Result<void>{}; };
  runtime.loop(0).post([&] { client.start(nothing); });
  ASSERT_TRUE(a.comes_true([&] { return client.ready(); }));
  const auto keys = ask({"KEYS", "fairlead:cache:answer:*"});
  ASSERT_TRUE(keys);
  ASSERT_EQ(keys->list.size(), 1u);
  const std::string key = keys->list[0].text, value = ask({"GET", key})->text;
  for (const std::string& planted : {value.substr(0, value.size() - 1), value.substr(0, 71), std::string("x"),
                                     value.substr(0, 71) + std::string(200, 'x'), std::string()}) {
    const std::uint64_t before = a.shared().lookups(Outcome::kInvalid);
    ASSERT_TRUE(ask({"SET", key, planted, "PX", "60000"}));
    EXPECT_FALSE(a.get("x").answer);
    EXPECT_EQ(a.shared().lookups(Outcome::kInvalid), before + 1) << planted.size();
  }
  ASSERT_TRUE(ask({"SET", key, value}));  // for ever
  EXPECT_FALSE(a.get("x").answer);
  ASSERT_TRUE(ask({"DEL", key}));
  ASSERT_TRUE(ask({"HSET", key, "a", "b"}));
  EXPECT_FALSE(a.get("x").answer);
  ASSERT_TRUE(ask({"DEL", key}));
  ASSERT_TRUE(ask({"SET", key, value, "PX", "60000"}));
  EXPECT_TRUE(a.get("x").answer);
  boost::asio::co_spawn(runtime.loop(0).context(), client.stop(), boost::asio::use_future).get();
  runtime.stop();
}

}  // namespace
}  // namespace fairlead::gateway::cache
