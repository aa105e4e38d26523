#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "platform/journal/tests/harness.h"

namespace fairlead::journal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Effects that a test counts; each returns {"n": …} after its time.
struct Upstream {
  std::mutex mutex;
  std::vector<std::string> seen;  // "step key"
  void note(const Attempt& attempt) {
    const std::lock_guard lock(mutex);
    seen.push_back(attempt.step + " " + attempt.key);
  }
  std::size_t times(const std::string& step) {
    const std::lock_guard lock(mutex);
    return static_cast<std::size_t>(
        std::ranges::count_if(seen, [&](const std::string& line) { return line.starts_with(step + " "); }));
  }
};

async::Task<std::expected<Effect, EffectFailed>> answer(std::string output, std::int64_t cost = 0) {
  co_return Effect{std::move(output), cost};
}
async::Task<std::expected<Effect, EffectFailed>> refuse(FailureClass failure, std::string code) {
  co_return std::unexpected(EffectFailed{failure, {ErrorKind::kUpstream, code, "It said " + code + "."}});
}

class EngineTest : public testing::TestWithParam<On> {
 protected:
  void SetUp() override {
    auto opened = store::open(new_store(GetParam(), folder_), readers_, migrations());
    ASSERT_TRUE(opened) << opened.error().message;
    database_ = std::move(*opened);
  }

  TestFolder folder_;
  async::BlockingPool readers_{4};
  std::unique_ptr<store::Database> database_;
  Upstream upstream_;
};

async::Task<Outcome> two_steps(Upstream& upstream, Execution& execution) {
  Step first{.name = "first", .work = [&upstream](Attempt attempt) {
               upstream.note(attempt);
               return answer(R"({"n":1})", 5);
             }};
  const auto one = co_await execution.step(std::move(first));
  if (!one) co_return outcome_of(one.error(), "first");
  Step second{.name = "second", .work = [&upstream](Attempt attempt) {
                upstream.note(attempt);
                return answer(R"({"n":2})", 7);
              }};
  const auto two = co_await execution.step(std::move(second));
  if (!two) co_return outcome_of(two.error(), "second");
  co_return succeeded("[" + *one + "," + *two + "]");
}

