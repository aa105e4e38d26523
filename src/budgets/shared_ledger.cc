#include "budgets/shared_ledger.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_future.hpp>
#include <cstring>
#include <future>
#include <map>
#include <unordered_map>

#include "base/digest.h"
#include "base/id.h"
#include "budgets/internal/log.h"
#include "budgets/internal/scripts.h"

namespace fairlead::budgets {
namespace {

constexpr std::chrono::milliseconds kFarewell{1'000};
constexpr std::int64_t kRetry_ms = 1'000;
constexpr std::size_t kMostAtOnce = 200;  // meters in one script
constexpr std::size_t kMostIds = 50'000;

std::string hex_of(std::uint64_t number) {
  char hex[17];
  std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(number));
  return hex;
}

std::string key_of(std::uint64_t budget, Metric metric, std::string_view subject) {
  return hex_of(budget) + ":" + std::to_string(static_cast<int>(metric)) + ":" + std::string(subject);
}

std::string micros_text(std::chrono::milliseconds time) {
  return std::to_string(time.count() * 1'000);
}

void append(std::vector<std::string>& to, const SharedLimit& one) {
  to.push_back(key_of(one.budget, one.metric, one.subject));
  to.emplace_back(one.metric == Metric::kConcurrency ? "c" : one.refill_us > 0 ? "b" : "w");
  to.emplace_back(one.metric == Metric::kRequests ? "1" : "0");
  to.push_back(one.period);
  for (const std::int64_t number : {one.window_end_us, one.amount, one.limit, one.refill_us})
    to.push_back(std::to_string(number));
}

std::uint64_t random_name() {
  std::uint64_t out = 0;
  const std::string random = random_bytes(sizeof out);
  std::memcpy(&out, random.data(), sizeof out);
  return out | 1;
}

}  // namespace

class SharedLedger::Lane {
 public:
  Lane(SharedLedger& shared, async::Loop& loop, shared::RedisOptions options)
      : shared_(shared),
        loop_(loop),
        member_(shared.node_ + "." + std::to_string(loop.index())),
        redis_(loop, std::move(options)),
        pause_(loop.executor()),
        farewell_(loop.executor()),
        tasks_(loop.executor()) {}

  void start() {
    redis_.start([this] { return join(); });
    tasks_.spawn(beat());
  }

  async::Task<void> stop() {
    const auto until = std::chrono::steady_clock::now() + kFarewell;
    while (!(open_.empty() && batch_.empty() && added_.empty()) && redis_.ready() &&
           std::chrono::steady_clock::now() < until)
      co_await wait(farewell_, std::chrono::milliseconds(5));
    stopping_ = true;
    pause_.cancel();
    co_await redis_.stop();
    co_await tasks_.join();
  }

  std::uint64_t new_id() { return ++last_id_; }

