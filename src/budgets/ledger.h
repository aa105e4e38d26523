// Where it is written what budgets have spent: DATA/ledger, memory that outlives the process.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "budgets/meter.h"
#include "budgets/metric.h"

namespace fairlead::budgets {

class SharedLedger;

// The meters of one budget, or of one subject of it ("u-17" of a budget for each user). Lives in the file.
class Account {
 public:
  Meter& meter(Metric metric) { return meters_[static_cast<std::size_t>(metric)]; }
  std::string_view subject() const { return {subject_, subject_size_}; }

  // Marks these alerts (bits) of the window that ends then; those that were not marked before.
  std::uint8_t alert(Metric metric, std::uint32_t window_end, std::uint8_t bits);

  // What is taken of that meter from now on is set aside in Redis too, by name; or it is not.
  void mark_shared(Metric metric, bool shared) {
    const std::uint32_t bit = kShared << static_cast<unsigned>(metric);
    if (((used_.load(std::memory_order_relaxed) & bit) != 0) == shared) return;
    shared ? used_.fetch_or(bit) : used_.fetch_and(~bit);
  }
  bool is_shared(Metric metric) const {
    return (used_.load(std::memory_order_relaxed) & (kShared << static_cast<unsigned>(metric))) != 0;
  }

 private:
  friend class Ledger;
  static constexpr std::uint32_t kShared = 1U << 8;  // of the first metric; the others follow
  bool idle(std::int64_t now_us) const;
  bool is(std::uint64_t budget, std::string_view subject) const {
    return budget_ == budget && this->subject() == subject;
  }

  Meter meters_[kMetrics];
  std::atomic<std::uint32_t> alerted_[kMetrics]{};  // window_end << 8 | bits
  std::uint64_t budget_ = 0;
  std::atomic<std::uint64_t> pins_{0};  // how often it was acquired (32 bits), dead (1), how many hold it (31)
  std::atomic<std::uint32_t> next_{0};  // in its chain or in the list of free ones: index + 1
  std::atomic<std::uint32_t> used_{0};  // 1, and which meters are marked
  std::uint32_t subject_size_ = 0;
  char subject_[108] = {};
};
static_assert(sizeof(Account) == 256);

// What became of the calls under a budget since the process started.
struct Counters {
  std::atomic<std::uint64_t> refused{0};   // hard
  std::atomic<std::uint64_t> over{0};      // went out although the soft limit did not have it
  std::atomic<std::uint64_t> alerts{0};    // shares that were reached
  std::atomic<std::uint64_t> overruns{0};  // more was reported than had been reserved
  std::atomic<std::int64_t> logged_at_s{0};
};

// A file of accounts, mapped and shared with the kernel: whatever instruction a kill stops the process at, each account
// is whole and none has less than was taken of it. Accounts are found through a table of chains in private memory that
// is built when the file is opened. Finding one takes no lock and makes no system call; one thread of its own writes
// the file out and frees accounts whose windows are over.
//
// Where several nodes share their budgets (shared_ledger.h), it has what Redis has set aside for this node, what the
// node knows to be spent by all, and by what name and in which epoch Redis knew it, so that a process that follows one
// that was killed can tell what Redis has heard of all that.
class Ledger {
 public:
  struct Options {
    std::string path;
    std::size_t accounts = 65'536;  // room for; a file that has more keeps it
    int lanes = 1;                  // threads that acquire by a number of their own
    std::chrono::milliseconds sync{50};
    std::chrono::milliseconds sweep{10'000};
    bool shared = false;  // it will be: what a process that died had set aside in Redis waits for settle_left()
  };
  // Makes the file, its disk space too, or opens it; what was reserved by a process that died is spent. Errors:
  // ledger_unwritable, ledger_unreadable (it is no ledger), ledger_in_use.
  static Result<std::unique_ptr<Ledger>> open(Options options, const Clock& clock);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // The thread; without it nothing is synced or swept. When calls may come.
  void start();
  bool started() const { return thread_.joinable(); }
  void stop();  // ends it and syncs

  static std::uint64_t id_of(std::string_view project, std::string_view budget);

