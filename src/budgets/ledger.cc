#include "budgets/ledger.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <new>

#include "base/digest.h"
#include "base/id.h"
#include "budgets/internal/log.h"

namespace fairlead::budgets {
namespace {

constexpr std::size_t kHeaderBytes = 4096;
constexpr char kMagic[8] = {'F', 'L', 'E', 'D', 'G', 'E', 'R', '1'};
constexpr std::size_t kMostAccounts = std::size_t{1} << 24;

// Of Account::pins_.
constexpr std::uint64_t kOneAcquired = (std::uint64_t{1} << 32) | 1;
constexpr std::uint64_t kDead = std::uint64_t{1} << 31;
constexpr std::uint64_t kHolders = kDead - 1;

constexpr std::chrono::seconds kLockWait{3};

std::unexpected<Error> unwritable(const std::string& path, std::string_view doing) {
  const int error = errno;
  return fail(ErrorKind::kUnavailable, "ledger_unwritable",
              path + " cannot be " + std::string(doing) + ": " + std::strerror(error) + ".");
}

// What an account is told apart by, in the room that it has.
class Subject {
 public:
  explicit Subject(std::string_view text) : text_(text) {
    constexpr std::size_t kMost = 108, kKept = 60;
    if (text.size() <= kMost) return;
    shortened_ = std::string(text.substr(0, kKept)) + "~" + sha256_hex(text).substr(0, 47);
    text_ = shortened_;
  }
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
  std::string shortened_;
};

std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  __extension__ typedef unsigned __int128 Wide;
  const Wide product = Wide{a} * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

struct Ledger::Header {
  char magic[8];
  std::uint32_t account_bytes;
  std::uint32_t reserved;
  std::atomic<std::uint32_t> begun;        // accounts that were ever used: none beyond has been touched
  std::atomic<std::uint64_t> node, epoch;  // Told
};

class Ledger::Section {
 public:
  Section(Ledger& ledger, int lane) : lane_(ledger.lanes_[static_cast<std::size_t>(lane)]) {
    lane_.sections.fetch_add(1);
  }
  ~Section() { lane_.sections.fetch_add(1, std::memory_order_release); }
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;