  async::Task<Result<SharedAnswer>> take(std::uint64_t id, std::uint64_t before, bool spend_requests,
                                         std::vector<SharedLimit> limits) {
    if (!redis_.ready()) co_return fail(away(redis_.unavailable(), kRetry_ms));
    if (shared_.seeded_ != epoch_) co_return fail(away(telling(), kRetry_ms));
    std::vector<std::string> arguments = {member_,
                                          std::to_string(generation_),
                                          std::to_string(id),
                                          before == 0 ? std::string() : std::to_string(before),
                                          spend_requests ? "1" : "0",
                                          std::to_string(limits.size())};
    for (const SharedLimit& one : limits) append(arguments, one);
    auto asked = co_await redis_.ask(internal::kTake, std::move(arguments));
    if (!asked) co_return fail(away(std::move(asked).error(), kRetry_ms));
    const shared::Reply& reply = *asked;
    switch (reply.number(0, -1)) {
      case 1:
        break;
      case 0:
        co_return SharedAnswer{static_cast<std::size_t>(reply.number(2)),
                               reply.number(3),
                               reply.number(4),
                               reply.number(5),
                               reply.number(6),
                               {}};
      case -2:
        co_return fail(away(telling(), (reply.number(1) + 999) / 1'000));
      case -3:
        shared_.learn_time(reply.number(1));
        co_return fail(ErrorKind::kConflict, "window_over", "A window has ended by Redis's clock.");
      default:
        redis_.drop("it does not know this node any longer");
        co_return fail(away(redis_.unavailable(), kRetry_ms));
    }
    SharedAnswer out;
    for (std::size_t i = 0; i < limits.size(); ++i) {
      out.seen.push_back({reply.number(2 + 2 * i), reply.number(3 + 2 * i)});
      if (limits[i].refill_us == 0 && limits[i].metric != Metric::kConcurrency)
        limits[i].window_end_us = out.seen[i].end_us;
      if (spend_requests && limits[i].metric == Metric::kRequests) limits[i].amount = 0;
    }
    if (const auto earlier = open_.find(before); earlier != open_.end()) {
      std::size_t at = 2 + 2 * limits.size();
      for (SharedLimit& one : earlier->second.limits) {
        if (one.metric != Metric::kRequests) continue;
        one.amount = 0;
        hear(one, {reply.number(at), reply.number(at + 1)});
        at += 2;
      }
    }
    open_.emplace(id, Open{std::move(limits), std::nullopt});
    co_return out;
  }

  void settle(std::uint64_t id, std::span<const Truth> truths) {
    const auto found = open_.find(id);
    if (found == open_.end()) return;
    found->second.truths.emplace(truths.begin(), truths.end());
    if (redis_.ready()) send_settlement(id, *found->second.truths);
  }

  void add(SharedLimit what) {
    if (what.amount == 0) return;
    std::string key = key_of(what.budget, what.metric, what.subject) + "@" + std::to_string(what.window_end_us);
    const auto [at, is_new] = added_.try_emplace(std::move(key), what);
    if (!is_new) at->second.amount += what.amount;
    if (redis_.ready() && batch_.empty()) send_batch();
  }

  async::Loop& loop() { return loop_; }
  bool was_ready() const { return was_ready_; }
  bool connected() const { return redis_.ready(); }
  std::uint64_t errors() const { return redis_.errors(); }

 private:
  struct Open {
    std::vector<SharedLimit> limits;
    std::optional<std::vector<Truth>> truths;  // when it has ended, until Redis has heard it
  };

  static Error telling() {
    return {ErrorKind::kUnavailable, "redis_unavailable",
            "Redis has been away, and the nodes are telling it what is spent."};
  }

  static Error away(Error why, std::int64_t retry_after_ms) {
    if (why.kind != ErrorKind::kUnavailable) {
      kLog.error("redis_error", {{"reason", why.message}});
      why = {ErrorKind::kUnavailable, "redis_unavailable", "Redis refused a command; the log has its words."};
    }
    why.retry_after_ms = retry_after_ms;
    return why;
  }

  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, async::Executor>;
  static async::Task<void> wait(Timer& timer, std::chrono::milliseconds time) {
    boost::system::error_code ignored;
    timer.expires_after(time);
    co_await timer.async_wait(boost::asio::redirect_error(async::use_task, ignored));
  }

  // The first that is said on a connection.
  async::Task<Result<void>> join() {
    std::vector<std::string> info = {"INFO", "server"};
    auto told = co_await redis_.ask(std::move(info));
    if (!told) co_return fail(std::move(told).error());
    constexpr std::string_view kRun = "run_id:";
    const std::size_t at = told->text.find(kRun);
    if (at == std::string::npos)
      co_return fail(ErrorKind::kUnavailable, "redis_unavailable", "it does not say which run of Redis it is");
    const std::string run = told->text.substr(at + kRun.size(), 40);
    ++generation_;
    std::vector<std::string> arguments = {member_,
                                          std::to_string(generation_),
                                          run,
                                          micros_text(shared_.timing_.grace),
                                          micros_text(shared_.timing_.lease),
                                          std::to_string(open_.size())};
    for (const auto& [id, open] : open_) {
      arguments.push_back(std::to_string(id));
      arguments.push_back(std::to_string(open.limits.size()));
      for (const SharedLimit& one : open.limits) append(arguments, one);
    }
    auto joined = co_await redis_.ask(internal::kJoin, std::move(arguments));
    if (!joined) co_return fail(std::move(joined).error());
    settled_.clear();  // none of them was listed
    shared_.learn_time(joined->number(0));
    const std::string epoch = joined->list.size() > 1 ? joined->list[1].text : std::string();
    epoch_ = std::hash<std::string>{}(epoch) | 1;
    joined_in_ = epoch_;
    note_told();
    if (loop_.index() == 0 && shared_.seeded_ != epoch_) tasks_.spawn(seed_when_all_have_added(epoch_));
    for (const auto& [id, open] : open_)
      if (open.truths) send_settlement(id, *open.truths);
    if (batch_.empty() && added_.empty())
      added_in_ = epoch_;
    else
      send_batch();
    co_return Result<void>{};
  }

  // Who was here before this process is dead, and what it had set aside is spent in Redis, unless Redis does not know
  // it any longer: then it is spent here, and told with the rest.
  async::Task<Result<void>> follow(bool redis_knows) {
    const std::uint64_t before = shared_.ledger_.told().node;
    if (before != 0 && before != shared_.name_) {
      std::vector<std::string> arguments = {hex_of(before) + "."};
      const auto buried = co_await redis_.ask(internal::kBury, std::move(arguments));
      if (!buried) co_return fail(buried.error());
    }
    shared_.ledger_.settle_left(redis_knows);
    co_return Result<void>{};
  }

  // Each lane's reservations are in this epoch: who follows this process need not tell them.
  void note_told() {
    const auto has_joined = [this](const auto& lane) { return lane->joined_in_ == epoch_; };
    if (loop_.index() != 0 || shared_.seeded_ != epoch_ || shared_.ledger_.told().epoch == epoch_ ||
        !std::ranges::all_of(shared_.lanes_, has_joined))
      return;
    shared_.ledger_.set_told({shared_.name_, epoch_});
  }

  // What this node knows has in it what it counted for soft limits and has not yet added in Redis.
  async::Task<void> seed_when_all_have_added(std::uint64_t epoch) {
    Timer timer(loop_.executor());
    const auto until = std::chrono::steady_clock::now() + shared_.timing_.grace / 4;
    const auto has_added = [epoch](const auto& lane) { return lane->added_in_ == epoch; };
    while (!std::ranges::all_of(shared_.lanes_, has_added) && std::chrono::steady_clock::now() < until &&
           epoch == epoch_ && !stopping_)
      co_await wait(timer, std::chrono::milliseconds(2));
    if (epoch != epoch_ || stopping_) co_return;
    const bool redis_knows = shared_.ledger_.told().epoch == epoch;
    auto told = co_await follow(redis_knows);
    if (told) {
      auto seeded = co_await seed(redis_knows);
      told = std::move(seeded);
    }
    if (!told) {
      redis_.drop(told.error().message);  // it is tried again with the next connection
      co_return;
    }
    // From now on calls set aside in this process's name.
    if (shared_.ledger_.told().node != shared_.name_)
      shared_.ledger_.set_told({shared_.name_, redis_knows ? epoch : 0});
    shared_.seeded_ = epoch;
    note_told();
  }

  // All that this node knows to be spent, but for what it knows from this Redis, which may have been corrected since.
  async::Task<Result<void>> seed(bool redis_knows) {
    std::vector<std::string> known;
    shared_.ledger_.for_each_known(
        loop_.index(), shared_.now_us(),
        [&](const Account& account, std::uint64_t budget, Metric metric, const Meter::Known& one) {
          if (redis_knows && account.is_shared(metric)) return;
          known.push_back(key_of(budget, metric, account.subject()));
          known.emplace_back(one.is_bucket ? "b" : "w");
          known.push_back(std::to_string(one.end_us));
          known.push_back(std::to_string(one.spent));
        });
    for (std::size_t from = 0; from < known.size(); from += 4 * kMostAtOnce) {
      const std::size_t to = std::min(known.size(), from + 4 * kMostAtOnce);
      std::vector<std::string> arguments = {std::to_string((to - from) / 4)};
      arguments.insert(arguments.end(), known.begin() + static_cast<std::ptrdiff_t>(from),
                       known.begin() + static_cast<std::ptrdiff_t>(to));
      auto seeded = co_await redis_.ask(internal::kSeed, std::move(arguments));
      if (!seeded) co_return fail(std::move(seeded).error());
    }
    co_return Result<void>{};
  }

  void note_opening(std::int64_t wait_us) { was_ready_ = was_ready_ || (wait_us == 0 && shared_.seeded_ == epoch_); }

  async::Task<void> beat() {
    while (!stopping_) {
      co_await wait(pause_, was_ready_ ? shared_.timing_.beat : shared_.timing_.beat / 10);
      if (stopping_ || !redis_.ready()) continue;
      std::vector<std::string> arguments = {member_, std::to_string(generation_), micros_text(shared_.timing_.lease)};
      const std::uint64_t generation = generation_;
      const std::size_t told = std::min(settled_.size(), kMostIds);
      for (std::size_t i = 0; i < told; ++i) arguments.push_back(std::to_string(settled_[i]));
      auto beaten = co_await redis_.ask(internal::kBeat, std::move(arguments));
      if (!beaten || generation != generation_) continue;
      settled_.erase(settled_.begin(), settled_.begin() + static_cast<std::ptrdiff_t>(told));
      shared_.learn_time(beaten->number(1));
      if (beaten->number(0) == 0)
        redis_.drop("it does not know this node any longer");
      else
        note_opening(beaten->number(2));
      note_told();
    }
  }

  void send_settlement(std::uint64_t id, const std::vector<Truth>& truths) {
    std::vector<std::string> arguments = {member_, std::to_string(id)};
    for (const Truth& one : truths) {
      arguments.push_back(std::to_string(one.place));
      arguments.push_back(std::to_string(one.amount));
    }
    redis_.run(internal::kSettle, std::move(arguments), [this, id](const Result<shared::Reply>& reply) {
      if (!reply && reply.error().code == "redis_unavailable") return;  // it is sent again with the next connection
      if (!reply) kLog.error("redis_error", {{"reason", reply.error().message}});
      const auto found = open_.find(id);
      if (found == open_.end()) return;
      const Open& open = found->second;
      for (std::size_t i = 0; i < open.truths->size(); ++i) {
        const Truth& truth = (*open.truths)[i];
        SharedAnswer::Seen seen{0, 0};
        if (reply) seen = {reply->number(2 * i), reply->number(2 * i + 1)};
        hear(open.limits[truth.place], seen, &truth.here);
      }
      open_.erase(found);
      settled_.push_back(id);
    });
  }

  void send_batch() {
    if (batch_.empty()) {
      ++batch_number_;
      for (auto one = added_.begin(); one != added_.end() && batch_.size() < kMostAtOnce; one = added_.erase(one))
        batch_.push_back(std::move(one->second));
    }
    std::vector<std::string> arguments = {member_, std::to_string(batch_number_), std::to_string(batch_.size())};
    for (const SharedLimit& one : batch_) append(arguments, one);
    redis_.run(internal::kAdd, std::move(arguments), [this](const Result<shared::Reply>& reply) {
      if (!reply && reply.error().code == "redis_unavailable") return;
      if (!reply) kLog.error("redis_error", {{"reason", reply.error().message}});
      for (std::size_t i = 0; reply && i < batch_.size(); ++i)
        hear(batch_[i], {reply->number(2 * i), reply->number(2 * i + 1)});
      batch_.clear();
      if (added_.empty())
        added_in_ = epoch_;
      else if (redis_.ready())
        send_batch();
    });
  }

  // What is spent of it, and that what was set aside here no longer is.
  void hear(const SharedLimit& of, const SharedAnswer::Seen& seen, const Taken* here = nullptr) {
    Account* const account = shared_.ledger_.acquire(loop_.index(), of.budget, of.subject);
    if (account == nullptr) return;
    Meter& meter = account->meter(of.metric);
    if (seen.end_us != 0) meter.raise(of.refill_us > 0, seen.spent, seen.end_us);
    if (here != nullptr)
      meter.settle({.limit = of.limit, .refill_ns = of.refill_us * 1'000}, *here, 0, shared_.now_us());
    Ledger::release(*account);
    shared_.ledger_.touch();
  }

  SharedLedger& shared_;
  async::Loop& loop_;
  const std::string member_;
  shared::Redis redis_;
  Timer pause_, farewell_;
  async::TaskGroup tasks_;
  std::uint64_t last_id_ = 0, generation_ = 0, batch_number_ = 0;
  std::uint64_t epoch_ = 0;                  // that the connection is in
  std::atomic<std::uint64_t> joined_in_{0};  // in which Redis has all that is open
  std::atomic<std::uint64_t> added_in_{0};   // in which nothing is left from before
  std::unordered_map<std::uint64_t, Open> open_;
  std::vector<std::uint64_t> settled_;        // which Redis has not been told that it is known
  std::map<std::string, SharedLimit> added_;  // soft, not sent
  std::vector<SharedLimit> batch_;            // sent, not heard of
  bool stopping_ = false;
  std::atomic<bool> was_ready_{false};
};

SharedLedger::SharedLedger(async::Runtime& runtime, const shared::RedisOptions& options, Ledger& ledger,
                           const Clock& clock, Timing timing)
    : ledger_(ledger), clock_(clock), timing_(timing), name_(random_name()), node_(hex_of(name_)) {
  for (int i = 0; i < runtime.size(); ++i) lanes_.push_back(std::make_unique<Lane>(*this, runtime.loop(i), options));
}

SharedLedger::~SharedLedger() = default;

void SharedLedger::start() {
  started_ = true;
  for (const auto& lane : lanes_) {
    Lane* const one = lane.get();
    one->loop().post([one] { one->start(); });
  }
}

void SharedLedger::stop() {
  if (!started_) return;
  started_ = false;
  std::vector<std::future<void>> stopped;
  for (const auto& lane : lanes_)
    stopped.push_back(boost::asio::co_spawn(lane->loop().executor(), lane->stop(), boost::asio::use_future));
  for (auto& one : stopped) one.get();
}

std::uint64_t SharedLedger::new_id(int lane) {
  return lanes_[static_cast<std::size_t>(lane)]->new_id();
}

async::Task<Result<SharedAnswer>> SharedLedger::take(int lane, std::uint64_t id, std::uint64_t before,
                                                     bool spend_requests, std::vector<SharedLimit> limits) {
  return lanes_[static_cast<std::size_t>(lane)]->take(id, before, spend_requests, std::move(limits));
}

void SharedLedger::settle(int lane, std::uint64_t id, std::span<const Truth> truths) {
  lanes_[static_cast<std::size_t>(lane)]->settle(id, truths);
}

void SharedLedger::add(int lane, SharedLimit what) {
  lanes_[static_cast<std::size_t>(lane)]->add(std::move(what));
}

bool SharedLedger::ready() const {
  return std::ranges::all_of(lanes_, [](const auto& lane) { return lane->was_ready(); });
}

bool SharedLedger::connected() const {
  return std::ranges::all_of(lanes_, [](const auto& lane) { return lane->connected(); });
}

std::uint64_t SharedLedger::errors() const {
  std::uint64_t out = 0;
  for (const auto& lane : lanes_) out += lane->errors();
  return out;
}

void SharedLedger::learn_time(std::int64_t redis_now_us) {
  offset_us_.store(redis_now_us - clock_.unix_micros(), std::memory_order_relaxed);
}

}  // namespace fairlead::budgets
