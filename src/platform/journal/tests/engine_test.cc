#include <set>

#include "platform/journal/tests/engine_fixture.h"

namespace fairlead::journal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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

// Its own table would say no more than a queue's row does.
store::Database::Work note_in_queues(std::string project, std::string name) {
  return [project = std::move(project), name = std::move(name)](store::Connection& connection) {
    const store::Value values[] = {project, name};
    return store::execute(
        connection,
        "insert into journal_queues (project, name, paused, concurrency, closed) values ($1, $2, 0, 0,"
        " 0)",
        values);
  };
}

TEST_P(EngineTest, WhatIsToldOfAnEndIsWrittenWithIt) {
  Written definition([this](Execution& execution) { return two_steps(upstream_, execution); });
  EngineOptions options = TestNode::quick("node-a");
  std::atomic<bool> fails = true;
  options.telling.wants = [](const journal::Run& run) { return run.asked.name != "silent"; };
  options.telling.what = [&fails](const journal::Run& run, const Event& event) -> store::Database::Work {
    if (fails)
      return [](store::Connection&) -> Result<void> { return fail(ErrorKind::kInternal, "not_now", "Not now."); };
    return note_in_queues("told", std::string(to_string(event.kind)) + " " + run.id + " " +
                                      std::string(to_string(run.state)) + " " + std::to_string(run.cost) + " " +
                                      (run.finished_at > 0 ? run.output : ""));
  };
  TestNode node(*database_, definition, options);
  ASSERT_TRUE(node.engine().start_blocking());
  const auto names = [&] {
    std::vector<std::string> out;
    const auto queues = node.wait(node.engine().queues("told"));
    for (const Queue& one : *queues) out.push_back(one.name);
    return out;
  };
  const auto silent = node.wait(node.engine().start(TestNode::request("silent")));
  EXPECT_EQ(node.wait_finished(silent->run.id).state, RunState::kSucceeded);
  const auto first = node.wait(node.engine().start(TestNode::request()));
  for (int i = 0; i < 400 && upstream_.times("second") < 2; ++i) std::this_thread::sleep_for(Millis(5));
  std::this_thread::sleep_for(Millis(50));
  // Neither is there: not the end either.
  EXPECT_EQ(node.wait(node.engine().find("default", first->run.id))->state, RunState::kRunning);
  fails = false;
  const auto second = node.wait(node.engine().start(TestNode::request()));
  node.wait_finished(second->run.id);
  EXPECT_THAT(names(), ElementsAre("finished " + second->run.id + R"( succeeded 12 [{"n":1},{"n":2}])"));
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

async::Task<Outcome> once_in_force(std::atomic<bool>& in_force) {
  Outcome later;
  later.again = Millis(50);
  if (!in_force) co_return later;
  co_return succeeded("1");
}

TEST_P(EngineTest, ARunWhoseDefinitionIsNotThereYetIsAskedForAgain) {
  std::atomic<bool> in_force = false;
  Written definition([&](Execution&) { return once_in_force(in_force); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const std::string id = node.wait(node.engine().start(TestNode::request()))->run.id;
  node.wait_state(id, RunState::kWaiting);
  in_force = true;
  EXPECT_EQ(node.wait_finished(id).state, RunState::kSucceeded);
}

async::Task<Outcome> impatient(Execution& execution) {
  std::string step = "approve", signal = "approval", ask;
  const auto said = co_await execution.receive(std::move(step), std::move(signal), Millis(150), std::move(ask));
  if (!said) co_return outcome_of(said.error(), "approve");
  co_return succeeded(*said);
}

TEST_P(EngineTest, AWaitForASignalEndsAtItsTime) {
  Written definition([](Execution& execution) { return impatient(execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const auto run = node.wait_finished(node.wait(node.engine().start(TestNode::request()))->run.id);
  EXPECT_EQ(run.state, RunState::kFailed);
  EXPECT_THAT(run.error, HasSubstr(R"("code":"timed_out")"));
}

INSTANTIATE_TEST_SUITE_P(Store, EngineTest, testing::Values(On::kSqlite, On::kPostgresql), name_of);

}  // namespace
}  // namespace fairlead::journal
