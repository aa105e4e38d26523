// One run while a node has it: its history, and what its definition asks for.
#pragma once
#include <expected>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "platform/async/bell.h"
#include "platform/async/cancellation.h"
#include "platform/async/runtime.h"
#include "platform/journal/history.h"
#include "platform/journal/points.h"
#include "platform/journal/retry.h"
#include "platform/journal/run.h"
#include "platform/store/database.h"

namespace fairlead::journal {

class Committer;
class Listeners;
class StepQueues;
struct StepState;
struct Waiter;

// What to do about an attempt that had begun when its node died: whether its effect took place is not known.
enum class Uncertain : std::uint8_t { kRetry, kFail, kAsk };

// One attempt, on its way. `key` is the same for every attempt of the step: what it is sent to can know it again.
struct Attempt {
  std::string step;
  std::string key;
  std::int64_t number;  // from 1
  async::Cancellation& cancellation;
};
struct Effect {
  std::string output;  // JSON
  std::int64_t cost = 0;
};
struct EffectFailed {
  FailureClass failure;
  Error error;
  std::int64_t cost = 0;
};
// Heeds the attempt's cancellation, which also ends it at its timeout.
using EffectWork = std::function<async::Task<std::expected<Effect, EffectFailed>>(Attempt)>;

struct Step {
  std::string name;  // unique in the run: "summarise", "summarise[3]", "check#2"
  EffectWork work;
  RetryRule retry{};
  Uncertain uncertain = Uncertain::kRetry;
  Millis timeout{0};                 // of an attempt; 0: none
  bool pure = false;                 // no effect outside: no intent is written, and it is done again after a crash
  std::int64_t most_cost = 0;        // counted for an attempt of which the end is not known
  bool shielded = false;             // goes on when the run is cancelled: compensation
  std::string input{};               // JSON for the history; empty: none
  std::vector<std::string> calls{};  // what it calls, as queues of steps are named: "model:small"
};

// Work that is done outside this process by whoever takes it, and whose end a signal tells.
struct Errand {
  std::string name;     // of the step
  std::string input{};  // JSON for the history; empty: none
  RetryRule retry{};
  Micros within{0};           // from when it was first put out, over all attempts; 0: for ever
  std::int64_t deadline = 0;  // the earlier of the two counts; 0: none
  // Puts an attempt out, in the transaction of its intent; it may run more than once. `signal` is the name of the
  // signal that tells the attempt's end.
  std::function<store::Database::Work(std::string key, std::int64_t attempt, std::string signal)> put;
  store::Database::Work withdraw;  // once nobody waits for it any more
  // What the signal carries.
  std::function<std::expected<Effect, EffectFailed>(const std::string& data)> read;
  std::string tell{};  // who listens to this name is told when an attempt has been put out
};

struct StepError {
  enum class Why : std::uint8_t {
    kFailed,     // for good
    kCancelled,  // the run is
    kUnloaded,   // return Outcome::End::kUnloaded as soon as all branches are back
  };
  Why why;
  Error error{};
  FailureClass failure = FailureClass::kPermanent;
};
using StepResult = std::expected<std::string, StepError>;  // the output, JSON

// Belongs to one loop. Everything is asked for by name, and what has its result in the history is answered from it.
class Execution {
 public:
  struct Parts {
    async::Loop& loop;
    Committer& committer;
    Listeners& listeners;
    const Clock& clock;
    PointHook hook;     // may be empty
    Millis linger;      // how long a run whose branches all wait stays loaded
    Telling telling{};  // may be of nobody
    const StepQueues* step_queues = nullptr;
    std::size_t largest_value = SIZE_MAX;
  };
  Execution(Parts parts, Run run, std::vector<Event> history);
  ~Execution();
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;

