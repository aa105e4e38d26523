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

constexpr std::string_view kCancelSignal = "cancel", kMoveSignal = "move:";

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
    case EventKind::kMoveRefused:
      return;
    case EventKind::kFinished:  // nothing waits for a place any more
      for (const auto& [name, state] : steps_) state->held = false;
      return;
    case EventKind::kMoved:
      moved_to_ = json::text_member(fields_of(event.data), "digest");
      return;
    case EventKind::kLate:
      told_late_ = true;
      return;
    case EventKind::kCompensating:
      compensating_ = event.data;
      return;
    case EventKind::kHeld:
      state_of(event.step).held = true;
      return;
    case EventKind::kRetried:
      return recall_retry(event);
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
  spend(event.step, state, event.cost);
  state.child_cost += event.cost;
  mark(state, event);
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
    state.child_digest = json::text_member(fields, "digest");
    state.child_cost = 0;
    state.key = json::text_member(fields, "key");
    state.phase = StepState::Phase::kOpen;
    state.held = false;
    state.attempts = event.attempt;
    if (state.first_at == 0) state.first_at = event.at;
  } else if (event.kind == EventKind::kWithdrawn) {
    state = not_begun(state);
  } else if (event.kind == EventKind::kWait) {
    const auto fields = fields_of(event.data);
    state.waits = true;
    state.signal = json::text_member(fields, "for");
    state.until = number_field(fields, "until");
  } else {
    recall_end(event, state);
  }
}

// Of an attempt, or of the step.
void Execution::recall_end(const Event& event, StepState& state) {
  if (event.kind == EventKind::kResult) {
    state.phase = StepState::Phase::kDone;
    state.output = event.data;
    // The signal that ended the wait was taken by it.
    if (auto box = mail_.find(state.signal); state.waits && box != mail_.end() && !box->second.empty())
      box->second.pop_front();
    return;
  }
  if (event.kind == EventKind::kReused) {
    state.phase = StepState::Phase::kDone;
    state.output = boost::json::serialize(fields_of(event.data).at("output"));
    state.taken_over = true;
    return;
  }
  const bool is_copied = event.kind == EventKind::kCopied;
  Copied copied;
  if (is_copied) copied = copied_of(event.data);
  if (is_copied && !copied.failed) {
    state.phase = StepState::Phase::kDone;
    state.output = std::move(copied.data);
    state.taken_over = true;
    return;
  }
  const auto fields = fields_of(is_copied ? copied.data : event.data);
  state.error = error_of(fields);
  state.failure = failure_class(json::text_member(fields, "class")).value_or(FailureClass::kPermanent);
  state.attempts = event.attempt;
  ++state.ended;
  state.uncertain = 0;
  state.not_before = number_field(fields, "retry_at");
  state.phase = fields.contains("retry_at") ? StepState::Phase::kBetween : StepState::Phase::kFailed;
}

// The steps that it names begin anew; a child that goes on is waited for again.
void Execution::recall_retry(const Event& event) {
  cancelled_ = told_late_ = false;
  const auto fields = fields_of(event.data);
  const auto children = text_list(fields, "children");
  const auto steps = text_list(fields, "steps");
  for (const std::string& step : steps) {
    StepState& state = state_of(step);
    mail_.erase("child:" + state.child);
    const bool goes_on = std::ranges::count(children, state.child) > 0;
    spend(step, state, -state.cost);
    StepState anew;
    anew.attempts = state.attempts;
    if (goes_on) {
      anew.child = state.child;
      anew.child_digest = state.child_digest;
      anew.child_cost = state.child_cost;
    }
    state = std::move(anew);
  }
  for (const std::string& step : steps) state_of(step).renewed = {event.at, event.sequence, spent_on(step + "#").sum};
}

// When it began and what ended it.
void Execution::mark(StepState& state, const Event& event) {
  if (event.kind == EventKind::kSignal || event.kind == EventKind::kUncertain) return;
  state.sequence = event.sequence;
  if (event.kind == EventKind::kCopied) return;
  if (state.began_at == 0) state.began_at = event.at;
  state.ended_at = event.at;
}

Story Execution::story() const {
  using Phase = StepState::Phase;
  Story story;
  for (const auto& [name, state] : steps_) {
    Told told{.end = state->phase == Phase::kDone     ? Told::End::kDone
                     : state->phase == Phase::kFailed ? Told::End::kFailed
                                                      : Told::End::kNone,
              .output = state->phase == Phase::kDone ? state->output : std::string(),
              .sequence = state->sequence,
              .began_at = state->began_at,
              .ended_at = state->ended_at,
              .cost = state->cost,
              .child = state->child,
              .waits = state->waits,
              .taken_over = state->taken_over};
    if (told.end == Told::End::kFailed)
      told.failure = boost::json::serialize(failure_fields(state->failure, state->error));
    story.emplace(name, std::move(told));
  }
  return story;
}

