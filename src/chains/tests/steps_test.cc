// What tasks, agents and switches do.
#include <gmock/gmock.h>

#include "chains/tests/steps_fixture.h"

namespace fairlead::chains {
namespace {

namespace bj = boost::json;
using journal::RunState;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kTaskChain = R"({
  "steps": [{"name": "shrink", "task": "resize", "input": {"width": 4}, "lease": "200ms",
             "output": {"type": "object", "properties": {"bytes": {"type": "integer"}}, "required": ["bytes"]},
             "retry": {"attempts": 2, "first": "1ms", "most": "2ms"}}],
  "output": "${{ steps.shrink.output.bytes }}"})";

TEST_P(ChainSteps, ATaskIsPolledAndCompletedOnce) {
  const std::string id = start(kTaskChain);
  const auto task = poll();
  ASSERT_TRUE(task);
  EXPECT_EQ(task->input, R"({"width":4})");
  EXPECT_EQ(task->run, id);
  EXPECT_EQ(task->leases, 1);
  EXPECT_FALSE(poll("resize", Millis(10))) << "it is leased";
  EXPECT_FALSE(poll("other", Millis(10)));
  const std::string lease = Tasks::lease_name(*task);
  for (int i = 0; i < 2; ++i) {  // the second, as if the first had got no answer
    bj::value output = bj::object{{"bytes", 7}};
    const auto done = node_->wait(tasks_->complete("default", lease, std::move(output)));
    EXPECT_TRUE(done) << done.error().message;
  }
  const auto run = node_->wait_finished(id);
  EXPECT_EQ(run.output, "7") << run.error;
  EXPECT_THAT(told(id), HasSubstr("intent shrink; "));
}

TEST_P(ChainSteps, ALeaseThatRunsOutGoesToAnotherUnderTheSameKey) {
  const std::string id = start(kTaskChain);
  const auto first = poll();
  ASSERT_TRUE(first);
  const auto second = poll();  // waits for the lease to run out
  ASSERT_TRUE(second);
  EXPECT_EQ(second->key, first->key);
  EXPECT_EQ(second->leases, 2);
  bj::value late = bj::object{{"bytes", 1}}, good = bj::object{{"bytes", 2}};
  const auto refused = node_->wait(tasks_->complete("default", Tasks::lease_name(*first), std::move(late)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "lease_lost");
  const auto beaten = node_->wait(tasks_->heartbeat("default", Tasks::lease_name(*first), ""));
  EXPECT_EQ(beaten.error().code, "lease_lost");
  const auto other = node_->wait(tasks_->heartbeat("elsewhere", Tasks::lease_name(*second), ""));
  EXPECT_EQ(other.error().code, "lease_lost") << "another project knows nothing of it";
  EXPECT_TRUE(node_->wait(tasks_->heartbeat("default", Tasks::lease_name(*second), R"({"done":0.5})")));
  EXPECT_EQ(node_->wait(tasks_->list({.project = "default"}))->at(0).progress, R"({"done":0.5})");
  EXPECT_TRUE(node_->wait(tasks_->complete("default", Tasks::lease_name(*second), std::move(good))));
  EXPECT_EQ(node_->wait_finished(id).output, "2");
}

TEST_P(ChainSteps, HeartbeatsKeepALease) {
  const std::string id = start(kTaskChain);
  const auto task = poll();
  ASSERT_TRUE(task);
  for (int i = 0; i < 6; ++i) {
    std::this_thread::sleep_for(Millis(80));
    ASSERT_TRUE(node_->wait(tasks_->heartbeat("default", Tasks::lease_name(*task), "")));
    ASSERT_FALSE(poll("resize", Millis(1)));
  }
  bj::value output = bj::object{{"bytes", 3}};
  EXPECT_TRUE(node_->wait(tasks_->complete("default", Tasks::lease_name(*task), std::move(output))));
  EXPECT_EQ(node_->wait_finished(id).output, "3");
}

TEST_P(ChainSteps, AFailedTaskIsTriedAgainAsTheStepSays) {
  const std::string id = start(kTaskChain);
  const auto first = poll();
  ASSERT_TRUE(first);
  EXPECT_TRUE(node_->wait(
      tasks_->fail_with("default", Tasks::lease_name(*first), journal::FailureClass::kTransient, "no_space", "Full.")));
  const auto second = poll();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->leases, 2);
  bj::value wrong = bj::object{{"bytes", "many"}};
  const auto refused = node_->wait(tasks_->complete("default", Tasks::lease_name(*second), std::move(wrong)));
  EXPECT_EQ(refused.error().code, "invalid_output");
  const auto run = node_->wait_finished(id);
  EXPECT_EQ(run.state, RunState::kFailed);
  EXPECT_THAT(run.error, HasSubstr("bad_output")) << "two attempts and no more";
}

