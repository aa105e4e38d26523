// Sends what is due to webhooks, on every node: what one has taken is no other's until it is over or late.
#pragma once
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/secret.h"
#include "platform/async/bell.h"
#include "platform/async/cancellation.h"
#include "platform/async/runtime.h"
#include "platform/async/task_group.h"
#include "platform/http/client.h"
#include "platform/store/database.h"
#include "webhooks/delivery.h"
#include "webhooks/webhooks.h"

namespace fairlead::webhooks {

// What it is given outlives it. Functions may be called on any loop, but for look(), start() and stop(); these two
// block until the loop has done it.
class Sender {
 public:
  struct Timing {
    Millis poll{250};                 // how often what is due is looked for
    Millis timeout{15'000};           // of an attempt
    Millis lease{30'000};             // after which another node tries what this one has taken
    Millis first{5'000};              // until the second attempt
    Millis longest{4 * 3'600'000};    // between two
    Millis patience{24 * 3'600'000};  // from the first attempt to the last
  };
  struct Parts {
    store::Database& database;  // with the table of schema.h
    const Webhooks& webhooks;
    const Clock& clock;
    http::Client& client;  // of the loop; it refuses addresses that are not allowed
    // Error: why nothing may be sent there.
    std::function<Result<void>(const http::Origin&)> allows;
    // The text that the reference ("env:NAME", "secret:NAME") stands for, off the loop. Errors: that it is not there.
    std::function<async::Task<Result<SecretText>>(std::string project, std::string reference)> secret;
    Micros retention{0};  // how long what has ended is kept; 0: for ever
    Timing timing{};
  };
  Sender(Parts parts, async::Loop& loop);

  // Sends from now on. The loop runs.
  void start_blocking();
  // Attempts under way have so long to end.
  void stop_blocking(Millis patience);
  // Begins to send what is due, once, on its loop. The number.
  async::Task<std::size_t> look();
  // Until what has begun is over, on its loop. Nothing is sent after it.
  async::Task<void> settled() { return attempts_tasks_.join(); }

  struct Question {
    std::string project, webhook;
    std::string state{}, before{};  // empty: any
    std::int64_t most = 50;
  };
  // The latest first. Error: webhook_not_found.
  async::Task<Result<std::vector<Delivery>>> deliveries(Question question);
  // What is to be sent, by webhook; those with nothing are not there.
  async::Task<Result<std::map<std::string, std::int64_t>>> pending(std::string project);
  // Errors: delivery_not_found, webhook_not_found.
  async::Task<Result<Delivery>> redeliver(std::string project, std::string id);

  // Attempts of this process.
  struct Count {
    std::string project, webhook, outcome;  // delivered, retried, failed
    std::int64_t attempts = 0;
  };
  std::vector<Count> counts() const;

 private:
  static constexpr std::size_t kAtOnce = 8;  // to one webhook
  using Name = std::pair<std::string, std::string>;
  struct Answer {
    int status = 0;
    std::string error;  // empty: it has been taken
    std::int64_t retry_after_ms = 0;
    bool is_final = false;
  };
  async::Task<void> run();
  async::Task<void> sweep();
  async::Task<void> carry(std::shared_ptr<const Webhook> webhook, Delivery delivery);
  async::Task<Answer> attempt(const Webhook& webhook, const Delivery& delivery, async::Cancellation& cancellation);
  void settle(const Answer& answer, Delivery& delivery);
  void tell_trouble(const Error* error);

  Parts parts_;
  async::Loop& loop_;
  async::TaskGroup tasks_, attempts_tasks_;
  std::shared_ptr<async::Bell> bell_;
  bool stopping_ = false;
  std::string trouble_;  // said once
  SteadyTime next_sweep_{};
  std::map<Name, SteadyTime> unknown_;  // webhooks that have something due, and since when this node knows them not
  std::map<Name, std::size_t> under_way_;
  std::list<async::Cancellation*> attempts_;
  mutable std::mutex mutex_;
  std::map<std::pair<Name, std::string>, std::int64_t> counts_;
};

}  // namespace fairlead::webhooks
