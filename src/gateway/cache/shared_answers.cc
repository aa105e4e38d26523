#include "gateway/cache/shared_answers.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <optional>
#include <utility>

#include "base/id.h"
#include "base/log.h"
#include "gateway/cache/packed_answer.h"
#include "gateway/cache/shared_scripts.h"
#include "platform/async/task_group.h"

namespace fairlead::gateway::cache {
namespace asio = boost::asio;
namespace {

constexpr log::Logger kCacheLog{"cache"};
constexpr std::size_t kMostUnheard = 16 << 20;  // bytes of answers of a loop that Redis has not confirmed
const std::string kClears = "fairlead:cache:cleared";
const std::string kAnswers = "fairlead:cache:answer:";

std::string tokens_of(const std::string& project) {
  return "fairlead:cache:tokens:" + project;
}

std::string field_of(const std::string& prompt, const std::string& model) {
  return "prompt=" + prompt + " model=" + model;
}

// The selections that an answer is cleared by.
void append_fields(std::vector<std::string>& out, const Owner& owner) {
  out.push_back(field_of("", ""));
  out.push_back(owner.prompt.empty() ? "no prompt" : field_of(owner.prompt, ""));
  out.push_back(field_of("", owner.model));
  out.push_back(owner.prompt.empty() ? "no prompt, " + owner.model : field_of(owner.prompt, owner.model));
}

// All nodes have the password, and who reads a copy of Redis's data need not.
std::string secret_of(std::string_view password) {
  const Sha256 out = hmac_sha256(password, "fairlead cache");
  return {reinterpret_cast<const char*>(out.data()), out.size()};
}

std::string fresh_token() {
  return to_hex(random_bytes(8));
}

}  // namespace

class SharedAnswers::Lane {
 public:
  Lane(SharedAnswers& shared, async::Loop& loop)
      : shared_(shared),
        loop_(loop),
        redis_(loop, shared.options_.redis),
        pause_(loop.executor()),
        tasks_(loop.executor()) {}

  async::Loop& loop() { return loop_; }
  bool connected() const { return redis_.ready(); }

  void start() {
    redis_.start([this] { return greet(); });
    if (loop_.index() == 0) tasks_.spawn(watch());
  }

  async::Task<void> stop() {
    stopping_ = true;
    pause_.cancel();
    co_await redis_.stop();
    co_await tasks_.join();
  }

  async::Task<Got> get(Sha256 key, Owner owner, bool wants_answer) {
    if (!redis_.ready() || late_ > 0) {
      shared_.count(redis_.ready() ? Outcome::kLate : Outcome::kAway);
      co_return Got{};
    }
    const Sha256 place = shared_.place_of(key);
    std::vector<std::string> arguments = {tokens_of(owner.project), fresh_token(),
                                          wants_answer ? kAnswers + to_hex(place) : std::string()};
    append_fields(arguments, owner);
    const auto asked = std::make_shared<Question>(*this);
    auto begin = [this, asked, arguments = std::move(arguments)](std::function<void()> resume) mutable {
      asked->resume = std::move(resume);
      asked->patience.arm_in(shared_.options_.patience);
      redis_.run(kGet, std::move(arguments), [asked](Result<shared::Reply> reply) { asked->hear(std::move(reply)); });
    };
    co_await until(std::move(begin));
    if (!asked->reply) {
      shared_.count(Outcome::kLate);
      co_return Got{};
    }
    if (!*asked->reply) {
      const bool away = asked->reply->error().code == "redis_unavailable";
      if (!away) kCacheLog.warning("cache_redis_error", {{"reason", asked->reply->error().message}});
      shared_.count(away ? Outcome::kAway : Outcome::kInvalid);
      co_return Got{};
    }
    co_return read(**asked->reply, place, wants_answer);
  }