TEST_P(ChainSteps, ATaskThatNobodyDoesTimesOutAndIsTakenBack) {
  const std::string id =
      start(R"({"steps": [{"name": "a", "task": "never", "within": "100ms", "otherwise": "nobody"}]})");
  EXPECT_EQ(node_->wait_finished(id).output, R"("nobody")");
  EXPECT_TRUE(node_->wait(tasks_->list({.project = "default"}))->empty());
}

TEST_P(ChainSteps, ACancelledRunTakesItsTaskBack) {
  const std::string id = start(kTaskChain);
  const auto task = poll();
  ASSERT_TRUE(task);
  ASSERT_TRUE(node_->wait(node_->engine().cancel("default", id, "me")));
  EXPECT_EQ(node_->wait_finished(id).state, RunState::kCancelled);
  const auto beaten = node_->wait(tasks_->heartbeat("default", Tasks::lease_name(*task), ""));
  EXPECT_EQ(beaten.error().code, "lease_lost");
}

TEST_P(ChainSteps, WhoHadATaskBeforeItWasTakenBackDoesNotEndItNow) {
  const std::string id = start(kTaskChain);
  const auto before = poll();
  ASSERT_TRUE(before);
  ASSERT_TRUE(node_->wait(node_->engine().cancel("default", id, "me")));
  EXPECT_EQ(node_->wait_finished(id).state, RunState::kCancelled);
  ASSERT_TRUE(node_->wait(node_->engine().retry({.project = "default", .run = id, .by = "maria"})));
  const auto now = poll();
  ASSERT_TRUE(now);
  EXPECT_EQ(now->key, before->key);
  bj::value late = bj::object{{"bytes", 1}}, good = bj::object{{"bytes", 2}};
  const auto refused = node_->wait(tasks_->complete("default", Tasks::lease_name(*before), std::move(late)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "lease_lost");
  EXPECT_EQ(node_->wait(tasks_->heartbeat("default", Tasks::lease_name(*before), "")).error().code, "lease_lost");
  ASSERT_TRUE(node_->wait(tasks_->complete("default", Tasks::lease_name(*now), std::move(good))));
  EXPECT_EQ(node_->wait_finished(id).output, "2");
}

TEST_P(ChainSteps, EachElementOfAMapIsATask) {
  const std::string spec = R"({"input": {"n": {"type": "integer"}}, "steps": [
    {"name": "each", "map": "${{ [1, 2, 3] }}", "task": "resize", "input": {"n": "${{ item }}"}}]})";
  start(spec, {{"n", 1}});
  std::vector<std::string> inputs;
  for (int i = 0; i < 3; ++i) {
    const auto task = poll();
    ASSERT_TRUE(task);
    inputs.push_back(task->input);
  }
  EXPECT_THAT(inputs, testing::UnorderedElementsAre(R"({"n":1})", R"({"n":2})", R"({"n":3})"));
}

TEST_P(ChainSteps, ASwitchDoesTheFirstThatHolds) {
  const std::string spec = R"({"input": {"n": {"type": "integer"}}, "steps": [
    {"name": "a", "switch": [{"when": "input.n > 10", "transform": "big"}, {"when": "input.n > 5", "model": "m", "messages": "hi"}]}]})";
  EXPECT_EQ(run(spec, {{"n", 11}}).output, R"("big")");
  model_.say("middle");
  EXPECT_EQ(run(spec, {{"n", 6}}).output, R"("middle")");
  EXPECT_EQ(run(spec, {{"n", 1}}).output, "null");
  EXPECT_EQ(run(R"({"steps": [{"name": "a", "map": "${{ [1, 6] }}", "switch": [{"when": "item > 5", "transform": "x"},
                   {"transform": "${{ item }}"}]}]})")
                .output,
            R"([1,"x"])");
}

constexpr const char* kAgentChain = R"({
  "steps": [{"name": "desk", "at_most": 3, "agent": {"model": "m", "messages": "Find the fox.", "tools": [
    {"name": "look_up", "description": "Finds.", "arguments": {"word": {"type": "string"}, "most": {"type": "integer", "default": 2}},
     "transform": {"found": "${{ arguments.word + '!' }}", "most": "${{ arguments.most }}"}},
    {"name": "breaks", "description": "Breaks.", "http": {"url": "http://not.allowed/"}},
    {"name": "must", "description": "Must not break.", "http": {"url": "http://not.allowed/"}, "on_failure": "fail"}]}}]})";

