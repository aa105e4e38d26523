// What of a run holds for another version or input, and what undoes it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/digest.h"
#include "chains/chains.h"
#include "chains/internal/durations.h"
#include "chains/internal/replay.h"
#include "platform/journal/tests/harness.h"
#include "platform/json/text.h"

namespace fairlead::chains {
namespace {

namespace bj = boost::json;
using journal::Event;
using journal::EventKind;
using journal::RunState;
using journal::TestFolder;
using journal::TestNode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kFirst = R"({
  "input": {"words": {"type": "array", "items": {"type": "string"}}, "tone": {"type": "string", "default": "kind"}},
  "steps": [
    {"name": "each", "map": "${{ input.words }}", "failures": 1, "model": "m", "messages": "say ${{ item }}",
     "compensate": {"model": "m", "messages": "unsay ${{ item }}: ${{ output }}"}},
    {"name": "again", "until": "turn == 2", "at_most": 3, "model": "m", "messages": "turn ${{ turn }}",
     "compensate": {"model": "m", "messages": "unturn ${{ turn }}", "retry": {"attempts": 2, "first": "1ms"}}},
    {"name": "aside", "when": "false", "model": "m", "messages": "aside",
     "compensate": {"model": "m", "messages": "never"}},
    {"name": "joined", "model": "m", "messages": "join ${{ steps.each.output.size() }} ${{ input.tone }}",
     "compensate": {"model": "m", "messages": "unjoin ${{ steps.joined.output }} of ${{ steps.each.output.size() }}"}},
    {"name": "last", "model": "m", "messages": "last ${{ steps.joined.output }}", "after": ["again", "aside"]}
  ],
  "output": "${{ steps.last.output }}"
})";

std::string changed(std::string spec, const std::string& from, const std::string& to) {
  const std::size_t at = spec.find(from);
  if (at == std::string::npos) std::abort();
  return spec.replace(at, from.size(), to);
}

// Answers "<MESSAGE>", and fails for messages that hold what is broken, so often.
class TestModels final : public llm::Client {
 public:
  std::map<std::string, int> broken;
  std::vector<std::string> seen;
  async::Task<std::expected<llm::ClientAnswer, llm::ClientError>> ask(llm::ClientCall call, async::Loop&,
                                                                      async::Cancellation&) override {
    const std::lock_guard lock(mutex_);
    const auto messages = json::parse(call.messages);
    const std::string text(messages->as_array()[0].at("content").as_string());
    seen.push_back(text);
    for (auto& [part, times] : broken)
      if (text.find(part) != std::string::npos && times-- > 0)
        co_return std::unexpected(llm::ClientError{{ErrorKind::kUnavailable, "down", "It is down."}, "", 1});
    llm::ClientAnswer answer;
    answer.text = "<" + text + ">";
    answer.cost = 10;
    co_return answer;
  }
  std::vector<std::string> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(seen, {});
  }

 private:
  std::mutex mutex_;
};

class ChainControl : public testing::Test {
 protected:
  ChainControl() {
    database_ = std::move(store::open(folder_.file("fairlead.db"), readers_, journal::migrations()).value());
    chains_.set_client(models_);
    set_versions({kFirst});
    node_ = std::make_unique<TestNode>(*database_, chains_, TestNode::quick("node"), "chain");
    if (!node_->engine().start_blocking()) std::abort();
  }

  // Of the chain `mine`; and another one.
  void set_versions(const std::vector<std::string>& specs, const std::string& other = {}) {
    resources::Project project;
    project.name = "default";
    add_chain(project, "mine", specs);
    if (!other.empty()) add_chain(project, "other", {other});
    chains_.update(project);
  }
  static void add_chain(resources::Project& project, const std::string& name, const std::vector<std::string>& specs) {
    resources::Resource resource{.kind = "chain", .name = name, .versions = {}, .labels = {}};
    for (const std::string& spec : specs) {
      auto version = std::make_shared<resources::Version>();
      version->kind = "chain";
      version->project = "default";
      version->name = name;
      version->version = static_cast<int>(resource.versions.size()) + 1;
      version->digest = sha256_hex(spec);
      version->spec = json::parse(spec)->as_object();
      resource.labels["latest"] = version->version;
      resource.versions.emplace(version->version, version);
    }
    project.resources.emplace(std::pair("chain", name), std::move(resource));
  }

