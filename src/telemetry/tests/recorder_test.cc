#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/detached.hpp>
#include <filesystem>
#include <future>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "base/id.h"
#include "platform/async/task_group.h"
#include "telemetry/internal/spool_recorder.h"
#include "telemetry/tests/support.h"

namespace fairlead::telemetry {
namespace {

using std::chrono::milliseconds;
using ::testing::SizeIs;

std::unique_ptr<SpoolRecorder> recorder_in(SpoolRecorderOptions options, int loops, Metrics& metrics) {
  static const SystemClock clock;
  auto recorder = SpoolRecorder::create(std::move(options), loops, metrics, clock);
  EXPECT_TRUE(recorder) << recorder.error().message;
  return std::move(*recorder);
}

TEST(SpoolRecorder, WritesWhatManyLoopsRecord) {
  const TempFolder folder;
  const SystemClock clock;
  Metrics metrics(8, clock);
  auto recorder =
      recorder_in({.folder = folder.path(), .flush = milliseconds(5), .segment_bytes = 256 * 1024}, 8, metrics);
  recorder->start();
  {
    std::vector<std::jthread> loops;
    for (int loop = 0; loop < 8; ++loop) {
      loops.emplace_back([&, loop] {
        for (int i = 0; i < 5'000; ++i)
          recorder->record(loop, record_of("bank", std::to_string(loop) + "-" + std::to_string(i)));
      });
    }
  }
  recorder->stop();
  EXPECT_EQ(recorder->stats().records, 40'000u);
  EXPECT_EQ(recorder->stats().lost, 0u);
  std::map<char, int> next;
  for (const auto& id : ids_in_spool(folder.path())) {
    EXPECT_EQ(id.substr(2), std::to_string(next[id[0]]++));  // each loop's in the order in which they came
  }
  for (const auto& [loop, count] : next) EXPECT_EQ(count, 5'000);
  EXPECT_THAT(next, SizeIs(8));
}

TEST(SpoolRecorder, FlushesWhatWasRecordedBefore) {
  const TempFolder folder;
  const SystemClock clock;
  Metrics metrics(1, clock);
  auto recorder = recorder_in({.folder = folder.path(), .flush = std::chrono::hours(1)}, 1, metrics);
  recorder->start();
  for (int i = 0; i < 20; ++i) {
    recorder->record(0, record_of("bank", std::to_string(i)));
    ASSERT_TRUE(recorder->flush());
    EXPECT_THAT(ids_in_spool(folder.path()), SizeIs(i + 1));
  }
}

// Under a file size limit, which stands in for a full disk: calls go on, memory is bounded, what fits is written later.
TEST(SpoolRecorder, GoesOnWhenTheDiskIsFull) {
  const TempFolder folder;
  const SystemClock clock;
  Metrics metrics(1, clock);
  auto recorder = recorder_in({.folder = folder.path(), .flush = milliseconds(5), .memory_bytes = 100'000}, 1, metrics);
  recorder->start();
  recorder->record(0, record_of("bank", "before"));
  ASSERT_TRUE(recorder->flush());
  rlimit was{};
  ::getrlimit(RLIMIT_FSIZE, &was);
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{200, was.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &tight);
  for (int i = 0; i < 5'000; ++i) recorder->record(0, record_of("bank", std::to_string(i)));
  const auto failed = recorder->flush();
  const SpoolStats stats = recorder->stats();
  ::setrlimit(RLIMIT_FSIZE, &was);
  EXPECT_FALSE(failed);
  EXPECT_GT(stats.lost, 0u);
  EXPECT_GT(stats.write_errors, 0u);
  EXPECT_LE(stats.bytes_waiting, 100'000u);
  EXPECT_TRUE(recorder->flush());
  EXPECT_EQ(ids_in_spool(folder.path()).size(), 5'001 - stats.lost);
  EXPECT_EQ(recorder->stats().bytes_waiting, 0u);
}

async::Task<void> record_strictly(SpoolRecorder* recorder, async::Loop* loop, std::string folder, int count,
                                  std::promise<int>* durable) {
  int found = 0;
  for (int i = 0; i < count; ++i) {
    const std::string id = std::to_string(loop->index()) + "-" + std::to_string(i);
    auto result = co_await recorder->record_and_wait(*loop, record_of("bank", id));
    if (!result) continue;
    const auto ids = ids_in_spool(folder);
    if (std::ranges::find(ids, id) != ids.end()) ++found;
  }
  durable->set_value(found);
}

TEST(SpoolRecorder, WaitsForTheDiskWhenStrict) {
  const TempFolder folder;
  const SystemClock clock;
  Metrics metrics(2, clock);
  async::Runtime runtime(2);
  auto recorder = recorder_in({.folder = folder.path(), .flush = std::chrono::hours(1), .strict = true}, 2, metrics);
  recorder->start();
  std::promise<int> durable[2];
  for (int i = 0; i < 2; ++i) {
    boost::asio::co_spawn(runtime.loop(i).executor(),
                          record_strictly(recorder.get(), &runtime.loop(i), folder.path(), 20, &durable[i]),
                          boost::asio::detached);
  }
  runtime.start();
  EXPECT_EQ(durable[0].get_future().get(), 20);
  EXPECT_EQ(durable[1].get_future().get(), 20);
  recorder->stop();
  runtime.stop();
}

async::Task<void> record_once(SpoolRecorder* recorder, async::Loop* loop, std::promise<Result<void>>* done) {
  auto result = co_await recorder->record_and_wait(*loop, record_of("bank", "x"));
  done->set_value(std::move(result));
}

TEST(SpoolRecorder, TellsWhoWaitsThatTheDiskIsFull) {
  const TempFolder folder;
  const SystemClock clock;
  Metrics metrics(1, clock);
  async::Runtime runtime(1);
  auto recorder = recorder_in({.folder = folder.path(), .strict = true}, 1, metrics);
  rlimit was{};
  ::getrlimit(RLIMIT_FSIZE, &was);
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{4, was.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &tight);
  recorder->start();
  std::promise<Result<void>> done;
  boost::asio::co_spawn(runtime.loop(0).executor(), record_once(recorder.get(), &runtime.loop(0), &done),
                        boost::asio::detached);
  runtime.start();
  const auto result = done.get_future().get();
  ::setrlimit(RLIMIT_FSIZE, &was);
  EXPECT_FALSE(result);
  recorder->stop();
  runtime.stop();
}

// A process that records on four loops is killed with no warning: nothing that was recorded more than 100 ms before is
// lost, and nothing is there twice.
TEST(SpoolRecorder, LosesNothingOlderThanAMomentToKill9) {
  for (int round = 0; round < 3; ++round) {
    const TempFolder folder;
    int output = -1;
    const pid_t child = start_child("record", {folder.path()}, output);
    ASSERT_GT(child, 0);
    std::string said;
    const SystemClock clock;
    const std::int64_t end = clock.unix_micros() + 700'000 + round * 23'000;
    char buffer[65536];
    std::int64_t killed_at = 0;
    for (;;) {
      if (killed_at == 0 && clock.unix_micros() >= end) {
        killed_at = clock.unix_micros();
        ::kill(child, SIGKILL);
      }
      const ssize_t n = ::read(output, buffer, sizeof buffer);
      if (n <= 0) break;
      said.append(buffer, static_cast<std::size_t>(n));
    }
    ::close(output);
    ::waitpid(child, nullptr, 0);
    const auto ids = ids_in_spool(folder.path());
    const std::set<std::string> kept(ids.begin(), ids.end());
    EXPECT_EQ(kept.size(), ids.size());
    std::filesystem::remove(folder.path() + ".probe");
    std::string id;
    std::int64_t at = 0, probed_at = 0, machine_was_late_us = 0;
    const auto probe = [&](std::int64_t now) {
      if (probed_at > 0) machine_was_late_us = std::max(machine_was_late_us, now - probed_at);
      probed_at = now;
    };
    for (std::istringstream lines(said); lines >> id >> at;) {
      if (id == "-") probe(at);
    }
    probe(killed_at);
    std::size_t checked = 0;
    for (std::istringstream lines(said); lines >> id >> at;) {
      if (id == "-" || at > killed_at - 100'000 - machine_was_late_us) continue;
      ++checked;
      EXPECT_TRUE(kept.contains(id)) << "recorded " << (killed_at - at) / 1000 << " ms before";
    }
    EXPECT_GT(checked, 500u);
  }
}

}  // namespace
}  // namespace fairlead::telemetry
