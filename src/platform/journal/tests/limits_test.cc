#include <map>

#include "platform/journal/tests/engine_fixture.h"

namespace fairlead::journal {
namespace {

using testing::ElementsAre;
using testing::Ge;
using testing::HasSubstr;

// Runs of one step that takes a while; how many of each name are in it at a time.
class Limited final : public Definition {
 public:
  async::Task<Outcome> advance(Execution& execution) override {
    Step step{.name = "work", .work = [this, &execution](Attempt) { return work(execution); }, .calls = calls};
    const auto done = co_await execution.step(std::move(step));
    if (!done) co_return outcome_of(done.error(), "work");
    co_return succeeded(*done);
  }
  std::vector<Limit> limits(const Run& run) const override {
    const std::lock_guard lock(mutex);
    std::vector<Limit> out;
    if (concurrency > 0) out.push_back({.name = "all", .concurrency = concurrency});
    if (per_user > 0) out.push_back({.name = "user " + user_of(run), .concurrency = per_user});
    if (starts > 0) out.push_back({.name = "rate", .starts = starts, .period = period});
    return out;
  }
  std::string user_of(const Run& run) const override { return run.asked.author; }

  std::vector<std::string> seen() const {
    const std::lock_guard lock(mutex);
    return order;
  }

  mutable std::mutex mutex;
  std::int64_t concurrency = 0, per_user = 0, starts = 0, period = 0;
  std::atomic<Millis> takes{Millis(30)};
  std::vector<std::string> calls;        // of the step
  std::map<std::string, int> now, most;  // by author, and "" of all
  std::vector<std::string> order;        // names, as they began

