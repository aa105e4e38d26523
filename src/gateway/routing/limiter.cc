#include "gateway/routing/limiter.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "gateway/routing/counting.h"

namespace fairlead::gateway::routing {
namespace {

constexpr double kTolerance = 2;        // a latency that many times the usual is no sign yet
constexpr double kLongRun = 2.0 / 601;  // an average over about 600 calls
constexpr double kSmoothing = 0.2;

void wake(void* wait) {
  static_cast<Wait*>(wait)->wake();
}

}  // namespace

// On the frame of the call that waits.
struct Limiter::Waiter {
  Caller caller;
  int most;  // the bound of the policy that it came by
  Wait* wait;
  bool granted = false;
};

int priority_of(const llm::ConcurrencyPolicy& policy, std::span<const std::string> tags, std::string_view key) {
  std::optional<int> out;
  for (const auto& [tag, priority] : policy.priorities)
    if (std::ranges::find(tags, tag) != tags.end()) out = std::max(out.value_or(priority), priority);
  for (const auto& [name, priority] : policy.key_priorities)
    if (name == key) out = std::max(out.value_or(priority), priority);
  return out.value_or(0);
}

Limiter::Limiter(int loops) : queues_(static_cast<std::size_t>(loops)) {}

void Limiter::count(Queue& queue, std::string_view project, int change) {
  const auto found = std::ranges::find(queue.in_flight, project, &std::pair<std::string, int>::first);
  if (found != queue.in_flight.end())
    found->second += change;
  else
    queue.in_flight.emplace_back(project, change);
}

int Limiter::in_flight_of(const Queue& queue, std::string_view project) {
  const auto found = std::ranges::find(queue.in_flight, project, &std::pair<std::string, int>::first);
  return found == queue.in_flight.end() ? 0 : found->second;
}

// Waiting is announced before a place is looked for, and a place given back before somebody who waits is: one of the
// two sees the other, so these are in one order for all threads.
bool Limiter::take(int most, const async::Loop& here) {
  const int bound = std::min(most, std::max(1, limit()));
  int seen = in_flight_.load();
  while (seen < bound) {
    if (!in_flight_.compare_exchange_weak(seen, seen + 1)) continue;
    if (guests_.load() > 0 && seen + 1 + guests_.load() > bound) displace_somebody(here);
    return true;
  }
  return false;
}

// A guest says that it is there before it looks, and who is none before he looks for guests: one of them sees the
// other.
Result<Limiter::Place> Limiter::take_as_guest(async::Loop& loop, int most, SteadyTime now,
                                              async::Cancellation& cancellation) {
  const int bound = std::min(most, std::max(1, limit()));
  const int guests = guests_.fetch_add(1) + 1;
  if (waiting_.load() > 0 || in_flight_.load() + guests > bound) {
    guests_.fetch_sub(1);
    return busy(expected_wait(waiting_.load(kRelaxed)));
  }
  Queue& own = queues_[static_cast<std::size_t>(loop.index())];
  own.loop.store(&loop);
  own.guests.push_back(&cancellation);
  own.guest_count.fetch_add(1);
  return Place(shared_from_this(), loop, {}, now, &cancellation);
}

void Limiter::displace_somebody(const async::Loop& here) {
  const std::size_t first = turn_.fetch_add(1, kRelaxed);
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    Queue& queue = queues_[(first + i) % queues_.size()];
    if (queue.guest_count.load() == 0) continue;
    async::Loop* const loop = queue.loop.load();
    if (loop == &here)
      displace(queue);
    else
      loop->post([self = shared_from_this(), &queue] { self->displace(queue); });
    return;
  }
}

// From then on it is no guest any longer, although its call takes a moment to end.
void Limiter::displace(Queue& queue) {
  if (queue.guests.empty()) return;
  async::Cancellation* const guest = queue.guests.front();
  queue.guests.erase(queue.guests.begin());
  queue.guest_count.fetch_sub(1);
  guests_.fetch_sub(1);
  guest->request(kDisplaced);
}

void Limiter::leave_as_guest(async::Loop& loop, async::Cancellation* guest) {
  Queue& own = queues_[static_cast<std::size_t>(loop.index())];
  if (std::erase(own.guests, guest) == 0) return;
  own.guest_count.fetch_sub(1);
  guests_.fetch_sub(1);
}

async::Task<Result<Limiter::Place>> Limiter::enter(async::Loop& loop, const llm::ConcurrencyPolicy& policy,
                                                   Caller caller, SteadyTime deadline, const Clock& clock,
                                                   async::Cancellation& cancellation, Alarms* alarms) {
  if (caller.is_guest) co_return take_as_guest(loop, policy.max, clock.steady(), cancellation);
  Queue& own = queues_[static_cast<std::size_t>(loop.index())];
  if (own.waiters.empty() && take(policy.max, loop)) {
    count(own, caller.project, 1);
    co_return Place(shared_from_this(), loop, caller.project, clock.steady());
  }
  const int ahead = waiting_.load(kRelaxed);
  const Millis expected = expected_wait(ahead);
  const Millis patience = std::min(policy.wait, std::chrono::floor<Millis>(deadline - clock.steady()));
  if (ahead >= policy.queue || patience.count() <= 0 || expected > patience) co_return busy(expected);
  Wait wait(loop, alarms, patience);
  Waiter waiter{caller, policy.max, &wait};
  own.loop.store(&loop);
  own.waiters.push_back(&waiter);
  own.count.fetch_add(1);
  waiting_.fetch_add(1);
  serve(own, loop);  // a place may have come free meanwhile
  if (!waiter.granted) {
    const async::Cancellation::Registration on_cancel(cancellation, wake, &wait);
    if (!cancellation.requested()) co_await wait.until_over();
  }
  if (waiter.granted) co_return Place(shared_from_this(), loop, caller.project, clock.steady());
  own.waiters.remove(&waiter);
  own.count.fetch_sub(1);
  waiting_.fetch_sub(1);
  if (cancellation.requested()) co_return fail(ErrorKind::kCancelled, "cancelled", "The request was cancelled.");
  co_return busy(expected_wait(waiting_.load(kRelaxed)));
}

