#include "platform/journal/internal/committer.h"

#include <algorithm>
#include <utility>

#include "platform/async/resumption.h"
#include "platform/journal/internal/claims.h"
#include "platform/journal/internal/log.h"
#include "platform/journal/internal/rows.h"

namespace fairlead::journal {
namespace {

using store::Connection;

constexpr std::size_t kGroup = 1024;  // entries; bounds how long the first of a group waits
constexpr std::chrono::milliseconds kFirstPause{50}, kLongestPause{1'000};

std::unexpected<Error> fenced() {
  return fail(ErrorKind::kConflict, "journal_fenced", "Another node has taken over the runs of this one.");
}

bool passes(const Error& error) {
  return error.kind == ErrorKind::kUnavailable || error.code == "store_full" || error.code == "store_busy" ||
         error.code == "store_unavailable" || error.code == "store_uncertain" || error.code == "store_read_only";
}

}  // namespace

Committer::Committer(store::Database& database, PointHook hook)
    : database_(database), hook_(std::move(hook)), thread_([this] { loop(); }) {}

Committer::~Committer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Committer::submit(Entry entry, Done done) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back({std::move(entry), std::move(done), {}});
  }
  wake_.notify_one();
}

namespace {

struct Submit {
  Committer* committer;
  template <class Handler>
  void operator()(Handler handler, Entry entry) const {
    committer->submit(std::move(entry), [resume = async::Resumption(std::move(handler))](Result<void> result) mutable {
      resume(std::move(result));
    });
  }
};

}  // namespace

async::Task<Result<void>> Committer::commit(Entry entry) {
  auto result =
      co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<async::Executor>&, void(Result<void>)>(
          Submit{this}, async::use_task, std::move(entry));
  co_return result;
}

void Committer::give_up() {
  {
    const std::lock_guard lock(mutex_);
    giving_up_ = true;
  }
  wake_.notify_one();
}

std::optional<Error> Committer::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

void Committer::loop() {
  std::vector<Item> batch;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), kGroup));
      std::move(queue_.begin(), end, std::back_inserter(batch));
      queue_.erase(queue_.begin(), end);
    }
    for (Item& item : batch) keep_large(item.entry.events, item.entry.blobs);
    if (hook_) hook_("before commit");
    auto written = write_batch(batch);
    for (auto pause = kFirstPause; !written; pause = std::min(pause * 2, kLongestPause)) {
      if (!wait_for_store(written.error(), pause)) break;
      written = write_batch(batch);
    }
    if (written) {
      const std::lock_guard lock(mutex_);
      if (trouble_) kLog.info("the store takes entries again");
      trouble_.reset();
    } else {
      for (Item& item : batch) item.result = written;
    }
    if (hook_) hook_("after commit");
    for (Item& item : batch) {
      item.entry = {};  // what it owned is gone before the caller goes on
      item.done(std::move(item.result));
    }
    batch.clear();
  }
}

// An entry that the store refuses for what it is must not take the others with it.
Result<void> Committer::write_batch(std::span<Item> batch) {
  auto written = write(batch);
  if (written || passes(written.error())) return written;
  if (batch.size() == 1) {
    batch.front().result = std::move(written);
    return {};
  }
  for (std::size_t i = 0; i < batch.size(); ++i) FAIRLEAD_CHECK(write_batch(batch.subspan(i, 1)));
  return {};
}

// False: it is to stop.
bool Committer::wait_for_store(Error error, std::chrono::milliseconds pause) {
  std::unique_lock lock(mutex_);
  if (!trouble_ || trouble_->code != error.code)
    kLog.warning("the store takes no entries", {{"code", error.code}, {"message", error.message}});
  trouble_ = std::move(error);
  return !wake_.wait_for(lock, pause, [this] { return stopping_ || giving_up_; });
}

Result<void> Committer::write(std::span<Item> batch) {
  return database_.write_blocking([batch](Connection& connection) -> Result<void> {
    std::string node;  // the one asked for last: nearly always all have the same
    bool alive = false;
    std::vector<const Event*> events;
    for (Item& item : batch) {
      const std::string& asked = item.entry.node;
      if (!asked.empty() && asked != node) {
        FAIRLEAD_TRY(alive, is_registered(connection, asked));
        node = asked;
      }
      item.result = asked.empty() || alive ? Result<void>() : fenced();
      if (!item.result) continue;
      for (const Event& event : item.entry.events) events.push_back(&event);
    }
    FAIRLEAD_CHECK(insert_events(connection, events));
    for (Item& item : batch) {
      if (item.result && !item.entry.blobs.empty()) FAIRLEAD_CHECK(write_blobs(connection, item.entry.blobs));
      if (item.result && item.entry.more) FAIRLEAD_CHECK(item.entry.more(connection));
    }
    return {};
  });
}

}  // namespace fairlead::journal
