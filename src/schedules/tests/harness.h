// Schedules of a chain on a store of its own, with a clock that a test moves.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/iso_time.h"
#include "platform/journal/tests/harness.h"
#include "platform/json/text.h"
#include "schedules/scheduler.h"
#include "schedules/schema.h"

namespace fairlead::schedules {

inline std::int64_t at(const char* text) {
  return *parse_iso_time(text) / 1'000'000;
}

// For chains that call no model.
class NoModels final : public llm::Client {
 public:
  async::Task<std::expected<llm::ClientAnswer, llm::ClientError>> ask(llm::ClientCall call, async::Loop&,
                                                                      async::Cancellation&) override {
    llm::ClientError none{Error{ErrorKind::kNotFound, "model_not_found", "There is no " + call.model + "."}, "", 0};
    co_return std::unexpected(std::move(none));
  }
};

inline std::shared_ptr<const resources::Version> version_of(const std::string& kind, const std::string& name,
                                                            const std::string& spec) {
  auto version = std::make_shared<resources::Version>();
  version->kind = kind;
  version->project = "default";
  version->name = name;
  version->version = 1;
  version->digest = spec;
  version->spec = json::parse(spec)->as_object();
  return version;
}

// The database is the test's, so that a process can "die" and another take its place, or two share it.
class Process {
 public:
  Process(store::Database& database, const Clock& clock, const std::string& node = "node-a")
      : node_(database, chains_, journal::TestNode::quick(node), "chain"),
        scheduler_({.database = database,
                    .schedules = schedules_,
                    .chains = chains_,
                    .engine = node_.engine(),
                    .clock = clock},
                   node_.loops().loop(1)) {
    chains_.set_client(models_);
    EXPECT_TRUE(node_.engine().start_blocking());
  }

  void put(const std::string& name, const std::string& spec) {
    project_.name = "default";
    ++project_.revision;
    for (const auto& [kind, of, text] : {std::tuple<std::string, std::string, std::string>("chain", "echo", kEcho),
                                         std::tuple<std::string, std::string, std::string>("chain", "waits", kWaits),
                                         std::tuple<std::string, std::string, std::string>("schedule", name, spec)})
      project_.resources[{kind, of}] = resources::Resource{
          .kind = kind, .name = of, .versions = {{1, version_of(kind, of, text)}}, .labels = {{"latest", 1}}};
    chains_.update(project_);
    schedules_.update(project_);
  }

  // Starts a tick's run as a process does that dies before it has marked the tick.
  void start_only(const std::string& name, std::int64_t tick_s) {
    const auto schedule = schedules_.find("default", name);
    auto request = chains_.request(*(*schedule)->request(tick_s));
    EXPECT_TRUE(node_.wait(node_.engine().start(*request)));
  }
  // Looks once.
  void look() { node_.wait(scheduler_.look()); }
  // The ticks that came to a run, "10:00:03", oldest first.
  std::vector<std::string> ticks() {
    auto runs = node_.wait(node_.engine().list({.project = "default", .kind = "chain", .most = 2'000}));
    std::vector<std::string> out;
    for (const journal::Run& run : *runs) {
      const std::size_t time = run.asked.key.rfind('T');
      if (time != std::string::npos) out.push_back(run.asked.key.substr(time + 1, 8));
    }
    std::ranges::sort(out);
    return out;
  }
  std::vector<journal::Run> runs() {
    return *node_.wait(node_.engine().list({.project = "default", .kind = "chain", .most = 2'000}));
  }
  Scheduler& scheduler() { return scheduler_; }
  Schedules& schedules() { return schedules_; }
  journal::TestNode& node() { return node_; }

 private:
  static constexpr const char* kEcho =
      R"({"input": {"at": {"type": "string"}}, "steps": [{"name": "echo", "transform": "${{ input.at }}"}]})";
  static constexpr const char* kWaits = R"({"steps": [{"name": "go", "wait": "go"}]})";

  resources::Project project_;
  NoModels models_;
  chains::Chains chains_;
  Schedules schedules_;
  journal::TestNode node_;
  Scheduler scheduler_;
};

class SchedulerTest : public testing::Test {
 protected:
  SchedulerTest() {
    std::vector<store::Migration> migrations = journal::migrations();
    for (store::Migration& one : schedules::migrations()) migrations.push_back(std::move(one));
    database_ = *store::open_sqlite(folder_.file("store.db"), readers_, migrations);
  }
  static std::string spec(const std::string& rest, const std::string& chain = "echo") {
    const std::string input = chain == "echo" ? R"("input": {"at": "${{ string(schedule.time) }}"}, )" : "";
    return R"({"chain": ")" + chain + R"(", )" + input + rest + "}";
  }
  void pass(std::int64_t seconds) { clock_.advance(Micros(seconds * 1'000'000)); }

  journal::TestFolder folder_;
  async::BlockingPool readers_{2};
  std::unique_ptr<store::Database> database_;
  ManualClock clock_{at("2026-11-27T10:00:00Z") * 1'000'000};
};

}  // namespace fairlead::schedules