  const Run& run() const { return run_; }
  async::Loop& loop() { return parts_.loop; }
  std::int64_t cost() const { return cost_; }
  bool cancelled() const { return cancelled_; }
  bool knows(const std::string& step) const;  // it has begun, or ended; one that is to begin anew has not
  bool ended(const std::string& step) const;  // for good, well or not
  std::int64_t cost_of(const std::string& step) const;
  // Of the parts of a step, "each[" or "again#".
  struct Spent {
    std::int64_t sum = 0, dearest = 0;  // dearest: of the part that has cost most
  };
  Spent spent_on(const std::string& parts) const;
  // Where a retry last made the step begin anew, and what its turns ("desk#") had cost by then; zeros: none has.
  struct Renewed {
    std::int64_t at = 0, sequence = 0, cost = 0;
  };
  Renewed renewed(const std::string& step) const;
  bool ended_before(const std::string& step, std::int64_t sequence) const;
  std::string child_digest(const std::string& step) const;  // that the run began with that was started for it
  std::int64_t now() const { return parts_.clock.unix_micros(); }

  // Done at most once for good: an intent is durable before its effect begins, and its result is before any later
  // intent's effect begins, or the run's end is told.
  async::Task<StepResult> step(Step step);
  // Until `length` after it was first asked for.
  async::Task<StepResult> sleep(std::string step, Micros length);
  // What the next signal of that name carries; signals that nobody waits for are kept. Fails with code timed_out after
  // `within`; 0: it waits for ever.
  // `ask`: JSON for the history, of what is asked; empty: nothing is.
  async::Task<StepResult> receive(std::string step, std::string signal, Micros within, std::string ask);
  // Put out once an attempt, durably, until the attempt's signal has come. A run that waits for it takes no memory.
  async::Task<StepResult> errand(Errand errand);
  // The same for every attempt of that step of this run, and for no other.
  std::string key_of(const std::string& step) const;
  // A value that was made without an effect, for the history: the one that is there already, if it is.
  StepResult note(std::string step, std::string output);
  // A step that comes to a bad end for good, though no attempt of it failed.
  StepResult note_failure(std::string step, FailureClass failure, Error error);
  // As note(), of what another step gave, which is named with it.
  StepResult reuse(std::string step, std::string output, const std::string& from_run, const std::string& from_step);
  // The output of a run that is started for it, once for good. Its project, parent, author and priority are this
  // run's. Fails as the run does; cancelling this run cancels it.
  async::Task<StepResult> child(std::string step, RunRequest request);

  // What the history says of each step.
  Story story() const;
  // From when the step, or the first part of it ("each[3]", "again#2"), began to when the last event of one was; parts
  // that were copied do not count. 0: none.
  struct Span {
    std::int64_t began_at = 0, ended_at = 0;
  };
  Span span_of(const std::string& step) const;
  // What waits stops waiting, and no attempt begins any more, as if the run were cancelled; attempts and children that
  // are under way go on. For a run that has failed.
  void abandon();
  // The run's end is settled, and what it has done is to be undone: in the history, once. From then on neither a
  // cancellation nor abandon() stops what is asked for.
  void compensate(std::string data);
  const std::string& compensating() const { return compensating_; }  // what was given; empty: it is not
  // That the run is going to miss its deadline: in the history, once.
  void tell_late(std::string data);
  bool told_late() const { return told_late_; }

  // For the engine, on the loop:
  void deliver(Signal signal);  // once or more
  void unload();                // no attempt begins any more; those that run may end
  void lose();                  // another node has the run: attempts are cancelled, nothing more is written
  bool lost() const { return lost_; }
  // The signal that asks for the run to go on with another digest, as soon as it has been unloaded for that.
  const std::optional<Signal>& move() const { return move_; }
  const std::set<std::string>& held_by() const { return held_by_; }  // the lanes of limits that its steps wait for
  bool had_places() const { return had_places_; }                    // one of its steps took some
  std::int64_t due() const;  // the earliest time that a branch waits for, but for a limit; 0: none does
  bool was_put_off() const { return put_off_; }  // something that waits for nothing was asked for once it was to unload
  Event event(EventKind kind, std::string step = {}, std::string data = {}, std::int64_t attempt = 0,
              std::int64_t cost = 0);  // the next one
  // Written before all that is committed later; a refusal loses the run.
  void append(Event event, store::Database::Work more = {});