Execution::Span Execution::span_of(const std::string& step) const {
  Span span;
  for (const auto& [name, state] : steps_) {
    const bool is_part = name.size() > step.size() && (name[step.size()] == '[' || name[step.size()] == '#');
    if (!name.starts_with(step) || (name.size() > step.size() && !is_part) || state->began_at == 0) continue;
    span.began_at = span.began_at == 0 ? state->began_at : std::min(span.began_at, state->began_at);
    span.ended_at = std::max(span.ended_at, state->ended_at);
  }
  return span;
}

void Execution::abandon() {
  abandoned_ = true;
  for (Waiter* waiter : waiters_) waiter->bell.ring();
}

void Execution::compensate(std::string data) {
  if (!compensating_.empty()) return;
  compensating_ = data;
  append(event(EventKind::kCompensating, {}, std::move(data)));
}

void Execution::tell_late(std::string data) {
  if (std::exchange(told_late_, true)) return;
  Event late = event(EventKind::kLate, {}, std::move(data));
  run_.cost = cost_;
  store::Database::Work told = parts_.telling.is_for(run_) ? parts_.telling.what(run_, late) : store::Database::Work();
  append(std::move(late), std::move(told));
}

Event Execution::event(EventKind kind, std::string step, std::string data, std::int64_t attempt, std::int64_t cost) {
  cost_ += cost;
  Event made{run_.id, ++sequence_, now(), kind, std::move(step), attempt, std::move(data), cost};
  if (!made.step.empty() && kind != EventKind::kSignal && kind != EventKind::kHeld) {
    StepState& state = state_of(made.step);
    spend(made.step, state, cost);
    mark(state, made);
  }
  return made;
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
  if (lost_ || (signal.name == kMoveSignal && move_)) return;
  if (!delivered_.insert(signal.id).second) return;
  if (signal.name == kCancelSignal) return cancel(signal);
  if (signal.name == kMoveSignal) {
    move_ = std::move(signal);
    return unload();
  }
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
  auto more = [run = signal.run, id = signal.id, at = now(),
               undoes = !compensating_.empty()](store::Connection& connection) -> Result<void> {
    FAIRLEAD_CHECK(mark_taken(connection, run, id));
    return undoes ? Result<void>() : cancel_children(connection, run, at);
  };
  if (cancelled_) return append(event(EventKind::kCancel, {}, signal.data), more);
  cancelled_ = true;
  append(event(EventKind::kCancel, {}, signal.data), more);
  if (!compensating_.empty()) return;
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
    if (state->held) continue;
    const bool waits = (state->waits && state->phase == StepState::Phase::kNew) ||
                       (state->phase == StepState::Phase::kOpen && state->until > 0);  // an errand
    const std::int64_t until = state->phase == StepState::Phase::kBetween ? state->not_before
                               : waits                                    ? state->until
                                                                          : 0;
    if (until > 0 && (earliest == 0 || until < earliest)) earliest = until;
  }
  return earliest;
}

const StepState* Execution::find_state(const std::string& step) const {
  const auto found = steps_.find(step);
  return found == steps_.end() ? nullptr : found->second.get();
}

bool Execution::knows(const std::string& step) const {
  const StepState* const state = find_state(step);
  return state != nullptr && (state->phase != StepState::Phase::kNew || state->waits || !state->child.empty());
}

bool Execution::ended(const std::string& step) const {
  return ended_before(step, INT64_MAX);
}

bool Execution::ended_before(const std::string& step, std::int64_t sequence) const {
  const StepState* const state = find_state(step);
  return state != nullptr && state->phase >= StepState::Phase::kDone && state->sequence < sequence;
}

std::int64_t Execution::cost_of(const std::string& step) const {
  const StepState* const state = find_state(step);
  return state != nullptr ? state->cost : 0;
}

Execution::Spent Execution::spent_on(const std::string& parts) const {
  const auto found = spent_.find(parts);
  return found == spent_.end() ? Spent() : found->second;
}

Execution::Renewed Execution::renewed(const std::string& step) const {
  const StepState* const state = find_state(step);
  return state != nullptr ? state->renewed : Renewed();
}

std::string Execution::child_digest(const std::string& step) const {
  const StepState* const state = find_state(step);
  return state != nullptr ? state->child_digest : std::string();
}

// Kept as a sum: a step of ten thousand elements asks for it at each of them.
void Execution::spend(const std::string& step, StepState& state, std::int64_t cost) {
  constexpr std::string_view kMarks = "[#";
  if (cost == 0) return;
  state.cost += cost;
  for (auto at = step.find_first_of(kMarks); at != step.npos; at = step.find_first_of(kMarks, at + 1)) {
    Spent& spent = spent_[step.substr(0, at + 1)];
    spent.sum += cost;
    spent.dearest = std::max(spent.dearest, state.cost);
  }
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
async::Task<Execution::Woken> Execution::park(std::int64_t until, std::string signal, bool shielded, bool under_way) {
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
    } else if (is_stopped(shielded, under_way)) {
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
