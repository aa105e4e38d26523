#include "webhooks/sender.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <random>

#include "llm/openai_completion.h"
#include "webhooks/internal/log.h"
#include "webhooks/internal/rows.h"
#include "webhooks/internal/signing.h"

namespace fairlead::webhooks {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::minutes kSweep{1};
constexpr std::int64_t kSweptAtOnce = 500;
constexpr Micros kUnknownFor = std::chrono::minutes(10);  // another node may know a webhook before this one does
constexpr std::size_t kLongestError = 300;

std::int64_t micros(Millis time) {
  return std::chrono::duration_cast<Micros>(time).count();
}

// A fifth more or less.
double jitter() {
  thread_local std::mt19937_64 random{std::random_device{}()};
  return std::uniform_real_distribution<double>(0.8, 1.2)(random);
}

}  // namespace

Sender::Sender(Parts parts, async::Loop& loop)
    : parts_(std::move(parts)),
      loop_(loop),
      tasks_(loop.executor()),
      attempts_tasks_(loop.executor()),
      bell_(std::make_shared<async::Bell>(loop.executor())) {}

void Sender::start_blocking() {
  asio::post(loop_.context(), asio::use_future([this] { tasks_.spawn(run()); })).get();
}

void Sender::stop_blocking(Millis patience) {
  const auto stop = [this] {
    stopping_ = true;
    bell_->ring();
  };
  asio::post(loop_.context(), asio::use_future(stop)).get();
  asio::co_spawn(loop_.executor(), tasks_.join(), asio::use_future).get();
  auto over = asio::co_spawn(loop_.executor(), attempts_tasks_.join(), asio::use_future);
  if (over.wait_for(patience) != std::future_status::ready) {
    const auto cut_off = [this] {
      for (auto one = attempts_.begin(); one != attempts_.end();) (*one++)->request();
    };
    asio::post(loop_.context(), asio::use_future(cut_off)).get();
  }
  over.get();
}

async::Task<void> Sender::run() {
  while (!stopping_) {
    co_await look();
    if (parts_.clock.steady() >= next_sweep_) co_await sweep();
    if (stopping_) break;
    co_await bell_->wait_until(std::chrono::steady_clock::now() + parts_.timing.poll);
  }
}

void Sender::tell_trouble(const Error* error) {
  const std::string said = error != nullptr ? error->message : "";
  if (error != nullptr && said != trouble_) kLog.error("webhooks wait", {{"reason", said}});
  trouble_ = said;
}

async::Task<std::size_t> Sender::look() {
  if (!parts_.webhooks.any()) co_return 0;
  const std::int64_t now = parts_.clock.unix_micros();
  const auto due = std::make_shared<std::vector<internal::WebhookName>>();
  const store::Database::Work find = [due, now](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(*due, internal::due_webhooks(connection, now));
    return {};
  };
  const auto found = co_await parts_.database.read(find);
  tell_trouble(found ? nullptr : &found.error());
  std::size_t begun = 0;
  if (!found) co_return begun;
  struct Claim {
    std::shared_ptr<const Webhook> webhook;
    Name name;
    std::size_t room;
    std::vector<Delivery> taken{};
  };
  const auto claims = std::make_shared<std::vector<Claim>>();
  for (const internal::WebhookName& name : *due) {
    auto webhook = parts_.webhooks.look_up(name.first, name.second);
    const auto busy = under_way_.find(name);
    const std::size_t room = kAtOnce - (busy == under_way_.end() ? 0 : busy->second);
    if (webhook && room > 0) claims->push_back({std::move(webhook), name, room});
  }
  if (claims->empty() || stopping_) co_return begun;
  const std::int64_t until = parts_.clock.unix_micros() + micros(parts_.timing.lease);
  const store::Database::Work claim = [claims, now, until](store::Connection& connection) -> Result<void> {
    for (Claim& one : *claims) {
      FAIRLEAD_TRY(one.taken, internal::claim_deliveries(connection, one.name, now, until, one.room));
    }
    return {};
  };
  const auto claimed = co_await parts_.database.write(claim);
  if (!claimed) {
    tell_trouble(&claimed.error());
    co_return begun;
  }
  for (Claim& one : *claims) {
    for (Delivery& delivery : one.taken) {
      ++begun;
      ++under_way_[one.name];
      attempts_tasks_.spawn(carry(one.webhook, std::move(delivery)));
    }
  }
  co_return begun;
}

