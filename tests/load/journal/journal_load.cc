// journal_load STORE WHAT …: committed steps and runs of the journal, and the commit of its store beside them.
//   STORE   a file for SQLite, or a URI of PostgreSQL's
//   commit SECONDS              one row a commit, one after another: what the engine itself takes
//   steps RUNS STEPS AT_ONCE    runs of so many steps, each with an intent and a result, so many runs at a time
//   starts RUNS AT_ONCE         runs that are started and have no step
//   large RUNS STEPS BYTES      runs with one and the same input of that size, which their steps give back, 8 at a time
//   fill RUNS                   finished runs, put there in bulk
// Prints one JSON object.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "platform/async/runtime.h"
#include "platform/journal/engine.h"
#include "platform/journal/execution.h"
#include "platform/journal/schema.h"
#include "platform/store/database.h"

namespace fairlead::journal {
namespace {

using Clock = std::chrono::steady_clock;

double micros_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

[[noreturn]] void die(const Error& error) {
  std::fprintf(stderr, "%s: %s\n", error.code.c_str(), error.message.c_str());
  std::exit(1);
}

struct Latencies {
  std::mutex mutex;
  std::vector<double> micros;
  void add(double one) {
    const std::lock_guard lock(mutex);
    micros.push_back(one);
  }
  double at(double share) {
    if (micros.empty()) return 0;
    const auto place = static_cast<std::ptrdiff_t>(share * static_cast<double>(micros.size() - 1));
    std::nth_element(micros.begin(), micros.begin() + place, micros.end());
    return micros[static_cast<std::size_t>(place)];
  }
};

async::Task<std::expected<Effect, EffectFailed>> effect(std::string output) {
  co_return Effect{std::move(output)};
}

// Steps one after another; a step's latency is from its asking to its answer, its intent's commit within.
class Steps final : public Definition {
 public:
  Steps(int steps, Latencies& latencies, std::string output)
      : steps_(steps), latencies_(latencies), output_(std::move(output)) {}
  async::Task<Outcome> advance(Execution& execution) override {
    std::vector<double> taken;
    for (int i = 0; i < steps_; ++i) {
      Step step{.name = "step[" + std::to_string(i) + "]", .work = [this](const Attempt&) { return effect(output_); }};
      const auto start = Clock::now();
      const auto end = co_await execution.step(std::move(step));
      if (!end) co_return Outcome{};
      taken.push_back(micros_since(start));
    }
    for (const double one : taken) latencies_.add(one);
    co_return Outcome{.end = Outcome::End::kSucceeded, .output = output_};
  }

