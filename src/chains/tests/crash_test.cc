// Every step kind, stopped dead at every boundary, and started again.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <map>
#include <sstream>

#include "chains/chains.h"
#include "platform/journal/tests/harness.h"
#include "platform/json/text.h"

namespace fairlead::chains {
namespace {

namespace bj = boost::json;
using journal::TestFolder;
using journal::TestNode;

constexpr const char* kWhole = R"({
  "input": {"words": {"type": "array", "items": {"type": "string"}}},
  "steps": [
    {"name": "made", "transform": {"n": "${{ input.words.size() }}"}},
    {"name": "asked", "prompt": "say", "variables": {"text": "${{ steps.made.output.n }}"}},
    {"name": "each", "map": "${{ input.words }}", "at_once": 2, "model": "m", "messages": "${{ item }}"},
    {"name": "again", "until": "turn == 2", "at_most": 3, "model": "m", "messages": "turn ${{ turn }}"},
    {"name": "broken", "model": "m", "messages": "breaks twice", "retry": {"attempts": 3, "first": "1ms", "most": "2ms"}},
    {"name": "editor", "approve": "good?", "after": ["asked"]},
    {"name": "proofs", "wait": "proofs"},
    {"name": "pause", "wait": "5ms"},
    {"name": "sub", "chain": "part", "input": {"word": "${{ steps.asked.output }}"}}
  ],
  "output": {"asked": "${{ steps.asked.output }}", "each": "${{ steps.each.output }}", "again": "${{ steps.again.output }}",
             "broken": "${{ steps.broken.output }}", "approved": "${{ steps.editor.output.approved }}",
             "proofs": "${{ steps.proofs.output }}", "sub": "${{ steps.sub.output }}"}
})";
constexpr const char* kPart = R"({
  "input": {"word": {"type": "string"}},
  "steps": [{"name": "inner", "model": "m", "messages": "inner ${{ input.word }}"}]
})";

resources::Project project_of(std::initializer_list<std::pair<std::string, const char*>> chains) {
  resources::Project project;
  project.name = "default";
  for (const auto& [name, spec] : chains) {
    auto version = std::make_shared<resources::Version>();
    version->kind = "chain";
    version->project = "default";
    version->name = name;
    version->version = 1;
    version->digest = "digest of " + name;
    version->spec = json::parse(spec)->as_object();
    resources::Resource resource{.kind = "chain", .name = name, .versions = {{1, version}}, .labels = {{"latest", 1}}};
    project.resources.emplace(std::pair("chain", name), std::move(resource));
  }
  return project;
}

// An upstream that outlives the process: a file with a line for each call, "KEY MESSAGES".
class FileUpstream final : public llm::Client {
 public:
  explicit FileUpstream(std::string path) : path_(std::move(path)) {}
  async::Task<std::expected<llm::ClientAnswer, llm::ClientError>> ask(llm::ClientCall call, async::Loop&,
                                                                      async::Cancellation&) override {
    const std::string line = call.idempotency_key + " " + call.messages + "\n";
    const int file = open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
    close(file);
    if (call.messages.find("breaks twice") != std::string::npos && times(call.idempotency_key) < 3)
      co_return std::unexpected(llm::ClientError{{ErrorKind::kUnavailable, "upstream_down", "It is down."}, "", 3});
    llm::ClientAnswer answer;
    answer.text = "answer to " + call.messages + call.variables;
    answer.cost = 10;
    co_return answer;
  }
  std::size_t times(const std::string& key) const {
    std::size_t count = 0;
    for (const auto& [one, lines] : seen())
      if (one == key) count = lines;
    return count;
  }
  // By key: how often it came.
  std::map<std::string, std::size_t> seen() const {
    std::map<std::string, std::size_t> out;
    std::ifstream file(path_);
    for (std::string line; std::getline(file, line);) ++out[line.substr(0, line.find(' '))];
    return out;
  }

 private:
  std::string path_;
};

struct Finished {
  journal::Run run;
  std::vector<journal::Event> events;
};