TEST_P(ChainSteps, AnAgentIsToldWhatItsToolsGaveUntilItAnswers) {
  model_.use({{"look_up", R"({"word":"fox"})"}, {"look_up", R"({"word":"hen","most":1})"}});
  model_.say("There it is.");
  const auto run = this->run(kAgentChain);
  ASSERT_EQ(run.state, RunState::kSucceeded) << run.error;
  EXPECT_EQ(run.output, R"("There it is.")");
  EXPECT_EQ(run.cost, 20);
  ASSERT_EQ(model_.asked.size(), 2u);
  EXPECT_EQ(model_.asked[0].messages, R"([{"role":"user","content":"Find the fox."}])");
  EXPECT_THAT(
      model_.asked[0].parameters,
      HasSubstr(R"({"name":"look_up","description":"Finds.","parameters":{"type":"object","properties":{"word":)"));
  EXPECT_THAT(model_.asked[1].messages,
              HasSubstr(R"({"role":"tool","tool_call_id":"c0","content":"{\"found\":\"fox!\",\"most\":2}"})"));
  EXPECT_THAT(model_.asked[1].messages,
              HasSubstr(R"({"role":"tool","tool_call_id":"c1","content":"{\"found\":\"hen!\",\"most\":1}"})"));
  EXPECT_NE(model_.asked[0].idempotency_key, model_.asked[1].idempotency_key);
  EXPECT_THAT(told(run.id),
              HasSubstr("result desk#1; result desk#1/look_up/1; result desk#1/look_up/2; intent desk#2"));
}

TEST_P(ChainSteps, AnAgentIsToldOfErrorsUnlessTheyEndTheStep) {
  model_.use({{"lookup", "{}"}, {"look_up", R"({"word":7})"}, {"look_up", "{oh"}, {"breaks", "{}"}});
  model_.say("Sorry.");
  EXPECT_EQ(run(kAgentChain).output, R"("Sorry.")");
  const std::string& told = model_.asked[1].messages;
  EXPECT_THAT(told, HasSubstr("There is no such tool. There are: look_up, breaks, must."));
  EXPECT_THAT(told, HasSubstr("The arguments do not fit: `/word`"));
  EXPECT_THAT(told, HasSubstr("The arguments are no JSON object."));
  EXPECT_THAT(told, HasSubstr("The tool failed: host_not_allowed"));
  model_.use({{"must", "{}"}});
  const auto failed = run(kAgentChain);
  EXPECT_EQ(failed.state, RunState::kFailed);
  EXPECT_THAT(failed.error, HasSubstr("host_not_allowed"));
}

TEST_P(ChainSteps, AnAgentIsBoundedByTurnsAndCost) {
  for (int i = 0; i < 3; ++i) model_.use({{"look_up", R"({"word":"fox"})"}});
  const auto run = this->run(kAgentChain);
  EXPECT_THAT(run.error, HasSubstr("too_many_turns"));
  ASSERT_EQ(model_.asked.size(), 3u);
  EXPECT_THAT(model_.asked[1].parameters, testing::Not(HasSubstr("tool_choice")));
  EXPECT_THAT(model_.asked[2].parameters, HasSubstr(R"("tool_choice":"none")"));

  model_.use({{"look_up", R"({"word":"fox"})"}}, 2'000'000'000);
  const auto dear = this->run(
      R"({"steps": [{"name": "desk", "at_most": 9, "cost": 1, "agent": {"model": "m", "messages": "hi", "tools": [
    {"name": "look_up", "description": "Finds.", "arguments": {"word": {"type": "string"}}, "transform": 1}]}}]})");
  EXPECT_THAT(dear.error, HasSubstr("cost_exceeded"));
  EXPECT_EQ(model_.asked.size(), 4u);
}

TEST_P(ChainSteps, AnAgentsLastAnswerFitsItsSchema) {
  const std::string spec = R"({"steps": [{"name": "desk", "at_most": 9, "retry": {"attempts": 2, "first": "1ms"},
    "output": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
    "agent": {"model": "m", "messages": "hi", "tools": [{"name": "t", "description": "d", "transform": 1}]}}]})";
  model_.say("seven");
  model_.say(R"({"n": 7})");
  EXPECT_EQ(run(spec).output, R"({"n":7})");
  EXPECT_THAT(model_.asked[0].parameters, HasSubstr(R"("response_format":{"type":"json_schema")"));
  model_.say("{}");
  model_.say("{}");
  EXPECT_THAT(run(spec).error, HasSubstr("bad_output"));
}