  journal::Run run(const std::string& chain = "mine@1", bj::array words = {"a", "b"}) {
    StartRequest start;
    start.project = "default";
    start.chain = chain;
    start.input = {{"words", std::move(words)}};
    start.key_name = "maria";
    auto request = chains_.request(std::move(start));
    if (!request) std::abort();
    return node_->wait_finished(node_->wait(node_->engine().start(*request))->run.id);
  }
  std::vector<Event> history(const std::string& id) {
    return node_->wait(node_->engine().history("default", id, 0, 1'000)).value();
  }
  std::vector<std::string> steps(const std::string& id, EventKind kind) {
    std::vector<std::string> out;
    for (const Event& event : history(id))
      if (event.kind == kind) out.push_back(event.step);
    return out;
  }
  Result<journal::Started> fork(const journal::Run& run, std::string from, bj::object input = {},
                                std::string chain = {}) {
    Chains::ForkRequest request{.run = run,
                                .from = std::move(from),
                                .chain = std::move(chain),
                                .input = std::move(input),
                                .key_id = {},
                                .key_name = "anna"};
    FAIRLEAD_TRY(auto fork, chains_.fork(std::move(request), history(run.id)));
    return node_->wait(node_->engine().start_with(std::move(fork.request), std::move(fork.history)));
  }
  Result<journal::Moved> move(const journal::Run& run, const std::string& to) {
    FAIRLEAD_TRY(const std::string digest, chains_.digest_of(run, to));
    return node_->wait(
        node_->engine().move({.project = "default", .run = run.id, .by = "maria", .digest = digest, .to = to}));
  }

  TestFolder folder_;
  async::BlockingPool readers_{2};
  std::unique_ptr<store::Database> database_;
  TestModels models_;
  Chains chains_;
  std::unique_ptr<TestNode> node_;
};

TEST_F(ChainControl, AForkDoesItsStepAndWhatDependsOnItAnew) {
  const auto first = run();
  ASSERT_EQ(first.state, RunState::kSucceeded) << first.error;
  models_.take();
  const auto forked = fork(first, "joined");
  ASSERT_TRUE(forked) << forked.error().message;
  const auto ended = node_->wait_finished(forked->run.id);
  EXPECT_EQ(ended.output, first.output);
  EXPECT_EQ(ended.cost, 20);
  EXPECT_THAT(models_.take(), ElementsAre("join 2 kind", "last <join 2 kind>"));
  EXPECT_THAT(steps(ended.id, EventKind::kCopied),
              testing::UnorderedElementsAre("each[0]", "each[1]", "again#1", "again#2", "aside"));
  EXPECT_THAT(history(ended.id)[0].data, HasSubstr(first.id));
}

TEST_F(ChainControl, AForkWithAnotherInputIsRefusedWhereWhatIsTakenOverWouldDiffer) {
  const auto first = run();
  const auto other_words = fork(first, "joined", {{"words", bj::array{"a", "c"}}});
  ASSERT_FALSE(other_words);
  EXPECT_EQ(other_words.error().code, "fork_disagrees");
  EXPECT_THAT(other_words.error().message, HasSubstr("step `each` (element 1)"));
  EXPECT_EQ(fork(first, "joined", {{"words", bj::array{"a"}}}).error().code, "fork_disagrees");
  EXPECT_EQ(fork(first, "joind").error().code, "step_not_found");
  EXPECT_THAT(fork(first, "joind").error().message, HasSubstr("joined"));
  EXPECT_EQ(fork(first, "joined", {{"word", "x"}}).error().code, "unknown_field");
  models_.take();
  const auto other_tone = fork(first, "joined", {{"tone", "harsh"}});
  ASSERT_TRUE(other_tone) << other_tone.error().message;
  node_->wait_finished(other_tone->run.id);
  EXPECT_THAT(models_.take(), ElementsAre("join 2 harsh", "last <join 2 harsh>"));
}

TEST_F(ChainControl, AForkToAnotherVersionTakesWhatAgrees) {
  const auto first = run();
  set_versions({kFirst, changed(kFirst, "last ${{", "finally ${{"), changed(kFirst, "say ${{", "shout ${{"),
                changed(kFirst, R"("turn == 2")", R"("turn == 3")")});
  EXPECT_THAT(fork(first, "last", {}, "@3").error().message, HasSubstr("step `each` (element 0)"));
  models_.take();
  const auto forked = fork(first, "last", {}, "mine@2");
  ASSERT_TRUE(forked) << forked.error().message;
  EXPECT_EQ(node_->wait_finished(forked->run.id).state, RunState::kSucceeded);
  EXPECT_THAT(models_.take(), ElementsAre("finally <join 2 kind>"));
  const auto longer = fork(first, "last", {}, "mine@4");
  ASSERT_TRUE(longer) << "two turns are the same; a third is missing";
  EXPECT_EQ(node_->wait_finished(longer->run.id).state, RunState::kSucceeded);
  EXPECT_THAT(models_.take(), ElementsAre("turn 2", "last <join 2 kind>"));
}

TEST_F(ChainControl, FailuresThatARunWentOnWithoutAreNotRetriedNorDoneAnewByAFork) {
  models_.broken = {{"say b", 1}, {"last", 1}};
  const auto first = run();
  ASSERT_EQ(first.state, RunState::kFailed);
  EXPECT_THAT(first.error, HasSubstr("\"compensated\":true"));
  models_.take();
  // What has been undone is done anew.
  const auto forked = fork(first, "last");
  ASSERT_TRUE(forked) << forked.error().message;
  EXPECT_EQ(node_->wait_finished(forked->run.id).state, RunState::kSucceeded);
  EXPECT_EQ(models_.take().size(), 6u);

  set_versions({kFirst, changed(changed(changed(kFirst, R"(,
     "compensate": {"model": "m", "messages": "unsay ${{ item }}: ${{ output }}"})",
                                                ""),
                                        R"(,
     "compensate": {"model": "m", "messages": "unturn ${{ turn }}", "retry": {"attempts": 2, "first": "1ms"}})",
                                        ""),
                                R"(,
     "compensate": {"model": "m", "messages": "unjoin ${{ steps.joined.output }} of ${{ steps.each.output.size() }}"})",
                                "")});
  models_.broken = {{"say b", 1}, {"last", 1}};
  const auto second = run("mine@2");
  ASSERT_EQ(second.state, RunState::kFailed);
  EXPECT_THAT(second.error, testing::Not(HasSubstr("compensated")));
  models_.take();
  ASSERT_TRUE(node_->wait(node_->engine().retry({.project = "default", .run = second.id, .by = "maria"})));
  EXPECT_EQ(node_->wait_finished(second.id).state, RunState::kSucceeded);
  EXPECT_THAT(models_.take(), ElementsAre("last <join 2 kind>"));
  const auto events = history(second.id);
  const Event* const retried = journal::find_event(events, EventKind::kRetried);
  ASSERT_NE(retried, nullptr);
  EXPECT_EQ(retried->data, R"({"by":"maria","steps":["last"]})");
  const auto again = fork(second, "joined");
  ASSERT_TRUE(again);
  EXPECT_EQ(node_->wait_finished(again->run.id).state, RunState::kSucceeded);
  EXPECT_THAT(models_.take(), ElementsAre("join 2 kind", "last <join 2 kind>")) << "element 1 stays failed";
}

