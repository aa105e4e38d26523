// Every step kind, stopped dead at every boundary, and started again.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <map>
#include <mutex>

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
    {"name": "sub", "chain": "part", "input": {"word": "${{ steps.asked.output }}"}},
    {"name": "sent", "http": {"method": "POST", "url": "https://cms.example/a", "json": "${{ steps.made.output }}"}}
  ],
  "output": {"asked": "${{ steps.asked.output }}", "each": "${{ steps.each.output }}", "again": "${{ steps.again.output }}",
             "broken": "${{ steps.broken.output }}", "approved": "${{ steps.editor.output.approved }}",
             "proofs": "${{ steps.proofs.output }}", "sub": "${{ steps.sub.output }}", "sent": "${{ steps.sent.output.body }}"}
})";
constexpr const char* kPart = R"({
  "input": {"word": {"type": "string"}},
  "steps": [{"name": "inner", "model": "m", "messages": "inner ${{ input.word }}"}]
})";

// Its last step fails for good: what the others have done is undone.
constexpr const char* kUndone = R"({
  "input": {"words": {"type": "array", "items": {"type": "string"}}},
  "steps": [
    {"name": "each", "map": "${{ input.words }}", "at_once": 2, "model": "m", "messages": "${{ item }}",
     "compensate": {"model": "m", "messages": "not ${{ item }} ${{ output }}"}},
    {"name": "asked", "prompt": "say", "variables": {"text": "x"},
     "compensate": {"prompt": "say", "variables": {"text": "not ${{ steps.asked.output }}"}}},
    {"name": "made", "transform": 3, "compensate": {"transform": "${{ output + 1 }}"}},
    {"name": "sub", "chain": "part", "input": {"word": "x"},
     "compensate": {"chain": "part", "input": {"word": "not ${{ output }}"}}},
    {"name": "sent", "http": {"method": "POST", "url": "https://cms.example/a", "json": "x"},
     "compensate": {"http": {"method": "DELETE", "url": "https://cms.example/a", "json": "not x"}}},
    {"name": "paid", "model": "m", "messages": "paid",
     "compensate": {"model": "m", "messages": "breaks twice", "retry": {"attempts": 3, "first": "1ms", "most": "2ms"}}},
    {"name": "editor", "approve": "good?"},
    {"name": "proofs", "wait": "proofs"},
    {"name": "last", "model": "m", "messages": "breaks for good", "after": ["each", "asked", "made", "sub", "sent", "paid"]}
  ]
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

// What upstreams saw, which outlives the process: a file with a line for each call, "KEY WHAT".
class SeenFile {
 public:
  explicit SeenFile(std::string path) : path_(std::move(path)) {}
  void add(std::string_view key, std::string_view what) const {
    const std::string line = std::string(key) + " " + std::string(what) + "\n";
    const int file = open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
    close(file);
  }
  // By key: how often it came.
  std::map<std::string, std::size_t> all() const {
    std::map<std::string, std::size_t> out;
    std::ifstream file(path_);
    for (std::string line; std::getline(file, line);) ++out[line.substr(0, line.find(' '))];
    return out;
  }

 private:
  std::string path_;
};

class FileModels final : public llm::Client {
 public:
  explicit FileModels(const SeenFile& seen) : seen_(seen) {}
  async::Task<std::expected<llm::ClientAnswer, llm::ClientError>> ask(llm::ClientCall call, async::Loop&,
                                                                      async::Cancellation&) override {
    seen_.add(call.idempotency_key, call.messages);
    if (call.messages.find("for good") != std::string::npos)
      co_return std::unexpected(llm::ClientError{{ErrorKind::kInvalid, "refused", "No."}, "", 3});
    if (call.messages.find("breaks twice") != std::string::npos && seen_.all()[call.idempotency_key] < 3)
      co_return std::unexpected(llm::ClientError{{ErrorKind::kUnavailable, "upstream_down", "It is down."}, "", 3});
    llm::ClientAnswer answer;
    answer.text = "answer to " + call.messages + call.variables;
    answer.cost = 10;
    co_return answer;
  }

 private:
  const SeenFile& seen_;
};

class Kept final : public http::ClientResponse {
 public:
  int status() const override { return 201; }
  std::span<const http::Header> headers() const override { return headers_; }
  async::Task<Result<std::string_view>> read() override { co_return std::string_view(); }
  async::Task<Result<std::string>> read_all(std::size_t) override { co_return std::string(R"({"kept":true})"); }
  void dismiss() override {}

 private:
  const std::vector<http::Header> headers_{{"content-type", "application/json"}};
};

class FileHttp final : public http::Client {
 public:
  explicit FileHttp(const SeenFile& seen) : seen_(seen) {}
  async::Task<Result<std::unique_ptr<http::ClientResponse>>> send(const http::Origin&, http::ClientRequest request,
                                                                  async::Cancellation&) override {
    constexpr std::string_view kName = "idempotency-key: ";
    const std::string_view rest = request.header_lines.substr(request.header_lines.find(kName) + kName.size());
    seen_.add(rest.substr(0, rest.find("\r\n")), request.body);
    std::unique_ptr<http::ClientResponse> response = std::make_unique<Kept>();
    co_return response;
  }

 private:
  const SeenFile& seen_;
};

struct Finished {
  journal::Run run;
  std::vector<journal::Event> events;
};

// Passed for the so-manieth time: "after effect of again#2", 1.
struct Point {
  std::string name;
  int times = 0;
};
using Points = std::map<std::string, int>;  // how often each was passed

