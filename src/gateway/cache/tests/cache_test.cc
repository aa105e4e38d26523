#include "gateway/cache/cache.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <thread>

namespace fairlead::gateway::cache {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<const KeptAnswer> answer_of(std::string text) {
  auto out = std::make_shared<KeptAnswer>();
  out->streamed = true;
  out->wire = std::move(text);
  return out;
}

class CacheTest : public testing::Test {
 protected:
  void SetUp() override { runtime_.start(); }
  void TearDown() override { runtime_.stop(); }

  Asked asked(std::string_view name, llm::CacheMode mode = llm::CacheMode::kOn) const {
    return {.key = sha256(name), .owner = {"bank", "", std::string(name)}, .mode = mode, .ttl = 60s, .streamed = true};
  }
  Found look_up(int loop, Asked what) { return on(loop, cache_.look_up(runtime_.loop(loop), std::move(what))); }
  template <class T>
  T on(int loop, async::Task<T> task) {
    return boost::asio::co_spawn(runtime_.loop(loop).context(), std::move(task), boost::asio::use_future).get();
  }
  void run(int loop, std::function<void()> work) {
    std::promise<void> done;
    runtime_.loop(loop).post([&] {
      work();
      done.set_value();
    });
    done.get_future().get();
  }
  // Brings the flight's end from `loop`, its home.
  void end(int loop, const Found& found, const Asked& what, std::shared_ptr<const KeptAnswer> answer) {
    run(loop, [&] {
      found.flight->begin(*answer);
      found.flight->append(answer->wire, true);
      found.flight->end(answer);
      cache_.settle(runtime_.loop(loop), what, found.flight, answer);
    });
    for (int i = 0; i < runtime_.size(); ++i) run(i, [] {});  // whoever owns the key has it now
  }