TEST_F(ChainControl, WhatARunHasDoneIsUndoneInReverseOrder) {
  models_.broken = {{"last", 1}, {"unturn 0", 1}};
  const auto ended = run();
  EXPECT_EQ(ended.state, RunState::kFailed);
  EXPECT_THAT(ended.error, HasSubstr("\"step\":\"last\""));
  EXPECT_THAT(ended.error, HasSubstr("\"compensated\":true"));
  std::vector<std::string> done, undone;
  for (const std::string& part : steps(ended.id, EventKind::kResult)) {
    if (part.starts_with("compensate:"))
      undone.push_back(part.substr(11));
    else if (part != "aside")
      done.push_back(part);
  }
  std::ranges::reverse(done);
  EXPECT_EQ(undone, done);
  EXPECT_EQ(done.size(), 5u);
  const auto seen = models_.take();
  EXPECT_THAT(seen, testing::Contains("unjoin <join 2 kind> of 2"));
  EXPECT_THAT(seen, testing::Contains("unsay a: <say a>"));
  EXPECT_THAT(seen, testing::Contains("unturn 1"));
  EXPECT_EQ(std::ranges::count(seen, "unturn 0"), 2) << "tried again";
  EXPECT_EQ(node_->wait(node_->engine().retry({.project = "default", .run = ended.id, .by = "maria"})).error().code,
            "run_compensated");
}