 private:
  Lane& lane_;
};

std::uint8_t Account::alert(Metric metric, std::uint32_t window_end, std::uint8_t bits) {
  std::atomic<std::uint32_t>& word = alerted_[static_cast<std::size_t>(metric)];
  std::uint32_t known = word.load(std::memory_order_relaxed);
  for (;;) {
    const auto marked = (known >> 8) == window_end ? static_cast<std::uint8_t>(known) : std::uint8_t{0};
    const auto fresh = static_cast<std::uint8_t>(bits & ~marked);
    if (fresh == 0) return 0;
    if (word.compare_exchange_weak(known, (window_end << 8) | marked | fresh)) return fresh;
  }
}

bool Account::idle(std::int64_t now_us) const {
  return std::ranges::all_of(meters_, [now_us](const Meter& meter) { return meter.idle(now_us); });
}

std::uint64_t Ledger::id_of(std::string_view project, std::string_view budget) {
  const Sha256 digest = sha256(std::string(project) + "\n" + std::string(budget));
  std::uint64_t out = 0;
  std::memcpy(&out, digest.data(), sizeof out);
  return out;
}

Result<std::unique_ptr<Ledger>> Ledger::open(Options options, const Clock& clock) {
  options.accounts = std::clamp<std::size_t>(options.accounts, 16, kMostAccounts);
  std::unique_ptr<Ledger> out(new Ledger(std::move(options), clock));
  FAIRLEAD_CHECK(out->map());
  out->rebuild();
  return out;
}

Result<void> Ledger::map() {
  const std::string& path = options_.path;
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file_ < 0) return unwritable(path, "opened");
  const auto until = std::chrono::steady_clock::now() + kLockWait;  // a process that was killed is about to be gone
  while (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() > until)
      return fail(ErrorKind::kConflict, "ledger_in_use",
                  path + " is in use by another process. Two servers cannot share a data folder.");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  struct stat status {};
  if (::fstat(file_, &status) != 0) return unwritable(path, "read");
  const auto bytes = static_cast<std::size_t>(status.st_size);
  const std::size_t had = bytes > kHeaderBytes ? (bytes - kHeaderBytes) / sizeof(Account) : 0;
  capacity_ = std::max(had, options_.accounts);
  mapped_bytes_ = kHeaderBytes + capacity_ * sizeof(Account);
  // With its disk space: a page that cannot be written out later would end the process.
  if (const int error = ::posix_fallocate(file_, 0, static_cast<off_t>(mapped_bytes_)); error != 0) {
    errno = error;
    return unwritable(path, "made as large as `budgets.accounts` asks");
  }
  mapped_ = ::mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
  if (mapped_ == MAP_FAILED) {
    mapped_ = nullptr;
    return unwritable(path, "mapped");
  }
  header_ = std::launder(static_cast<Header*>(mapped_));
  accounts_ = std::launder(reinterpret_cast<Account*>(static_cast<char*>(mapped_) + kHeaderBytes));
  // A process that is killed while it makes the file leaves zeros.
  const bool is_new = header_->account_bytes == 0 && header_->magic[0] == 0 && header_->begun == 0;
  if (is_new) {
    std::memcpy(header_->magic, kMagic, sizeof kMagic);
    header_->account_bytes = sizeof(Account);
  } else if (std::memcmp(header_->magic, kMagic, sizeof kMagic) != 0 ||
             (header_->account_bytes != sizeof(Account) && header_->begun != 0) || header_->begun > capacity_) {
    return fail(ErrorKind::kUnavailable, "ledger_unreadable",
                path + " is no ledger of this version. If it is moved away, all budgets begin anew.");
  }
  return {};
}

// What a process left behind: its reservations are spent, since nobody knows what they came to, unless Redis does; its
// calls at a time are over.
void Ledger::rebuild() {
  const std::string random = random_bytes(sizeof seed_);
  std::memcpy(seed_, random.data(), sizeof seed_);
  seed_[0] |= 1;
  chain_count_ = std::bit_ceil(capacity_);
  chains_ = std::make_unique<std::atomic<std::uint32_t>[]>(chain_count_);
  lanes_ = std::make_unique<Lane[]>(static_cast<std::size_t>(options_.lanes) + 1);
  if (!options_.shared) set_told({});
  for (std::uint32_t i = 0; i < header_->begun; ++i) {
    Account& account = accounts_[i];
    account.pins_ = 0;
    if (account.used_ == 0) {
      put_back(account);
      continue;
    }
    for (std::size_t m = 0; m < kMetrics; ++m) {
      const auto metric = static_cast<Metric>(m);
      if (!options_.shared) account.mark_shared(metric, false);
      if (metric == Metric::kConcurrency || !account.is_shared(metric))
        account.meters_[m].recover(metric == Metric::kConcurrency);
    }
    account.subject_size_ = std::min<std::uint32_t>(account.subject_size_, sizeof account.subject_);
    std::atomic<std::uint32_t>& head = chain_of(account.budget_, account.subject());
    // Two of a kind: one had just been made by a thread that came second, and is empty.
    if (Account* const known = find(head, account.budget_, account.subject())) {
      release(*known);
      if (!account.idle(clock_.unix_micros())) std::memcpy(&known->meters_, &account.meters_, sizeof known->meters_);
      in_use_.fetch_add(1);
      put_back(account);
      in_use_.fetch_sub(1);
      continue;
    }
    account.next_ = head.load();
    head = i + 1;
    in_use_.fetch_add(1);
  }
  if (options_.shared) find_left();
}

void Ledger::find_left() {
  for (std::uint32_t i = 0; i < header_->begun; ++i) {
    for (std::size_t m = 0; m < kMetrics; ++m) {
      const auto metric = static_cast<Metric>(m);
      if (metric == Metric::kConcurrency || accounts_[i].used_ == 0 || !accounts_[i].is_shared(metric)) continue;
      const Taken left = accounts_[i].meters_[m].left();
      if (left.amount == 0) continue;
      accounts_[i].pins_.fetch_add(kOneAcquired);  // a sweep would give it to another
      left_[{&accounts_[i], metric}].taken = left;
    }
  }
}

Ledger::Told Ledger::told() const {
  return {header_->node.load(), header_->epoch.load()};
}

// In an order in which a kill in between leaves what tells too much rather than too little: an epoch that is not the
// node's is none.
void Ledger::set_told(const Told& told) {
  header_->epoch.store(0);
  header_->node.store(told.node);
  header_->epoch.store(told.epoch);
  touch();
}

void Ledger::note_left(Account& account, Metric metric, const Bound& bound) {
  if (const auto found = left_.find({&account, metric}); found != left_.end()) found->second.bound = bound;
}

void Ledger::settle_left(bool redis_knows) {
  const std::int64_t now_us = clock_.unix_micros();
  for (const auto& [at, left] : left_) {
    Meter& meter = at.first->meter(at.second);
    if (redis_knows) {
      meter.forget(left.taken);
    } else {
      // Each loop heard of Redis by itself: what one still held may be in what another knew to be spent.
      const Meter::Use use = meter.use(left.bound, now_us);
      const std::int64_t most = std::max<std::int64_t>(left.bound.limit - use.spent, 0);
      meter.settle(left.bound, left.taken, std::min(left.taken.amount, most), now_us);
    }
    release(*at.first);
  }
  left_.clear();
  touch();
}

Ledger::~Ledger() {
  stop();
  if (mapped_ != nullptr) ::munmap(mapped_, mapped_bytes_);
  if (file_ >= 0) ::close(file_);
}

std::atomic<std::uint32_t>& Ledger::chain_of(std::uint64_t budget, std::string_view subject) const {
  std::uint64_t hash = budget ^ seed_[0];
  while (subject.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, subject.data(), 8);
    hash = fold(hash ^ word, seed_[1] | 1);
    subject.remove_prefix(8);
  }
  std::uint64_t word = subject.size() + 1;
  subject.copy(reinterpret_cast<char*>(&word) + 1, subject.size());
  hash = fold(hash ^ word, seed_[0]);
  return chains_[static_cast<std::size_t>(hash) & (chain_count_ - 1)];
}