  void put(const Sha256& key, const Owner& owner, const std::string& stamp, const KeptAnswer& answer,
           std::chrono::milliseconds ttl) {
    if (stamp.empty() || !redis_.ready() || late_ > 0 || answer.bytes() > shared_.options_.most_bytes) return;
    const Sha256 place = shared_.place_of(key);
    std::string packed = pack(answer, place, shared_.secret_);
    const std::size_t size = packed.size();
    if (unheard_ + size > kMostUnheard) return;
    unheard_ += size;
    std::vector<std::string> arguments = {tokens_of(owner.project), stamp, kAnswers + to_hex(place),
                                          std::to_string(std::max<std::int64_t>(1, ttl.count())), std::move(packed)};
    append_fields(arguments, owner);
    redis_.run(kPut, std::move(arguments), [this, size](const Result<shared::Reply>& reply) {
      unheard_ -= size;
      if (reply && reply->integer == 1) shared_.writes_.fetch_add(1, std::memory_order_relaxed);
      if (!reply && reply.error().code != "redis_unavailable")
        kCacheLog.warning("cache_redis_error", {{"reason", reply.error().message}});
    });
  }

  async::Task<Result<std::size_t>> clear(Selection selection) {
    std::vector<std::string> arguments = {tokens_of(selection.project),
                                          fresh_token(),
                                          field_of(selection.prompt, selection.model),
                                          kClears,
                                          shared_.node_,
                                          selection.project,
                                          selection.prompt,
                                          selection.model};
    const auto before = co_await redis_.ask(kClear, std::move(arguments));
    if (!before) co_return fail(before.error());
    std::size_t removed = 0;
    std::string cursor = "0";
    do {
      if (before->text.empty()) break;
      std::vector<std::string> page = {cursor, kAnswers + "*", before->text};
      const auto swept = co_await redis_.ask(kSweep, std::move(page));
      // They are not given any more, and go with their time.
      if (!swept || swept->list.empty()) break;
      cursor = swept->list[0].text;
      removed += static_cast<std::size_t>(swept->number(1));
    } while (cursor != "0" && !stopping_);
    co_return removed;
  }

 private:
  using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                                           async::Executor>;
  // One that a call waits for, until its patience ends; the answer comes all the same, or the connection breaks.
  struct Question {
    explicit Question(Lane& of)
        : lane(of),
          patience(
              of.loop_.wheel(), [](void* self) { static_cast<Question*>(self)->give_up(); }, this) {}
    void hear(Result<shared::Reply> heard) {
      if (given_up) {
        --lane.late_;
        return;
      }
      patience.disarm();
      reply = std::move(heard);
      std::exchange(resume, nullptr)();
    }
    void give_up() {
      given_up = true;
      ++lane.late_;
      std::exchange(resume, nullptr)();
    }
    Lane& lane;
    async::TimerWheel::Timer patience;
    std::function<void()> resume;
    std::optional<Result<shared::Reply>> reply;
    bool given_up = false;
  };

  // A coroutine's end is moved, a std::function is copied.
  template <class Begin>
  static async::Task<void> until(Begin begin) {
    co_await asio::async_initiate<const asio::use_awaitable_t<async::Executor>&, void()>(
        [](auto handler, Begin start) {
          auto held = std::make_shared<decltype(handler)>(std::move(handler));
          start([held] { std::move (*held)(); });
        },
        async::use_task, std::move(begin));
  }

  Got read(const shared::Reply& reply, const Sha256& place, bool wants_answer) {
    Got out;
    if (!reply.list.empty()) out.stamp = reply.list[0].text;
    if (!wants_answer) return out;
    if (reply.list.size() < 3) {
      shared_.count(Outcome::kMiss);
      return out;
    }
    out.left = std::chrono::milliseconds(reply.number(1));
    if (out.left.count() > 0) out.answer = unpack(reply.list[2].text, place, shared_.secret_);
    shared_.count(out.answer ? Outcome::kHit : Outcome::kInvalid);
    return out;
  }

