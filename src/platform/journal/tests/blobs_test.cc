// Large inputs, outputs and data.
#include "platform/journal/internal/blobs.h"

#include <random>

#include "platform/journal/internal/rows.h"
#include "platform/journal/tests/engine_fixture.h"

namespace fairlead::journal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string large_text(char letter, std::size_t size = 50'000) {
  return "\"" + std::string(size, letter) + "\"";
}

TEST(CoreOfAText, IsTheInnermostValueThatIsLargeWhileTheRestIsNot) {
  const std::string large = large_text('a');
  for (const std::string& text :
       {large, R"({"article":)" + large + "}", R"({"state":"succeeded","output":{"text":)" + large + R"(,"n":[1,{}]}})",
        R"({"id":"1","data":{"output":{"text":)" + large + R"(},"cost":5}})",
        R"({ "odd \"\\" : 1.5e3 , "messages" : [ {"role":"user"}, {"content": )" + large + " } ] }"})
    EXPECT_EQ(core_of(text), large) << text.size();
}

TEST(CoreOfAText, IsAllOfItWhereMuchIsBeside) {
  const std::string large = large_text('a'), other = large_text('b', kInline);
  for (const std::string& text : {"[" + large + "," + other + "]", "[" + other + "," + large + "]",
                                  "{" + large + ":" + other + "}", large.substr(0, 40'000)})
    EXPECT_EQ(core_of(text).size(), text.size());
  const std::string inner = "[" + large + "," + large + "]";
  EXPECT_EQ(core_of(R"({"output":)" + inner + "}"), inner);
}

TEST(CoreOfAText, EndsAStringAtItsQuote) {
  const std::string tail = R"( \" \\\" \\",)";  // of these quotes the last one ends it
  const std::string large = "\"" + std::string(30'000, 'x') + tail.substr(0, tail.size() - 1);
  EXPECT_EQ(core_of("[1," + large + ",2]"), large);
}

TEST(KeptText, IsTheTextAndSmallOnesAreNotTouched) {
  std::vector<Blob> blobs;
  EXPECT_EQ(kept(R"({"n":1})", "r", blobs), R"({"n":1})");
  EXPECT_EQ(kept(std::string(kInline, '1'), "r", blobs), std::string(kInline, '1'));
  EXPECT_THAT(blobs, IsEmpty());
  const std::string row = kept(R"({"n":1,"text":)" + large_text('a') + "}", "r", blobs);
  ASSERT_EQ(blobs.size(), 1U);
  EXPECT_EQ(blobs[0].data, large_text('a'));
  EXPECT_EQ(row, "blob:" + blobs[0].digest + R"(:14:{"n":1,"text":})");
}

// Runs whose step gives what the test says; the output of the step is the run's.
async::Task<Outcome> gives(std::string output, Execution& execution) {
  Step step{.name = "give", .work = [output](Attempt) { return answer(output); }};
  step.input = R"({"of":"give"})";
  step.retry.attempts = 3;
  const auto given = co_await execution.step(std::move(step));
  if (!given) co_return outcome_of(given.error(), "give");
  co_return succeeded(*given);
}

async::Task<Outcome> hears(Execution& execution) {
  std::string step = "hear", signal = "said", ask;
  const auto heard = co_await execution.receive(std::move(step), std::move(signal), Micros(0), std::move(ask));
  if (!heard) co_return outcome_of(heard.error(), "hear");
  co_return succeeded(*heard);
}

class LargeValues : public EngineTest {
 protected:
  std::int64_t number(const std::string& sql) {
    std::int64_t out = -1;
    EXPECT_TRUE(database_->read_blocking([&](store::Connection& connection) {
      return connection.query(sql, {}, [&](const store::Row& row) -> Result<void> {
        out = row.integer(0);
        return {};
      });
    }));
    return out;
  }
  std::int64_t blobs() { return number("select count(*) from journal_blobs"); }
  static std::string start(TestNode& node, const std::string& input, const std::string& key = "") {
    RunRequest request = TestNode::request("one", input);
    request.key = key;
    const auto started = node.wait(node.engine().start(request));
    EXPECT_TRUE(started) << started.error().message;
    return started ? started->run.id : "";
  }
  static std::string input(int n) { return R"({"article":)" + large_text('a') + R"(,"n":)" + std::to_string(n) + "}"; }
  const std::string output_ = R"({"text":)" + large_text('b') + "}";
};

TEST_P(LargeValues, AreKeptOnceForAllRunsAndEventsAndReadAsTheyWere) {
  Written definition([this](Execution& execution) { return gives(output_, execution); });
  std::vector<std::string> runs;
  {
    TestNode node(*database_, definition);
    ASSERT_TRUE(node.engine().start_blocking());
    for (int i = 0; i < 3; ++i) runs.push_back(start(node, input(i)));
    for (const std::string& run : runs) EXPECT_EQ(node.wait_finished(run).state, RunState::kSucceeded);
  }
  EXPECT_EQ(blobs(), 2) << "what the inputs share, and what the outputs do, within their events too";
  EXPECT_EQ(number("select count(*) from journal_blob_uses"), 6);
  EXPECT_LT(number("select max(length(input) + length(output)) from journal_runs"), 500);
  EXPECT_LT(number("select max(length(data)) from journal_events"), 500);

  TestNode node(*database_, definition, TestNode::quick("node-b"));
  for (int i = 0; i < 3; ++i) {
    const auto run = node.wait(node.engine().find("default", runs[static_cast<std::size_t>(i)]));
    ASSERT_TRUE(run) << run.error().message;
    EXPECT_EQ(run->asked.input, input(i));
    EXPECT_EQ(run->output, output_);
    const auto history = node.wait(node.engine().history("default", run->id, 0, 100)).value();
    ASSERT_EQ(told(history), "taken; intent give; result give; finished");
    EXPECT_EQ(history[2].data, output_);
    EXPECT_EQ(history[3].data, R"({"state":"succeeded","output":)" + output_ + "}");
  }
  const auto listed = node.wait(node.engine().list({.project = "default"}));
  ASSERT_EQ(listed->size(), 3U);
  for (const journal::Run& run : *listed) EXPECT_EQ(run.output, output_);
}

TEST_P(LargeValues, AreNotReadForABriefList) {
  Written definition([this](Execution& execution) { return gives(output_, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  node.wait_finished(start(node, input(1)));
  ASSERT_TRUE(database_->write_blocking(
      [](store::Connection& connection) { return store::execute(connection, "delete from journal_blobs"); }));
  EXPECT_EQ(node.wait(node.engine().list({.project = "default", .brief = true}))->size(), 1U);
  EXPECT_EQ(node.wait(node.engine().list({.project = "default"})).error().code, "store_corrupt");
}

TEST_P(LargeValues, GoWithTheLastRunThatUsesThem) {
  Written definition([this](Execution& execution) { return gives(output_, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const journal::Run first = node.wait_finished(start(node, input(1)));
  const journal::Run second = node.wait_finished(start(node, R"({"article":)" + large_text('c') + "}"));
  ASSERT_LT(first.finished_at, second.finished_at);
  EXPECT_EQ(blobs(), 3);
  const auto purged = [&](std::int64_t ended_by) {
    std::size_t gone = 0;
    EXPECT_TRUE(database_->write_blocking([&](store::Connection& connection) -> Result<void> {
      FAIRLEAD_TRY(gone, purge(connection, ended_by, 10));
      return {};
    }));
    return gone;
  };
  EXPECT_EQ(purged(first.finished_at), 1U);
  EXPECT_EQ(blobs(), 2) << "the output is the second run's too";
  EXPECT_EQ(node.wait(node.engine().find("default", second.id))->output, output_);
  EXPECT_EQ(purged(second.finished_at), 1U);
  EXPECT_EQ(blobs(), 0);
  EXPECT_EQ(number("select count(*) from journal_blob_uses"), 0);
}

TEST_P(LargeValues, ComeWithSignalsAndLeaveNothingWhereTheyAreRefused) {
  Written definition([](Execution& execution) { return hears(execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const std::string run = start(node, "{}");
  const auto send = [&](const std::string& to) {
    return node.wait(node.engine().signal("default", {.run = to, .id = "s", .name = "said", .data = output_}));
  };
  EXPECT_EQ(send("01NOPE").error().code, "run_not_found");
  EXPECT_EQ(blobs(), 0);
  ASSERT_TRUE(send(run));
  EXPECT_EQ(node.wait_finished(run).output, output_);
  EXPECT_EQ(blobs(), 1);
  EXPECT_EQ(send(run).error().code, "run_finished");
  const auto history = node.wait(node.engine().history("default", run, 0, 100)).value();
  const Event* const came = find_event(history, EventKind::kSignal);
  ASSERT_NE(came, nullptr);
  EXPECT_EQ(came->data, R"({"id":"s","data":)" + output_ + "}");
}

TEST_P(LargeValues, AreAllOfThemComparedUnderOneKey) {
  Written definition([this](Execution& execution) { return gives(output_, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const std::string run = start(node, input(1), "key");
  EXPECT_EQ(start(node, input(1), "key"), run);
  for (const std::string& other : {input(2), R"({"article":)" + large_text('z') + R"(,"n":1})"}) {
    RunRequest request = TestNode::request("one", other);
    request.key = "key";
    EXPECT_EQ(node.wait(node.engine().start(request)).error().code, "idempotency_conflict");
  }
  node.wait_finished(run);
  EXPECT_EQ(blobs(), 2) << "nothing is left of what was refused";
}

// What is for its user counts against the user's limit; the name is in the input.
class OfUser final : public Definition {
 public:
  async::Task<Outcome> advance(Execution& execution) override {
    {
      const std::lock_guard lock(mutex);
      inputs.push_back(execution.run().asked.input);
    }
    co_return succeeded("1");
  }
  std::vector<Limit> limits(const Run& run) const override {
    return {{.name = "user " + user_of(run), .concurrency = 1}};
  }
  std::string user_of(const Run& run) const override {
    const std::lock_guard lock(mutex);
    users.push_back(run.asked.input.substr(0, 12));
    return users.back();
  }
  mutable std::mutex mutex;
  mutable std::vector<std::string> users, inputs;
};

TEST_P(LargeValues, AreThereForLimitsAndForTheNodeThatTakesARunUp) {
  OfUser definition;
  TestNode node(*database_, definition);
  const std::string given = R"({"user":"u7","article":)" + large_text('a') + "}";
  const std::string run = start(node, given);
  ASSERT_TRUE(node.engine().start_blocking());
  EXPECT_EQ(node.wait_finished(run).state, RunState::kSucceeded);
  const std::lock_guard lock(definition.mutex);
  EXPECT_THAT(definition.inputs, ElementsAre(given));
  EXPECT_EQ(definition.users.back(), R"({"user":"u7")");
}

async::Task<Outcome> copies(Execution& execution) {
  const StepResult copied = execution.note("made", "0");
  if (!copied) co_return outcome_of(copied.error(), "made");
  co_return succeeded(*copied);
}

TEST_P(LargeValues, AreSharedByForks) {
  Written definition([](Execution& execution) { return copies(execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  Event copied{
      .run = {}, .kind = EventKind::kCopied, .step = "made", .data = R"({"from":"r","output":)" + output_ + "}"};
  std::vector<Event> history{copied};
  const auto started = node.wait(node.engine().start_with(TestNode::request(), history));
  ASSERT_TRUE(started) << started.error().message;
  EXPECT_EQ(node.wait_finished(started->run.id).output, output_);
  EXPECT_EQ(blobs(), 1);
}

async::Task<Outcome> child_gives(std::string input, std::string output, Execution& execution) {
  if (!execution.run().asked.parent.empty()) {
    auto given = co_await gives(std::move(output), execution);
    co_return given;
  }
  std::string step = "sub";
  RunRequest request = TestNode::request("child", std::move(input));
  const auto end = co_await execution.child(std::move(step), std::move(request));
  if (!end) co_return outcome_of(end.error(), "sub");
  co_return succeeded(*end);
}

TEST_P(LargeValues, GoToChildrenAndBack) {
  Written definition([this](Execution& execution) { return child_gives(input(7), output_, execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const journal::Run run = node.wait_finished(start(node, input(1)));
  EXPECT_EQ(run.output, output_) << run.error;
  EXPECT_EQ(blobs(), 2);
  const auto children = node.wait(node.engine().list({.project = "default", .parent = run.id}));
  ASSERT_EQ(children->size(), 1U);
  EXPECT_EQ(children->front().asked.input, input(7));
}

EngineOptions bounded(std::size_t most) {
  EngineOptions options = TestNode::quick("node-a");
  options.largest_value = most;
  return options;
}

TEST_P(LargeValues, OverTheLimitAreRefusedWhereTheyComeIn) {
  Written definition([](Execution& execution) { return hears(execution); });
  TestNode node(*database_, definition, bounded(1024 * 1024));
  ASSERT_TRUE(node.engine().start_blocking());
  const std::string most = large_text('a', 1024 * 1024 - 2);
  const std::string run = start(node, most);
  const auto refused = node.wait(node.engine().start(TestNode::request("one", most + " ")));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kTooLarge);
  EXPECT_EQ(refused.error().code, "value_too_large");
  EXPECT_EQ(refused.error().param, "input");
  EXPECT_EQ(refused.error().message,
            "The input of the run has 1048577 bytes of JSON, and may have 1 MiB: the setting `runs.largest_value`"
            " raises that.");
  const auto send = [&](std::string data) {
    return node.wait(node.engine().signal("default", {.run = run, .id = "s", .name = "said", .data = std::move(data)}));
  };
  EXPECT_EQ(send(most + " ").error().param, "data");
  ASSERT_TRUE(send(most));
  EXPECT_EQ(node.wait_finished(run).output, most);
}

TEST_P(LargeValues, OverTheLimitFailAStepForGoodAndArePaidFor) {
  Written definition([this](Execution& execution) { return gives(output_, execution); });
  TestNode node(*database_, definition, bounded(output_.size() - 1));
  ASSERT_TRUE(node.engine().start_blocking());
  const journal::Run run = node.wait_finished(start(node, "{}"));
  EXPECT_EQ(run.state, RunState::kFailed);
  for (const char* const part : {R"("class":"bad_output")", R"("code":"value_too_large")", "step `give`"})
    EXPECT_THAT(run.error, HasSubstr(part));
  const auto history = node.wait(node.engine().history("default", run.id, 0, 100)).value();
  EXPECT_EQ(told(history), "taken; intent give; failure give; finished");
  EXPECT_EQ(blobs(), 0);
}

async::Task<Outcome> succeeds_with(std::string output) {
  co_return succeeded(std::move(output));
}

async::Task<Outcome> is_given(std::string input, Execution& execution) {
  Step step{.name = "take", .work = [](Attempt) { return answer("1"); }};
  step.input = std::move(input);
  const auto taken = co_await execution.step(std::move(step));
  if (!taken) co_return outcome_of(taken.error(), "take");
  co_return succeeded(*taken);
}

TEST_P(LargeValues, OverTheLimitAreNotKeptOfARunsEndOrOfWhatAStepIsGiven) {
  Written ends([this](Execution&) { return succeeds_with(output_); });
  Written starts([this](Execution& execution) { return child_gives(output_, "1", execution); });
  Written takes([this](Execution& execution) { return is_given(output_, execution); });
  for (const auto& [definition, what] :
       {std::pair{&ends, "output of the run"}, {&starts, "input of step `sub`"}, {&takes, "input of step `take`"}}) {
    TestNode node(*database_, *definition, bounded(output_.size() - 1));
    ASSERT_TRUE(node.engine().start_blocking());
    const journal::Run run = node.wait_finished(start(node, "{}"));
    EXPECT_EQ(run.state, RunState::kFailed);
    EXPECT_THAT(run.error, HasSubstr(what));
    EXPECT_THAT(run.error, HasSubstr("value_too_large"));
  }
  EXPECT_EQ(blobs(), 0);
}

// What is no JSON, and looks as if it were kept apart.
TEST_P(LargeValues, AreKnownByMoreThanHowTheyBegin) {
  Written definition([](Execution& execution) { return gives("blob:of mine", execution); });
  TestNode node(*database_, definition);
  ASSERT_TRUE(node.engine().start_blocking());
  const journal::Run run = node.wait_finished(start(node, "{}"));
  EXPECT_EQ(run.output, "blob:of mine");
}

// Any text, cut anywhere: what is read is what was written.
TEST_P(LargeValues, AreWhatTheyWereWhateverTheyLookLike) {
  std::mt19937 random(7);
  const std::string signs = "{}[]\",:\\ \n01eE-+ab";
  std::vector<std::string> texts;
  for (int i = 0; i < 60; ++i) {
    std::string text;
    while (text.size() < 20'000 + 500U * static_cast<unsigned>(i)) {
      text += signs[random() % signs.size()];
      if (random() % 400 == 0) text += std::string(random() % 30'000, signs[random() % signs.size()]);
    }
    texts.push_back(std::move(text));
  }
  Written definition([](Execution& execution) { return copies(execution); });
  TestNode node(*database_, definition);
  const std::string run = start(node, "{}");
  std::vector<Blob> blobs;
  std::vector<std::string> rows;
  for (const std::string& text : texts) rows.push_back(kept(text, run, blobs));
  ASSERT_TRUE(database_->write_blocking([&](store::Connection& connection) { return write_blobs(connection, blobs); }));
  ASSERT_TRUE(database_->read_blocking([&](store::Connection& connection) {
    std::vector<std::string*> all;
    for (std::string& row : rows) all.push_back(&row);
    return expand(connection, all);
  }));
  EXPECT_EQ(rows, texts);
}

INSTANTIATE_TEST_SUITE_P(Store, LargeValues, testing::Values(On::kSqlite, On::kPostgresql), name_of);

}  // namespace
}  // namespace fairlead::journal