  ManualClock clock_;
  async::Runtime runtime_{3};
  Cache cache_{runtime_, 1 << 20, clock_};
};

TEST_F(CacheTest, EveryLoopFindsWhatOneHasKeptUntilItExpires) {
  for (int loop = 0; loop < 3; ++loop) {
    const Asked what = asked("a" + std::to_string(loop));
    const Found first = look_up(loop, what);
    ASSERT_TRUE(first.leads);
    const auto answer = answer_of("data: {}\n\n");
    end(loop, first, what, answer);
    for (int other = 0; other < 3; ++other) {
      const Found found = look_up(other, what);
      EXPECT_EQ(found.answer, answer);
      EXPECT_FALSE(found.flight);
    }
  }
  EXPECT_EQ(cache_.totals().answers, 3u);
  clock_.advance(60s);
  for (int loop = 0; loop < 3; ++loop) EXPECT_TRUE(look_up(loop, asked("a" + std::to_string(loop))).leads);
}

TEST_F(CacheTest, OneOfManyLeadsAndAllReadWhatItBrings) {
  const Asked what = asked("a");
  const Found first = look_up(0, what);
  ASSERT_TRUE(first.leads);
  std::vector<std::future<std::string>> readers;
  async::Cancellation never[3];
  const auto read_all = [](std::shared_ptr<Flight> flight, async::Loop& loop,
                           async::Cancellation& cancellation) -> async::Task<std::string> {
    Flight::Reader reader(std::move(flight), loop);
    std::string all;
    for (;;) {
      auto piece = co_await reader.next(std::chrono::steady_clock::now() + 10s, cancellation);
      if (!piece) co_return piece.error().code;
      if (piece->empty()) co_return all;
      all += *piece;
    }
  };
  for (int i = 0; i < 300; ++i) {
    const Found found = look_up(i % 3, what);
    ASSERT_FALSE(found.leads);
    ASSERT_EQ(found.flight, first.flight);
    readers.push_back(boost::asio::co_spawn(runtime_.loop(i % 3).context(),
                                            read_all(found.flight, runtime_.loop(i % 3), never[i % 3]),
                                            boost::asio::use_future));
  }
  std::string all;
  run(0, [&] { first.flight->begin({}); });
  for (int i = 0; i < 200; ++i) {
    const std::string piece = "piece " + std::to_string(i) + ";";
    all += piece;
    run(0, [&] { first.flight->append(piece, true); });
    if (i == 100) {  // late, and given what came before
      const Found found = look_up(1, what);
      readers.push_back(boost::asio::co_spawn(
          runtime_.loop(1).context(), read_all(found.flight, runtime_.loop(1), never[1]), boost::asio::use_future));
    }
  }
  run(0, [&] { first.flight->end(answer_of(all)); });
  for (auto& one : readers) EXPECT_EQ(one.get(), all);
}

TEST_F(CacheTest, AFlightIsCancelledWhenTheLastHasLeft) {
  const Asked what = asked("a");
  const Found first = look_up(0, what);
  const Found second = look_up(1, what);
  run(0, [&] { first.flight->leave(); });
  run(0, [&] { EXPECT_FALSE(first.flight->cancellation().requested()); });
  run(1, [&] { second.flight->leave(); });
  run(0, [&] { EXPECT_TRUE(first.flight->cancellation().requested()); });
  // Who comes then makes a new one.
  const Found third = look_up(2, what);
  EXPECT_TRUE(third.leads);
  EXPECT_NE(third.flight, first.flight);
}

TEST_F(CacheTest, OfManyThatAreReleasedOneLeads) {
  const Asked what = asked("a");
  const Found first = look_up(0, what);
  for (int i = 0; i < 50; ++i) ASSERT_FALSE(look_up(i % 3, what).leads);
  run(0, [&] {
    first.flight->fail({ErrorKind::kCancelled, "cancelled", ""}, true);
    cache_.settle(runtime_.loop(0), what, first.flight, nullptr);
  });
  EXPECT_EQ(first.flight->state(), Flight::State::kReleased);
  std::vector<std::future<Found>> again;
  for (int i = 0; i < 50; ++i)
    again.push_back(boost::asio::co_spawn(runtime_.loop(i % 3).context(), cache_.look_up(runtime_.loop(i % 3), what),
                                          boost::asio::use_future));
  int leaders = 0;
  for (auto& one : again) leaders += one.get().leads ? 1 : 0;
  EXPECT_EQ(leaders, 1);
}

TEST_F(CacheTest, AFaultAfterTheFirstPieceIsEveryones) {
  const Found first = look_up(0, asked("a"));
  run(0, [&] {
    first.flight->begin({});
    first.flight->append("x", true);
    first.flight->fail({ErrorKind::kCancelled, "cancelled", ""}, true);
  });
  EXPECT_EQ(first.flight->state(), Flight::State::kFailed);
}

TEST_F(CacheTest, ModesReadAndWriteAsTheySay) {
  const auto kept = answer_of("data: {}\n\n");
  EXPECT_FALSE(look_up(0, asked("a", llm::CacheMode::kRead)).leads);
  EXPECT_FALSE(look_up(0, asked("a", llm::CacheMode::kRead)).flight);
  const Found first = look_up(0, asked("a"));
  EXPECT_EQ(look_up(1, asked("a", llm::CacheMode::kRead)).flight, first.flight);
  // A later one that only writes wins, whoever ends first.
  const Found newer = look_up(1, asked("a", llm::CacheMode::kWrite));
  ASSERT_TRUE(newer.leads);
  end(0, first, asked("a"), answer_of("data: {\"old\":1}\n\n"));
  EXPECT_EQ(look_up(2, asked("a")).flight, newer.flight);
  end(1, newer, asked("a"), kept);
  EXPECT_EQ(look_up(2, asked("a", llm::CacheMode::kRead)).answer, kept);
  EXPECT_TRUE(look_up(2, asked("a", llm::CacheMode::kWrite)).leads);
}

TEST_F(CacheTest, WhatIsClearedInFlightIsNotKept) {
  const Asked what = asked("a");
  const Found first = look_up(0, what);
  const Asked other = asked("b");
  const Found second = look_up(0, other);
  EXPECT_EQ(on(1, cache_.clear_here({"bank", "", "a"})), 0u);
  EXPECT_TRUE(look_up(2, what).leads);  // nobody joins it either
  end(0, first, what, answer_of("data: {}\n\n"));
  EXPECT_FALSE(look_up(2, what).answer);
  end(0, second, other, answer_of("data: {}\n\n"));
  EXPECT_TRUE(look_up(2, other).answer);
  const auto held = on(1, cache_.held("bank"));
  ASSERT_EQ(held.size(), 1u);
  EXPECT_EQ(held[0].owner.model, "b");
  EXPECT_TRUE(on(1, cache_.held("shop")).empty());
  EXPECT_EQ(on(1, cache_.clear_here({"shop", "", ""})), 0u);
  EXPECT_EQ(on(1, cache_.clear_here({"bank", "", ""})), 1u);
  EXPECT_EQ(cache_.totals().bytes, 0u);
}

TEST_F(CacheTest, AReaderThatIsCancelledOrWhoseTimeIsUpLeaves) {
  const Asked what = asked("a");
  const Found first = look_up(0, what), second = look_up(1, what), third = look_up(1, what);
  async::Cancellation cancellation, never;
  const auto read = [](std::shared_ptr<Flight> flight, async::Loop& loop, SteadyTime deadline,
                       async::Cancellation& cancelled) -> async::Task<std::string> {
    Flight::Reader reader(std::move(flight), loop);
    auto piece = co_await reader.next(deadline, cancelled);
    co_return piece ? std::string(*piece) : piece.error().code;
  };
  const SteadyTime now = std::chrono::steady_clock::now();
  auto late = boost::asio::co_spawn(runtime_.loop(1).context(),
                                    read(second.flight, runtime_.loop(1), now + 30ms, never), boost::asio::use_future);
  auto left =
      boost::asio::co_spawn(runtime_.loop(1).context(), read(third.flight, runtime_.loop(1), now + 30s, cancellation),
                            boost::asio::use_future);
  EXPECT_EQ(late.get(), "call_timeout");
  run(1, [&] { cancellation.request(); });
  EXPECT_EQ(left.get(), "cancelled");
  run(0, [&] { EXPECT_FALSE(first.flight->cancellation().requested()); });
}

}  // namespace
}  // namespace fairlead::gateway::cache