// One attempt, and what comes of it.
async::Task<void> Sender::carry(std::shared_ptr<const Webhook> webhook, Delivery delivery) {
  async::Cancellation cancellation;
  const auto place = attempts_.insert(attempts_.end(), &cancellation);
  const Answer answer = co_await attempt(*webhook, delivery, cancellation);
  attempts_.erase(place);
  if (cancellation.requested() && !answer.error.empty()) {
    delivery.due = parts_.clock.unix_micros();  // this process stops: whoever is there next sends it
    delivery.error = "It was cut off by the end of a node.";
    delivery.status = 0;
  } else {
    settle(answer, delivery);
  }
  const store::Database::Work write = [delivery](store::Connection& connection) {
    return internal::settle_delivery(connection, delivery);
  };
  const auto written = co_await parts_.database.write(write);
  // Else it is sent again when its lease has run out.
  if (!written) tell_trouble(&written.error());
  const Name name(delivery.project, delivery.webhook);
  if (--under_way_[name] == 0) under_way_.erase(name);
  bell_->ring();
}

async::Task<Sender::Answer> Sender::attempt(const Webhook& webhook, const Delivery& delivery,
                                            async::Cancellation& cancellation) {
  Answer out;
  const auto failed = [&out](const Error& error) {
    out.error = error.message.substr(0, kLongestError);
    return out;
  };
  if (const auto allowed = parts_.allows(webhook.origin); !allowed) co_return failed(allowed.error());
  std::string project = webhook.project, reference = webhook.secret;
  const auto secret = co_await parts_.secret(std::move(project), std::move(reference));
  if (!secret) co_return failed(secret.error());
  const auto key = internal::signing_key({secret->data(), secret->size()});
  if (!key) co_return failed(key.error());
  const std::int64_t now = parts_.clock.unix_micros(), now_s = now / 1'000'000;
  // It took long to get here: who takes it next is not to send it beside this attempt.
  if (now + micros(parts_.timing.timeout) > delivery.due)
    co_return failed({ErrorKind::kTimeout, "webhook_late", "The attempt began too late: the store or a disk is slow."});
  const std::string lines = "webhook-id: " + delivery.id + "\r\nwebhook-timestamp: " + std::to_string(now_s) +
                            "\r\nwebhook-signature: " +
                            internal::signature_of({key->data(), key->size()}, delivery.id, now_s, delivery.body) +
                            "\r\nuser-agent: fairlead\r\n";
  const http::ClientRequest request{.method = http::Method::kPost,
                                    .target = webhook.target,
                                    .header_lines = lines,
                                    .body = delivery.body,
                                    .content_type = "application/json",
                                    .deadline = std::chrono::steady_clock::now() + parts_.timing.timeout,
                                    .read_timeout = parts_.timing.timeout};
  const auto response = co_await parts_.client.send(webhook.origin, request, cancellation);
  if (!response) co_return failed(response.error());
  out.status = (*response)->status();
  (*response)->dismiss();
  if (out.status >= 200 && out.status < 300) co_return out;
  out.error = "It answered " + std::to_string(out.status) + ".";
  if (out.status >= 300 && out.status < 400) out.error += " Redirects are not followed.";
  out.is_final = out.status == 410;
  out.retry_after_ms = llm::upstream_error(out.status, {}, (*response)->headers()).retry_after_ms;
  co_return out;
}

