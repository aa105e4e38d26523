// Runs that people retry, fork and move.
#include <set>

#include "platform/journal/tests/engine_fixture.h"

namespace fairlead::journal {
namespace {

using testing::HasSubstr;

class RunControl : public EngineTest {
 protected:
  std::string story(TestNode& node, const std::string& id) {
    const auto history = node.wait(node.engine().history("default", id, 0, 1'000));
    return history ? told(*history) : history.error().code;
  }
  static RetryRequest retry(const std::string& id) { return {.project = "default", .run = id, .by = "maria"}; }
  static MoveRequest move(const std::string& id, const std::string& digest) {
    return {.project = "default", .run = id, .by = "maria", .digest = digest, .to = digest};
  }
  std::atomic<int> failures_ = 0;  // that the second step is still to have
};

async::Task<Outcome> second_fails(Upstream& upstream, std::atomic<int>& failures, Execution& execution) {
  Step first{.name = "first", .work = [&upstream](Attempt attempt) {
               upstream.note(attempt);
               return answer("1", 5);
             }};
  const auto one = co_await execution.step(std::move(first));
  if (!one) co_return outcome_of(one.error(), "first");
  Step second{.name = "second", .work = [&](Attempt attempt) {
                upstream.note(attempt);
                return failures-- > 0 ? refuse(FailureClass::kTransient, "upstream_down") : answer("2", 7);
              }};
  second.retry.attempts = 2;
  second.retry.first = Millis(1);
  const auto two = co_await execution.step(std::move(second));
  if (!two) co_return outcome_of(two.error(), "second");
  co_return succeeded("[" + *one + "," + *two + "]");
}

TEST_P(RunControl, ARunThatFailedGoesOnFromTheStepThatHasNoResult) {
  failures_ = 3;  // both attempts, and the first after the retry
  Written definition([this](Execution& execution) { return second_fails(upstream_, failures_, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const std::string id = node.wait(node.engine().start(TestNode::request()))->run.id;
  EXPECT_EQ(node.wait_finished(id).state, RunState::kFailed);
  RetryRequest dry = retry(id);
  dry.dry_run = true;
  EXPECT_TRUE(node.wait(node.engine().retry(dry)));
  EXPECT_EQ(node.wait(node.engine().find("default", id))->state, RunState::kFailed);

  const auto retried = node.wait(node.engine().retry(retry(id)));
  ASSERT_TRUE(retried) << retried.error().message;
  EXPECT_EQ(retried->state, RunState::kQueued);
  const journal::Run run = node.wait_finished(id);
  EXPECT_EQ(run.state, RunState::kSucceeded) << run.error;
  EXPECT_EQ(run.output, "[1,2]");
  EXPECT_EQ(run.cost, 12);
  EXPECT_EQ(story(node, id),
            "taken; intent first; result first; intent second; failure second; intent second; failure second; finished;"
            " retried; taken; intent second; failure second; intent second; result second; finished");
  EXPECT_EQ(upstream_.times("first"), 1u);
  EXPECT_EQ(std::set<std::string>(upstream_.seen.begin() + 1, upstream_.seen.end()).size(), 1u) << "one key";
  EXPECT_EQ(node.wait(node.engine().retry(retry(id))).error().code, "run_succeeded");
  EXPECT_EQ(node.wait(node.engine().retry(retry("01NOPE"))).error().code, "run_not_found");
}

TEST_P(RunControl, TheSameRetryTwiceIsOne) {
  failures_ = 1'000;
  Written definition([this](Execution& execution) { return second_fails(upstream_, failures_, execution); });
  TestNode node(*database_, definition), other(*database_, definition, TestNode::quick("node-b"));
  ASSERT_TRUE(node.engine().start_blocking());
  ASSERT_TRUE(other.engine().start_blocking());
  const std::string id = node.wait(node.engine().start(TestNode::request()))->run.id;
  node.wait_finished(id);
  RetryRequest named = retry(id);
  named.id = "click-1";
  std::vector<std::thread> callers;
  std::atomic<int> refused = 0;
  for (int caller = 0; caller < 8; ++caller) {
    callers.emplace_back([&, caller] {
      TestNode& at = caller % 2 == 0 ? node : other;
      for (int i = 0; i < 5; ++i)
        if (!at.wait(at.engine().retry(named))) ++refused;
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(refused, 0);
  node.wait_finished(id);
  const auto history = node.wait(node.engine().history("default", id, 0, 1'000));
  EXPECT_EQ(std::ranges::count(*history, EventKind::kRetried, &Event::kind), 1);
  EXPECT_EQ(upstream_.times("second"), 4u);
  failures_ = 0;
  named.id = "click-2";
  ASSERT_TRUE(node.wait(node.engine().retry(named)));
  EXPECT_EQ(node.wait_finished(id).state, RunState::kSucceeded);
}

async::Task<Outcome> endless_once(Upstream& upstream, std::atomic<int>& endless, Execution& execution) {
  Step step{.name = "call", .work = [&](Attempt attempt) {
              upstream.note(attempt);
              return endless-- > 0 ? until_cancelled(execution.loop(), attempt.cancellation) : answer("1");
            }};
  const auto end = co_await execution.step(std::move(step));
  if (!end) co_return outcome_of(end.error(), "call");
  co_return succeeded(*end);
}

TEST_P(RunControl, ACancelledRunGoesOnAndCanBeCancelledAgain) {
  std::atomic<int> endless = 2;
  Written definition([&](Execution& execution) { return endless_once(upstream_, endless, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const std::string id = node.wait(node.engine().start(TestNode::request()))->run.id;
  const auto cancel_after = [&](std::size_t times) {
    for (int i = 0; i < 500 && upstream_.times("call") < times; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(node.wait(node.engine().retry(retry(id))).has_value(), times > 1) << "it goes on already";
    ASSERT_TRUE(node.wait(node.engine().cancel("default", id, "maria")));
    EXPECT_EQ(node.wait_finished(id).state, RunState::kCancelled);
  };
  cancel_after(1);
  ASSERT_TRUE(node.wait(node.engine().retry(retry(id))));
  cancel_after(2);
  ASSERT_TRUE(node.wait(node.engine().retry(retry(id))));
  EXPECT_EQ(node.wait_finished(id).state, RunState::kSucceeded);
}

async::Task<Outcome> until_deadline(Execution& execution) {
  const std::int64_t deadline = execution.run().asked.deadline;
  if (deadline == 0 || execution.now() < deadline) co_return succeeded("1");
  Outcome out;
  out.end = Outcome::End::kFailed;
  out.error = {ErrorKind::kTimeout, "deadline_exceeded", "Too late."};
  co_return out;
}

TEST_P(RunControl, ARunWhoseDeadlineHasPassedNeedsANewOne) {
  Written definition([](Execution& execution) { return until_deadline(execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  RunRequest request = TestNode::request();
  request.deadline = SystemClock().unix_micros() - 1;
  const std::string id = node.wait(node.engine().start(request))->run.id;
  EXPECT_EQ(node.wait_finished(id).state, RunState::kFailed);
  RetryRequest again = retry(id);
  EXPECT_EQ(node.wait(node.engine().retry(again)).error().code, "deadline_passed");
  again.deadline = 1;
  EXPECT_EQ(node.wait(node.engine().retry(again)).error().code, "deadline_passed");
  again.deadline = SystemClock().unix_micros() + 60'000'000;
  ASSERT_TRUE(node.wait(node.engine().retry(again)));
  const journal::Run run = node.wait_finished(id);
  EXPECT_EQ(run.state, RunState::kSucceeded);
  EXPECT_EQ(run.asked.deadline, again.deadline);
}

async::Task<Outcome> failing_family(Upstream& upstream, std::atomic<int>& failures, Execution& execution) {
  if (execution.run().asked.name == "child") {
    auto outcome = co_await second_fails(upstream, failures, execution);
    co_return outcome;
  }
  RunRequest asked = TestNode::request("child");
  std::string sub = "sub";
  const auto end = co_await execution.child(std::move(sub), std::move(asked));
  if (!end) co_return outcome_of(end.error(), "sub");
  co_return succeeded(*end);
}

TEST_P(RunControl, WhatARunHadStartedGoesOnWithIt) {
  failures_ = 4;  // two attempts of the child, twice
  Written definition([this](Execution& execution) { return failing_family(upstream_, failures_, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const std::string id = node.wait(node.engine().start(TestNode::request("parent")))->run.id;
  EXPECT_EQ(node.wait_finished(id).state, RunState::kFailed);
  RunFilter filter;
  filter.project = "default";
  filter.parent = id;
  const auto children = node.wait(node.engine().list(filter));
  ASSERT_EQ(children->size(), 1u);
  const std::string child = children->front().id;
  EXPECT_EQ(node.wait(node.engine().retry(retry(child))).error().code, "run_has_parent");
  for (const RunState end : {RunState::kFailed, RunState::kSucceeded}) {
    const auto retried = node.wait(node.engine().retry(retry(id)));
    ASSERT_TRUE(retried) << retried.error().message;
    EXPECT_EQ(node.wait_finished(id).state, end);
  }
  const journal::Run run = node.wait_finished(id);
  EXPECT_EQ(run.output, "[1,2]");
  EXPECT_EQ(run.cost, 12);
  EXPECT_EQ(node.wait(node.engine().list(filter))->size(), 1u) << "no other child";
  EXPECT_EQ(upstream_.times("first"), 1u);
  EXPECT_EQ(upstream_.times("second"), 5u);
}

async::Task<Outcome> fails_beside_a_wait(Execution& execution) {
  async::TaskGroup tasks(execution.loop().executor());
  StepResult waited;
  const auto wait = [](Execution& of, StepResult& into) -> async::Task<void> {
    std::string step = "approve", signal = "approval", ask;
    into = co_await of.receive(std::move(step), std::move(signal), Micros(0), std::move(ask));
  };
  tasks.spawn(wait(execution, waited));
  Step step{.name = "call", .work = [](Attempt) { return refuse(FailureClass::kPermanent, "no"); }};
  const auto end = co_await execution.step(std::move(step));
  execution.abandon();
  co_await tasks.join();
  co_return outcome_of(end.error(), "call");
}

TEST_P(RunControl, ARunThatHasFailedDoesNotWaitForPeople) {
  Written definition([](Execution& execution) { return fails_beside_a_wait(execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const std::string id = node.wait(node.engine().start(TestNode::request()))->run.id;
  EXPECT_EQ(node.wait_finished(id).state, RunState::kFailed);
}

TEST_P(RunControl, WhatAForkTakesOverIsNotDoneAgain) {
  Written definition([this](Execution& execution) { return two_steps(upstream_, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  RunRequest request = TestNode::request();
  request.key = "fork-1";
  const std::vector<Event> history{
      {.run = {}, .kind = EventKind::kCopied, .step = "first", .data = R"({"from":"01X","output":{"n":7}})"}};
  const auto started = node.wait(node.engine().start_with(request, history));
  ASSERT_TRUE(started) << started.error().message;
  const auto again = node.wait(node.engine().start_with(request, history));
  EXPECT_TRUE(again->existed);
  const journal::Run run = node.wait_finished(started->run.id);
  EXPECT_EQ(run.output, R"([{"n":7},{"n":2}])");
  EXPECT_EQ(run.cost, 7);
  EXPECT_EQ(upstream_.times("first"), 0u);
  EXPECT_EQ(story(node, run.id), "copied first; taken; intent second; result second; finished");
}

// Agrees with every digest but "bad"; tells by which digest a run goes on.
class Movable final : public Definition {
 public:
  explicit Movable(Written::Body body) : body_(std::move(body)) {}
  async::Task<Outcome> advance(Execution& execution) override { return body_(execution); }
  Result<void> agrees(const Run&, std::span<const Event>, const std::string& digest) override {
    if (digest == "bad" || (digest == "later bad" && ++asked_ > 1))
      return fail(ErrorKind::kConflict, "move_disagrees", "Step `first` differs.");
    return {};
  }

 private:
  Written::Body body_;
  std::atomic<int> asked_ = 0;
};

async::Task<Outcome> asks_and_tells(Execution& execution) {
  std::string step = "approve", signal = "approval", ask;
  const auto said = co_await execution.receive(std::move(step), std::move(signal), Micros(0), std::move(ask));
  if (!said) co_return outcome_of(said.error(), "approve");
  co_return succeeded("\"" + execution.run().asked.digest + "\"");
}

TEST_P(RunControl, ARunThatWaitsGoesOnWithAnotherDigest) {
  Movable definition([](Execution& execution) { return asks_and_tells(execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const std::string id = node.wait(node.engine().start(TestNode::request()))->run.id;
  node.wait_state(id, RunState::kWaiting);
  EXPECT_EQ(node.wait(node.engine().move(move(id, "bad"))).error().code, "move_disagrees");
  const auto moved = node.wait(node.engine().move(move(id, "d2")));
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_FALSE(moved->moving);
  ASSERT_TRUE(node.wait(node.engine().move(move(id, "d2")))) << "it is there already";
  ASSERT_TRUE(node.wait(node.engine().signal("default", {.run = id, .id = "s1", .name = "approval", .data = "1"})));
  EXPECT_EQ(node.wait_finished(id).output, "\"d2\"");
  EXPECT_EQ(node.wait(node.engine().move(move(id, "d3"))).error().code, "run_succeeded");
}

async::Task<std::expected<Effect, EffectFailed>> once_open(std::atomic<bool>& open, async::Loop& loop) {
  async::Bell bell(loop.executor());
  while (!open) co_await bell.wait_until(std::chrono::steady_clock::now() + std::chrono::milliseconds(5));
  co_return Effect{"1"};
}

async::Task<Outcome> held(Upstream& upstream, std::atomic<bool>& open, Execution& execution) {
  Step step{.name = "first", .work = [&](Attempt attempt) {
              upstream.note(attempt);
              return once_open(open, execution.loop());
            }};
  const auto end = co_await execution.step(std::move(step));
  if (!end) co_return outcome_of(end.error(), "first");
  Step next{.name = "second", .work = [&](Attempt attempt) {
              upstream.note(attempt);
              return answer("2");
            }};
  const auto two = co_await execution.step(std::move(next));
  if (!two) co_return outcome_of(two.error(), "second");
  co_return succeeded("\"" + execution.run().asked.digest + "\"");
}

TEST_P(RunControl, ARunThatANodeHasIsMovedOnceItsAttemptsHaveEnded) {
  for (const std::string digest : {"d2", "later bad"}) {
    std::atomic<bool> open = false;
    upstream_.seen.clear();
    Movable definition([&](Execution& execution) { return held(upstream_, open, execution); });
    TestNode node(*database_, definition);
    ASSERT_TRUE(node.engine().start_blocking());
    const std::string id = node.wait(node.engine().start(TestNode::request()))->run.id;
    for (int i = 0; i < 500 && upstream_.times("first") == 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const auto moved = node.wait(node.engine().move(move(id, digest)));
    ASSERT_TRUE(moved) << moved.error().message;
    EXPECT_TRUE(moved->moving);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    open = true;
    const journal::Run run = node.wait_finished(id);
    const bool agreed = digest == "d2";
    EXPECT_EQ(run.output, agreed ? "\"d2\"" : "\"d1\"");
    EXPECT_EQ(story(node, id), std::string("taken; intent first; result first; ") +
                                   (agreed ? "moved" : "move_refused") +
                                   "; taken; intent second; result second; finished");
    EXPECT_EQ(upstream_.times("first"), 1u);
  }
}

TEST_P(RunControl, AfterAMoveStepsThatBeginHaveAnotherKey) {
  failures_ = 2;
  Movable definition([this](Execution& execution) { return second_fails(upstream_, failures_, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const std::string id = node.wait(node.engine().start(TestNode::request()))->run.id;
  EXPECT_EQ(node.wait_finished(id).state, RunState::kFailed);
  ASSERT_TRUE(node.wait(node.engine().move(move(id, "d2"))));
  EXPECT_EQ(node.wait(node.engine().find("default", id))->state, RunState::kFailed) << "until it is retried";
  ASSERT_TRUE(node.wait(node.engine().retry(retry(id))));
  EXPECT_EQ(node.wait_finished(id).state, RunState::kSucceeded);
  ASSERT_EQ(upstream_.seen.size(), 4u);
  EXPECT_EQ(upstream_.seen[1], upstream_.seen[2]);
  EXPECT_NE(upstream_.seen[2], upstream_.seen[3]);
}

async::Task<Outcome> fails_and_undoes(Upstream& upstream, std::atomic<int>& failures, Execution& execution) {
  if (execution.compensating().empty()) {
    auto outcome = co_await second_fails(upstream, failures, execution);
    if (outcome.end != Outcome::End::kFailed && outcome.end != Outcome::End::kCancelled) co_return outcome;
    execution.compensate(R"({"state":"failed"})");
  }
  Step undo{.name = "undo", .work = [&](Attempt attempt) {
              upstream.note(attempt);
              return failures-- > 0 ? refuse(FailureClass::kPermanent, "no") : answer("0", 1);
            }};
  const auto end = co_await execution.step(std::move(undo));
  Outcome out;
  if (!end && end.error().why == StepError::Why::kUnloaded) co_return out;
  out.end = Outcome::End::kFailed;
  out.error = {ErrorKind::kInternal, "failed", "It failed."};
  out.compensated = end.has_value();
  co_return out;
}

TEST_P(RunControl, ARunThatHasBeenUndoneDoesNotGoOnAndOneThatHasNotIsUndoneAgain) {
  failures_ = 3;  // both attempts, and the undoing
  Written definition([this](Execution& execution) { return fails_and_undoes(upstream_, failures_, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const std::string id = node.wait(node.engine().start(TestNode::request()))->run.id;
  EXPECT_THAT(node.wait_finished(id).error, HasSubstr("\"compensated\":false"));
  ASSERT_TRUE(node.wait(node.engine().retry(retry(id))));
  const journal::Run run = node.wait_finished(id);
  EXPECT_EQ(run.state, RunState::kFailed);
  EXPECT_THAT(run.error, HasSubstr("\"compensated\":true"));
  EXPECT_EQ(run.cost, 6);
  EXPECT_EQ(upstream_.times("second"), 2u);
  EXPECT_EQ(upstream_.times("undo"), 2u);
  EXPECT_EQ(node.wait(node.engine().retry(retry(id))).error().code, "run_compensated");
  EXPECT_EQ(node.wait(node.engine().move(move(id, "d2"))).error().code, "run_compensated");
}

async::Task<Outcome> tells_what_it_knows(std::vector<bool>& known, std::atomic<int>& failures, Execution& execution) {
  known.push_back(execution.knows("call"));
  Step step{.name = "call",
            .work = [&](Attempt) { return failures-- > 0 ? refuse(FailureClass::kPermanent, "no") : answer("1"); }};
  const auto end = co_await execution.step(std::move(step));
  known.push_back(execution.ended("call"));
  if (!end) co_return outcome_of(end.error(), "call");
  co_return succeeded(*end);
}

TEST_P(RunControl, AStepThatBeginsAnewIsNotKnown) {
  failures_ = 1;
  std::vector<bool> known;
  Written definition([&](Execution& execution) { return tells_what_it_knows(known, failures_, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const std::string id = node.wait(node.engine().start(TestNode::request()))->run.id;
  EXPECT_EQ(node.wait_finished(id).state, RunState::kFailed);
  ASSERT_TRUE(node.wait(node.engine().retry(retry(id))));
  EXPECT_EQ(node.wait_finished(id).state, RunState::kSucceeded);
  EXPECT_THAT(known, testing::ElementsAre(false, true, false, true));
}

async::Task<Outcome> undoes_beside_a_child(std::atomic<int>& failures, Execution& execution) {
  std::string step = "sub", signal = "never", ask;
  if (execution.run().asked.name == "child") {
    const auto end = co_await execution.receive(std::move(step), std::move(signal), Micros(0), std::move(ask));
    co_return outcome_of(end.error(), "sub");
  }
  Outcome out;
  if (execution.compensating().empty()) {
    RunRequest asked = TestNode::request("child");
    const auto end = co_await execution.child(std::move(step), std::move(asked));
    if (end.error().why != StepError::Why::kCancelled) co_return out;
    execution.compensate(R"({"state":"cancelled"})");
  }
  Step undo{.name = "undo",
            .work = [&](Attempt) { return failures-- > 0 ? refuse(FailureClass::kPermanent, "no") : answer("0"); }};
  const auto end = co_await execution.step(std::move(undo));
  if (!end && end.error().why == StepError::Why::kUnloaded) co_return out;
  out.end = Outcome::End::kCancelled;
  out.error = {ErrorKind::kCancelled, "run_cancelled", "It was cancelled."};
  out.compensated = end.has_value();
  co_return out;
}

TEST_P(RunControl, ARunThatIsUndoneAgainLeavesItsCancelledChildrenAlone) {
  failures_ = 1;
  Written definition([this](Execution& execution) { return undoes_beside_a_child(failures_, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const std::string id = node.wait(node.engine().start(TestNode::request("parent")))->run.id;
  RunFilter filter;
  filter.project = "default";
  filter.parent = id;
  Result<std::vector<journal::Run>> children;
  for (int i = 0; i < 500 && (!children || children->empty()); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    children = node.wait(node.engine().list(filter));
  }
  ASSERT_EQ(children->size(), 1u);
  const std::string child = children->front().id;
  ASSERT_TRUE(node.wait(node.engine().cancel("default", id, "maria")));
  EXPECT_THAT(node.wait_finished(id).error, HasSubstr("\"compensated\":false"));
  EXPECT_EQ(node.wait_finished(child).state, RunState::kCancelled);
  ASSERT_TRUE(node.wait(node.engine().retry(retry(id))));
  EXPECT_THAT(node.wait_finished(id).error, HasSubstr("\"compensated\":true"));
  EXPECT_EQ(node.wait(node.engine().find("default", child))->state, RunState::kCancelled);
  EXPECT_THAT(story(node, child), testing::Not(HasSubstr("retried")));
}

TEST_P(RunControl, AHistoryIsReadOffTheLoops) {
  Written definition([this](Execution& execution) { return two_steps(upstream_, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const std::string id = node.wait(node.engine().start(TestNode::request()))->run.id;
  node.wait_finished(id);
  std::thread::id reader;
  std::string seen;
  Engine::Reading look = [&](const journal::Run& run, std::span<const Event> history) -> Result<void> {
    reader = std::this_thread::get_id();
    seen = run.id + ": " + told({history.begin(), history.end()});
    return {};
  };
  ASSERT_TRUE(node.wait(node.engine().read("default", id.substr(0, 22), look)));
  EXPECT_EQ(seen, id + ": " + story(node, id));
  for (int i = 0; i < node.loops().size(); ++i) {
    std::promise<std::thread::id> loop;
    node.loops().loop(i).post([&loop] { loop.set_value(std::this_thread::get_id()); });
    EXPECT_NE(loop.get_future().get(), reader);
  }
  EXPECT_EQ(node.wait(node.engine().read("elsewhere", id, look)).error().code, "run_not_found");
}

TEST_P(RunControl, ABriefListHasNoInputsAndOutputs) {
  Written definition([this](Execution& execution) { return two_steps(upstream_, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const std::string id = node.wait(node.engine().start(TestNode::request("one", R"({"n":1})")))->run.id;
  EXPECT_NE(node.wait_finished(id).output, "");
  RunFilter filter;
  filter.project = "default";
  filter.brief = true;
  const auto runs = node.wait(node.engine().list(filter));
  ASSERT_EQ(runs->size(), 1u);
  EXPECT_EQ(runs->front().id, id);
  EXPECT_EQ(runs->front().asked.digest, "d1");
  EXPECT_EQ(runs->front().state, RunState::kSucceeded);
  EXPECT_EQ(runs->front().asked.input + runs->front().output, "");
}

// What so many elements have cost, asked for once for each, and how long that took.
async::Task<Outcome> adds_up(int elements, Execution& execution) {
  const auto begun = std::chrono::steady_clock::now();
  std::int64_t sum = 0;
  for (int i = 0; i < elements; ++i) sum = execution.spent_on("each[").sum;
  const auto took = std::chrono::steady_clock::now() - begun;
  if (took > std::chrono::seconds(1)) co_return succeeded("too slow");
  co_return succeeded(std::to_string(sum) + " " + std::to_string(execution.spent_on("each[").dearest) + " " +
                      std::to_string(execution.spent_on("each[7]#").sum));
}

TEST_P(RunControl, WhatManyElementsHaveCostIsKnownAtOnce) {
  constexpr int kElements = 20'000;
  Written definition([](Execution& execution) { return adds_up(kElements, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  std::vector<Event> history;
  for (int i = 0; i < kElements; ++i)
    history.push_back({.run = {},
                       .kind = EventKind::kCopied,
                       .step = "each[" + std::to_string(i) + "]" + (i == 7 ? "#1" : ""),
                       .data = "{}",
                       .cost = i == 7 ? 5 : 1});
  const auto started = node.wait(node.engine().start_with(TestNode::request(), history));
  ASSERT_TRUE(started);
  EXPECT_EQ(node.wait_finished(started->run.id).output, "20004 5 5");
}

INSTANTIATE_TEST_SUITE_P(Store, RunControl, testing::Values(On::kSqlite, On::kPostgresql), name_of);

}  // namespace
}  // namespace fairlead::journal
