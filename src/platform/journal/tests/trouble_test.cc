#include <set>

#include "platform/journal/tests/engine_fixture.h"

namespace fairlead::journal {
namespace {

using testing::HasSubstr;

async::Task<Outcome> one_step(Upstream& upstream, Uncertain uncertain, Execution& execution) {
  Step step{.name = "pay", .work = [&upstream](Attempt attempt) {
              upstream.note(attempt);
              return answer(R"({"paid":1})", 5);
            }};
  step.uncertain = uncertain;
  step.most_cost = 11;
  const auto end = co_await execution.step(std::move(step));
  if (!end) co_return outcome_of(end.error(), "pay");
  co_return succeeded(*end);
}

async::Task<Outcome> stuck(Upstream& upstream, Execution& execution) {
  Step step{.name = "pay", .work = [&](Attempt attempt) {
              upstream.note(attempt);
              return until_cancelled(execution.loop(), attempt.cancellation);
            }};
  const auto end = co_await execution.step(std::move(step));
  co_return outcome_of(end.error(), "pay");
}

// A run of one step whose attempt is cut off by the end of its node.
class UncertainStep : public EngineTest {
 protected:
  std::string cut_off() {
    Written definition([this](Execution& execution) { return stuck(upstream_, execution); });
    TestNode node(*database_, definition);
    EXPECT_TRUE(node.engine().start_blocking());
    const std::string id = node.wait(node.engine().start(TestNode::request()))->run.id;
    while (upstream_.times("pay") == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    node.engine().stop_blocking(Millis(0));
    return id;
  }
};

TEST_P(UncertainStep, FailsWhereItSaysSo) {
  const std::string id = cut_off();
  Written definition([this](Execution& execution) { return one_step(upstream_, Uncertain::kFail, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const auto run = node.wait_finished(id);
  EXPECT_EQ(run.state, RunState::kFailed);
  EXPECT_THAT(run.error, HasSubstr("step_uncertain"));
  EXPECT_EQ(run.cost, 11) << "what it may have cost";
  EXPECT_EQ(upstream_.times("pay"), 1u);
}

TEST_P(UncertainStep, IsPutToAPersonWhereItSaysSo) {
  const std::string done = cut_off();
  Written definition([this](Execution& execution) { return one_step(upstream_, Uncertain::kAsk, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  node.wait_state(done, RunState::kWaiting);
  ASSERT_TRUE(node.wait(node.engine().signal(
      "default", {.run = done, .id = "r1", .name = "resolve:pay", .data = R"({"then":"done","output":{"paid":7}})"})));
  const auto run = node.wait_finished(done);
  EXPECT_EQ(run.output, R"({"paid":7})");
  EXPECT_EQ(upstream_.times("pay"), 1u);
}

TEST_P(UncertainStep, IsTriedAgainUnderTheSameKeyWhenAPersonSaysSo) {
  const std::string id = cut_off();
  Written definition([this](Execution& execution) { return one_step(upstream_, Uncertain::kAsk, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  node.wait_state(id, RunState::kWaiting);
  ASSERT_TRUE(node.wait(
      node.engine().signal("default", {.run = id, .id = "r1", .name = "resolve:pay", .data = R"({"then":"retry"})"})));
  EXPECT_EQ(node.wait_finished(id).output, R"({"paid":1})");
  ASSERT_EQ(upstream_.seen.size(), 2u);
  EXPECT_EQ(upstream_.seen[0], upstream_.seen[1]);
}

INSTANTIATE_TEST_SUITE_P(Store, UncertainStep, testing::Values(On::kSqlite, On::kPostgresql), name_of);

TEST_P(UncertainStep, TwoNodesOfOneNameDoNotUnseatEachOtherForEver) {
  Written definition([this](Execution& execution) { return one_step(upstream_, Uncertain::kRetry, execution); });
  TestNode first(*database_, definition, TestNode::quick("copied"));
  ASSERT_TRUE(first.engine().start_blocking());
  TestNode second(*database_, definition, TestNode::quick("copied"));
  ASSERT_TRUE(second.engine().start_blocking());
  const auto nodes = [&] {
    std::set<std::string> found;
    EXPECT_TRUE(database_->read_blocking([&](store::Connection& connection) {
      return connection.query("select node from journal_nodes", {}, [&](const store::Row& row) -> Result<void> {
        found.emplace(row.text(0));
        return {};
      });
    }));
    return found;
  };
  for (int i = 0; i < 500 && nodes().size() < 2; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const auto both = nodes();
  EXPECT_EQ(both.size(), 2u);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // many beats
  EXPECT_EQ(nodes(), both) << "neither has unseated the other";
  for (TestNode* const node : {&first, &second})
    EXPECT_EQ(node->wait_finished(node->wait(node->engine().start(TestNode::request()))->run.id).state,
              RunState::kSucceeded);
}

// A store whose disk is full for as long as a test wants.
class FullStore final : public store::Database {
 public:
  explicit FullStore(store::Database& under) : under_(under) {}
  std::atomic<bool> full = false;
  std::atomic<bool> forgets = false;  // once, that it has written

  Result<void> read_blocking(const Work& work) override { return under_.read_blocking(work); }
  Result<void> write_blocking(const Work& work) override {
    if (full) return refused();
    auto written = under_.write_blocking(work);
    if (written && forgets.exchange(false))
      return fail(ErrorKind::kUnavailable, "store_uncertain", "It may have been written.");
    return written;
  }
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

class StoreTrouble : public EngineTest {};

TEST_P(StoreTrouble, AFullStoreMakesRunsWaitAndSaysSo) {
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

TEST_P(StoreTrouble, ARunThatWasThereIsNotBegunAgainByACommitThatIsTriedTwice) {
  FullStore store(*database_);
  std::atomic<bool> filled = true;
  Written definition([&](Execution& execution) { return fills(upstream_, store, filled, execution); });
  TestNode node(store, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  RunRequest request = TestNode::request();
  request.key = "key";
  const auto first = node.wait(node.engine().start(request));
  node.wait_finished(first->run.id);
  while (node.engine().loaded() > 0) std::this_thread::yield();
  store.forgets = true;
  const auto again = node.wait(node.engine().start(request));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(again->existed);
  EXPECT_EQ(again->run.id, first->run.id);
  EXPECT_EQ(again->run.state, RunState::kSucceeded);
  while (node.engine().loaded() > 0) std::this_thread::yield();
  EXPECT_EQ(upstream_.times("first"), 1U);
}

TEST_P(StoreTrouble, AProcessStopsThoughTheStoreTakesNothing) {
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

INSTANTIATE_TEST_SUITE_P(Store, StoreTrouble, testing::Values(On::kSqlite, On::kPostgresql), name_of);

}  // namespace
}  // namespace fairlead::journal