 private:
  async::Task<std::expected<Effect, EffectFailed>> work(Execution& execution) {
    const std::string who = execution.run().asked.author;
    {
      const std::lock_guard lock(mutex);
      order.push_back(execution.run().asked.name);
      for (const std::string& one : {who, std::string()}) most[one] = std::max(most[one], ++now[one]);
    }
    async::Bell bell(execution.loop().executor());
    co_await bell.wait_until(std::chrono::steady_clock::now() + takes.load());
    {
      const std::lock_guard lock(mutex);
      --now[who], --now[""];
    }
    co_return Effect{"1"};
  }
};

class LimitsTest : public EngineTest {
 protected:
  static RunRequest request(const std::string& name, const std::string& author = "a", std::int64_t priority = 0) {
    RunRequest out = TestNode::request(name);
    out.author = author;
    out.priority = priority;
    return out;
  }
  std::string start(TestNode& node, RunRequest request) {
    const auto started = node.wait(node.engine().start(std::move(request)));
    EXPECT_TRUE(started) << started.error().message;
    return started->run.id;
  }
  std::int64_t count(const std::string& table) {
    std::int64_t out = 0;
    EXPECT_TRUE(database_->read_blocking([&](store::Connection& connection) {
      return connection.query("select count(*) from " + table, {}, [&](const store::Row& row) -> Result<void> {
        out = row.integer(0);
        return {};
      });
    }));
    return out;
  }
  Limited definition_;
};

TEST_P(LimitsTest, HoldOverAllNodesAndAllRunsGoOn) {
  definition_.concurrency = 3;
  definition_.per_user = 1;
  TestNode first(*database_, definition_), second(*database_, definition_, TestNode::quick("node-b"));
  ASSERT_TRUE(first.engine().start_blocking() && second.engine().start_blocking());
  std::vector<std::string> ids;
  for (int i = 0; i < 40; ++i)
    ids.push_back(start(i % 2 == 0 ? first : second, request("r", std::string(1, static_cast<char>('a' + i % 5)))));
  for (const std::string& id : ids) EXPECT_EQ(first.wait_finished(id).state, RunState::kSucceeded);
  EXPECT_EQ(definition_.most[""], 3);
  for (const char* const user : {"a", "b", "c", "d", "e"}) EXPECT_EQ(definition_.most[user], 1) << user;
  EXPECT_EQ(definition_.order.size(), 40U);
}

TEST_P(LimitsTest, WhatIsHeldBackSaysByWhatAndTheUrgentGoesFirst) {
  definition_.concurrency = 1;
  definition_.takes = Millis(800);
  TestNode node(*database_, definition_);
  ASSERT_TRUE(node.engine().start_blocking());
  const std::string first = start(node, request("first"));
  node.wait_state(first, RunState::kRunning);
  const std::string low = start(node, request("low")), high = start(node, request("high", "a", 5));
  journal::Run held;
  for (int i = 0; i < 200 && held.held.empty(); ++i) {
    held = *node.wait(node.engine().find("default", low));
    std::this_thread::sleep_for(Millis(2));
  }
  EXPECT_EQ(held.held, "all");
  EXPECT_EQ(held.state, RunState::kQueued);
  const auto listed = node.wait(node.engine().list({.project = "default", .name = "low", .brief = true}));
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->front().held, "all");
  EXPECT_EQ(node.wait_finished(low).held, "");
  node.wait_finished(high);
  EXPECT_THAT(definition_.order, ElementsAre("first", "high", "low"));
}

TEST_P(LimitsTest, StartsAreSpreadOverTime) {
  definition_.starts = 3;
  definition_.period = 400'000;
  definition_.takes = Millis(1);
  TestNode first(*database_, definition_), second(*database_, definition_, TestNode::quick("node-b"));
  ASSERT_TRUE(first.engine().start_blocking() && second.engine().start_blocking());
  std::vector<std::string> ids;
  for (int i = 0; i < 9; ++i) ids.push_back(start(i % 2 == 0 ? first : second, request("r")));
  for (const std::string& id : ids) EXPECT_EQ(first.wait_finished(id).state, RunState::kSucceeded);
  std::vector<std::int64_t> at;
  for (const std::string& id : ids) at.push_back(first.wait(first.engine().find("default", id))->started_at);
  std::ranges::sort(at);
  for (std::size_t i = 3; i < 9; ++i) EXPECT_GE(at[i] - at[i - 3], 400'000) << i;
}

TEST_P(LimitsTest, APlaceOfANodeThatDiesIsFree) {
  definition_.concurrency = 1;
  definition_.takes = Millis(1'500);
  std::optional<TestNode> dies;
  dies.emplace(*database_, definition_, TestNode::quick("node-b"));
  ASSERT_TRUE(dies->engine().start_blocking());
  const std::string first = start(*dies, request("first"));
  for (int i = 0; i < 400 && definition_.seen().empty(); ++i) std::this_thread::sleep_for(Millis(5));
  ASSERT_EQ(definition_.seen().size(), 1U);
  const std::string second = start(*dies, request("second"));
  EXPECT_EQ(count("journal_places"), 1);
  definition_.takes = Millis(1);
  // The run's place is the dead node's until it has been found dead; then its run goes on first.
  ASSERT_TRUE(database_->write_blocking([](store::Connection& connection) -> Result<void> {
    FAIRLEAD_CHECK(store::execute(connection,
                                  "update journal_runs set node = null, due = 1, state = 'queued' where"
                                  " node is not null"));
    return store::execute(connection, "delete from journal_nodes");
  }));
  TestNode lives(*database_, definition_);
  ASSERT_TRUE(lives.engine().start_blocking());
  EXPECT_EQ(lives.wait_finished(second).state, RunState::kSucceeded);
  EXPECT_EQ(lives.wait_finished(first).state, RunState::kSucceeded);
}

TEST_P(LimitsTest, CancellingAndDeadlinesReachWhatIsHeldBack) {
  definition_.concurrency = 1;
  definition_.takes = Millis(1'500);
  TestNode node(*database_, definition_);
  ASSERT_TRUE(node.engine().start_blocking());
  const std::string first = start(node, request("first"));
  node.wait_state(first, RunState::kRunning);
  const std::string cancelled = start(node, request("cancelled"));
  RunRequest late = request("late");
  late.deadline = SystemClock().unix_micros() + 300'000;
  const std::string hurried = start(node, late);
  for (int i = 0; i < 100 && node.wait(node.engine().find("default", hurried))->held.empty(); ++i)
    std::this_thread::sleep_for(Millis(1));
  ASSERT_TRUE(node.wait(node.engine().cancel("default", cancelled, "me")));
  EXPECT_EQ(node.wait_finished(cancelled).state, RunState::kCancelled);
  // This definition does not look at deadlines: that it was taken up is what counts.
  for (int i = 0; i < 200 && definition_.seen().size() < 2; ++i) std::this_thread::sleep_for(Millis(5));
  EXPECT_THAT(definition_.seen(), ElementsAre("first", "late"));
  EXPECT_EQ(node.wait(node.engine().find("default", first))->state, RunState::kRunning);
}

TEST_P(LimitsTest, ALimitThatIsLiftedHoldsNobodyBack) {
  definition_.concurrency = 1;
  definition_.takes = Millis(400);
  TestNode node(*database_, definition_);
  ASSERT_TRUE(node.engine().start_blocking());
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(start(node, request("r")));
  for (int i = 0; i < 200 && count("journal_runs where held <> ''") < 4; ++i) std::this_thread::sleep_for(Millis(5));
  {
    const std::lock_guard lock(definition_.mutex);
    definition_.concurrency = 0;
  }
  for (const std::string& id : ids) EXPECT_EQ(node.wait_finished(id).state, RunState::kSucceeded);
  EXPECT_THAT(definition_.most[""], Ge(4));
}

TEST_P(LimitsTest, QueuesHaveRatesAndPlacesOfEach) {
  TestNode node(*database_, definition_);
  ASSERT_TRUE(node.engine().start_blocking());
  ASSERT_TRUE(node.wait(node.engine().set_queue(
      {.project = "default", .name = "calls", .concurrency = 1, .starts = 4, .period = 500'000, .per = "user"})));
  std::vector<std::string> ids;
  for (int i = 0; i < 12; ++i) {
    RunRequest asked = request("r", i % 2 == 0 ? "a" : "b");
    asked.queue = "calls";
    ids.push_back(start(node, asked));
  }
  for (const std::string& id : ids) EXPECT_EQ(node.wait_finished(id).state, RunState::kSucceeded);
  EXPECT_EQ(definition_.most["a"], 1);
  EXPECT_EQ(definition_.most["b"], 1);
  EXPECT_EQ(definition_.most[""], 2);
  std::vector<std::int64_t> at;
  for (const std::string& id : ids) at.push_back(node.wait(node.engine().find("default", id))->started_at);
  std::ranges::sort(at);
  EXPECT_GE(at[8] - at[0], 500'000);  // the fifth of one of them, at the earliest
  const auto queues = node.wait(node.engine().queues("default"));
  ASSERT_EQ(queues->size(), 1U);
  EXPECT_EQ(queues->front().per, "user");
  EXPECT_EQ(queues->front().starts, 4);
  EXPECT_EQ(queues->front().due, 0);
}

TEST_P(LimitsTest, AQueueThatDrainsEndsWhatHasBegun) {
  std::atomic<int> begun = 0;
  Written waits([&begun](Execution& execution) -> async::Task<Outcome> {
    return [](Execution& run, std::atomic<int>& count) -> async::Task<Outcome> {
      ++count;
      std::string step = "go", signal = "go";
      const auto got = co_await run.receive(std::move(step), std::move(signal), Micros(0), {});
      if (!got) co_return outcome_of(got.error(), "go");
      co_return succeeded(*got);
    }(execution, begun);
  });
  TestNode node(*database_, waits);
  ASSERT_TRUE(node.engine().start_blocking());
  ASSERT_TRUE(node.wait(node.engine().set_queue({.project = "default", .name = "calls"})));
  RunRequest asked = request("r");
  asked.queue = "calls";
  const std::string old = start(node, asked);
  node.wait_state(old, RunState::kWaiting);
  ASSERT_TRUE(node.wait(node.engine().set_queue({.project = "default", .name = "calls", .draining = true})));
  const std::string fresh = start(node, asked);
  ASSERT_TRUE(node.wait(node.engine().signal("default", {.run = old, .id = "1", .name = "go", .data = "7"})));
  EXPECT_EQ(node.wait_finished(old).state, RunState::kSucceeded);
  EXPECT_EQ(node.wait(node.engine().find("default", fresh))->state, RunState::kQueued);
  ASSERT_TRUE(node.wait(node.engine().set_queue({.project = "default", .name = "calls"})));
  ASSERT_TRUE(node.wait(node.engine().signal("default", {.run = fresh, .id = "1", .name = "go", .data = "8"})));
  EXPECT_EQ(node.wait_finished(fresh).output, "8");
}

TEST_P(LimitsTest, StepsShareWhatTheyCallOverAllNodes) {
  definition_.calls = {"prompt:reply", "model:small"};
  TestNode first(*database_, definition_), second(*database_, definition_, TestNode::quick("node-b"));
  ASSERT_TRUE(first.engine().start_blocking() && second.engine().start_blocking());
  ASSERT_TRUE(first.wait(first.engine().set_queue({.project = "default", .name = "model:small", .concurrency = 3})));
  ASSERT_TRUE(first.wait(
      first.engine().set_queue({.project = "default", .name = "prompt:reply", .concurrency = 1, .per = "key"})));
  std::this_thread::sleep_for(Millis(100));  // until both have seen it
  std::vector<std::string> ids;
  for (int i = 0; i < 30; ++i)
    ids.push_back(start(i % 2 == 0 ? first : second, request("r", std::string(1, static_cast<char>('a' + i % 5)))));
  for (const std::string& id : ids) EXPECT_EQ(first.wait_finished(id).state, RunState::kSucceeded);
  EXPECT_EQ(definition_.most[""], 3);
  for (const char* const key : {"a", "b", "c", "d", "e"}) EXPECT_EQ(definition_.most[key], 1) << key;
  EXPECT_EQ(definition_.order.size(), 30U);
  for (int i = 0; i < 100 && count("journal_places") > 0; ++i) std::this_thread::sleep_for(Millis(10));
  EXPECT_EQ(count("journal_places"), 0);
}

TEST_P(LimitsTest, RunsWhoseStepsAreHeldBackTakeNoMemory) {
  definition_.calls = {"host:cms.example.com"};
  definition_.takes = Millis(400);
  TestNode node(*database_, definition_);
  ASSERT_TRUE(node.engine().start_blocking());
  ASSERT_TRUE(
      node.wait(node.engine().set_queue({.project = "default", .name = "host:cms.example.com", .concurrency = 1})));
  std::this_thread::sleep_for(Millis(60));
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(start(node, request("r")));
  for (int i = 0; i < 300 && node.engine().loaded() > 1; ++i) std::this_thread::sleep_for(Millis(1));
  EXPECT_LE(node.engine().loaded(), 2U);
  const auto waits = node.wait(node.engine().find("default", ids.back()));
  EXPECT_EQ(waits->held, "queue host:cms.example.com");
  EXPECT_EQ(waits->state, RunState::kWaiting);
  const auto queues = node.wait(node.engine().queues("default"));
  EXPECT_EQ(queues->front().running, 1);
  EXPECT_THAT(queues->front().due, Ge(3));
  for (const std::string& id : ids) EXPECT_EQ(node.wait_finished(id).state, RunState::kSucceeded);
  EXPECT_EQ(definition_.most[""], 1);
  const auto history = node.wait(node.engine().history("default", ids.back(), 0, 100));
  const std::string story = told(*history);
  EXPECT_THAT(story, testing::StartsWith("taken; held work; taken; "));
  EXPECT_THAT(story, testing::EndsWith("taken; intent work; result work; finished"));
  EXPECT_EQ(story.find("held"), story.rfind("held")) << story;  // once, however often it has looked
}

TEST_P(LimitsTest, AStepThatIsHeldBackIsCancelledAtOnce) {
  definition_.calls = {"model:small"};
  TestNode node(*database_, definition_);
  ASSERT_TRUE(node.engine().start_blocking());
  ASSERT_TRUE(node.wait(node.engine().set_queue({.project = "default", .name = "model:small", .paused = true})));
  std::this_thread::sleep_for(Millis(60));
  const std::string early = start(node, request("early")), late = start(node, request("late"));
  ASSERT_TRUE(node.wait(node.engine().cancel("default", early, "me")));
  EXPECT_EQ(node.wait_finished(early).state, RunState::kCancelled);
  node.wait_state(late, RunState::kWaiting);
  ASSERT_TRUE(node.wait(node.engine().cancel("default", late, "me")));
  EXPECT_EQ(node.wait_finished(late).state, RunState::kCancelled);
  EXPECT_TRUE(definition_.seen().empty());
}

TEST_P(LimitsTest, ARetriedRunSaysAgainThatAStepIsHeldBack) {
  definition_.calls = {"model:small"};
  TestNode node(*database_, definition_);
  ASSERT_TRUE(node.wait(node.engine().set_queue({.project = "default", .name = "model:small", .paused = true})));
  ASSERT_TRUE(node.engine().start_blocking());
  RunRequest asked = request("r");
  asked.due = SystemClock().unix_micros() + 100'000;  // the node has seen the queue by then
  const std::string id = start(node, asked);
  node.wait_state(id, RunState::kWaiting);
  ASSERT_TRUE(node.wait(node.engine().cancel("default", id, "me")));
  EXPECT_EQ(node.wait_finished(id).held, "");
  ASSERT_TRUE(node.wait(node.engine().retry({.project = "default", .run = id, .by = "me"})));
  EXPECT_NE(node.wait_state(id, RunState::kWaiting).held, "");
  EXPECT_EQ(told(*node.wait(node.engine().history("default", id, 0, 100))),
            "taken; held work; taken; cancel; finished; retried; taken; held work");
}

// One whose steps are asked for once the node has seen how the queues are set.
RunRequest taken_up(std::int64_t deadline = 0) {
  RunRequest out = TestNode::request();
  out.due = SystemClock().unix_micros() + 100'000;
  out.deadline = deadline;
  return out;
}

async::Task<void> branch(Execution& execution, std::string name, StepResult& result) {
  Step step{.name = name, .work = [](Attempt) { return answer("1"); }, .calls = {"model:" + name}};
  result = co_await execution.step(std::move(step));
}

async::Task<Outcome> two_branches(Execution& execution) {
  StepResult a, b;
  async::TaskGroup branches(execution.loop().executor());
  branches.spawn(branch(execution, "a", a));
  branches.spawn(branch(execution, "b", b));
  co_await branches.join();
  if (!a) co_return outcome_of(a.error(), "a");
  if (!b) co_return outcome_of(b.error(), "b");
  co_return succeeded("2");
}

TEST_P(LimitsTest, ARunWhoseBranchesWaitForTwoLimitsGoesOnWithEither) {
  Written definition([](Execution& execution) { return two_branches(execution); });
  TestNode node(*database_, definition);
  const auto set = [&](const std::string& model, bool paused) {
    ASSERT_TRUE(node.wait(node.engine().set_queue(
        {.project = "default", .name = "model:" + model, .paused = paused, .starts = 9, .period = 1})));
  };
  set("a", true), set("b", true);
  ASSERT_TRUE(node.engine().start_blocking());
  for (const auto& [free, full] : {std::pair("a", "b"), std::pair("b", "a")}) {
    const std::string id = start(node, taken_up());
    EXPECT_NE(node.wait_state(id, RunState::kWaiting).held, "");
    const auto queues = node.wait(node.engine().queues("default"));
    for (const Queue& queue : *queues) EXPECT_EQ(queue.due, 1) << queue.name;
    set(free, false);
    std::string story;
    for (int i = 0; i < 2'000 && story.find(std::string("result ") + free) == story.npos; ++i) {
      story = told(*node.wait(node.engine().history("default", id, 0, 1'000)));
      std::this_thread::sleep_for(Millis(5));
    }
    EXPECT_THAT(story, HasSubstr(std::string("result ") + free));
    EXPECT_EQ(node.wait_state(id, RunState::kWaiting).held, std::string("queue model:") + full);
    set(full, false);
    EXPECT_EQ(node.wait_finished(id).state, RunState::kSucceeded);
    set("a", true), set("b", true);
  }
}

async::Task<Outcome> undoes_after_all(Execution& execution) {
  if (execution.compensating().empty()) execution.compensate(R"({"state":"failed"})");
  Step undo{.name = "undo", .work = [](Attempt) { return answer("0"); }, .calls = {"model:small"}};
  const auto end = co_await execution.step(std::move(undo));
  if (!end && end.error().why == StepError::Why::kUnloaded) co_return Outcome();
  co_return succeeded("1");
}

// How often a node has taken it up once it has waited for so long.
std::ptrdiff_t times_taken(TestNode& node, const std::string& id, Millis later) {
  EXPECT_NE(node.wait_state(id, RunState::kWaiting).held, "");
  std::this_thread::sleep_for(later);
  const auto events = node.wait(node.engine().history("default", id, 0, 1'000));
  return std::ranges::count(*events, EventKind::kTaken, &Event::kind);
}

TEST_P(LimitsTest, WhatARunUndoesWaitsForItsPlaceAlsoAfterTheDeadline) {
  Written definition([](Execution& execution) { return undoes_after_all(execution); });
  EngineOptions options = TestNode::quick("node-a");
  options.linger = Millis(20);
  TestNode node(*database_, definition, options);
  ASSERT_TRUE(node.wait(node.engine().set_queue({.project = "default", .name = "model:small", .paused = true})));
  ASSERT_TRUE(node.engine().start_blocking());
  const std::string id = start(node, taken_up(SystemClock().unix_micros() + 500'000));
  EXPECT_EQ(times_taken(node, id, Millis(1'000)), 1);
  ASSERT_TRUE(node.wait(node.engine().set_queue({.project = "default", .name = "model:small"})));
  EXPECT_EQ(node.wait_finished(id).state, RunState::kSucceeded);
}

TEST_P(LimitsTest, AStepThatIsHeldBackBeforeItsNextAttemptIsNotDue) {
  definition_.calls = {"model:small"};
  EngineOptions options = TestNode::quick("node-a");
  options.linger = Millis(20);
  TestNode node(*database_, definition_, options);
  ASSERT_TRUE(node.wait(
      node.engine().set_queue({.project = "default", .name = "model:small", .paused = true, .concurrency = 2})));
  ASSERT_TRUE(node.engine().start_blocking());
  std::vector<Event> history{{.run = {}, .kind = EventKind::kIntent, .step = "work", .attempt = 1, .data = "{}"},
                             {.run = {},
                              .kind = EventKind::kFailure,
                              .step = "work",
                              .attempt = 1,
                              .data = R"({"class":"transient","code":"x","message":"x","retry_at":1})"}};
  const auto started = node.wait(node.engine().start_with(request("r"), history));
  ASSERT_TRUE(started);
  const std::string id = started->run.id;
  EXPECT_EQ(times_taken(node, id, Millis(700)), 1);
  ASSERT_TRUE(node.wait(node.engine().set_queue({.project = "default", .name = "model:small"})));
  EXPECT_EQ(node.wait_finished(id).state, RunState::kSucceeded);
}

async::Task<Outcome> in_line_or_not(Execution& execution) {
  if (execution.run().asked.queue.empty()) co_return succeeded("1");
  std::string step = "go", signal = "go", ask;
  const auto got = co_await execution.receive(std::move(step), std::move(signal), Micros(0), std::move(ask));
  if (!got) co_return outcome_of(got.error(), "go");
  co_return succeeded(*got);
}

TEST_P(LimitsTest, RunsWithoutLimitsWriteNothingForThoseThatAreHeldBack) {
  Written definition([](Execution& execution) { return in_line_or_not(execution); });
  EngineOptions options = TestNode::quick("node-a");
  options.poll = options.beat = options.linger = Millis(60'000);
  TestNode node(*database_, definition, options);
  ASSERT_TRUE(node.engine().start_blocking());
  ASSERT_TRUE(
      node.wait(node.engine().set_queue({.project = "default", .name = "calls", .concurrency = 1, .per = "user"})));
  RunRequest asked = request("r");
  asked.queue = "calls";
  const std::string first = start(node, asked);
  node.wait_state(first, RunState::kRunning);
  const std::string second = start(node, asked);
  for (int i = 0; i < 2'000 && count("journal_runs where held <> ''") == 0; ++i) std::this_thread::sleep_for(Millis(1));
  const auto claims = [&] {
    std::int64_t out = 0;
    EXPECT_TRUE(database_->read_blocking([&](store::Connection& connection) {
      return connection.query("select beat from journal_nodes", {}, [&](const store::Row& row) -> Result<void> {
        out = row.integer(0);
        return {};
      });
    }));
    return out;
  };
  const std::int64_t before = claims();
  for (int i = 0; i < 40; ++i) EXPECT_EQ(node.wait_finished(start(node, request("r"))).state, RunState::kSucceeded);
  EXPECT_LE(claims() - before, 1) << "each claim of the node is a beat";
  for (const std::string& id : {first, second}) {
    ASSERT_TRUE(node.wait(node.engine().signal("default", {.run = id, .id = "1", .name = "go", .data = "7"})));
    EXPECT_EQ(node.wait_finished(id).output, "7") << "a place that is left is seen at once";
  }
}

TEST_P(LimitsTest, PlacesOfNobodyAreForgottenThoughRunsAreKeptForEver) {
  ASSERT_TRUE(database_->write_blocking([](store::Connection& connection) {
    return store::execute(connection,
                          "insert into journal_places (lane, run, part, node, at) values ('l', 'r', '', 'n', 1)");
  }));
  TestNode node(*database_, definition_);
  ASSERT_TRUE(node.engine().start_blocking());
  for (int i = 0; i < 2'000 && count("journal_places") > 0; ++i) std::this_thread::sleep_for(Millis(5));
  EXPECT_EQ(count("journal_places"), 0);
}

INSTANTIATE_TEST_SUITE_P(Store, LimitsTest, testing::Values(On::kSqlite, On::kPostgresql), name_of);

}  // namespace
}  // namespace fairlead::journal
