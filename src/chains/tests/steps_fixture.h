// Chains on a store of their own, whose model says what a test wrote down.
#pragma once
#include <gtest/gtest.h>

#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "chains/chains.h"
#include "chains/schema.h"
#include "chains/tasks.h"
#include "platform/journal/tests/harness.h"
#include "platform/json/text.h"

namespace fairlead::chains {

// Answers in the order given, and keeps what it was asked.
class ScriptedModel final : public llm::Client {
 public:
  async::Task<std::expected<llm::ClientAnswer, llm::ClientError>> ask(llm::ClientCall call, async::Loop&,
                                                                      async::Cancellation&) override {
    const std::lock_guard lock(mutex_);
    asked.push_back(call);
    llm::ClientAnswer answer;
    if (!answers.empty()) {
      answer = answers.front();
      answers.pop_front();
    }
    co_return answer;
  }
  void say(std::string text, llm::NanoUsd cost = 10) {
    llm::ClientAnswer answer;
    answer.text = std::move(text);
    answer.cost = cost;
    answers.push_back(std::move(answer));
  }
  // Which fails for good, as JSON that is none.
  void say_badly() {
    llm::ClientAnswer answer;
    answer.text = "no JSON";
    answer.structured = true;
    answers.push_back(std::move(answer));
  }
  // [{"name", arguments as JSON text}]
  void use(std::initializer_list<std::pair<std::string, std::string>> tools, llm::NanoUsd cost = 10) {
    boost::json::array calls;
    for (const auto& [name, arguments] : tools)
      calls.push_back({{"id", "c" + std::to_string(calls.size())},
                       {"type", "function"},
                       {"function", {{"name", name}, {"arguments", arguments}}}});
    llm::ClientAnswer answer;
    answer.tool_calls = json::to_text(calls);
    answer.cost = cost;
    answers.push_back(std::move(answer));
  }

  std::vector<llm::ClientCall> asked;
  std::deque<llm::ClientAnswer> answers;

 private:
  std::mutex mutex_;
};

class ChainSteps : public testing::TestWithParam<journal::On> {
 protected:
  ChainSteps() : location_(journal::new_store(GetParam(), folder_)), readers_(2) {
    std::vector<store::Migration> all = journal::migrations();
    for (store::Migration& one : migrations()) all.push_back(std::move(one));
    database_ = store::open(location_, readers_, all).value();
    chains_.set_client(model_);
    results_.emplace(*database_, clock_);
    chains_.set_results(*results_);
    journal::EngineOptions options = journal::TestNode::quick("node");
    options.linger = Millis(20);
    node_.emplace(*database_, chains_, options, "chain");
    if (!node_->engine().start_blocking()) std::abort();
    tasks_.emplace(*database_, node_->engine(), clock_);
  }

 public:
  ~ChainSteps() override { node_->engine().stop_blocking(Millis(2'000)); }

 protected:
  // Of one chain, `one`.
  std::string start(const std::string& spec, boost::json::object input = {}) {
    resources::Project project;
    project.name = "default";
    auto version = std::make_shared<resources::Version>();
    version->kind = "chain";
    version->project = "default";
    version->name = "one";
    version->version = 1;
    version->digest = "digest of " + spec;
    version->spec = json::parse(spec)->as_object();
    resources::Resource resource{.kind = "chain", .name = "one", .versions = {{1, version}}, .labels = {{"latest", 1}}};
    project.resources.emplace(std::pair("chain", "one"), std::move(resource));
    chains_.update(project);
    StartRequest start;
    start.project = "default";
    start.chain = "one";
    start.input = std::move(input);
    const auto request = chains_.request(std::move(start));
    if (!request) std::abort();
    return node_->wait(node_->engine().start(*request))->run.id;
  }
  journal::Run run(const std::string& spec, boost::json::object input = {}) {
    return node_->wait_finished(start(spec, std::move(input)));
  }
  journal::Run retry(const std::string& run) {
    if (!node_->wait(node_->engine().retry({.project = "default", .run = run, .by = "maria"}))) std::abort();
    return node_->wait_finished(run);
  }
  std::string told(const std::string& run) {
    return journal::told(*node_->wait(node_->engine().history("default", run, 0, 1'000)));
  }
  std::optional<Task> poll(const std::string& name = "resize", Millis wait = Millis(3'000)) {
    Tasks::PollRequest request{"default", "w", {name}, std::chrono::steady_clock::now() + wait};
    auto task = node_->wait(tasks_->poll(std::move(request), node_->loops().loop(0), none_));
    return task ? std::move(*task) : std::nullopt;
  }

  const journal::TestFolder folder_;
  const std::string location_;
  async::BlockingPool readers_;
  std::unique_ptr<store::Database> database_;
  SystemClock clock_;
  ScriptedModel model_;
  Chains chains_;
  std::optional<Results> results_;
  std::optional<journal::TestNode> node_;
  std::optional<Tasks> tasks_;
  async::Cancellation none_;
};

}  // namespace fairlead::chains
