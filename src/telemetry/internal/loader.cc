#include "telemetry/internal/loader.h"

#include <filesystem>

#include "base/log.h"

namespace fairlead::telemetry {
namespace {
constexpr log::Logger kLog{"telemetry"};
constexpr std::chrono::minutes kReportEvery{1};
constexpr std::chrono::hours kRetentionEvery{1};
}  // namespace

Loader::Loader(LoaderOptions options, SpoolRecorder& recorder, LakeService& lake, const Clock& clock)
    : options_(std::move(options)), recorder_(recorder), lake_(lake), clock_(clock), fresh_at_us_(clock.unix_micros()) {
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
    {
      const std::lock_guard lock(load_mutex_);
      if (auto result = load(); !result) report(result.error());
    }
    if (!last) {
      keep_retention();
      lake_.rest();
    }
  }
}

Result<void> Loader::freshen() {
  // What cannot be written to the spool has been reported there.
  auto flushed = recorder_.flush();
  const std::lock_guard lock(load_mutex_);
  auto result = load();
  if (!result) report(result.error());
  return flushed ? result : flushed;
}

Result<void> Loader::load() {
  const SpoolPosition upto = recorder_.written();
  const std::int64_t now = clock_.unix_micros();
  // The spool may hold what an earlier process left; an empty one needs no lake.
  const bool pending = ever_loaded_ ? loaded_ < upto : !list_segments(options_.spool).empty();
  if (pending) {
    FAIRLEAD_TRY(const LoadReport report, lake_.load(upto));
    loaded_ = report.loaded;
    records_ += static_cast<std::uint64_t>(report.records);
    if (report.damaged_bytes > 0)
      kLog.warning("spool_cut",
                   {{"bytes", report.damaged_bytes}, {"reason", "torn by a crash, or damaged on the disk"}});
    delete_segments_before(options_.spool, loaded_.segment);
  }
  ever_loaded_ = true;
  loaded_ = std::max(loaded_, upto);
  fresh_at_us_ = now;
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