// Each pause is about twice the time that has passed since the first attempt, so that attempts are at about 5 s, 15 s,
// 45 s, …; for those the process was away for there is no need to count.
void Sender::settle(const Answer& answer, Delivery& delivery) {
  const Timing& timing = parts_.timing;
  const std::int64_t now = parts_.clock.unix_micros();
  const char* outcome = "delivered";
  delivery.status = answer.status;
  delivery.error = answer.error;
  if (answer.error.empty()) {
    delivery.state = "delivered";
  } else {
    const std::int64_t passed = std::max<std::int64_t>(0, now - delivery.tried_at);
    std::int64_t pause = std::clamp(2 * passed, micros(timing.first), micros(timing.longest));
    pause = static_cast<std::int64_t>(static_cast<double>(pause) * jitter());
    pause = std::max(pause, std::min(answer.retry_after_ms * 1'000, micros(timing.longest)));
    const bool gives_up = answer.is_final || passed + pause > micros(timing.patience);
    outcome = gives_up ? "failed" : "retried";
    if (gives_up) delivery.state = "failed";
    delivery.due = now + pause;
  }
  if (delivery.state != "pending") {
    delivery.due = 0;
    delivery.ended_at = now;
  }
  if (delivery.state == "failed")
    kLog.error("a webhook was not told", {{"webhook", delivery.webhook},
                                          {"project", delivery.project},
                                          {"delivery", delivery.id},
                                          {"attempts", delivery.attempts},
                                          {"reason", delivery.error}});
  const std::lock_guard lock(mutex_);
  ++counts_[{Name(delivery.project, delivery.webhook), outcome}];
}

// Ends what nobody is there for, and forgets what has been kept long enough.
async::Task<void> Sender::sweep() {
  const std::int64_t now = parts_.clock.unix_micros();
  const auto due = std::make_shared<std::vector<internal::WebhookName>>();
  const store::Database::Work find = [due, now](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(*due, internal::due_webhooks(connection, now));
    return {};
  };
  const auto found = co_await parts_.database.read(find);
  if (!found) tell_trouble(&found.error());
  std::map<Name, SteadyTime> unknown;
  std::vector<Name> ended;
  for (const Name& name : *due) {
    if (parts_.webhooks.look_up(name.first, name.second)) continue;
    const auto since = unknown_.try_emplace(name, parts_.clock.steady()).first;
    unknown.insert(*since);
    if (parts_.clock.steady() - since->second >= kUnknownFor) ended.push_back(name);
  }
  unknown_ = std::move(unknown);
  const auto gone = std::make_shared<std::int64_t>(0);
  const store::Database::Work work = [this, now, gone, ended](store::Connection& connection) -> Result<void> {
    for (const Name& name : ended) {
      FAIRLEAD_CHECK(internal::end_all(connection, name, now - kUnknownFor.count(), now));
    }
    if (parts_.retention.count() == 0) return {};
    FAIRLEAD_TRY(*gone, internal::purge_deliveries(connection, now - parts_.retention.count(), kSweptAtOnce));
    return {};
  };
  const auto swept = co_await parts_.database.write(work);
  if (!swept) tell_trouble(&swept.error());
  if (*gone < kSweptAtOnce) next_sweep_ = parts_.clock.steady() + kSweep;
}

async::Task<Result<std::vector<Delivery>>> Sender::deliveries(Question question) {
  const auto found = std::make_shared<std::vector<Delivery>>();
  const store::Database::Work work = [found, question](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(*found, internal::list_deliveries(connection, {question.project, question.webhook}, question.state,
                                                   question.before, question.most));
    return {};
  };
  FAIRLEAD_CO_CHECK(co_await parts_.database.read(work));
  // What was for one that has been removed is still to be found.
  if (found->empty()) FAIRLEAD_CO_CHECK(parts_.webhooks.find(question.project, question.webhook));
  co_return std::move(*found);
}

async::Task<Result<std::map<std::string, std::int64_t>>> Sender::pending(std::string project) {
  const auto found = std::make_shared<std::map<std::string, std::int64_t>>();
  const store::Database::Work work = [found, project](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(*found, internal::count_pending(connection, project));
    return {};
  };
  FAIRLEAD_CO_CHECK(co_await parts_.database.read(work));
  co_return std::move(*found);
}

async::Task<Result<Delivery>> Sender::redeliver(std::string project, std::string id) {
  const auto found = std::make_shared<Delivery>();
  const store::Database::Work work = [this, found, project, id,
                                      now = parts_.clock.unix_micros()](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(*found, internal::send_again(connection, project, id, now));
    FAIRLEAD_CHECK(parts_.webhooks.find(project, found->webhook));
    return {};
  };
  FAIRLEAD_CO_CHECK(co_await parts_.database.write(work));
  loop_.post([bell = bell_] { bell->ring(); });
  co_return std::move(*found);
}

std::vector<Sender::Count> Sender::counts() const {
  const std::lock_guard lock(mutex_);
  std::vector<Count> out;
  for (const auto& [of, attempts] : counts_) out.push_back({of.first.first, of.first.second, of.second, attempts});
  return out;
}

}  // namespace fairlead::webhooks
