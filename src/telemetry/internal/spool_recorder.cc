#include "telemetry/internal/spool_recorder.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "telemetry/internal/codec.h"
#include "telemetry/internal/log.h"

namespace fairlead::telemetry {
namespace {
constexpr std::chrono::minutes kReportEvery{1};
}  // namespace

Result<std::unique_ptr<SpoolRecorder>> SpoolRecorder::create(SpoolRecorderOptions options, int loops, Metrics& metrics,
                                                             const Clock& clock) {
  FAIRLEAD_TRY(auto writer, SpoolWriter::create(options.folder, options.segment_bytes, clock));
  const int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event < 0) return fail(ErrorKind::kInternal, "spool_unwritable", "No event descriptor to be had for the spool.");
  return std::unique_ptr<SpoolRecorder>(
      new SpoolRecorder(std::move(options), loops, metrics, clock, std::move(writer), event));
}

SpoolRecorder::SpoolRecorder(SpoolRecorderOptions options, int loops, Metrics& metrics, const Clock& clock,
                             std::unique_ptr<SpoolWriter> writer, int event)
    : options_(std::move(options)), metrics_(metrics), clock_(clock), writer_(std::move(writer)), event_(event) {
  for (int i = 0; i < loops; ++i) {
    lanes_.push_back(std::make_unique<Lane>(options_.memory_bytes / static_cast<std::size_t>(loops)));
  }
}

SpoolRecorder::~SpoolRecorder() {
  stop();
  ::close(event_);
}

void SpoolRecorder::start() {
  thread_ = std::thread([this] { run(); });
}

void SpoolRecorder::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  kick();
  thread_.join();
}

bool SpoolRecorder::take(Lane& lane, int loop_index, const CallRecord& record) {
  metrics_.observe(loop_index, record);
  return push(lane, record);
}

template <class Record>
bool SpoolRecorder::push(Lane& lane, const Record& record) {
  lane.records.fetch_add(1, std::memory_order_relaxed);
  lane.frame.clear();
  append_frame(lane.frame, record);
  if (lane.queue.push(lane.frame)) {
    lane.queued.fetch_add(1, std::memory_order_release);
    return true;
  }
  lane.lost.fetch_add(1, std::memory_order_relaxed);
  return false;
}

void SpoolRecorder::record(int loop_index, const CallRecord& record) {
  take(*lanes_[static_cast<std::size_t>(loop_index)], loop_index, record);
}

// Suspends a coroutine until its lane is durable up to a position. Runs on the lane's loop.
struct SpoolRecorder::Wait {
  SpoolRecorder* recorder;
  Lane* lane;
  template <class Handler>
  void operator()(Handler handler) const {
    lane->waiters.push_back(
        {lane->queue.pushed(), [handler = std::move(handler)](bool durable) mutable { std::move(handler)(durable); }});
    lane->waiting.fetch_add(1);
    recorder->kick();  // after the registration, so that the pass that it asks for sees it
  }
};

async::Task<Result<void>> SpoolRecorder::durable(Lane& lane) {
  const bool is_durable =
      co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<async::Executor>&, void(bool)>(
          Wait{this, &lane}, async::use_task);
  if (!is_durable) co_return fail(ErrorKind::kUnavailable, "spool_unwritable", "The record could not be made durable.");
  co_return Result<void>{};
}

async::Task<Result<void>> SpoolRecorder::record_and_wait(async::Loop& loop, CallRecord record) {
  Lane& lane = *lanes_[static_cast<std::size_t>(loop.index())];
  if (lane.loop == nullptr) lane.loop = &loop;  // before the first wait, so before the writer looks
  const bool taken = take(lane, loop.index(), record);
  if (!taken)
    co_return fail(ErrorKind::kExhausted, "spool_full", "The record of the call cannot be kept: the spool is full.");
  if (!options_.strict) co_return Result<void>{};
  co_return co_await durable(lane);
}