// Acquired, or null.
Account* Ledger::find(std::atomic<std::uint32_t>& head, std::uint64_t budget, std::string_view subject) {
  for (std::uint32_t at = head.load(std::memory_order_acquire); at != 0;) {
    Account& account = account_at(at);
    if (account.is(budget, subject)) {
      const std::uint64_t before = account.pins_.fetch_add(kOneAcquired, std::memory_order_acq_rel);
      if ((before & kDead) == 0) return &account;
      account.pins_.fetch_sub(1, std::memory_order_release);  // another one may stand in the chain
    }
    at = account.next_.load(std::memory_order_acquire);
  }
  return nullptr;
}

Account* Ledger::acquire(int lane, std::uint64_t budget, std::string_view text) {
  const Subject subject(text);
  if (lane != kNoLane) {
    const Section section(*this, lane);
    return acquire_in_section(budget, subject.text());
  }
  const std::lock_guard lock(no_lane_);
  const Section section(*this, options_.lanes);
  return acquire_in_section(budget, subject.text());
}

Account* Ledger::acquire_in_section(std::uint64_t budget, std::string_view subject) {
  std::atomic<std::uint32_t>& head = chain_of(budget, subject);
  if (Account* const known = find(head, budget, subject)) return known;
  Account* const made = allocate();
  if (made == nullptr) return nullptr;
  made->budget_ = budget;
  made->subject_size_ = static_cast<std::uint32_t>(subject.size());
  subject.copy(made->subject_, subject.size());
  made->pins_.store(kOneAcquired, std::memory_order_relaxed);
  made->used_.store(1, std::memory_order_release);  // no meter is marked
  // Whoever comes first is the one; the head changes when anybody comes.
  std::uint32_t seen = head.load(std::memory_order_acquire);
  for (;;) {
    if (Account* const known = find(head, budget, subject)) {
      put_back(*made);
      return known;
    }
    made->next_.store(seen, std::memory_order_relaxed);
    if (head.compare_exchange_strong(seen, reference_of(*made), std::memory_order_acq_rel)) return made;
  }
}

Account* Ledger::allocate() {
  std::uint64_t first = free_.load(std::memory_order_acquire);
  while (static_cast<std::uint32_t>(first) != 0) {
    Account& account = account_at(static_cast<std::uint32_t>(first));
    const std::uint64_t next = ((first >> 32) + 1) << 32 | account.next_.load(std::memory_order_relaxed);
    if (!free_.compare_exchange_weak(first, next, std::memory_order_acq_rel)) continue;
    in_use_.fetch_add(1, std::memory_order_relaxed);
    return &account;
  }
  std::uint32_t begun = header_->begun.load(std::memory_order_relaxed);
  do {
    if (begun >= capacity_) {
      full_.store(true, std::memory_order_relaxed);
      return nullptr;
    }
  } while (!header_->begun.compare_exchange_weak(begun, begun + 1));
  in_use_.fetch_add(1, std::memory_order_relaxed);
  return &accounts_[begun];
}

// Nobody else knows it.
void Ledger::put_back(Account& account) {
  account.used_.store(0, std::memory_order_relaxed);
  for (Meter& meter : account.meters_) meter = Meter();
  for (auto& alerted : account.alerted_) alerted.store(0, std::memory_order_relaxed);
  account.pins_.store(0, std::memory_order_relaxed);
  std::uint64_t first = free_.load(std::memory_order_relaxed);
  do {
    account.next_.store(static_cast<std::uint32_t>(first), std::memory_order_relaxed);
  } while (!free_.compare_exchange_weak(first, ((first >> 32) + 1) << 32 | reference_of(account),
                                        std::memory_order_acq_rel));
  if (in_use_.load(std::memory_order_relaxed) > 0) in_use_.fetch_sub(1, std::memory_order_relaxed);
}