 private:
  struct Link;
  // A branch that does something else than wait, while it lives.
  class Active {
   public:
    explicit Active(Execution& execution);
    ~Active();
    Active(const Active&) = delete;
    Active& operator=(const Active&) = delete;

   private:
    Execution& execution_;
  };
  void recall(const Event& event);
  void recall_retry(const Event& event);
  void recall_end(const Event& event, StepState& state);
  // Whether nothing of the kind may begin or wait any more.
  // `under_way`: it goes on elsewhere, and only a cancellation ends it.
  bool is_stopped(bool shielded, bool under_way = false) const {
    return (cancelled_ || (abandoned_ && !under_way)) && !shielded && compensating_.empty();
  }
  static void mark(StepState& state, const Event& event);
  void spend(const std::string& step, StepState& state, std::int64_t cost);
  StepState& state_of(const std::string& step);
  const StepState* find_state(const std::string& step) const;  // null: nothing has been asked or told of it
  // Nothing: an attempt may begin.
  std::optional<StepResult> settled(const StepState& state, bool shielded, bool under_way = false);
  // Nothing: another attempt may come.
  async::Task<std::optional<StepResult>> attempt(Step& step, StepState& state);
  // Nothing: it has its places under these limits.
  async::Task<std::optional<StepResult>> take_places(const Step& step, StepState& state,
                                                     const std::vector<Limit>& limits);
  void leave_places(const Step& step, const std::vector<Limit>& limits);
  std::optional<StepResult> after_failure(const Step& step, StepState& state, EffectFailed failed);
  async::Task<std::optional<StepResult>> put_out(const Errand& errand, StepState& state);
  async::Task<std::optional<StepResult>> await_errand(const Errand& errand, StepState& state);
  void take_back(const Errand& errand, StepState& state);
  async::Task<std::expected<Effect, EffectFailed>> run_effect(const Step& step, std::string key, std::int64_t number);
  async::Task<std::optional<StepResult>> settle_uncertain(Step& step, StepState& state);
  async::Task<bool> commit(Event event, store::Database::Work more = {});
  async::Task<StepResult> wait_for_signal(std::string step, StepState& state);
  enum class Woken : std::uint8_t { kTime, kSignal, kUnloaded, kCancelled };
  async::Task<Woken> park(std::int64_t until, std::string signal, bool shielded, bool under_way = false);
  void linger_if_idle();
  void cancel(const Signal& signal);
  // What is too large is a bad end.
  StepResult finish(StepState& state, const std::string& step, std::string output, std::int64_t cost = 0);
  StepResult finish_failed(StepState& state, const std::string& step, FailureClass failure, Error error,
                           std::int64_t cost = 0);
  StepResult fail_of_input(StepState& state, const std::string& step, std::size_t size);  // which is too large

  Parts parts_;
  Run run_;
  std::int64_t sequence_ = 0;
  std::int64_t cost_ = 0;
  std::unordered_map<std::string, std::unique_ptr<StepState>> steps_;
  std::unordered_map<std::string, Spent> spent_;                  // by the beginning of their names
  std::unordered_map<std::string, std::list<std::string>> mail_;  // by name: what came and was not taken
  std::set<std::string> delivered_;                               // ids of signals
  std::list<Waiter*> waiters_;
  std::list<async::Cancellation*> attempts_;
  int active_ = 0;  // branches that do something else than wait
  bool cancelled_ = false, abandoned_ = false, unloading_ = false, lost_ = false, told_late_ = false, put_off_ = false;
  bool had_places_ = false;
  std::string compensating_;
  std::set<std::string> held_by_;
  std::string moved_to_;  // the digest that it was moved to, if it was
  std::optional<Signal> move_;
  async::TimerWheel::Timer linger_;
  std::shared_ptr<Link> link_;  // what the committer's answers find this by
};

}  // namespace fairlead::journal