TEST_P(ChainSteps, TheCostOfAMapIsThatOfAllItsAttempts) {
  // Each costs half of what the step may cost, and fails: two of the three attempts of the first element, and no more.
  for (int i = 0; i < 9; ++i) model_.say("no JSON", 600'000'000);
  const auto run =
      this->run(R"({"steps": [{"name": "a", "map": "${{ [1, 2, 3] }}", "at_once": 1, "failures": 3, "cost": 1,
    "switch": [{"agent": {"model": "m", "messages": "x", "tools": [{"name": "t", "description": "d", "transform": 1}]},
                "at_most": 1, "output": {"type": "object"}, "retry": {"attempts": 9, "first": "1ms", "most": "1ms"}}]}]})");
  EXPECT_THAT(run.error, HasSubstr("cost_exceeded"));
  EXPECT_EQ(model_.asked.size(), 2u);
}

TEST_P(ChainSteps, WhatTheSameStepGaveIsTakenForATime) {
  const std::string spec = R"({"input": {"n": {"type": "integer"}}, "steps": [
    {"name": "a", "model": "m", "messages": "say ${{ input.n }}", "reuse": "400ms"}]})";
  for (const char* const said : {"one", "two", "three", "four"}) model_.say(said);
  const auto first = run(spec, {{"n", 1}}), again = run(spec, {{"n", 1}}), other = run(spec, {{"n", 2}});
  EXPECT_EQ(first.output, R"("one")");
  EXPECT_EQ(again.output, R"("one")");
  EXPECT_EQ(again.cost, 0);
  EXPECT_EQ(told(again.id), "taken; reused a; finished");
  EXPECT_THAT(node_->wait(node_->engine().history("default", again.id, 0, 10))->at(1).data,
              HasSubstr("\"run\":\"" + first.id + "\",\"step\":\"a\""));
  EXPECT_EQ(other.output, R"("two")");
  std::this_thread::sleep_for(Millis(450));
  EXPECT_EQ(run(spec, {{"n", 1}}).output, R"("three")");
  EXPECT_EQ(model_.asked.size(), 3u);
}

TEST_P(ChainSteps, ATaskOfARunThatFailedIsPutOutAgainByARetry) {
  const std::string spec = R"({"steps": [
    {"name": "shrink", "task": "resize", "within": "1m"},
    {"name": "b", "model": "m", "messages": "b"}], "output": "${{ [steps.shrink.output, steps.b.output] }}"})";
  model_.say_badly();
  const std::string id = start(spec);
  EXPECT_EQ(node_->wait_finished(id).state, RunState::kFailed);
  EXPECT_FALSE(poll("resize", Millis(10))) << "nobody waits for it";
  EXPECT_THAT(told(id), testing::MatchesRegex(".*withdrawn shrink; finished"));
  model_.say("good");
  ASSERT_TRUE(node_->wait(node_->engine().retry({.project = "default", .run = id, .by = "maria"})));
  const auto task = poll();
  ASSERT_TRUE(task);
  node_->wait_state(id, RunState::kWaiting);  // and it is put out once, however often it is taken up
  EXPECT_FALSE(poll("resize", Millis(10)));
  ASSERT_TRUE(node_->wait(tasks_->complete("default", Tasks::lease_name(*task), 7)));
  EXPECT_EQ(node_->wait_finished(id).output, R"([7,"good"])");
}

TEST_P(ChainSteps, AnAgentIsUndoneOnce) {
  const std::string spec = R"({"steps": [
    {"name": "desk", "at_most": 3, "agent": {"model": "m", "messages": "hi", "tools": [
      {"name": "t", "description": "d", "transform": 1}]}, "compensate": {"transform": "undone"}},
    {"name": "b", "after": ["desk"], "model": "m", "messages": "b"}]})";
  model_.use({{"t", "{}"}});
  model_.say("done");
  model_.say_badly();
  const auto run = this->run(spec);
  EXPECT_EQ(run.state, RunState::kFailed);
  EXPECT_THAT(told(run.id), testing::EndsWith("; compensating; result compensate:desk; finished"));
}