// Starts the run (again), answers what it asks, and waits for its end; dies at the point, if one is given.
std::optional<Finished> carry(const std::string& location, const TestFolder& folder, const Point* die_at,
                              Points* passed, const std::string& chain) {
  async::BlockingPool readers(2);
  auto database = store::open(location, readers, journal::migrations());
  if (!database) std::abort();
  const SeenFile seen(folder.file("upstream"));
  FileModels models(seen);
  FileHttp http(seen);
  Chains chains;
  chains.set_client(models);
  chains.set_http({.hosts = AllowedHosts::parse("cms.example").value(),
                   .client = [&http](async::Loop&) -> http::Client& { return http; },
                   .secret = {}});
  chains.update(project_of({{"whole", kWhole}, {"undone", kUndone}, {"part", kPart}}));
  journal::EngineOptions options = TestNode::quick("node");
  options.linger = Millis(20);
  std::mutex mutex;
  Points counted;
  options.hook = [&](std::string_view point) {
    const std::lock_guard lock(mutex);
    const int times = ++counted[std::string(point)];
    if (die_at != nullptr && die_at->name == point && die_at->times == times) kill(getpid(), SIGKILL);
  };
  TestNode node(**database, chains, options, "chain");
  if (!node.engine().start_blocking()) std::abort();
  StartRequest start;
  start.project = "default";
  start.chain = chain;
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
  node.engine().stop_blocking(Millis(2'000));
  if (passed != nullptr) *passed = counted;
  return out;
}

// In a process of its own; true if it came to the end.
bool carry_apart(const std::string& location, const TestFolder& folder, const Point& die_at, const std::string& chain) {
  const pid_t child = fork();
  if (child == 0) {
    const auto ended = carry(location, folder, &die_at, nullptr, chain);
    _exit(ended && journal::finished(ended->run.state) ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return false;
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status << " at " << die_at.name;
  return true;
}

class ChainCrash : public testing::TestWithParam<journal::On> {
 protected:
  struct Expected {
    journal::RunState end;
    std::size_t calls;       // that upstreams see undisturbed
    std::ptrdiff_t effects;  // steps with one
    std::string called_thrice;
    std::size_t more;  // calls at the most, of what was under way
  };
  void stop_everywhere(const std::string& chain, const Expected& expected);
};

void ChainCrash::stop_everywhere(const std::string& chain, const Expected& expected) {
  const TestFolder undisturbed;
  Points passed;
  const auto reference = carry(journal::new_store(GetParam(), undisturbed), undisturbed, nullptr, &passed, chain);
  ASSERT_TRUE(reference);
  ASSERT_EQ(reference->run.state, expected.end) << reference->run.error;
  const std::size_t steps = SeenFile(undisturbed.file("upstream")).all().size();
  EXPECT_EQ(steps, expected.calls);

  std::vector<Point> points;
  for (const auto& [name, times] : passed)
    for (int time = 1; time <= times; ++time) points.push_back({name, time});
  EXPECT_EQ(std::ranges::count_if(points, [](const Point& one) { return one.name.starts_with("before effect"); }),
            expected.effects);
  Points killed;
  for (const Point& point : points) {
    SCOPED_TRACE(point.name + " " + std::to_string(point.times));
    const TestFolder folder;
    const std::string location = journal::new_store(GetParam(), folder);
    if (!carry_apart(location, folder, point, chain)) ++killed[point.name];
    const auto after = carry(location, folder, nullptr, nullptr, chain);
    ASSERT_TRUE(after);
    EXPECT_EQ(after->run.output, reference->run.output) << after->run.error;
    EXPECT_EQ(after->run.error, reference->run.error);

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
    for (const auto& [step, count] : results) EXPECT_EQ(count, 1) << step;
    // A call that had no result came once more, under the same key; no other did.
    const auto seen = SeenFile(folder.file("upstream")).all();
    EXPECT_EQ(seen.size(), steps);
    std::size_t more = 0;
    for (const auto& [step, key] : key_of) {
      const std::size_t once = step == expected.called_thrice ? 3 : 1;
      EXPECT_GE(seen.at(key), once) << step;
      EXPECT_LE(seen.at(key), once + static_cast<std::size_t>(uncertain[step])) << step;
      more += seen.at(key) - once;
    }
    EXPECT_LE(more, expected.more) << "at most what was under way";
  }
  int all = 0;
  std::string table;
  for (const auto& [name, times] : killed) {
    all += times;
    table += "  " + std::to_string(times) + "  " + name + "\n";
  }
  std::printf("killed at %d points:\n%s", all, table.c_str());
  // How commits are grouped differs from run to run; effects are always the same ones.
  for (const auto& [name, times] : passed) {
    if (name.find("effect") == std::string::npos) continue;
    EXPECT_EQ(killed[name], times) << name;
  }
  EXPECT_GE(killed["before commit"], 3);
  EXPECT_GE(killed["after commit"], 3);
}

TEST_P(ChainCrash, StoppedDeadAtEveryBoundaryItComesToTheSameEnd) {
  // asked, three of each, two of again, broken, inner, sent
  stop_everywhere("whole", {journal::RunState::kSucceeded, 9, 11, "broken", 7});
}

TEST_P(ChainCrash, StoppedDeadWhileItUndoesWhatItHasDoneItComesToTheSameEnd) {
  // three of each, asked, inner, sent, paid, twice, and last
  stop_everywhere("undone", {journal::RunState::kFailed, 15, 17, "compensate:paid", 7});
}

INSTANTIATE_TEST_SUITE_P(Store, ChainCrash, testing::Values(journal::On::kSqlite, journal::On::kPostgresql),
                         journal::name_of);

}  // namespace
}  // namespace fairlead::chains