TEST_F(ChainControl, WhatAForkTookOverIsNotUndoneByIt) {
  const auto first = run();
  ASSERT_EQ(first.state, RunState::kSucceeded) << first.error;
  models_.take();
  models_.broken = {{"last", 1}};
  const auto forked = fork(first, "joined");
  ASSERT_TRUE(forked) << forked.error().message;
  const auto ended = node_->wait_finished(forked->run.id);
  EXPECT_EQ(ended.state, RunState::kFailed);
  EXPECT_THAT(ended.error, HasSubstr("\"compensated\":true"));
  EXPECT_THAT(models_.take(), ElementsAre("join 2 kind", "last <join 2 kind>", "unjoin <join 2 kind> of 2"));
}

TEST_F(ChainControl, ARetryStartsAnotherRunForOneThatHasBeenUndone) {
  set_versions(
      {R"({"input": {"words": {"type": "array"}}, "steps": [{"name": "sub", "chain": "other"}]})"},
      R"({"steps": [{"name": "a", "model": "m", "messages": "a", "compensate": {"model": "m", "messages": "undo a"}},
                             {"name": "b", "model": "m", "messages": "b ${{ steps.a.output }}"}]})");
  models_.broken = {{"b <a>", 1}};
  const auto failed = run();
  ASSERT_EQ(failed.state, RunState::kFailed);
  EXPECT_THAT(models_.take(), ElementsAre("a", "b <a>", "undo a"));
  ASSERT_TRUE(node_->wait(node_->engine().retry({.project = "default", .run = failed.id, .by = "maria"})));
  const auto again = node_->wait_finished(failed.id);
  EXPECT_EQ(again.state, RunState::kSucceeded) << again.error;
  EXPECT_EQ(again.output, R"("<b <a>>")");
  EXPECT_THAT(models_.take(), ElementsAre("a", "b <a>"));
}

TEST_F(ChainControl, ACompensationThatFailsKeepsNoOtherFromRunningAndIsTriedAgainByARetry) {
  models_.broken = {{"last", 1}, {"unjoin", 1}};
  const auto ended = run();
  EXPECT_THAT(ended.error, HasSubstr("\"compensated\":false"));
  EXPECT_EQ(steps(ended.id, EventKind::kResult).size(), 10u);
  models_.take();
  ASSERT_TRUE(node_->wait(node_->engine().retry({.project = "default", .run = ended.id, .by = "maria"})));
  const auto again = node_->wait_finished(ended.id);
  EXPECT_EQ(again.state, RunState::kFailed);
  EXPECT_THAT(again.error, HasSubstr("\"compensated\":true"));
  EXPECT_THAT(models_.take(), ElementsAre("unjoin <join 2 kind> of 2"));
}

TEST_F(ChainControl, ARunIsMovedWhereWhatIsDoneAgrees) {
  const std::string plain = R"({"input": {"words": {"type": "array"}}, "steps": [
    {"name": "a", "model": "m", "messages": "a ${{ input.words[0] }}"},
    {"name": "b", "model": "m", "messages": "b ${{ steps.a.output }}"}]})";
  set_versions(
      {plain, changed(plain, "b ${{", "better ${{"), changed(plain, "a ${{", "other ${{"),
       R"({"input": {"words": {"type": "array"}}, "steps": [{"name": "b", "model": "m", "messages": "b"}]})",
       changed(plain, R"("words": {"type": "array"})",
               R"("words": {"type": "array"}, "style": {"type": "string", "default": "dry"})"),
       changed(plain, R"("words": {"type": "array"})", R"("words": {"type": "array"}, "style": {"type": "string"})")});
  models_.broken = {{"b <", 1}};
  const auto failed = run();
  ASSERT_EQ(failed.state, RunState::kFailed);
  EXPECT_THAT(move(failed, "mine@3").error().message, HasSubstr("step `a`"));
  EXPECT_EQ(move(failed, "mine@3").error().code, "move_disagrees");
  EXPECT_EQ(move(failed, "mine@3").error().param, "a");
  EXPECT_THAT(move(failed, "@4").error().message, HasSubstr("is not there any more"));
  EXPECT_THAT(move(failed, "@6").error().message, HasSubstr("style"));
  EXPECT_EQ(move(failed, "@9").error().code, "version_not_found");
  ASSERT_TRUE(move(failed, "@5"));
  ASSERT_TRUE(move(failed, "@2"));
  models_.take();
  ASSERT_TRUE(node_->wait(node_->engine().retry({.project = "default", .run = failed.id, .by = "maria"})));
  EXPECT_EQ(node_->wait_finished(failed.id).output, R"("<better <a a>>")");
  EXPECT_THAT(models_.take(), ElementsAre("better <a a>"));
}

