#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <set>
#include <thread>

#include "platform/async/cancellation.h"
#include "platform/async/frame_pool.h"
#include "platform/async/runtime.h"
#include "platform/async/task_group.h"

namespace fairlead::async {
namespace {

using namespace std::chrono_literals;

TEST(Cancellation, CallsEachRegistrationOnceAndLateOnesAtOnce) {
  Cancellation cancellation;
  int calls = 0;
  const auto count = [](void* self) { ++*static_cast<int*>(self); };
  Cancellation::Registration first(cancellation, count, &calls);
  { Cancellation::Registration gone(cancellation, count, &calls); }
  cancellation.request(ErrorKind::kTimeout);
  cancellation.request(ErrorKind::kCancelled);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(cancellation.reason(), ErrorKind::kTimeout);
  Cancellation::Registration late(cancellation, count, &calls);
  EXPECT_EQ(calls, 2);
}

TEST(FramePool, GivesEachBlockToOneOwnerAndTakesItBack) {
  std::vector<std::pair<char*, std::size_t>> blocks;
  for (std::size_t size = 1; size <= FramePool::kLargest + 128; size += 37) {
    char* const block = static_cast<char*>(FramePool::take(size));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % __STDCPP_DEFAULT_NEW_ALIGNMENT__, 0u);
    std::fill_n(block, size, static_cast<char>(size));
    blocks.emplace_back(block, size);
  }
  for (const auto& [block, size] : blocks)
    EXPECT_TRUE(std::all_of(block, block + size, [size = size](char c) { return c == static_cast<char>(size); }));
  for (const auto& [block, size] : blocks) FramePool::give(block, size);
  // Given back by another thread, which then ends, and by more than are kept.
  std::vector<void*> many;
  for (std::size_t i = 0; i < FramePool::kMostKept + 8; ++i) many.push_back(FramePool::take(500));
  EXPECT_EQ(std::set<void*>(many.begin(), many.end()).size(), many.size());
  std::thread([&many] {
    for (void* const one : many) FramePool::give(one, 500);
  }).join();
}

TEST(BatchEnd, RunsOnceBehindWhatIsReadyAndAtOnceForMany) {
  Loop loop(0);
  std::string order;
  struct One {
    One(Loop& loop, std::string& order, char name)
        : order(order),
          name(name),
          end(
              loop, [](void* self) { static_cast<One*>(self)->run(); }, this) {}
    void run() { order += name; }
    std::string& order;
    char name;
    BatchEnd end;
  };
  One first(loop, order, '1');
  auto gone = std::make_unique<One>(loop, order, 'g');
  loop.post([&] {
    order += 'a';
    for (One* one : {&first, gone.get(), &first}) one->end.ask();
    gone.reset();
  });
  loop.post([&] { order += 'b'; });
  loop.context().run();
  EXPECT_EQ(order, "ab1");
  // What it asks for while it runs comes in the next one.
  order.clear();
  loop.post([&] {
    first.end.ask();
    loop.post([&] { first.end.ask(); });
  });
  loop.context().restart();
  loop.context().run();
  EXPECT_EQ(order, "11");

  order.clear();
  std::vector<std::unique_ptr<One>> many;
  for (int i = 0; i < 40; ++i) many.push_back(std::make_unique<One>(loop, order, 'm'));
  std::size_t at_once = 0;
  loop.post([&] {
    for (const auto& one : many) one->end.ask();
    at_once = order.size();
  });
  loop.context().restart();
  loop.context().run();
  EXPECT_GT(at_once, 0u);
  EXPECT_LT(at_once, many.size());
  EXPECT_EQ(order.size(), many.size());
}

TEST(TimerWheel, FiresInOrderNeverEarlyAndNotWhenDisarmed) {
  Loop loop(0);
  struct Fired {
    std::vector<std::chrono::steady_clock::time_point> times;
  } fired;
  const auto note = [](void* self) { static_cast<Fired*>(self)->times.push_back(std::chrono::steady_clock::now()); };
  TimerWheel::Timer soon(loop.wheel(), note, &fired), later(loop.wheel(), note, &fired),
      never(loop.wheel(), note, &fired);
  const auto start = std::chrono::steady_clock::now();
  later.arm_in(120ms);
  soon.arm_in(40ms);
  never.arm_in(60ms);
  never.disarm();
  loop.context().run();
  ASSERT_EQ(fired.times.size(), 2u);
  EXPECT_GE(fired.times[0] - start, 40ms);
  EXPECT_GE(fired.times[1] - start, 120ms);
}

TEST(TimerWheel, ATimerMayDestroyAnotherOfItsSlotAndRearmItself) {
  Loop loop(0);
  struct Both {
    TimerWheel::Timer self;
    std::unique_ptr<TimerWheel::Timer> other;
    int fired = 0;
    explicit Both(TimerWheel& wheel)
        : self(
              wheel, [](void* p) { static_cast<Both*>(p)->fire(); }, this),
          other(std::make_unique<TimerWheel::Timer>(
              wheel, [](void* p) { static_cast<Both*>(p)->fire(); }, this)) {}
    void fire() {
      other.reset();
      if (++fired < 3) self.arm_in(1ms);
    }
  } both(loop.wheel());
  both.self.arm_in(30ms);
  both.other->arm_in(30ms);
  loop.context().run();
  EXPECT_GE(both.fired, 3);
}

Task<int> thread_hop(BlockingPool& pool) {
  const auto mine = std::this_thread::get_id();
  const bool elsewhere = co_await pool.run([mine] { return std::this_thread::get_id() != mine; });
  co_await pool.run([] {});
  co_return elsewhere&& std::this_thread::get_id() == mine ? 1 : 0;
}

TEST(BlockingPool, RunsElsewhereAndResumesOnTheLoop) {
  BlockingPool pool(2);
  for (int i = 0; i < 300; ++i) {  // each ends its loop as soon as the work is back, while its thread still returns
    Runtime runtime(1);
    runtime.start();
    auto done = boost::asio::co_spawn(runtime.loop(0).context(), thread_hop(pool), boost::asio::use_future);
    EXPECT_EQ(done.get(), 1);
  }
}

Task<void> wait_for_ever(bool& ended) {
  boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                    Executor>
      timer(co_await boost::asio::this_coro::executor);
  timer.expires_after(1h);
  boost::system::error_code error;
  co_await timer.async_wait(boost::asio::redirect_error(use_task, error));
  ended = true;
}

Task<int> own_two(Executor executor) {
  TaskGroup group(executor);
  bool first = false, second = false;
  group.spawn(wait_for_ever(first));
  group.spawn(wait_for_ever(second));
  co_await boost::asio::post(executor, use_task);
  group.cancel();
  co_await group.join();
  co_return first + second;
}

TEST(TaskGroup, CancelsAndJoins) {
  Loop loop(0);
  auto done = boost::asio::co_spawn(loop.context(), own_two(loop.executor()), boost::asio::use_future);
  loop.context().run();
  EXPECT_EQ(done.get(), 2);
}

}  // namespace
}  // namespace fairlead::async
