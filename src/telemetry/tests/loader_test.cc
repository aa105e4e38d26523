#include "telemetry/internal/loader.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <mutex>
#include <thread>

#include "telemetry/tests/support.h"

namespace fairlead::telemetry {
namespace {

using std::chrono::milliseconds;

// A lake that counts what it is told to load.
class CountingLake final : public LakeService {
 public:
  explicit CountingLake(std::string spool) : spool_(std::move(spool)) {}
  Result<LoadReport> load(SpoolPosition upto, std::int64_t limit) override {
    const std::lock_guard lock(mutex_);
    if (failing_) return fail(ErrorKind::kUnavailable, "lake_error", "no");
    FAIRLEAD_TRY(const auto read, read_spool(spool_, at_, upto, {.records = limit},
                                             [](const EncodedRecord&) { return Result<void>{}; }));
    at_ = read.next;
    loaded_ += read.records;
    return LoadReport{.loaded = at_, .records = read.records, .done = at_ >= upto};
  }
  Result<std::string> look(Look, std::string, std::string) override { return std::string(); }
  Result<std::string> get(std::string, std::string) override { return std::string(); }
  Result<std::string> ask(std::string, std::string, std::int64_t) override { return std::string(); }
  Result<std::int64_t> remove_before(std::int64_t) override { return 0; }
  void rest() override {}

  std::int64_t loaded() {
    const std::lock_guard lock(mutex_);
    return loaded_;
  }
  void set_failing(bool failing) {
    const std::lock_guard lock(mutex_);
    failing_ = failing;
  }

 private:
  const std::string spool_;
  std::mutex mutex_;
  SpoolPosition at_;
  std::int64_t loaded_ = 0;
  bool failing_ = false;
};

class LoaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    recorder_ = SpoolRecorder::create({.folder = spool_, .flush = milliseconds(1)}, 1, metrics_, clock_).value();
    recorder_->start();
  }
  void TearDown() override { recorder_->stop(); }
  void start(LoaderOptions options) {
    options.spool = spool_;
    options.every = milliseconds(1);
    loader_.emplace(std::move(options), *recorder_, lake_, clock_);
    loader_->start();
  }
  void record(int count) {
    for (int i = 0; i < count; ++i) recorder_->record(0, record_of("bank", std::to_string(i)));
    ASSERT_TRUE(recorder_->flush());
  }
  // Whether it comes to be so within ten seconds.
  static bool comes(const std::function<bool()>& so) {
    for (int i = 0; i < 10'000 && !so(); ++i) std::this_thread::sleep_for(milliseconds(1));
    return so();
  }

  const TempFolder folder_;
  const std::string spool_ = folder_.path() + "/spool";
  const SystemClock clock_;
  Metrics metrics_{1, clock_};
  CountingLake lake_{spool_};
  std::unique_ptr<SpoolRecorder> recorder_;
  std::optional<Loader> loader_;
};

TEST_F(LoaderTest, WaitsForEnoughRecords) {
  start({.wait = std::chrono::hours(1), .enough = 10});
  // The first look at the clock is due at once; what there is then is nothing.
  ASSERT_TRUE(loader_->freshen());
  record(25);
  EXPECT_TRUE(comes([&] { return lake_.loaded() == 20; })) << lake_.loaded();
  EXPECT_GT(loader_->stats().behind_us, 0);
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(lake_.loaded(), 20);
  record(5);
  EXPECT_TRUE(comes([&] { return lake_.loaded() == 30; })) << lake_.loaded();
}

TEST_F(LoaderTest, WaitsNoLongerThanItMay) {
  start({.wait = milliseconds(50), .enough = 1'000'000});
  record(3);
  EXPECT_TRUE(comes([&] { return lake_.loaded() == 3; }));
}

TEST_F(LoaderTest, IsDoneAtOnceForAQuestion) {
  start({.wait = std::chrono::hours(1), .enough = 1'000'000});
  ASSERT_TRUE(loader_->freshen());
  for (int i = 1; i <= 20; ++i) {
    record(1);
    ASSERT_TRUE(loader_->freshen());
    EXPECT_EQ(lake_.loaded(), i);
  }
  EXPECT_EQ(loader_->stats().behind_us, 0);
}

TEST_F(LoaderTest, LosesNothingWhenTheLakeFails) {
  start({.wait = milliseconds(20), .enough = 2});
  lake_.set_failing(true);
  record(7);
  EXPECT_TRUE(comes([&] { return loader_->stats().errors > 0; }));
  EXPECT_FALSE(loader_->freshen());
  lake_.set_failing(false);
  EXPECT_TRUE(comes([&] { return lake_.loaded() == 7; })) << lake_.loaded();
}

TEST_F(LoaderTest, LoadsTheRestWhenItStops) {
  start({.wait = std::chrono::hours(1), .enough = 1'000'000});
  ASSERT_TRUE(loader_->freshen());
  record(4);
  loader_->stop();
  EXPECT_EQ(lake_.loaded(), 4);
}

}  // namespace
}  // namespace fairlead::telemetry
