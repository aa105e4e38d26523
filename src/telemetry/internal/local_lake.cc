#include <malloc.h>

#include <mutex>
#include <thread>

#include "base/code_pages.h"
#include "telemetry/internal/lake_service.h"
#include "telemetry/internal/process.h"

namespace fairlead::telemetry {
namespace {

constexpr std::chrono::milliseconds kLockedPause{20};

class LocalLake final : public LakeService {
 public:
  LocalLake(LakeServiceOptions options, const Clock& clock) : options_(std::move(options)), clock_(clock) {}

  Result<LoadReport> load(SpoolPosition upto, std::int64_t limit) override {
    LoadReport all;
    while (!all.done && all.records < limit) {
      const auto some = load_some(upto, limit - all.records);
      if (!some) {
        close_unused();  // what went wrong may have left the engine unable to go on
        return some;
      }
      all.add(*some);
      if (options_.slim_bytes > 0 && resident_bytes() > options_.slim_bytes) close_unused();
    }
    return all;
  }
  Result<std::string> look(Look what, std::string project, std::string url_query) override {
    switch (what) {
      case Look::kCalls: {
        FAIRLEAD_TRY(const auto filter, CallFilter::parse(url_query));
        FAIRLEAD_TRY(const auto store, opened());
        return store->list(project, filter);
      }
      case Look::kFeedback: {
        FAIRLEAD_TRY(const auto filter, FeedbackFilter::parse(url_query));
        FAIRLEAD_TRY(const auto store, opened());
        return store->feedback(project, filter);
      }
      case Look::kStats: {
        FAIRLEAD_TRY(const auto filter, StatsFilter::parse(url_query, clock_.unix_micros()));
        FAIRLEAD_TRY(const auto store, opened());
        return store->stats(project, filter);
      }
    }
    return fail(ErrorKind::kInternal, "lake_error", "There is nothing of that kind to look up.");
  }
  Result<std::string> get(std::string project, std::string id) override {
    FAIRLEAD_TRY(const auto store, opened());
    return store->get(project, id);
  }
  Result<std::string> ask(std::string project, std::string query, std::int64_t limit) override {
    FAIRLEAD_TRY(const auto store, opened());
    return store->ask(project, query, limit);
  }
  Result<std::int64_t> remove_before(std::int64_t unix_micros) override {
    FAIRLEAD_TRY(const auto store, opened());
    return store->remove_before(unix_micros);
  }
  void rest() override {
    const std::lock_guard lock(mutex_);
    if (store_ != nullptr && store_.use_count() == 1 && clock_.steady() - used_ >= options_.idle) {
      store_.reset();
      release_code_pages();  // the engine is most of it
    }
  }

 private:
  Result<LoadReport> load_some(SpoolPosition upto, std::int64_t limit) {
    FAIRLEAD_TRY(const auto store, opened());
    return store->load_some(upto, limit);
  }

  Result<std::shared_ptr<CallStore>> opened() {
    const std::lock_guard lock(mutex_);
    used_ = clock_.steady();
    if (store_ == nullptr) {
      FAIRLEAD_TRY(store_, open_unlocked());
    }
    return store_;
  }

  Result<std::unique_ptr<CallStore>> open_unlocked() const {
    const SteadyTime until = clock_.steady() + options_.lock_wait;
    for (;;) {
      auto store = CallStore::open(options_.path, options_.spool, options_.memory_bytes);
      if (store || store.error().code != "lake_locked" || clock_.steady() >= until) return store;
      std::this_thread::sleep_for(kLockedPause);
    }
  }

  void close_unused() {
    const std::lock_guard lock(mutex_);
    if (store_ == nullptr || store_.use_count() > 1) return;
    store_.reset();
    release_code_pages();  // the engine is most of it
    ::malloc_trim(0);
  }

  const LakeServiceOptions options_;
  const Clock& clock_;
  std::mutex mutex_;
  std::shared_ptr<CallStore> store_;
  SteadyTime used_{};
};

}  // namespace

Result<void> check_query(Look what, std::string_view url_query, std::int64_t now_us) {
  const auto outcome = [](const auto& filter) -> Result<void> {
    if (!filter) return fail(filter.error());
    return {};
  };
  switch (what) {
    case Look::kCalls:
      return outcome(CallFilter::parse(url_query));
    case Look::kFeedback:
      return outcome(FeedbackFilter::parse(url_query));
    case Look::kStats:
      return outcome(StatsFilter::parse(url_query, now_us));
  }
  return {};
}

std::unique_ptr<LakeService> make_local_lake(LakeServiceOptions options, const Clock& clock) {
  return std::make_unique<LocalLake>(std::move(options), clock);
}

}  // namespace fairlead::telemetry
