#include "telemetry/internal/loader.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "telemetry/internal/log.h"

namespace fairlead::telemetry {
namespace {
constexpr std::chrono::minutes kReportEvery{1};
constexpr std::chrono::hours kRetentionEvery{1};
constexpr std::int64_t kPortion = 4;
}  // namespace

Loader::Loader(LoaderOptions options, SpoolRecorder& recorder, LakeService& lake, const Clock& clock)
    : options_(std::move(options)),
      recorder_(recorder),
      lake_(lake),
      clock_(clock),
      began_(recorder.written()),
      looked_at_us_(clock.unix_micros()),
      fresh_at_us_(looked_at_us_) {
  next_retention_ = clock.steady() + kRetentionEvery;
}

Loader::~Loader() {
  stop();
}

void Loader::start() {
  thread_ = std::thread([this] { run(); });
}

void Loader::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  woken_.notify_all();
  thread_.join();
}

void Loader::run() {
  for (bool last = false; !last;) {
    {
      std::unique_lock lock(mutex_);
      woken_.wait_for(lock, options_.every, [this] { return stopping_; });
      last = stopping_;
    }
    if (last) {
      const std::lock_guard lock(load_mutex_);
      if (auto result = load_everything(); !result) report(result.error());
      return;
    }
    load_if_due();
    keep_retention();
    lake_.rest();
  }
}

void Loader::load_if_due() {
  const std::lock_guard lock(load_mutex_);
  const auto waiting = static_cast<std::int64_t>(recorder_.stats().written) - loaded_here_;
  Result<void> result;
  if (clock_.steady() >= due_at_) {
    result = load_everything();
  } else if (waiting >= options_.enough && !failing_) {
    result = load_enough(waiting - waiting % options_.enough);
  }
  if (!result) report(result.error());
}

Result<void> Loader::freshen() {
  // What cannot be written to the spool has been reported there.
  auto flushed = recorder_.flush();
  const std::lock_guard lock(load_mutex_);
  auto result = load_everything();
  if (!result) report(result.error());
  return flushed ? result : flushed;
}

Result<void> Loader::load_everything() {
  due_at_ = clock_.steady() + options_.wait;
  failing_ = true;
  const auto written = static_cast<std::int64_t>(recorder_.stats().written);
  const SpoolPosition upto = recorder_.written();
  looked_at_us_ = clock_.unix_micros();
  // The spool may hold what an earlier process left; an empty one needs no lake.
  if (loaded_ < began_ && !list_segments(options_.spool).empty()) FAIRLEAD_CHECK(load(began_, INT64_MAX));
  loaded_ = std::max(loaded_, began_);
  FAIRLEAD_CHECK(load(upto, INT64_MAX));
  loaded_ = std::max(loaded_, upto);
  loaded_here_ = std::max(loaded_here_, written);  // what a load that failed had done was not counted
  fresh_at_us_ = looked_at_us_;
  failing_ = false;
  return {};
}

Result<void> Loader::load_enough(std::int64_t records) {
  due_at_ = clock_.steady() + options_.wait;
  failing_ = true;
  const std::int64_t before = std::exchange(looked_at_us_, clock_.unix_micros());
  FAIRLEAD_CHECK(load(recorder_.written(), records));
  fresh_at_us_ = before;  // what is left came after that
  failing_ = false;
  return {};
}

Result<void> Loader::load(SpoolPosition upto, std::int64_t limit) {
  for (bool done = loaded_ >= upto; !done && limit > 0;) {
    const bool ours = loaded_ >= began_;
    // A few at a time, because the lake's process is given up if it does not answer for long.
    FAIRLEAD_TRY(const LoadReport report, lake_.load(upto, std::min(limit, kPortion * options_.enough)));
    records_ += static_cast<std::uint64_t>(report.records);
    if (ours) loaded_here_ += report.records;
    if (report.damaged_bytes > 0)
      kLog.warning("spool_cut",
                   {{"bytes", report.damaged_bytes}, {"reason", "torn by a crash, or damaged on the disk"}});
    limit -= report.records;
    done = report.done;
    loaded_ = std::max(loaded_, report.loaded);
    delete_segments_before(options_.spool, loaded_.segment);
  }
  return {};
}

void Loader::keep_retention() {
  if (options_.retention.count() == 0 || clock_.steady() < next_retention_) return;
  next_retention_ = clock_.steady() + kRetentionEvery;
  const auto before = clock_.unix_micros() - std::chrono::microseconds(options_.retention).count();
  const auto removed = lake_.remove_before(before);
  if (!removed) {
    report(removed.error());
  } else if (*removed > 0) {
    kLog.info("records_expired", {{"records", *removed}});
  }
}

void Loader::report(const Error& error) {
  ++errors_;
  const SteadyTime now = clock_.steady();
  const std::lock_guard lock(mutex_);
  if (last_report_ != SteadyTime{} && now - last_report_ < kReportEvery) return;
  last_report_ = now;
  kLog.error("records_wait_in_the_spool", {{"code", error.code}, {"error", error.message}});
}

LoaderStats Loader::stats() const {
  LoaderStats stats;
  stats.loaded = records_;
  stats.errors = errors_;
  for (const std::int64_t segment : list_segments(options_.spool)) {
    std::error_code error;
    const auto size = std::filesystem::file_size(segment_path(options_.spool, segment), error);
    if (!error) stats.spool_bytes += size;
  }
  const std::int64_t last_write = recorder_.stats().last_write_us, fresh = fresh_at_us_;
  if (last_write > fresh) stats.behind_us = clock_.unix_micros() - fresh;
  return stats;
}

}  // namespace fairlead::telemetry