  // A server that takes no writes is none.
  async::Task<Result<void>> greet() {
    std::vector<std::string> probe = {"SET", "fairlead:cache:node:" + shared_.node_, "1", "PX", "10000"};
    auto taken = co_await redis_.ask(std::move(probe));
    if (!taken) co_return fail(std::move(taken).error());
    if (loop_.index() == 0) {
      auto known = co_await learn_what_is_cleared();
      if (!known) co_return fail(std::move(known).error());
    }
    co_return Result<void>{};
  }

  async::Task<void> watch() {
    while (!stopping_) {
      boost::system::error_code ignored;
      pause_.expires_after(shared_.options_.poll);
      co_await pause_.async_wait(asio::redirect_error(async::use_task, ignored));
      if (stopping_ || !redis_.ready()) continue;
      auto known = co_await learn_what_is_cleared();
      if (!known && known.error().code != "redis_unavailable")
        kCacheLog.warning("cache_redis_error", {{"reason", known.error().message}});
    }
  }

  async::Task<Result<void>> learn_what_is_cleared() {
    std::vector<std::string> arguments = {kClears, last_};
    const auto told = co_await redis_.ask(kCleared, std::move(arguments));
    if (!told) co_return fail(told.error());
    const std::vector<shared::Reply>& list = told->list;
    if (list.size() == 2) {
      last_ = list[1].text;
      Selection all;
      co_await shared_.cleared_(std::move(all));
    } else if (list.size() == 3) {
      last_ = list[2].text;
      for (const shared::Reply& one : list[1].list) {
        if (one.list.size() != 4 || one.list[0].text == shared_.node_) continue;
        Selection selection{one.list[1].text, one.list[2].text, one.list[3].text};
        co_await shared_.cleared_(std::move(selection));
      }
    }
    co_return Result<void>{};
  }

  SharedAnswers& shared_;
  async::Loop& loop_;
  shared::Redis redis_;
  Timer pause_;
  async::TaskGroup tasks_;
  std::string last_;         // clear that is known; of loop 0
  std::size_t late_ = 0;     // questions that nobody waits for any longer
  std::size_t unheard_ = 0;  // bytes
  bool stopping_ = false;
};

SharedAnswers::SharedAnswers(async::Runtime& runtime, Options options)
    : options_(std::move(options)), secret_(secret_of(options_.redis.password)), node_(fresh_token()) {
  for (int i = 0; i < runtime.size(); ++i) lanes_.push_back(std::make_unique<Lane>(*this, runtime.loop(i)));
}

SharedAnswers::~SharedAnswers() = default;

void SharedAnswers::start(Cleared cleared) {
  started_ = true;
  cleared_ = std::move(cleared);
  for (const auto& lane : lanes_) {
    Lane* const one = lane.get();
    one->loop().post([one] { one->start(); });
  }
}

void SharedAnswers::stop() {
  if (!started_) return;
  started_ = false;
  std::vector<std::future<void>> stopped;
  for (const auto& lane : lanes_)
    stopped.push_back(asio::co_spawn(lane->loop().executor(), lane->stop(), asio::use_future));
  for (auto& one : stopped) one.get();
}

async::Task<SharedAnswers::Got> SharedAnswers::get(async::Loop& here, Sha256 key, Owner owner, bool wants_answer) {
  return lane(here).get(key, std::move(owner), wants_answer);
}

void SharedAnswers::put(async::Loop& here, const Sha256& key, const Owner& owner, const std::string& stamp,
                        const KeptAnswer& answer, std::chrono::milliseconds ttl) {
  lane(here).put(key, owner, stamp, answer, ttl);
}

async::Task<Result<std::size_t>> SharedAnswers::clear(async::Loop& here, Selection selection) {
  return lane(here).clear(std::move(selection));
}

bool SharedAnswers::connected() const {
  return std::ranges::all_of(lanes_, [](const auto& lane) { return lane->connected(); });
}

Sha256 SharedAnswers::place_of(const Sha256& key) const {
  return hmac_sha256(secret_, {reinterpret_cast<const char*>(key.data()), key.size()});
}

}  // namespace fairlead::gateway::cache