 private:
  const int steps_;
  Latencies& latencies_;
  const std::string output_;
};

async::Task<bool> start_one(Engine& engine, std::string input) {
  RunRequest request{.project = "default", .kind = "load", .name = "steps", .digest = "d", .input = std::move(input)};
  const auto started = co_await engine.start(std::move(request));
  co_return started.has_value();
}

template <class T>
std::future<T> on(async::Loop& loop, async::Task<T> task) {
  auto done = std::make_shared<std::promise<T>>();
  auto future = done->get_future();
  boost::asio::post(loop.context(), [&loop, done, task = std::move(task)]() mutable {
    boost::asio::co_spawn(loop.executor(), std::move(task),
                          [done](std::exception_ptr, T value) { done->set_value(value); });
  });
  return future;
}

void commits(store::Database& database, double seconds) {
  const auto begin = Clock::now();
  Latencies latencies;
  std::int64_t rows = 0;
  while (micros_since(begin) < seconds * 1e6) {
    const auto start = Clock::now();
    const auto written = database.write_blocking([rows](store::Connection& connection) -> Result<void> {
      const store::Value values[] = {"r" + std::to_string(rows), std::int64_t{1}, std::string(R"({"ok":true})")};
      FAIRLEAD_TRY(const auto one,
                   connection.execute("insert into journal_events (run, sequence, at, kind, step, attempt, data, cost)"
                                      " values ($1, $2, 0, 'result', 'x', 1, $3, 0)",
                                      values));
      (void)one;
      return {};
    });
    if (!written) die(written.error());
    latencies.add(micros_since(start));
    ++rows;
  }
  std::printf(R"({"commits_per_second":%.0f,"p50_us":%.1f,"p99_us":%.1f})"
              "\n",
              static_cast<double>(rows) / (micros_since(begin) / 1e6), latencies.at(0.5), latencies.at(0.99));
}

void fill(store::Database& database, std::int64_t runs) {
  for (std::int64_t done = 0; done < runs;) {
    const std::int64_t upto = std::min(runs, done + 10'000);
    const auto written = database.write_blocking([done, upto](store::Connection& connection) -> Result<void> {
      for (std::int64_t i = done; i < upto; ++i) {
        const std::string id = "01FILL" + std::to_string(100'000'000'000 + i) + "00000000";
        const store::Value run[] = {id};
        FAIRLEAD_TRY(
            const auto one,
            connection.execute(
                "insert into journal_runs (id, project, kind, name, digest, run_key, input_digest, input, queue,"
                " author, priority, deadline, parent, parent_step, created_at, started_at, finished_at, state,"
                " due, node, cost, output, error) values ($1, 'default', 'load', 'steps', 'd', $1, 'x', '{}',"
                " '', '', 0, 0, '', '', 1, 1, 1, 'succeeded', null, null, 0, 'null', '')",
                run));
        (void)one;
        for (std::int64_t sequence = 1; sequence <= 4; ++sequence) {
          const store::Value event[] = {id, sequence};
          FAIRLEAD_TRY(const auto two,
                       connection.execute("insert into journal_events (run, sequence, at, kind, step, attempt, data,"
                                          " cost) values ($1, $2, 0, 'result', 'step', 1, '{\"ok\":true}', 0)",
                                          event));
          (void)two;
        }
      }
      return {};
    });
    if (!written) die(written.error());
    done = upto;
  }
  std::printf("{\"runs\":%lld}\n", static_cast<long long>(runs));
}

// That no store makes smaller.
std::string text_of(std::size_t bytes) {
  std::mt19937 random(7);
  std::string text(bytes, ' ');
  for (char& letter : text) letter = static_cast<char>('a' + random() % 26);
  return R"({"text":")" + text + "\"}";
}

void runs_of_steps(store::Database& database, int runs, int steps, int at_once, const std::string& input,
                   const std::string& output) {
  SystemClock clock;
  Latencies latencies;
  Steps definition(steps, latencies, output);
  async::Runtime loops(2);
  loops.start();
  EngineOptions options;
  options.name = "load";
  options.loaded = 100'000;
  {
    Engine engine(database, loops, clock, {{"load", &definition}}, options);
    if (const auto begun = engine.start_blocking(); !begun) die(begun.error());
    const auto begin = Clock::now();
    std::vector<std::future<bool>> started;
    for (int i = 0; i < runs; ++i) {
      while (engine.loaded() >= static_cast<std::size_t>(at_once)) std::this_thread::yield();
      started.push_back(on(loops.loop(i % 2), start_one(engine, input)));
      if (at_once == 1) {
        if (!started.back().get()) std::exit(1);
        started.pop_back();
      } else if (started.size() >= static_cast<std::size_t>(at_once)) {
        for (auto& one : started)
          if (!one.get()) std::exit(1);
        started.clear();
      }
    }
    for (auto& one : started)
      if (!one.get()) std::exit(1);
    while (engine.loaded() > 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
    const double seconds = micros_since(begin) / 1e6;
    std::printf(
        R"({"runs":%d,"steps":%d,"at_once":%d,"runs_per_second":%.0f,"steps_per_second":%.0f,"p50_us":%.1f,"p99_us":%.1f})"
        "\n",
        runs, steps, at_once, runs / seconds, static_cast<double>(runs) * steps / seconds, latencies.at(0.5),
        latencies.at(0.99));
    engine.stop_blocking(Millis(5'000));
  }
  loops.stop();
}

int run(int argc, char** argv) {
  const auto number = [&](int place) { return place < argc ? std::atoi(argv[place]) : 0; };
  if (argc < 3) {
    std::fprintf(stderr,
                 "journal_load STORE commit SECONDS | steps RUNS STEPS AT_ONCE | starts RUNS AT_ONCE | large RUNS "
                 "STEPS BYTES | fill "
                 "RUNS\n");
    return 2;
  }
  async::BlockingPool readers(2);
  auto opened = store::open(argv[1], readers, migrations());
  if (!opened) die(opened.error());
  const std::string what = argv[2];
  if (what == "commit") commits(**opened, number(3));
  const std::string input = R"({"n":1})", output = R"({"ok":true})";
  if (what == "steps") runs_of_steps(**opened, number(3), number(4), number(5), input, output);
  if (what == "starts") runs_of_steps(**opened, number(3), 0, number(4), input, output);
  const std::string large = text_of(static_cast<std::size_t>(number(5)));
  if (what == "large") runs_of_steps(**opened, number(3), number(4), 8, large, large);
  if (what == "fill") fill(**opened, number(3));
  return 0;
}

}  // namespace
}  // namespace fairlead::journal

int main(int argc, char** argv) {
  return fairlead::journal::run(argc, argv);
}