TEST_P(EngineTest, ARunEndsWithItsOutputItsCostAndItsHistory) {
  Written definition([this](Execution& execution) { return two_steps(upstream_, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const auto started = node.wait(node.engine().start(TestNode::request()));
  ASSERT_TRUE(started) << started.error().message;
  const journal::Run run = node.wait_finished(started->run.id);
  EXPECT_EQ(run.state, RunState::kSucceeded);
  EXPECT_EQ(run.output, R"([{"n":1},{"n":2}])");
  EXPECT_EQ(run.cost, 12);
  const auto history = node.wait(node.engine().history("default", run.id, 0, 100));
  ASSERT_TRUE(history);
  EXPECT_EQ(told(*history), "taken; intent first; result first; intent second; result second; finished");
  for (std::size_t i = 0; i < history->size(); ++i) EXPECT_EQ((*history)[i].sequence, static_cast<std::int64_t>(i) + 1);
  EXPECT_EQ(node.wait(node.engine().find("another", run.id)).error().code, "run_not_found");
}

TEST_P(EngineTest, OneKeyMakesOneRunHoweverManyAskAtOnce) {
  Written definition([this](Execution& execution) { return two_steps(upstream_, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  RunRequest request = TestNode::request();
  request.key = "order-7";
  std::set<std::string> ids;
  std::mutex mutex;
  std::atomic<int> existed = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 10; ++caller) {
    callers.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        const auto started = node.wait(node.engine().start(request));
        const std::lock_guard lock(mutex);
        ids.insert(started ? started->run.id : started.error().code);
        if (started && started->existed) ++existed;
      }
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_EQ(existed, 999);
  node.wait_finished(*ids.begin());
  EXPECT_EQ(upstream_.times("first"), 1u);
  request.input = R"({"other":1})";
  EXPECT_EQ(node.wait(node.engine().start(request)).error().code, "idempotency_conflict");
  request.project = "another";
  EXPECT_TRUE(node.wait(node.engine().start(request)));
}

async::Task<Outcome> flaky(Upstream& upstream, std::atomic<int>& failures, Execution& execution) {
  Step step{.name = "call", .work = [&](Attempt attempt) {
              upstream.note(attempt);
              return failures-- > 0 ? refuse(FailureClass::kTransient, "upstream_down") : answer("1");
            }};
  step.retry.attempts = 3;
  step.retry.first = Millis(20);
  const auto end = co_await execution.step(std::move(step));
  if (!end) co_return outcome_of(end.error(), "call");
  co_return succeeded(*end);
}

TEST_P(EngineTest, AFailedAttemptIsTriedAgainUnderTheSameKey) {
  std::atomic<int> failures = 2;
  Written definition([&](Execution& execution) { return flaky(upstream_, failures, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const auto started = node.wait(node.engine().start(TestNode::request()));
  const journal::Run run = node.wait_finished(started->run.id);
  EXPECT_EQ(run.state, RunState::kSucceeded);
  ASSERT_EQ(upstream_.seen.size(), 3u);
  EXPECT_EQ(upstream_.seen[0], upstream_.seen[2]);
  const auto history = node.wait(node.engine().history("default", run.id, 0, 100));
  EXPECT_EQ(told(*history),
            "taken; intent call; failure call; intent call; failure call; intent call; result call; finished");
}

TEST_P(EngineTest, AStepThatFailsForGoodFailsTheRunWithItsReason) {
  std::atomic<int> failures = 100;
  Written definition([&](Execution& execution) { return flaky(upstream_, failures, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const auto started = node.wait(node.engine().start(TestNode::request()));
  const journal::Run run = node.wait_finished(started->run.id);
  EXPECT_EQ(run.state, RunState::kFailed);
  EXPECT_EQ(upstream_.seen.size(), 3u);
  EXPECT_THAT(run.error, HasSubstr(R"("code":"upstream_down")"));
  EXPECT_THAT(run.error, HasSubstr(R"("step":"call")"));
}

async::Task<Outcome> asks(Execution& execution) {
  std::string step = "approve", signal = "approval", ask;
  const auto said = co_await execution.receive(std::move(step), std::move(signal), Micros(0), std::move(ask));
  if (!said) co_return outcome_of(said.error(), "approve");
  std::string pause = "pause";
  const auto slept = co_await execution.sleep(std::move(pause), Millis(300));
  if (!slept) co_return outcome_of(slept.error(), "pause");
  co_return succeeded(*said);
}

TEST_P(EngineTest, ARunThatWaitsLeavesTheNodeAndComesBackForItsSignal) {
  Written definition([](Execution& execution) { return asks(execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const auto started = node.wait(node.engine().start(TestNode::request()));
  node.wait_state(started->run.id, RunState::kWaiting);
  EXPECT_EQ(node.engine().loaded(), 0u);
  const Signal yes{.run = started->run.id, .id = "s1", .name = "approval", .data = R"({"by":"maria"})"};
  ASSERT_TRUE(node.wait(node.engine().signal("default", yes)));
  ASSERT_TRUE(node.wait(node.engine().signal("default", yes)));
  const journal::Run run = node.wait_finished(started->run.id);
  EXPECT_EQ(run.state, RunState::kSucceeded);
  EXPECT_EQ(run.output, R"({"by":"maria"})");
  const auto history = node.wait(node.engine().history("default", run.id, 0, 100));
  EXPECT_EQ(std::ranges::count(*history, EventKind::kSignal, &Event::kind), 1);
  EXPECT_EQ(node.wait(node.engine().signal("default", yes)).error().code, "run_finished");
}

TEST_P(EngineTest, ASignalThatComesBeforeItsWaitIsKept) {
  Written definition([](Execution& execution) { return asks(execution); });
  TestNode node(*database_, definition);
  RunRequest request = TestNode::request();
  request.due = SystemClock().unix_micros() + 300'000;
  ASSERT_TRUE(node.engine().start_blocking());
  const auto started = node.wait(node.engine().start(request));
  EXPECT_EQ(started->run.state, RunState::kQueued);
  ASSERT_TRUE(node.wait(
      node.engine().signal("default", {.run = started->run.id, .id = "s1", .name = "approval", .data = "7"})));
  const journal::Run run = node.wait_finished(started->run.id);
  EXPECT_EQ(run.output, "7");
  EXPECT_GE(run.started_at, request.due);
}

async::Task<std::expected<Effect, EffectFailed>> until_cancelled(async::Loop& loop, async::Cancellation& cancellation) {
  async::Bell bell(loop.executor());
  const async::Cancellation::Registration registration(
      cancellation, [](void* self) { static_cast<async::Bell*>(self)->ring(); }, &bell);
  co_await bell.wait();
  const bool late = cancellation.reason() == ErrorKind::kTimeout;
  co_return std::unexpected(EffectFailed{late ? FailureClass::kTimeout : FailureClass::kPermanent,
                                         {cancellation.reason(), late ? "timeout" : "cancelled", "It was stopped."}});
}

async::Task<Outcome> endless(Execution& execution) {
  Step step{.name = "endless",
            .work = [&execution](Attempt attempt) { return until_cancelled(execution.loop(), attempt.cancellation); }};
  const auto end = co_await execution.step(std::move(step));
  Step undo{.name = "undo", .work = [](Attempt) { return answer("0"); }};
  undo.shielded = true;
  if (execution.cancelled()) (void)co_await execution.step(std::move(undo));
  co_return outcome_of(end.error(), "endless");
}

TEST_P(EngineTest, CancellingReachesTheAttemptThatRunsAndLeavesRoomToUndo) {
  Written definition([](Execution& execution) { return endless(execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const auto started = node.wait(node.engine().start(TestNode::request()));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  ASSERT_TRUE(node.wait(node.engine().cancel("default", started->run.id, "maria")));
  const journal::Run run = node.wait_finished(started->run.id);
  EXPECT_EQ(run.state, RunState::kCancelled);
  const auto history = node.wait(node.engine().history("default", run.id, 0, 100));
  EXPECT_EQ(told(*history), "taken; intent endless; cancel; failure endless; intent undo; result undo; finished");
}

async::Task<Outcome> timed(Execution& execution) {
  Step step{.name = "endless",
            .work = [&execution](Attempt attempt) { return until_cancelled(execution.loop(), attempt.cancellation); }};
  step.timeout = Millis(30);
  const auto end = co_await execution.step(std::move(step));
  co_return outcome_of(end.error(), "endless");
}

TEST_P(EngineTest, AnAttemptEndsAtItsTimeout) {
  Written definition([](Execution& execution) { return timed(execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const auto started = node.wait(node.engine().start(TestNode::request()));
  const journal::Run run = node.wait_finished(started->run.id);
  EXPECT_EQ(run.state, RunState::kFailed);
  EXPECT_THAT(run.error, HasSubstr(R"("class":"timeout")"));
}

async::Task<Outcome> family(Upstream& upstream, Execution& execution) {
  if (execution.run().asked.name == "child") {
    auto outcome = co_await two_steps(upstream, execution);
    co_return outcome;
  }
  RunRequest asked = TestNode::request("child");
  std::string sub = "sub";
  const auto end = co_await execution.child(std::move(sub), std::move(asked));
  if (!end) co_return outcome_of(end.error(), "sub");
  co_return succeeded(*end);
}

TEST_P(EngineTest, AChildsOutputAndCostAreItsParentsStep) {
  Written definition([this](Execution& execution) { return family(upstream_, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const auto started = node.wait(node.engine().start(TestNode::request("parent")));
  const journal::Run run = node.wait_finished(started->run.id);
  EXPECT_EQ(run.output, R"([{"n":1},{"n":2}])");
  EXPECT_EQ(run.cost, 12);
}

TEST_P(EngineTest, WhatADeadNodeHadIsTakenOverAndItsLateWritesAreRefused) {
  Written definition([](Execution& execution) { return endless(execution); });
  auto frozen = TestNode::quick("node-b");
  frozen.beat = Millis(60'000);  // as if it were stopped: it says nothing, and goes on with its runs
  frozen.poll = Millis(60'000);
  TestNode b(*database_, definition, frozen);
  ASSERT_TRUE(b.engine().start_blocking());
  const auto started = b.wait(b.engine().start(TestNode::request()));
  Written takes_over([this](Execution& execution) { return two_steps(upstream_, execution); });
  TestNode a(*database_, takes_over);
  ASSERT_TRUE(a.engine().start_blocking());
  const journal::Run run = a.wait_finished(started->run.id);
  EXPECT_EQ(run.state, RunState::kSucceeded);
  EXPECT_EQ(b.engine().loaded(), 1u);
  b.engine().stop_blocking(Millis(0));  // its attempt fails, and has nothing to say any more
  const auto history = a.wait(a.engine().history("default", run.id, 0, 100));
  EXPECT_EQ(told(*history),
            "taken; intent endless; taken; intent first; result first; intent second; result second; finished");
}

TEST_P(EngineTest, ANodeThatStopsGivesBackWhatItHas) {
  Written definition([](Execution& execution) { return endless(execution); });
  std::string id;
  {
    TestNode node(*database_, definition);
    ASSERT_TRUE(node.engine().start_blocking());
    id = node.wait(node.engine().start(TestNode::request()))->run.id;
    node.engine().stop_blocking(Millis(50));
  }
  Written later([this](Execution& execution) { return two_steps(upstream_, execution); });
  TestNode node(*database_, later, TestNode::quick("node-c"));
  ASSERT_TRUE(node.engine().start_blocking());
  EXPECT_EQ(node.wait_finished(id).state, RunState::kSucceeded);
}

async::Task<std::expected<Effect, EffectFailed>> take_time(async::Loop& loop, std::atomic<int>& running,
                                                           std::atomic<int>& most) {
  const int now = ++running;
  for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
  }
  async::Bell bell(loop.executor());
  co_await bell.wait_until(std::chrono::steady_clock::now() + std::chrono::milliseconds(20));
  --running;
  co_return Effect{"1"};
}

async::Task<Outcome> counts(std::atomic<int>& running, std::atomic<int>& most, Execution& execution) {
  Step step{.name = "count", .work = [&](const Attempt&) { return take_time(execution.loop(), running, most); }};
  const auto end = co_await execution.step(std::move(step));
  if (!end) co_return outcome_of(end.error(), "count");
  co_return succeeded(*end);
}

TEST_P(EngineTest, RunsAreForgottenAfterTheirTime) {
  Written definition([this](Execution& execution) { return two_steps(upstream_, execution); });
  auto options = TestNode::quick("node-a");
  options.retention = Millis(300);
  options.sweep = Millis(20);
  TestNode node(*database_, definition, options);
  ASSERT_TRUE(node.engine().start_blocking());
  std::string last;
  for (int i = 0; i < 150; ++i) last = node.wait(node.engine().start(TestNode::request()))->run.id;
  EXPECT_EQ(node.wait_finished(last).state, RunState::kSucceeded);
  std::int64_t left = -1;
  for (int i = 0; i < 500 && left != 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    left = 0;
    for (const char* const table : {"journal_runs", "journal_events", "journal_signals"}) {
      ASSERT_TRUE(database_->read_blocking([&](store::Connection& connection) {
        return connection.query(std::string("select count(*) from ") + table, {},
                                [&](const store::Row& row) -> Result<void> {
                                  left += row.integer(0);
                                  return {};
                                });
      }));
    }
  }
  EXPECT_EQ(left, 0);
  EXPECT_EQ(node.wait(node.engine().find("default", last)).error().code, "run_not_found");
}

TEST_P(EngineTest, AQueueHoldsItsRunsToItsLimitAndCanBePaused) {
  std::atomic<int> running = 0, most = 0;
  Written definition([&](Execution& execution) { return counts(running, most, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.wait(node.engine().set_queue({.project = "default", .name = "slow", .concurrency = 2})));
  ASSERT_TRUE(node.wait(node.engine().set_queue({.project = "default", .name = "off", .paused = true})));
  ASSERT_TRUE(node.engine().start_blocking());
  std::vector<std::string> ids;
  RunRequest request = TestNode::request();
  request.queue = "slow";
  for (int i = 0; i < 8; ++i) ids.push_back(node.wait(node.engine().start(request))->run.id);
  request.queue = "off";
  const std::string paused = node.wait(node.engine().start(request))->run.id;
  for (const std::string& id : ids) EXPECT_EQ(node.wait_finished(id).state, RunState::kSucceeded);
  EXPECT_EQ(most, 2);
  EXPECT_EQ(node.wait(node.engine().find("default", paused))->state, RunState::kQueued);
  const auto queues = node.wait(node.engine().queues("default"));
  ASSERT_EQ(queues->size(), 2u);
  EXPECT_EQ(queues->at(0).due, 1);
  ASSERT_TRUE(node.wait(node.engine().set_queue({.project = "default", .name = "off"})));
  EXPECT_EQ(node.wait_finished(paused).state, RunState::kSucceeded);
}

// A store whose disk is full for as long as a test wants.
class FullStore final : public store::Database {
 public:
  explicit FullStore(store::Database& under) : under_(under) {}
  std::atomic<bool> full = false;

  Result<void> read_blocking(const Work& work) override { return under_.read_blocking(work); }
  Result<void> write_blocking(const Work& work) override { return full ? refused() : under_.write_blocking(work); }
  async::Task<Result<void>> read(Work work) override { return under_.read(std::move(work)); }
  async::Task<Result<void>> write(Work work) override {
    if (full) co_return refused();
    auto written = co_await under_.write(std::move(work));
    co_return written;
  }

 private:
  static Result<void> refused() {
    return fail(ErrorKind::kUnavailable, "store_full", "The disk of the store is full: make room.");
  }
  store::Database& under_;
};

async::Task<std::expected<Effect, EffectFailed>> fill_and_answer(FullStore& store, std::atomic<bool>& filled) {
  if (!filled.exchange(true)) store.full = true;
  co_return Effect{"1"};
}

async::Task<Outcome> fills(Upstream& upstream, FullStore& store, std::atomic<bool>& filled, Execution& execution) {
  Step first{.name = "zeroth", .work = [&](Attempt attempt) {
               upstream.note(attempt);
               return fill_and_answer(store, filled);
             }};
  const auto one = co_await execution.step(std::move(first));
  if (!one) co_return outcome_of(one.error(), "zeroth");
  auto outcome = co_await two_steps(upstream, execution);
  co_return outcome;
}

TEST_P(EngineTest, AFullStoreMakesRunsWaitAndSaysSo) {
  FullStore full(*database_);
  std::atomic<bool> filled = false;
  Written definition([&](Execution& execution) { return fills(upstream_, full, filled, execution); });
  TestNode node(full, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const auto started = node.wait(node.engine().start(TestNode::request()));
  for (int i = 0; i < 200 && !node.engine().trouble(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ASSERT_TRUE(node.engine().trouble());
  EXPECT_EQ(node.engine().trouble()->code, "store_full");
  EXPECT_EQ(upstream_.times("first"), 0u) << "nothing begins whose intent is not on the disk";
  full.full = false;
  EXPECT_EQ(node.wait_finished(started->run.id).state, RunState::kSucceeded);
  EXPECT_FALSE(node.engine().trouble());
  EXPECT_EQ(upstream_.times("zeroth"), 1u);
}

TEST_P(EngineTest, AProcessStopsThoughTheStoreTakesNothing) {
  FullStore full(*database_);
  std::atomic<bool> filled = false;
  Written definition([&](Execution& execution) { return fills(upstream_, full, filled, execution); });
  std::string id;
  {
    TestNode node(full, definition);
    ASSERT_TRUE(node.engine().start_blocking());
    id = node.wait(node.engine().start(TestNode::request()))->run.id;
    for (int i = 0; i < 200 && !node.engine().trouble(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const auto begin = std::chrono::steady_clock::now();
    node.engine().stop_blocking(Millis(100));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  }
  full.full = false;
  TestNode node(full, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  EXPECT_EQ(node.wait_finished(id).state, RunState::kSucceeded);
}

INSTANTIATE_TEST_SUITE_P(Store, EngineTest, testing::Values(On::kSqlite, On::kPostgresql), name_of);

}  // namespace
}  // namespace fairlead::journal