TEST_P(ChainSteps, AnAgentThatCameToItsBoundsGoesOnWithThemAnewAfterARetry) {
  const auto use_often = [this](int times) {
    for (int i = 0; i < times; ++i) model_.use({{"look_up", R"({"word":"fox"})"}});
  };
  use_often(3);
  const std::string id = run(kAgentChain).id;
  EXPECT_THAT(told(id), testing::EndsWith("failure desk; finished"));
  use_often(3);
  EXPECT_THAT(retry(id).error, HasSubstr("within its 3 turns"));
  ASSERT_EQ(model_.asked.size(), 6u);
  EXPECT_THAT(model_.asked[3].parameters, testing::Not(HasSubstr("tool_choice")));
  EXPECT_THAT(model_.asked[5].parameters, HasSubstr(R"("tool_choice":"none")"));
  model_.say("There.");
  EXPECT_EQ(retry(id).output, R"("There.")");
  ASSERT_EQ(model_.asked.size(), 7u);
  const std::string& asked = model_.asked[6].messages;  // with all that was said before
  std::size_t answers = 0;
  for (std::size_t at = asked.find("fox!"); at != asked.npos; at = asked.find("fox!", at + 1)) ++answers;
  EXPECT_EQ(answers, 6u);
}

TEST_P(ChainSteps, ARetryGivesAnAgentItsCostAnew) {
  const std::string spec =
      R"({"steps": [{"name": "desk", "at_most": 9, "cost": 1, "retry": {"attempts": 2, "first": "1ms"},
    "output": {"type": "integer"},
    "agent": {"model": "m", "messages": "hi", "tools": [{"name": "t", "description": "d", "transform": 1}]}}]})";
  const auto use = [this] { model_.use({{"t", "{}"}}, 600'000'000); };
  use();
  use();
  const std::string id = run(spec).id;
  EXPECT_EQ(model_.asked.size(), 2u);
  use();
  use();
  EXPECT_THAT(retry(id).error, HasSubstr("cost_exceeded"));
  EXPECT_EQ(model_.asked.size(), 4u);
  model_.say("none", 600'000'000);  // another attempt is within what it may cost
  model_.say("7");
  const auto ended = retry(id);
  EXPECT_EQ(ended.output, "7") << ended.error;
}

TEST_P(ChainSteps, ARetryGivesAnAgentItsTimeAnew) {
  const std::string spec = R"({"steps": [{"name": "desk", "at_most": 9, "within": "300ms", "agent": {"model": "m",
    "messages": "hi", "tools": [{"name": "rest", "description": "d", "wait": "1h"}]}}]})";
  model_.use({{"rest", "{}"}});
  const auto late = run(spec);
  EXPECT_THAT(late.error, HasSubstr("timed_out"));
  model_.say("There.");
  const auto ended = retry(late.id);
  EXPECT_EQ(ended.output, R"("There.")") << ended.error;
}

TEST_P(ChainSteps, ARetryLeavesAnAgentAloneThatTheRunWentOnWithout) {
  const std::string spec = R"({"steps": [
    {"name": "desk", "at_most": 1, "otherwise": "nothing", "agent": {"model": "m", "messages": "hi", "tools": [
      {"name": "t", "description": "d", "transform": 1}]}},
    {"name": "b", "after": ["desk"], "model": "m", "messages": "b"}], "output": "${{ steps.desk.output }}"})";
  model_.use({{"t", "{}"}});
  model_.say_badly();
  const std::string id = run(spec).id;
  model_.say("good");
  EXPECT_EQ(retry(id).output, R"("nothing")");
  EXPECT_EQ(model_.asked.size(), 3u);
}

TEST_P(ChainSteps, WhatATaskGaveIsTakenAlsoIfItTookLong) {
  const std::string spec = R"({"steps": [{"name": "a", "task": "resize", "reuse": "1h"}]})";
  const std::string id = start(spec);
  const auto task = poll();
  ASSERT_TRUE(task);
  node_->wait_state(id, RunState::kWaiting);  // it is out of the node's memory
  ASSERT_TRUE(node_->wait(tasks_->complete("default", Tasks::lease_name(*task), 7)));
  EXPECT_EQ(node_->wait_finished(id).output, "7");
  const std::string again = start(spec);
  EXPECT_EQ(node_->wait_finished(again).output, "7");
  EXPECT_EQ(told(again), "taken; reused a; finished");
}

TEST_P(ChainSteps, WhatWasReusedIsNotUndone) {
  const std::string spec = R"({"steps": [
    {"name": "a", "model": "m", "messages": "a", "reuse": "1h", "compensate": {"transform": "undone"}},
    {"name": "b", "after": ["a"], "model": "m", "messages": "b"}]})";
  model_.say("a");
  model_.say_badly();
  EXPECT_THAT(told(run(spec).id), HasSubstr("compensate:a"));
  model_.say_badly();
  EXPECT_EQ(told(run(spec).id), "taken; reused a; intent b; failure b; finished");
}

INSTANTIATE_TEST_SUITE_P(Store, ChainSteps, testing::Values(journal::On::kSqlite, journal::On::kPostgresql),
                         journal::name_of);

}  // namespace
}  // namespace fairlead::chains