TEST(ElementsOf, AMapIsKnownOnceWhatItIsOfIsDone) {
  internal::Faults faults;
  const auto plan = internal::read_plan(json::parse(R"({"input": {"parts": {"type": "array"}}, "steps": [
        {"name": "given", "map": "${{ input.parts }}", "wait": "200ms"},
        {"name": "made", "transform": "${{ [1, 2, 3] }}"},
        {"name": "each", "map": "${{ steps.made.output }}", "wait": "200ms"}]})")
                                            ->as_object(),
                                        {}, faults);
  ASSERT_TRUE(faults.empty()) << faults[0].message;
  const bj::value input = bj::object{{"parts", bj::array{1, 2}}};
  EXPECT_THAT(internal::elements_of(plan, input, {}, "r", 0), ElementsAre(2, 0, 0));
  const journal::Story story{{"made", {.end = journal::Told::End::kDone, .output = "[1,2,3]"}}};
  EXPECT_THAT(internal::elements_of(plan, input, story, "r", 0), ElementsAre(2, 0, 3));
}

TEST(Disagreement, AnAgentThatIsUnderWayIsComparedAsAWhole) {
  const std::string agent = R"({"steps": [{"name": "desk", "at_most": 3, "agent": {"model": "m", "messages": "Find it.",
    "tools": [{"name": "ask", "description": "Asks.", "arguments": {"n": {"type": "integer"}},
               "approve": "Is it ${{ arguments.n }}?"}]}}]})";
  internal::Faults faults;
  const auto plan_of = [&faults](const std::string& spec) {
    return internal::read_plan(json::parse(spec)->as_object(), {}, faults);
  };
  const journal::Story story{
      {"desk#1", {.end = journal::Told::End::kDone, .output = "{}", .began_at = 1}},
      {"desk#1/ask/1", {.began_at = 2, .waits = true}},
  };
  const bj::value input = bj::object();
  const auto compare = [&](const std::string& other) {
    const auto before = plan_of(agent), after = plan_of(other);
    const auto theirs = internal::replay(before, input, story, "r", 0),
               ours = internal::replay(after, input, story, "r", 0);
    const auto found = internal::disagreement(before, after, theirs, ours, story, nullptr);
    return found ? found->why : std::string();
  };
  EXPECT_EQ(compare(agent), "");
  EXPECT_EQ(compare(changed(agent, R"("at_most": 3)", R"("at_most": 4)")), "");
  for (const auto& [from, to] :
       std::initializer_list<std::pair<const char*, const char*>>{{"Find it.", "Find that."},
                                                                  {"\"Asks.\"", "\"Asks others.\""},
                                                                  {"integer", "number"},
                                                                  {"Is it $", "Was it $"}}) {
    const std::string why = compare(changed(agent, from, to));
    EXPECT_THAT(why, testing::StartsWith("step `desk` is done or under way, and would have been given")) << to;
  }
  ASSERT_TRUE(faults.empty()) << faults[0].message;
}

TEST(PartName, OfElementsTurnsAndWhatIsBelow) {
  using internal::part_name;
  EXPECT_EQ(part_name("each[31]").step, "each");
  EXPECT_EQ(part_name("each[31]").index, 31u);
  EXPECT_EQ(part_name("each[31]").part, "each[31]");
  EXPECT_EQ(part_name("each[31]/x").part, "each[31]");
  EXPECT_EQ(part_name("again#2").part, "again#2");
  EXPECT_EQ(part_name("again#2").index, 2u);
  EXPECT_EQ(part_name("a").part, "a");
  EXPECT_EQ(part_name("a/b[2]").part, "a");
}

TEST(Durations, TheMedianOfTheLast) {
  internal::Durations durations;
  EXPECT_FALSE(durations.usual("p", "c", "s"));
  for (int i = 1; i <= 3; ++i) durations.learn("p", "c", "s", Micros(i * 10));
  EXPECT_EQ(durations.usual("p", "c", "s"), Micros(20));
  for (std::size_t i = 0; i < internal::Durations::kKept; ++i) durations.learn("p", "c", "s", Micros(7));
  EXPECT_EQ(durations.usual("p", "c", "s"), Micros(7));
  EXPECT_FALSE(durations.usual("p", "c", "t"));
}

}  // namespace
}  // namespace fairlead::chains
