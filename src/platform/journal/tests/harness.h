// A journal on a store of its own, and runs whose steps a test writes down.
#pragma once
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "platform/async/runtime.h"
#include "platform/async/task_group.h"
#include "platform/journal/engine.h"
#include "platform/journal/execution.h"
#include "platform/journal/schema.h"
#include "platform/store/database.h"
#include "platform/store/tests/postgresql_server.h"

namespace fairlead::journal {

class TestFolder {
 public:
  TestFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "fairlead-journal-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Which store a test runs on; a new, empty one each time.
enum class On { kSqlite, kPostgresql };
inline std::string new_store(On engine, const TestFolder& folder) {
  return engine == On::kSqlite ? folder.file("fairlead.db") : store::PostgresqlServer::shared().new_database();
}
inline std::string name_of(const testing::TestParamInfo<On>& info) {
  return info.param == On::kSqlite ? "Sqlite" : "Postgresql";
}

// A definition that is a function; it forwards to coroutines.
class Written final : public Definition {
 public:
  using Body = std::function<async::Task<Outcome>(Execution&)>;
  explicit Written(Body body) : body_(std::move(body)) {}
  async::Task<Outcome> advance(Execution& execution) override { return body_(execution); }

 private:
  Body body_;
};

inline Outcome succeeded(std::string output) {
  return {.end = Outcome::End::kSucceeded, .output = std::move(output)};
}
// What a run comes to when one of its steps gave no output.
inline Outcome outcome_of(const StepError& error, std::string step) {
  if (error.why == StepError::Why::kUnloaded) return {};
  const bool cancelled = error.why == StepError::Why::kCancelled;
  return {.end = cancelled ? Outcome::End::kCancelled : Outcome::End::kFailed,
          .output = {},
          .error = error.error,
          .failure = error.failure,
          .step = std::move(step)};
}

// A node: loops, a store and an engine.
class TestNode {
 public:
  explicit TestNode(store::Database& database, Definition& definition, EngineOptions options = quick("node-a"),
                    const std::string& kind = "test")
      : loops_(2) {
    loops_.start();
    engine_ = std::make_unique<Engine>(database, loops_, clock_, Engine::Definitions{{kind, &definition}},
                                       std::move(options));
  }
  ~TestNode() {
    engine_->stop_blocking(Millis(2'000));
    engine_.reset();
    loops_.stop();
  }
  static EngineOptions quick(std::string name) {
    EngineOptions options;
    options.name = std::move(name);
    options.poll = Millis(10);
    options.beat = Millis(50);
    options.lease = Millis(300);
    options.linger = Millis(100);
    return options;
  }
  static RunRequest request(std::string name = "one", std::string input = "{}") {
    return {.project = "default", .kind = "test", .name = std::move(name), .digest = "d1", .input = std::move(input)};
  }

  Engine& engine() { return *engine_; }
  async::Runtime& loops() { return loops_; }

  // Waits for the task, run on a loop of its own kind.
  template <class T>
  T wait(async::Task<T> task) {
    const auto done = std::make_shared<std::promise<T>>();
    loops_.loop(0).post([this, &task, done] {
      boost::asio::co_spawn(loops_.loop(0).executor(), std::move(task), [done](std::exception_ptr error, T value) {
        if (error) std::terminate();
        done->set_value(std::move(value));
      });
    });
    return done->get_future().get();
  }
  Run wait_finished(const std::string& id, const std::string& project = "default") {
    for (int i = 0; i < 3'000; ++i) {
      auto run = wait(engine_->find(project, id));
      if (run && finished(run->state)) return *run;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return {};
  }
  Run wait_state(const std::string& id, RunState state) {
    for (int i = 0; i < 3'000; ++i) {
      auto run = wait(engine_->find("default", id));
      if (run && run->state == state) return *run;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return {};
  }

 private:
  SystemClock clock_;
  async::Runtime loops_;
  std::unique_ptr<Engine> engine_;
};

// What the story of a run is, for people: "taken; intent a 1; result a 1 {}".
inline std::string told(const std::vector<Event>& events) {
  std::string text;
  for (const Event& event : events) {
    if (!text.empty()) text += "; ";
    text += std::string(to_string(event.kind));
    if (!event.step.empty()) text += " " + event.step;
  }
  return text;
}

}  // namespace fairlead::journal
