#include "budgets/ledger.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "base/id.h"
#include "budgets/budget.h"
#include "budgets/hold.h"

namespace fairlead::budgets {
namespace {

namespace fs = std::filesystem;

class LedgerTest : public testing::Test {
 public:
  LedgerTest() : folder_(fs::temp_directory_path() / ("ledger-" + new_id(SystemClock().unix_micros()))) {
    fs::create_directory(folder_);
  }
  ~LedgerTest() override { fs::remove_all(folder_); }
  std::string path() const { return (folder_ / "ledger").string(); }
  std::unique_ptr<Ledger> open(std::size_t accounts = 64, int lanes = 4) {
    auto opened = Ledger::open({.path = path(), .accounts = accounts, .lanes = lanes}, clock_);
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  Bound bound(std::int64_t limit) const {
    return {.limit = limit, .window_end = quarter_of(clock_.unix_micros() + 3'600'000'000)};
  }
  Meter::Use use(Ledger& ledger, std::uint64_t budget, std::string_view subject = {}) {
    Account* const account = ledger.acquire(Ledger::kNoLane, budget, subject);
    const Meter::Use out = account->meter(Metric::kCost).use(bound(1'000'000), clock_.unix_micros());
    Ledger::release(*account);
    return out;
  }
  Taken take(Account& account, std::int64_t amount, std::int64_t limit = 1'000'000) {
    Taken taken;
    std::int64_t ignored = 0;
    EXPECT_TRUE(account.meter(Metric::kCost).take(bound(limit), amount, clock_.unix_micros(), taken, ignored));
    return taken;
  }

  fs::path folder_;
  ManualClock clock_{1'800'000'000'000'000};
};

TEST_F(LedgerTest, KeepsWhatIsSpent) {
  {
    auto ledger = open();
    Account* const account = ledger->acquire(0, 7, "u-17");
    const Taken taken = take(*account, 100);
    account->meter(Metric::kCost).settle(bound(1'000'000), taken, 42, clock_.unix_micros());
    take(*account, 8);
    EXPECT_EQ(ledger->acquire(1, 7, "u-17"), account);
    EXPECT_NE(ledger->acquire(1, 7, "u-18"), account);
    EXPECT_NE(ledger->acquire(1, 8, "u-17"), account);
    EXPECT_EQ(ledger->used(), 3u);
  }
  auto ledger = open();
  EXPECT_EQ(ledger->used(), 3u);
  EXPECT_EQ(use(*ledger, 7, "u-17").spent, 50);
  EXPECT_EQ(use(*ledger, 7, "u-17").reserved, 0);
}

// What a process had set aside in Redis under its own name, when it was killed.
class LeftLedger : public LedgerTest {
 protected:
  std::unique_ptr<Ledger> open_shared(bool shared = true) {
    return std::move(*Ledger::open({.path = path(), .accounts = 64, .lanes = 4, .shared = shared}, clock_));
  }
  void leave() {
    auto ledger = open_shared();
    Account* const hard = ledger->acquire(0, 7, "u-17");
    const Taken taken = take(*hard, 100);
    hard->meter(Metric::kCost).settle(bound(1'000'000), taken, 42, clock_.unix_micros());
    hard->mark_shared(Metric::kCost, true);
    take(*hard, 8);
    take(*ledger->acquire(0, 7, "soft"), 30);
    ledger->set_told({17, 4});
  }
  void expect(const Meter::Use& is, std::int64_t spent, std::int64_t reserved) {
    EXPECT_EQ(is.spent, spent);
    EXPECT_EQ(is.reserved, reserved);
  }
};

TEST_F(LeftLedger, WaitsUntilItIsKnownWhatHasBecomeOfIt) {
  leave();
  for (int deaths = 0; deaths < 3; ++deaths) {
    auto ledger = open_shared();
    EXPECT_EQ(ledger->told().node, 17u);
    EXPECT_EQ(ledger->told().epoch, 4u);
    expect(use(*ledger, 7, "u-17"), 42, 8);
    expect(use(*ledger, 7, "soft"), 30, 0);
  }
  auto ledger = open_shared();
  Account* const account = ledger->acquire(0, 7, "u-17");
  const Taken of_this_process = take(*account, 5);
  ledger->settle_left(true);
  expect(use(*ledger, 7, "u-17"), 42, 5);
  account->meter(Metric::kCost).settle(bound(1'000'000), of_this_process, 5, clock_.unix_micros());
  ledger->settle_left(true);
  expect(use(*ledger, 7, "u-17"), 47, 0);
}

TEST_F(LeftLedger, IsSpentIfRedisDoesNotKnow) {
  leave();
  auto ledger = open_shared();
  ledger->settle_left(false);
  expect(use(*ledger, 7, "u-17"), 50, 0);
}

TEST_F(LeftLedger, IsNoMoreThanTheLimitHas) {
  leave();
  auto ledger = open_shared();
  ledger->note_left(*ledger->acquire(0, 7, "u-17"), Metric::kCost, bound(45));
  ledger->settle_left(false);
  expect(use(*ledger, 7, "u-17"), 45, 0);
}

TEST_F(LeftLedger, IsNotGivenToAnotherWhenItsWindowIsOver) {
  leave();
  auto ledger = open_shared();
  clock_.advance(std::chrono::hours(3));
  ledger->sweep();
  EXPECT_EQ(ledger->used(), 1u);
  ledger->settle_left(true);
  ledger->sweep();
  EXPECT_EQ(ledger->used(), 0u);
}

TEST_F(LeftLedger, IsSpentByOneThatIsAlone) {
  leave();
  {
    auto ledger = open_shared(false);
    expect(use(*ledger, 7, "u-17"), 50, 0);
    EXPECT_EQ(ledger->told().node, 0u);
  }
  auto ledger = open_shared();
  ledger->settle_left(true);
  expect(use(*ledger, 7, "u-17"), 50, 0);
  EXPECT_EQ(ledger->told().epoch, 0u);
}

TEST_F(LeftLedger, OfARateComesBackFromNowOn) {
  const Bound rate{.limit = 100, .refill_ns = 100'000'000'000};
  const auto take_of = [&](Ledger& ledger) {
    Account* const account = ledger.acquire(0, 9, "");
    account->mark_shared(Metric::kTokens, true);
    Taken taken;
    std::int64_t ignored = 0;
    EXPECT_TRUE(account->meter(Metric::kTokens).take(rate, 60, clock_.unix_micros(), taken, ignored));
  };
  const auto left_of = [&](Ledger& ledger) {
    return ledger.acquire(0, 9, "")->meter(Metric::kTokens).use(rate, clock_.unix_micros());
  };
  {
    auto ledger = open_shared();
    take_of(*ledger);
  }
  {
    auto ledger = open_shared();
    expect(left_of(*ledger), 0, 60);
    ledger->settle_left(true);
    expect(left_of(*ledger), 0, 0);
    take_of(*ledger);
  }
  auto ledger = open_shared();
  ledger->note_left(*ledger->acquire(0, 9, ""), Metric::kTokens, rate);
  ledger->settle_left(false);
  expect(left_of(*ledger), 60, 0);
}

TEST_F(LedgerTest, LongSubjectsAreToldApart) {
  auto ledger = open();
  const std::string one(5000, 'x'), other = std::string(4999, 'x') + "y";
  EXPECT_EQ(ledger->acquire(0, 1, one), ledger->acquire(1, 1, one));
  EXPECT_NE(ledger->acquire(0, 1, one), ledger->acquire(1, 1, other));
  EXPECT_NE(ledger->acquire(0, 1, std::string(108, 'x')), ledger->acquire(0, 1, std::string(109, 'x')));
}

TEST_F(LedgerTest, TwoProcessesDoNotShareOne) {
  auto ledger = open();
  const auto second = Ledger::open({.path = path(), .accounts = 64}, clock_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "ledger_in_use");
}

TEST_F(LedgerTest, WhatIsNoLedgerIsLeftAlone) {
  std::ofstream(path()) << std::string(10'000, 'x');
  const auto opened = Ledger::open({.path = path(), .accounts = 64}, clock_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "ledger_unreadable");
}

TEST_F(LedgerTest, AFileOfZerosIsOneThatWasNotFinished) {
  std::ofstream(path()) << std::string(5'000, '\0');
  EXPECT_NE(open()->acquire(0, 1, ""), nullptr);
}

TEST_F(LedgerTest, GrowsAndNeverShrinks) {
  {
    auto ledger = open(16);
    for (int i = 0; i < 16; ++i) take(*ledger->acquire(0, 1, std::to_string(i)), i + 1);
    EXPECT_EQ(ledger->acquire(0, 1, "one more"), nullptr);
  }
  {
    auto ledger = open(64);
    EXPECT_EQ(ledger->capacity(), 64u);
    EXPECT_NE(ledger->acquire(0, 1, "one more"), nullptr);
  }
  auto ledger = open(16);
  EXPECT_EQ(ledger->capacity(), 64u);
  for (int i = 0; i < 16; ++i) EXPECT_EQ(use(*ledger, 1, std::to_string(i)).spent, i + 1);
}

TEST_F(LedgerTest, SweepsWhatNobodyWouldMiss) {
  auto ledger = open(16);
  for (int i = 0; i < 16; ++i) {
    Account* const account = ledger->acquire(0, 1, std::to_string(i));
    const Taken taken = take(*account, 10);
    account->meter(Metric::kCost).settle(bound(100), taken, 5, clock_.unix_micros());
    if (i != 3) Ledger::release(*account);
  }
  EXPECT_EQ(ledger->acquire(0, 1, "one more"), nullptr);
  ledger->sweep();
  EXPECT_EQ(ledger->used(), 16u) << "the window is not over";
  clock_.advance(std::chrono::hours(2));
  ledger->sweep();
  EXPECT_EQ(ledger->used(), 1u) << "one is held";
  for (int i = 0; i < 15; ++i) ASSERT_NE(ledger->acquire(0, 2, std::to_string(i)), nullptr);
  EXPECT_EQ(ledger->acquire(0, 2, "one more"), nullptr);
}

TEST_F(LedgerTest, AlertsComeOnceAWindow) {
  auto ledger = open();
  Account* const account = ledger->acquire(0, 1, "");
  EXPECT_EQ(account->alert(Metric::kCost, 7, 0b001), 0b001);
  EXPECT_EQ(account->alert(Metric::kCost, 7, 0b011), 0b010);
  EXPECT_EQ(account->alert(Metric::kCost, 7, 0b011), 0);
  EXPECT_EQ(account->alert(Metric::kTokens, 7, 0b001), 0b001);
  EXPECT_EQ(account->alert(Metric::kCost, 8, 0b001), 0b001);
}

// Threads that come for the same few hundred subjects, while others are swept away under them: no two ever have an
// account each for one subject, and no count is lost.
TEST_F(LedgerTest, ThreadsMeetAtOneAccount) {
  constexpr int kThreads = 4, kSubjects = 300, kRounds = 200;
  auto ledger = open(2048, kThreads);
  std::atomic<bool> done{false};
  std::thread sweeper([&] {
    while (!done) ledger->sweep();
  });
  std::vector<std::thread> threads;
  for (int lane = 0; lane < kThreads; ++lane) {
    threads.emplace_back([&, lane] {
      std::mt19937 random(static_cast<unsigned>(lane));
      for (int round = 0; round < kRounds; ++round) {
        for (int i = 0; i < kSubjects; ++i) {
          // One that is counted, and one that is idle at once and may be swept.
          Account* const counted = ledger->acquire(lane, 1, std::to_string(i));
          ASSERT_NE(counted, nullptr);
          const Taken taken = take(*counted, 1, 1'000'000'000);
          counted->meter(Metric::kCost).settle(bound(1), taken, 1, clock_.unix_micros());
          Ledger::release(*counted);
          if (Account* const idle = ledger->acquire(lane, 2, std::to_string(random() % 1000))) Ledger::release(*idle);
        }
      }
    });
  }
  for (std::thread& one : threads) one.join();
  done = true;
  sweeper.join();
  for (int i = 0; i < kSubjects; ++i) ASSERT_EQ(use(*ledger, 1, std::to_string(i)).spent, kThreads * kRounds) << i;
}

TEST_F(LedgerTest, TheThreadSyncsAndSweeps) {
  auto opened = Ledger::open({.path = path(), .accounts = 16, .sync = Millis(1), .sweep = Millis(1)}, clock_);
  ASSERT_TRUE(opened);
  (*opened)->start();
  Ledger::release(*(*opened)->acquire(0, 1, "gone"));
  for (int i = 0; i < 5000 && (*opened)->used() > 0; ++i) std::this_thread::sleep_for(Millis(1));
  EXPECT_EQ((*opened)->used(), 0u);
  (*opened)->stop();
}

// --- Death at every instruction -------------------------------------------------------------------------------------

constexpr std::int64_t kWorst = 1000, kTruth = 10;
constexpr std::int64_t kReadAt = 1'800'000'000'000'000;

Definition definition(std::string name, std::vector<Definition::Limit> limits, std::optional<Scope> each = {}) {
  Definition out;
  out.project = "bank";
  out.name = std::move(name);
  out.each = each;
  out.limits = std::move(limits);
  return out;
}

Book book_of(Ledger& ledger) {
  std::vector<Definition> all;
  all.push_back(
      definition("all", {{Metric::kRequests, 1'000'000}, {Metric::kCost, 1'000'000'000}, {Metric::kConcurrency, 8}}));
  all.push_back(definition("users", {{Metric::kCost, 1'000'000'000}}, Scope::kUser));
  return {"bank", std::move(all), ledger};
}

Amounts amounts(std::int64_t cost) {
  Amounts out{};
  out[static_cast<std::size_t>(Metric::kRequests)] = 1;
  out[static_cast<std::size_t>(Metric::kCost)] = cost;
  return out;
}

void call(const Book& book, std::string_view user, int lane) {
  Hold hold;
  if (!hold.enter(book, {.user = user}, Hold::Part::kAll, lane, kReadAt)) std::abort();
  if (!hold.reserve(amounts(kWorst), kReadAt)) std::abort();
  if (!hold.reserve(amounts(kWorst + 500), kReadAt)) std::abort();
  hold.settle(amounts(kTruth), kReadAt);
}

struct Sums {
  std::int64_t all = 0, user = 0, requests = 0, in_flight = 0;
};
Sums sums_of(const std::string& path) {
  ManualClock clock(kReadAt);
  auto ledger = Ledger::open({.path = path, .accounts = 16, .lanes = 1}, clock);
  if (!ledger) {
    ADD_FAILURE() << ledger.error().message;
    return {};
  }
  const Book book = book_of(**ledger);
  const auto of = [&](const char* name, const char* user, Metric metric) {
    const Budget& budget = *book.find(name);
    Account* const account = (*ledger)->acquire(0, budget.id(), user);
    const Meter::Use use = account->meter(metric).use(budget.bound({metric, 1}, kReadAt), kReadAt);
    Ledger::release(*account);
    return use.spent + use.reserved;
  };
  return {of("all", "", Metric::kCost), of("users", "u", Metric::kCost), of("all", "", Metric::kRequests),
          of("all", "", Metric::kConcurrency)};
}

// A child makes one call, an instruction at a time; after each the file is what a death there would leave. Whatever has
// been spent is never less than what had been settled, never more than the worst, and a death during recovery, and
// another start after it, change nothing.
TEST_F(LedgerTest, ADeathAtAnyInstructionLosesNothing) {
  auto* const settled =
      static_cast<std::atomic<int>*>(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const pid_t child = ::fork();
  if (child == 0) {
    ManualClock clock(kReadAt);
    auto ledger = Ledger::open({.path = path(), .accounts = 16, .lanes = 1}, clock);
    const Book book = book_of(**ledger);
    call(book, "v", 0);  // what is called for the first time is linked now
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(3);
    ::raise(SIGSTOP);
    call(book, "u", 0);
    settled->store(1);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status)) GTEST_SKIP() << "no process may trace another here";
  const std::string copy = path() + ".copy";
  std::string before;
  std::int64_t steps = 0, states = 0, most = 0;
  for (;;) {
    ::ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr);
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status)) break;
    ASSERT_TRUE(WIFSTOPPED(status));
    ++steps;
    std::string now;
    {
      std::ifstream in(path(), std::ios::binary);
      now.assign(std::istreambuf_iterator<char>(in), {});
    }
    if (now == before) continue;
    ++states;
    before = now;
    std::ofstream(copy, std::ios::binary) << now;
    const Sums sums = sums_of(copy);
    // One call with another user had ended before.
    ASSERT_GE(sums.all, 2 * kTruth - (settled->load() == 0 ? kTruth : 0)) << "step " << steps;
    ASSERT_LE(sums.all, kTruth + kWorst + 500) << "step " << steps;
    ASSERT_LE(sums.user, kWorst + 500) << "step " << steps;
    ASSERT_GE(sums.requests, 1);
    ASSERT_LE(sums.requests, 2);
    ASSERT_EQ(sums.in_flight, 0) << "who is dead is not in flight";
    const Sums again = sums_of(copy);
    ASSERT_EQ(again.all, sums.all);
    ASSERT_EQ(again.user, sums.user);
    most = std::max(most, sums.all);
    fs::remove(copy);
  }
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(most, kTruth + kWorst + 500) << "what was reserved at a death is spent";
  EXPECT_GT(states, 12) << steps;
  const Sums end = sums_of(path());
  EXPECT_EQ(end.all, 2 * kTruth);
  EXPECT_EQ(end.user, kTruth);
  EXPECT_EQ(end.requests, 2);
  ::munmap(settled, 4096);
}

// Threads at full speed, killed at some moment: what they know to be settled is there, and no more than what was open.
TEST_F(LedgerTest, AKillUnderLoadLosesNothing) {
  constexpr int kThreads = 3;
  auto* const settled = static_cast<std::atomic<std::int64_t>*>(
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  std::mt19937 random(11);
  std::int64_t before = 0;
  for (int round = 0; round < 30; ++round) {
    *settled = 0;
    const pid_t child = ::fork();
    if (child == 0) {
      ManualClock clock(kReadAt);
      auto ledger = Ledger::open({.path = path(), .accounts = 16, .lanes = kThreads}, clock);
      const Book book = book_of(**ledger);
      std::vector<std::thread> threads;
      for (int lane = 0; lane < kThreads; ++lane) {
        threads.emplace_back([&, lane] {
          for (;;) {
            call(book, lane == 0 ? "u" : "v", lane);
            settled->fetch_add(kTruth);
          }
        });
      }
      for (std::thread& one : threads) one.join();
    }
    while (settled->load() == 0) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    const std::int64_t spent = sums_of(path()).all - before;
    ASSERT_GE(spent, settled->load());
    ASSERT_LE(spent, settled->load() + kThreads * (kWorst + 500 + kTruth));
    before += spent;
  }
  ::munmap(settled, 4096);
}

}  // namespace
}  // namespace fairlead::budgets
