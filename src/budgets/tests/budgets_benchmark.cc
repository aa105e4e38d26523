// What budgets cost a call: three in force, one of them for each user; and beside the thread that writes the ledger
// out, for how long the slowest call had to wait. Run by hand: budgets_benchmark [FOLDER].
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "budgets/hold.h"

using namespace fairlead;
using namespace fairlead::budgets;

namespace {

using Timer = std::chrono::steady_clock;

double nanos_since(Timer::time_point start) {
  return std::chrono::duration<double, std::nano>(Timer::now() - start).count();
}

Definition definition(std::string name, std::vector<Definition::Limit> limits) {
  Definition out;
  out.project = "bank";
  out.name = std::move(name);
  out.limits = std::move(limits);
  out.period.kind = Period::Kind::kCalendar;
  out.period.zone = *TimeZone::load("UTC");
  out.period.text = "month";
  return out;
}

struct Latencies {
  std::vector<double> ns;
  double at(double share) { return ns[static_cast<std::size_t>(share * static_cast<double>(ns.size() - 1))]; }
};

// All that a call asks of budgets, `calls` times on each of `threads`.
Latencies run(const Book& book, int threads, int calls) {
  constexpr Amounts kWorst = {1, 900, 500, 1400, 7'000'000, 0}, kTruth = {1, 210, 180, 390, 1'900'000, 0};
  std::vector<Latencies> of_thread(static_cast<std::size_t>(threads));
  std::vector<std::thread> running;
  for (int lane = 0; lane < threads; ++lane) {
    running.emplace_back([&, lane] {
      std::vector<std::string> users;
      for (int i = 0; i < 1000; ++i) users.push_back("user-" + std::to_string(i));
      Latencies& out = of_thread[static_cast<std::size_t>(lane)];
      out.ns.reserve(static_cast<std::size_t>(calls));
      const SystemClock clock;
      for (int i = 0; i < calls; ++i) {
        const auto start = Timer::now();
        Hold hold;
        bool ok = hold.enter(book, {.key = "checkout", .user = users[static_cast<std::size_t>(i % 1000)]},
                             Hold::Part::kAll, lane, clock.unix_micros())
                      .has_value();
        ok = ok && hold.reserve(kWorst, clock.unix_micros()).has_value();
        hold.settle(kTruth, clock.unix_micros());
        out.ns.push_back(nanos_since(start));
        if (!ok) std::abort();
      }
    });
  }
  for (std::thread& one : running) one.join();
  Latencies all;
  for (const Latencies& one : of_thread) all.ns.insert(all.ns.end(), one.ns.begin(), one.ns.end());
  std::ranges::sort(all.ns);
  return all;
}

void print(const char* what, Latencies latencies) {
  double sum = 0;
  for (const double one : latencies.ns) sum += one;
  std::printf("%-44s %8.0f %8.0f %8.0f %10.0f %10.0f\n", what, sum / static_cast<double>(latencies.ns.size()),
              latencies.at(0.5), latencies.at(0.99), latencies.at(0.9999), latencies.ns.back());
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path folder = argc > 1 ? argv[1] : std::filesystem::temp_directory_path();
  const std::string path = (folder / ("budgets_benchmark." + std::to_string(::getpid()))).string();
  const SystemClock clock;
  {
    auto ledger = *Ledger::open({.path = path, .lanes = 8}, clock);
    std::vector<Definition> all;
    all.push_back(definition("all", {{Metric::kRequests, 1'000'000'000}, {Metric::kCost, 9'000'000'000'000'000}}));
    all.push_back(definition("checkout", {{Metric::kTokens, 1'000'000'000'000}, {Metric::kConcurrency, 1000}}));
    all.back().conditions.push_back({Scope::kKey, {"checkout"}});
    all.push_back(definition("users", {{Metric::kTokens, 1'000'000'000}, {Metric::kCost, 900'000'000'000'000}}));
    all.back().each = Scope::kUser;
    const Book book("bank", std::move(all), *ledger);
    std::printf("%-44s %8s %8s %8s %10s %10s  (ns a call)\n", "three budgets, six limits", "mean", "p50", "p99",
                "p99.99", "max");
    run(book, 1, 100'000);
    print("one thread, nothing written out", run(book, 1, 1'000'000));
    print("two threads, nothing written out", run(book, 2, 1'000'000));
    ledger->start();
    print("one thread, written out every 50 ms", run(book, 1, 4'000'000));
    print("two threads, written out every 50 ms", run(book, 2, 4'000'000));
    const Book none("bank", {}, *ledger);
    print("no budget covers the call", run(none, 1, 1'000'000));
  }
  std::filesystem::remove(path);
  return 0;
}