async::Task<Result<void>> SpoolRecorder::keep(async::Loop& loop, Feedback feedback) {
  Lane& lane = *lanes_[static_cast<std::size_t>(loop.index())];
  if (lane.loop == nullptr) lane.loop = &loop;
  const bool pushed = push(lane, feedback);
  if (!pushed)
    co_return fail(ErrorKind::kUnavailable, "spool_full", "The feedback cannot be kept now: the spool is full.");
  co_return co_await durable(lane);
}

void SpoolRecorder::wake(Lane& lane, std::uint64_t position, bool durable) {
  while (!lane.waiters.empty() && lane.waiters.front().position <= position) {
    Waiter waiter = std::move(lane.waiters.front());
    lane.waiters.pop_front();
    lane.waiting.fetch_sub(1);
    waiter.resume(durable);
  }
}

void SpoolRecorder::kick() {
  if (kicked_.exchange(true)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(event_, &one, sizeof one);
}

Result<void> SpoolRecorder::flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t asked = ++asked_;
  kick();
  // The writer is gone after stop(), which has written everything.
  while (answered_ < asked && !stopping_) passed_.wait_for(lock, std::chrono::milliseconds(100));
  if (failing_) return fail(last_error_);
  return {};
}

void SpoolRecorder::run() {
  for (;;) {
    pollfd ready{event_, POLLIN, 0};
    if (!stopping_) ::poll(&ready, 1, static_cast<int>(options_.flush.count()));
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t n = ::read(event_, &count, sizeof count);
    kicked_ = false;
    const bool last = stopping_;
    std::uint64_t asked = 0;
    {
      const std::lock_guard lock(mutex_);
      asked = asked_;
    }
    write_pass();
    {
      const std::lock_guard lock(mutex_);
      answered_ = asked;
    }
    passed_.notify_all();
    if (last) return;
  }
}

void SpoolRecorder::write_pass() {
  std::vector<iovec> frames;
  std::vector<std::size_t> sizes;
  std::uint64_t queued = 0, lost = 0;
  for (const auto& lane : lanes_) {
    queued += lane->queued.load(std::memory_order_acquire);  // before it is looked into: what is counted is in there
    sizes.push_back(lane->queue.peek(frames));
    lost += lane->lost.load(std::memory_order_relaxed);
  }
  const auto result = writer_->append(frames);
  {
    const std::lock_guard lock(mutex_);
    if (!result) last_error_ = result.error();
    failing_ = !result;
  }
  if (!result) {
    ++write_errors_;
    report(result.error());
  } else if (!frames.empty()) {
    written_ = queued;
    last_write_us_ = clock_.unix_micros();
  }
  if (result && lost > lost_reported_) {
    kLog.error("records_lost", {{"records", lost - lost_reported_}, {"since", "the spool could not keep up"}});
    lost_reported_ = lost;
  }
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    Lane* lane = lanes_[i].get();
    // A waiter's frame was in the queue before its kick, so it is within what was peeked, or another pass follows.
    std::uint64_t position = lane->queue.pop(result ? sizes[i] : 0);
    if (!result) position += sizes[i];
    if (lane->waiting.load() > 0)
      lane->loop->post([lane, position, durable = result.has_value()] { wake(*lane, position, durable); });
  }
}

void SpoolRecorder::report(const Error& error) {
  const SteadyTime now = clock_.steady();
  if (last_report_ != SteadyTime{} && now - last_report_ < kReportEvery) return;
  last_report_ = now;
  const SpoolStats now_stats = stats();
  kLog.error("spool_unwritable",
             {{"error", error.message}, {"waiting_bytes", now_stats.bytes_waiting}, {"records_lost", now_stats.lost}});
}

SpoolStats SpoolRecorder::stats() const {
  SpoolStats stats;
  for (const auto& lane : lanes_) {
    stats.records += lane->records.load(std::memory_order_relaxed);
    stats.lost += lane->lost.load(std::memory_order_relaxed);
    stats.bytes_waiting += lane->queue.size();
  }
  stats.written = written_;
  stats.write_errors = write_errors_;
  stats.last_write_us = last_write_us_;
  return stats;
}

}  // namespace fairlead::telemetry