// Gives places to those who wait in this loop, as long as there are any.
void Limiter::serve(Queue& queue, const async::Loop& here) {
  while (!queue.waiters.empty()) {
    const auto best = std::ranges::min_element(queue.waiters, [&queue](const Waiter* a, const Waiter* b) {
      if (a->caller.priority != b->caller.priority) return a->caller.priority > b->caller.priority;
      return in_flight_of(queue, a->caller.project) < in_flight_of(queue, b->caller.project);
    });
    Waiter& next = **best;
    if (!take(next.most, here)) return;
    count(queue, next.caller.project, 1);
    queue.waiters.erase(best);
    queue.count.fetch_sub(1);
    waiting_.fetch_sub(1);
    next.granted = true;
    next.wait->wake();
  }
}

void Limiter::serve_somebody(const async::Loop& here) {
  const std::size_t first = turn_.fetch_add(1, kRelaxed);
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    Queue& queue = queues_[(first + i) % queues_.size()];
    if (queue.count.load() == 0) continue;
    async::Loop* const loop = queue.loop.load();
    if (loop == &here)
      serve(queue, here);
    else
      loop->post([self = shared_from_this(), &queue, loop] { self->serve(queue, *loop); });
    return;
  }
}

void Limiter::leave(async::Loop& loop, const std::string& project) {
  Queue& own = queues_[static_cast<std::size_t>(loop.index())];
  count(own, project, -1);
  if (own.in_flight.size() > 64) std::erase_if(own.in_flight, [](const auto& one) { return one.second == 0; });
  in_flight_.fetch_sub(1);
  if (waiting_.load() > 0) serve_somebody(loop);
}

void Limiter::Place::release(Load load, Micros latency, bool stream, SteadyTime now) {
  if (!limiter_) return;
  const std::shared_ptr<Limiter> limiter = std::move(limiter_);
  if (load != Load::kNotKnown) {
    const double held = limiter->held_us_.load(kRelaxed);
    const auto sample = static_cast<double>(micros(now) - micros(since_));
    limiter->held_us_.store(held == 0 ? sample : held + 0.1 * (sample - held), kRelaxed);
  }
  limiter->learn(load, latency, stream, now);
  if (guest_ != nullptr)
    limiter->leave_as_guest(*loop_, guest_);
  else
    limiter->leave(*loop_, project_);
}

void Limiter::learn(Load load, Micros latency, bool stream, SteadyTime now) {
  const double limit = limit_.load(kRelaxed);
  if (load == Load::kTooMuch) {
    // Once a second: many calls fail for one reason.
    std::int64_t last = shrunk_us_.load(kRelaxed);
    if (micros(now) - last >= 1'000'000 && shrunk_us_.compare_exchange_strong(last, micros(now), kRelaxed))
      limit_.store(std::max(1.0, limit * 0.8), kRelaxed);
    return;
  }
  if (load != Load::kBorne) return;
  const auto sample = static_cast<double>(std::max<std::int64_t>(1, latency.count()));
  std::atomic<double>& usual = usual_us_[stream ? 1 : 0];
  double average = usual.load(kRelaxed);
  average = average == 0 ? sample : average + kLongRun * (sample - average);
  if (average > 2 * sample) average *= 0.95;  // it has recovered
  usual.store(average, kRelaxed);
  if (in_flight() * 2 < static_cast<int>(limit)) return;  // the limit was not what held it
  const double gradient = std::clamp(kTolerance * average / sample, 0.5, 1.0);
  const double wanted = limit * gradient + std::sqrt(limit);
  limit_.store(std::clamp(limit + kSmoothing * (wanted - limit), 1.0, 100'000.0), kRelaxed);
}

// From how long calls keep their places.
Millis Limiter::expected_wait(int ahead) const {
  const double each_ms = held_us_.load(kRelaxed) / 1'000 / std::max(1, limit());
  return Millis(static_cast<std::int64_t>((ahead + 1) * each_ms));
}

std::unexpected<Error> Limiter::busy(Millis expected) const {
  Error error{ErrorKind::kExhausted, "upstream_busy",
              "The upstream has as many calls as it bears, and others wait already. Try again a little later."};
  error.retry_after_ms = std::max<std::int64_t>(1'000, expected.count());
  return fail(std::move(error));
}

}  // namespace fairlead::gateway::routing