void Ledger::for_each(std::uint64_t budget, const std::function<void(Account&)>& visit) {
  const std::lock_guard lock(no_lane_);
  for (std::size_t i = 0; i < chain_count_; ++i) {
    std::uint32_t at = chains_[i].load(std::memory_order_acquire);
    if (at == 0) continue;
    const Section section(*this, options_.lanes);
    for (at = chains_[i].load(std::memory_order_acquire); at != 0;) {
      Account& account = account_at(at);
      if (account.budget_ == budget) {
        const bool alive = (account.pins_.fetch_add(kOneAcquired, std::memory_order_acq_rel) & kDead) == 0;
        if (alive) visit(account);
        account.pins_.fetch_sub(1, std::memory_order_release);
      }
      at = account.next_.load(std::memory_order_acquire);
    }
  }
}

void Ledger::for_each_known(int lane, std::int64_t now_us, const KnownVisitor& visit) {
  const Section section(*this, lane);
  for (std::size_t i = 0; i < chain_count_; ++i) {
    for (std::uint32_t at = chains_[i].load(std::memory_order_acquire); at != 0;) {
      const Account& account = account_at(at);
      for (std::size_t metric = 0; metric < kMetrics; ++metric)
        if (const auto known = account.meters_[metric].known(now_us))
          visit(account, account.budget_, static_cast<Metric>(metric), *known);
      at = account.next_.load(std::memory_order_acquire);
    }
  }
}

std::shared_ptr<Counters> Ledger::counters(std::uint64_t budget) {
  const std::lock_guard lock(counters_mutex_);
  std::shared_ptr<Counters>& known = counters_[budget];
  if (!known) known = std::make_shared<Counters>();
  return known;
}

void Ledger::unlink(Account& account) {
  const std::uint32_t reference = reference_of(account);
  std::atomic<std::uint32_t>& head = chain_of(account.budget_, account.subject());
  for (;;) {
    std::uint32_t at = head.load(std::memory_order_acquire);
    if (at == reference) {
      if (head.compare_exchange_strong(at, account.next_.load(), std::memory_order_acq_rel)) return;
      continue;  // somebody has come before it
    }
    while (at != 0) {
      Account& one = account_at(at);
      at = one.next_.load(std::memory_order_acquire);
      if (at != reference) continue;
      one.next_.store(account.next_.load(), std::memory_order_release);
      return;
    }
    return;
  }
}

// Until everybody who was reading chains has left them.
void Ledger::wait_for_readers() const {
  for (int i = 0; i <= options_.lanes; ++i) {
    const auto& sections = lanes_[static_cast<std::size_t>(i)].sections;
    const std::uint64_t seen = sections.load();
    while ((seen & 1) != 0 && sections.load() == seen) std::this_thread::yield();
  }
}

void Ledger::sweep() {
  full_.store(false, std::memory_order_relaxed);
  const std::int64_t now_us = clock_.unix_micros();
  std::vector<Account*> dead;
  const std::uint32_t begun = header_->begun;
  for (std::uint32_t i = 0; i < begun; ++i) {
    Account& account = accounts_[i];
    // The pins count acquisitions, so that if they are the same after the look at the meters, nobody came in between.
    std::uint64_t pins = account.pins_.load(std::memory_order_acquire);
    if (account.used_.load(std::memory_order_acquire) == 0 || (pins & (kHolders | kDead)) != 0) continue;
    if (!account.idle(now_us)) continue;
    if (account.pins_.compare_exchange_strong(pins, pins | kDead, std::memory_order_acq_rel)) dead.push_back(&account);
  }
  for (Account* const one : dead) unlink(*one);
  if (dead.empty()) return;
  wait_for_readers();
  for (Account* const one : dead) put_back(*one);
  touch();
}

Result<void> Ledger::sync() {
  if (!dirty_.exchange(false)) return {};
  if (::fdatasync(file_) == 0) return {};
  dirty_ = true;
  sync_errors_.fetch_add(1, std::memory_order_relaxed);
  return unwritable(options_.path, "written");
}

void Ledger::start() {
  thread_ = std::thread([this] { run(); });
}

void Ledger::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(stop_mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  thread_.join();
}

void Ledger::run() {
  constexpr std::chrono::seconds kBetweenSweeps{1};
  auto swept_at = std::chrono::steady_clock::now();
  auto report_at = std::chrono::steady_clock::now();
  std::unique_lock lock(stop_mutex_);
  for (bool last = false; !last;) {
    last = stopped_.wait_for(lock, options_.sync, [this] { return stopping_; });
    lock.unlock();
    const auto now = std::chrono::steady_clock::now();
    const bool full = full_.load(std::memory_order_relaxed) && now - swept_at >= kBetweenSweeps;
    if (full || now - swept_at >= options_.sweep) {
      sweep();
      swept_at = now;
    }
    if (const auto synced = sync(); !synced && now >= report_at) {
      kLog.error("ledger_unwritable", {{"reason", synced.error().message}});
      report_at = now + std::chrono::minutes(1);
    }
    lock.lock();
  }
}

}  // namespace fairlead::budgets