  // The account, made if it is not there, and kept until it is released. Null: there is no room. `lane` is the caller's
  // own, from 0; kNoLane for threads that have none, which wait for each other.
  static constexpr int kNoLane = -1;
  Account* acquire(int lane, std::uint64_t budget, std::string_view subject);
  static void release(Account& account) { account.pins_.fetch_sub(1, std::memory_order_release); }
  // Something was changed.
  void touch() {
    if (!dirty_.load(std::memory_order_relaxed)) dirty_.store(true, std::memory_order_relaxed);
  }

  // Off the path of calls. Accounts that come or go meanwhile may be missed.
  void for_each(std::uint64_t budget, const std::function<void(Account&)>& visit);
  std::shared_ptr<Counters> counters(std::uint64_t budget);
  // Every meter of which something is spent at that moment. By the thread of `lane`.
  using KnownVisitor = std::function<void(const Account&, std::uint64_t budget, Metric, const Meter::Known&)>;
  void for_each_known(int lane, std::int64_t now_us, const KnownVisitor& visit);

  // Several nodes count together in this, or null. Before any budget is made; outlives them.
  void share(SharedLedger* with) { shared_ = with; }
  SharedLedger* shared() const { return shared_; }
  // By what name Redis knows the reservations that are in the file, and the epoch in which it was told all of it.
  // Zeros: nobody shared it. By one thread at a time.
  struct Told {
    std::uint64_t node = 0, epoch = 0;
  };
  Told told() const;
  void set_told(const Told& told);
  // What a process that died had set aside in Redis: Redis knows what has become of it, or it is spent here, as far as
  // the limit has it. Once, when calls may run.
  void settle_left(bool redis_knows);
  // How a limit stands of which something may be left. Before start().
  void note_left(Account& account, Metric metric, const Bound& bound);

  // Frees the accounts that nobody would miss. By one thread at a time, that of start() if it was started.
  void sweep();
  Result<void> sync();

  std::size_t capacity() const { return capacity_; }
  std::size_t used() const { return in_use_.load(std::memory_order_relaxed); }
  std::uint64_t sync_errors() const { return sync_errors_.load(std::memory_order_relaxed); }

 private:
  struct Header;
  struct alignas(64) Lane {
    std::atomic<std::uint64_t> sections{0};  // odd: it is reading chains
  };
  class Section;
  Ledger(Options options, const Clock& clock) : options_(std::move(options)), clock_(clock) {}
  Result<void> map();
  void rebuild();
  void find_left();
  Account* find(std::atomic<std::uint32_t>& head, std::uint64_t budget, std::string_view subject);
  Account* acquire_in_section(std::uint64_t budget, std::string_view subject);
  Account* allocate();
  void put_back(Account& account);
  void unlink(Account& account);
  void wait_for_readers() const;
  void run();
  std::atomic<std::uint32_t>& chain_of(std::uint64_t budget, std::string_view subject) const;
  std::uint32_t reference_of(const Account& account) const {
    return static_cast<std::uint32_t>(&account - accounts_) + 1;
  }
  Account& account_at(std::uint32_t reference) const { return accounts_[reference - 1]; }

  const Options options_;
  const Clock& clock_;
  SharedLedger* shared_ = nullptr;
  struct Left {
    Taken taken;
    Bound bound{.limit = INT64_MAX};
  };
  std::map<std::pair<Account*, Metric>, Left> left_;
  int file_ = -1;
  void* mapped_ = nullptr;
  std::size_t mapped_bytes_ = 0, capacity_ = 0;
  Header* header_ = nullptr;
  Account* accounts_ = nullptr;
  std::uint64_t seed_[2] = {};
  std::size_t chain_count_ = 0;  // a power of two
  std::unique_ptr<std::atomic<std::uint32_t>[]> chains_;
  std::unique_ptr<Lane[]> lanes_;  // the last one is of those that have none
  std::mutex no_lane_;
  std::atomic<std::uint64_t> free_{0};  // reference of the first, and a number that grows with each change, above it
  std::atomic<std::size_t> in_use_{0};
  std::atomic<bool> dirty_{false}, full_{false};
  std::atomic<std::uint64_t> sync_errors_{0};
  std::mutex counters_mutex_;
  std::map<std::uint64_t, std::shared_ptr<Counters>> counters_;
  std::thread thread_;
  std::mutex stop_mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
};

}  // namespace fairlead::budgets