// Starts the run (again), answers what it asks, and waits for its end; dies at the point of that number, if there is
// one.
std::optional<Finished> carry(const TestFolder& folder, int die_at, const std::string& points_file) {
  async::BlockingPool readers(2);
  auto database = store::open_sqlite(folder.file("fairlead.db"), readers, journal::migrations());
  if (!database) std::abort();
  FileUpstream upstream(folder.file("upstream"));
  Chains chains;
  chains.set_client(upstream);
  chains.update(project_of({{"whole", kWhole}, {"part", kPart}}));
  journal::EngineOptions options = TestNode::quick("node");
  options.linger = Millis(20);
  std::atomic<int> passed = 0;
  options.hook = [&](std::string_view point) {
    if (++passed != die_at) return;
    std::ofstream(points_file, std::ios::app) << point << "\n";
    kill(getpid(), SIGKILL);
  };
  TestNode node(**database, chains, options, "chain");
  if (!node.engine().start_blocking()) std::abort();
  StartRequest start;
  start.project = "default";
  start.chain = "whole";
  start.input = {{"words", bj::array{"a", "b", "c"}}};
  start.key = "the one";
  auto request = chains.request(std::move(start));
  if (!request) std::abort();
  const auto started = node.wait(node.engine().start(*request));
  if (!started) std::abort();
  const std::string id = started->run.id;
  for (const char* const name : {"proofs", "approve:editor"}) {
    const bool approves = std::string_view(name) == "approve:editor";
    (void)node.wait(node.engine().signal(
        "default", {.run = id, .id = name, .name = name, .data = approves ? R"({"approved":true})" : "[1,2]"}));
  }
  Finished out;
  out.run = node.wait_finished(id);
  auto events = node.wait(node.engine().history("default", id, 0, 1'000));
  if (events) out.events = std::move(*events);
  return out;
}

// In a process of its own; true if it came to the end.
bool carry_apart(const TestFolder& folder, int die_at, const std::string& points_file) {
  const pid_t child = fork();
  if (child == 0) {
    const auto finished = carry(folder, die_at, points_file);
    _exit(finished && finished->run.state == journal::RunState::kSucceeded ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return false;
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status << " at point " << die_at;
  return true;
}

TEST(ChainCrash, StoppedDeadAtEveryBoundaryItComesToTheSameEnd) {
  const TestFolder undisturbed;
  const auto reference = carry(undisturbed, 0, "");
  ASSERT_TRUE(reference);
  ASSERT_EQ(reference->run.state, journal::RunState::kSucceeded) << reference->run.error;
  const std::size_t steps = FileUpstream(undisturbed.file("upstream")).seen().size();
  EXPECT_EQ(steps, 8u);  // asked, three of each, two of again, broken, inner

  const TestFolder table;
  int point = 1;
  for (;; ++point) {
    ASSERT_LT(point, 300);
    const TestFolder folder;
    const bool ended = carry_apart(folder, point, table.file("points"));
    const auto after = carry(folder, 0, "");
    ASSERT_TRUE(after);
    EXPECT_EQ(after->run.output, reference->run.output) << "point " << point << ": " << after->run.error;

    std::map<std::string, int> results, uncertain;
    std::map<std::string, std::string> key_of;
    for (const journal::Event& event : after->events) {
      if (event.kind == journal::EventKind::kResult) ++results[event.step];
      if (event.kind == journal::EventKind::kUncertain) ++uncertain[event.step];
      if (event.kind != journal::EventKind::kIntent) continue;
      const auto data = json::parse(event.data);
      if (!data->as_object().contains("key")) continue;
      const std::string key(data->at("key").as_string());
      EXPECT_TRUE(key_of.emplace(event.step, key).second || key_of[event.step] == key) << event.step;
    }
    for (const auto& [step, count] : results) EXPECT_EQ(count, 1) << step << " at point " << point;
    // A call that had no result came once more, under the same key; no other did.
    const auto seen = FileUpstream(folder.file("upstream")).seen();
    EXPECT_EQ(seen.size(), steps);
    std::size_t more = 0;
    for (const auto& [step, key] : key_of) {
      const std::size_t once = step == "broken" ? 3 : 1;
      EXPECT_GE(seen.at(key), once) << step;
      EXPECT_LE(seen.at(key), once + static_cast<std::size_t>(uncertain[step])) << step << " at point " << point;
      more += seen.at(key) - once;
    }
    EXPECT_LE(more, 3u) << "at most what was under way";
    if (ended) break;
  }
  EXPECT_GT(point, 30);
  std::map<std::string, int> points;
  std::ifstream file(table.file("points"));
  for (std::string line; std::getline(file, line);) ++points[line];
  std::ostringstream shown;
  for (const auto& [name, count] : points) shown << "  " << count << "  " << name << "\n";
  std::printf("killed at %d points:\n%s", point - 1, shown.str().c_str());
  for (const char* const name : {"before commit", "after commit", "before effect of asked", "after effect of asked",
                                 "before effect of each[0]", "after effect of again#2", "after effect of broken"})
    EXPECT_TRUE(points.contains(name)) << name;
}

}  // namespace
}  // namespace fairlead::chains
