#include "platform/journal/execution.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <utility>

#include "platform/journal/internal/committer.h"
#include "platform/journal/internal/rows.h"
#include "platform/journal/internal/step_state.h"
#include "platform/journal/listeners.h"
#include "platform/json/member.h"

namespace fairlead::journal {
namespace {

constexpr std::string_view kCancelSignal = "cancel";

}  // namespace

// The committer answers on its own thread, perhaps after the execution has gone.
struct Execution::Link {
  Execution* self;
};

Execution::Execution(Parts parts, Run run, std::vector<Event> history)
    : parts_(std::move(parts)),
      run_(std::move(run)),
      linger_(
          parts_.loop.wheel(),
          [](void* self) {
            auto& execution = *static_cast<Execution*>(self);
            if (execution.active_ == 0) execution.unload();
          },
          this),
      link_(std::make_shared<Link>(this)) {
  for (const Event& event : history) recall(event);
}

Execution::~Execution() {
  link_->self = nullptr;
}

StepState& Execution::state_of(const std::string& step) {
  auto& state = steps_[step];
  if (!state) state = std::make_unique<StepState>();
  return *state;
}

void Execution::recall(const Event& event) {
  sequence_ = event.sequence;
  cost_ += event.cost;
  switch (event.kind) {
    case EventKind::kTaken:
    case EventKind::kFinished:
      return;
    case EventKind::kCancel:
      cancelled_ = true;
      return;
    case EventKind::kSignal: {
      const auto fields = fields_of(event.data);
      delivered_.insert(json::text_member(fields, "id"));
      mail_[event.step].push_back(boost::json::serialize(fields.at("data")));
      return;
    }
    default:
      break;
  }
  StepState& state = state_of(event.step);
  state.cost += event.cost;
  if (event.kind == EventKind::kUncertain) {
    const std::string then = json::text_member(fields_of(event.data), "then");
    state.asks = then == "ask";
    if (then == "retry") state.phase = StepState::Phase::kBetween;
    ++state.uncertain;
    return;
  }
  // What came after a person was asked took the answer.
  if (state.asks) {
    auto& answers = mail_[resolve_signal(event.step)];
    if (!answers.empty()) answers.pop_front();
    state.asks = false;
  }
  if (event.kind == EventKind::kIntent) {
    const auto fields = fields_of(event.data);
    state.child = json::text_member(fields, "child");
    state.phase = StepState::Phase::kOpen;
    state.attempts = event.attempt;
    if (state.first_at == 0) state.first_at = event.at;
  } else if (event.kind == EventKind::kWait) {
    const auto fields = fields_of(event.data);
    state.waits = true;
    state.signal = json::text_member(fields, "for");
    state.until = number_field(fields, "until");
  } else if (event.kind == EventKind::kReused) {
    state.phase = StepState::Phase::kDone;
    state.output = boost::json::serialize(fields_of(event.data).at("output"));
  } else if (event.kind == EventKind::kResult) {
    state.phase = StepState::Phase::kDone;
    state.output = event.data;
    // The signal that ended the wait was taken by it.
    if (auto box = mail_.find(state.signal); state.waits && box != mail_.end() && !box->second.empty())
      box->second.pop_front();
  } else {
    const auto fields = fields_of(event.data);
    state.error = error_of(fields);
    state.failure = failure_class(json::text_member(fields, "class")).value_or(FailureClass::kPermanent);
    state.attempts = event.attempt;
    ++state.ended;
    state.uncertain = 0;
    state.not_before = number_field(fields, "retry_at");
    state.phase = fields.contains("retry_at") ? StepState::Phase::kBetween : StepState::Phase::kFailed;
  }
}

Event Execution::event(EventKind kind, std::string step, std::string data, std::int64_t attempt, std::int64_t cost) {
  cost_ += cost;
  return {run_.id, ++sequence_, now(), kind, std::move(step), attempt, std::move(data), cost};
}

void Execution::append(Event event, store::Database::Work more) {
  if (lost_) return;
  Entry entry{.node = run_.node, .events = {}, .more = std::move(more)};
  entry.events.push_back(std::move(event));
  parts_.committer.submit(std::move(entry), [link = link_, &loop = parts_.loop, &listeners = parts_.listeners,
                                             run = run_.id](const Result<void>& written) {
    if (written) return listeners.tell(run);
    loop.post([link] {
      if (link->self != nullptr) link->self->lose();
    });
  });
}

// False: the run is lost.
async::Task<bool> Execution::commit(Event event, store::Database::Work more) {
  if (lost_) co_return false;
  Entry entry{.node = run_.node, .events = {}, .more = std::move(more)};
  entry.events.push_back(std::move(event));
  const auto written = co_await parts_.committer.commit(std::move(entry));
  if (!written) lose();
  if (written) parts_.listeners.tell(run_.id);
  co_return !lost_;
}

void Execution::deliver(Signal signal) {
  if (lost_ || !delivered_.insert(signal.id).second) return;
  if (signal.name == kCancelSignal) return cancel(signal);
  std::string data = R"({"id":)" + boost::json::serialize(boost::json::string(signal.id)) + R"(,"data":)" +
                     (signal.data.empty() ? "null" : signal.data) + "}";
  append(event(EventKind::kSignal, signal.name, std::move(data)),
         [run = signal.run, id = signal.id](store::Connection& connection) { return mark_taken(connection, run, id); });
  mail_[signal.name].push_back(signal.data.empty() ? "null" : signal.data);
  for (Waiter* waiter : waiters_) {
    if (waiter->signal == signal.name) waiter->bell.ring();
  }
}

void Execution::cancel(const Signal& signal) {
  auto more = [run = signal.run, id = signal.id, at = now()](store::Connection& connection) -> Result<void> {
    FAIRLEAD_CHECK(mark_taken(connection, run, id));
    return cancel_children(connection, run, at);
  };
  if (cancelled_) return append(event(EventKind::kCancel, {}, signal.data), more);
  cancelled_ = true;
  append(event(EventKind::kCancel, {}, signal.data), more);
  for (auto one = attempts_.begin(); one != attempts_.end();) (*one++)->request();
  for (Waiter* waiter : waiters_) {
    if (!waiter->shielded) waiter->bell.ring();
  }
}

void Execution::unload() {
  unloading_ = true;
  for (Waiter* waiter : waiters_) waiter->bell.ring();
}

void Execution::lose() {
  if (lost_) return;
  lost_ = true;
  for (auto one = attempts_.begin(); one != attempts_.end();) (*one++)->request();
  unload();
}

std::int64_t Execution::due() const {
  std::int64_t earliest = 0;
  for (const auto& [name, state] : steps_) {
    const bool waits = (state->waits && state->phase == StepState::Phase::kNew) ||
                       (state->phase == StepState::Phase::kOpen && state->until > 0);  // an errand
    const std::int64_t until = state->phase == StepState::Phase::kBetween ? state->not_before
                               : waits                                    ? state->until
                                                                          : 0;
    if (until > 0 && (earliest == 0 || until < earliest)) earliest = until;
  }
  return earliest;
}

std::int64_t Execution::cost_of(const std::string& prefix) const {
  std::int64_t sum = 0;
  for (const auto& [name, state] : steps_)
    if (name.starts_with(prefix)) sum += state->cost;
  return sum;
}

std::int64_t Execution::dearest_of(const std::string& prefix) const {
  std::int64_t most = 0;
  for (const auto& [name, state] : steps_)
    if (name.starts_with(prefix)) most = std::max(most, state->cost);
  return most;
}

void Execution::linger_if_idle() {
  if (active_ > 0 || waiters_.empty() || linger_.armed()) return;
  linger_.arm_in(parts_.linger);
}

Execution::Active::Active(Execution& execution) : execution_(execution) {
  ++execution_.active_;
}

Execution::Active::~Active() {
  --execution_.active_;
  execution_.linger_if_idle();
}

// For the caller's own wait: it is not active meanwhile.
async::Task<Execution::Woken> Execution::park(std::int64_t until, std::string signal, bool shielded) {
  Waiter waiter(parts_.loop.executor());
  waiter.signal = std::move(signal);
  waiter.until = until;
  waiter.shielded = shielded;
  const auto place = waiters_.insert(waiters_.end(), &waiter);
  --active_;
  Woken woken = Woken::kTime;
  while (true) {
    const auto box = mail_.find(waiter.signal);
    if (!waiter.signal.empty() && box != mail_.end() && !box->second.empty()) {
      woken = Woken::kSignal;
    } else if (lost_ || unloading_) {
      woken = Woken::kUnloaded;
    } else if (cancelled_ && !shielded) {
      woken = Woken::kCancelled;
    } else if (until > 0 && now() >= until) {
      woken = Woken::kTime;
    } else {
      linger_if_idle();
      const auto at = until > 0 ? std::chrono::steady_clock::now() + Micros(until - now())
                                : std::chrono::steady_clock::time_point::max();
      co_await waiter.bell.wait_until(at);
      continue;
    }
    break;
  }
  ++active_;
  linger_.disarm();
  waiters_.erase(place);
  co_return woken;
}

}  // namespace fairlead::journal
