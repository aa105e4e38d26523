// Durable runs: what is asked for, what is kept of each, and its history.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/store/database.h"

namespace fairlead::journal {

// Times are microseconds since 1970; 0: none. Money is billionths of a US dollar. Texts named input, output and data
// are JSON.

enum class RunState : std::uint8_t {
  kQueued,   // for a node to take it up
  kRunning,  // a node has it
  kWaiting,  // for a time, a signal, a person
  kSucceeded,
  kFailed,
  kCancelled,
};
std::string_view to_string(RunState state);
std::optional<RunState> run_state(std::string_view word);
inline bool finished(RunState state) {
  return state >= RunState::kSucceeded;
}

struct RunRequest {
  std::string project;
  std::string kind;    // whose work it is: "chain", "eval", …
  std::string name;    // of its definition
  std::string digest;  // of the definition: the run stays on it
  std::string input;
  std::string key{};    // the caller's idempotency key, unique in the project; empty: none
  std::string queue{};  // whose limits it counts against; empty: none
  std::string author{};
  std::int64_t priority = 0;  // higher first, within a project
  std::int64_t deadline = 0;
  std::int64_t within =
      0;  // microseconds from its start that it may take; the earlier of this and deadline counts; 0: any
  std::int64_t due = 0;  // not before
  std::string parent{}, parent_step{};
};

struct Run {
  std::string id;
  RunRequest asked;
  RunState state = RunState::kQueued;
  std::int64_t created_at = 0, started_at = 0, finished_at = 0;
  std::string node{};  // the incarnation of a node that has it; empty: none
  std::int64_t cost = 0;
  std::string output{};
  std::string error{};  // {"code", "message", "class", "step"}; empty: none
  std::string held{};   // the name of the limit that holds it back; empty: none
};

// That some runs or steps share, over all nodes; either of concurrency and starts.
struct Limit {
  std::string name;              // for people, unique in the project: "chain digest, user u7"
  std::int64_t concurrency = 0;  // so many of them at a time
  std::int64_t starts = 0;       // so many begin within any `period`
  std::int64_t period = 0;       // µs, at most 31 days
};

// By when a run has to have ended that is started then; 0: it need not.
std::int64_t deadline_of(const RunRequest& request, std::int64_t now);

enum class EventKind : std::uint8_t {
  kTaken,      // a node took the run up; data {"node"}
  kIntent,     // before an attempt's side effect; data {"key", "input"}
  kResult,     // of a step, for good; data is its output
  kFailure,    // of an attempt; data {"class", "code", "message", "retry_at"}, without retry_at for good
  kUncertain,  // an attempt had begun when its node died; data {"then": "retry" | "fail" | "ask"}
  kWait,       // a step waits; data {"until"} or {"for", "until"}
  kSignal,     // came in; step is its name, data what it carries
  kCancel,     // was asked for; data {"by"}
  kFinished,   // data {"state"} and the output or the error
  // A run that has ended goes on; data {"by", "id", "steps": that begin anew, "children": whose runs go on too}
  kRetried,
  kCopied,        // of a fork: a step's end in another run; data {"from", "output"} or {"from", "failure"}
  kMoved,         // to another digest; data {"to", "digest", "by"}
  kMoveRefused,   // data {"to", "by", "code", "message"}
  kLate,          // it is going to miss its deadline; data is the definition's
  kCompensating,  // its end is settled and what it has done is undone; data is the definition's
  kReused,        // of a step, for good: what the same gave before; data {"run", "step", "output"}
  kWithdrawn,     // an attempt that was put out was taken back: it is as if it had not begun
  kHeld,          // of a step: a limit holds it back; data {"by"}
};
std::string_view to_string(EventKind kind);
std::optional<EventKind> event_kind(std::string_view word);

// One line of a run's history, which only grows. Sequences count from 1 within the run.
struct Event {
  std::string run;
  std::int64_t sequence = 0;
  std::int64_t at = 0;
  EventKind kind = EventKind::kTaken;
  std::string step{};
  std::int64_t attempt = 0;  // from 1
  std::string data{};
  std::int64_t cost = 0;
};

// Who is told of a run's end (kFinished, of a run as it is then) and that it will be late (kLate). Thread-safe, on any
// loop.
struct Telling {
  std::function<bool(const Run& run)> wants{};  // asked first: most runs are told of to nobody
  // What is to be written in the same transaction, which may run more than once; empty: nothing.
  std::function<store::Database::Work(const Run& run, const Event& event)> what{};
  bool is_for(const Run& run) const { return wants && wants(run); }
};

// What steps took.
struct StepSpan {
  std::string run, project, name, step;
  std::int64_t began_at = 0, ended_at = 0;
};

// Something for a run from outside it: an approval, an event, a child's end.
struct Signal {
  std::string run;
  std::string id;  // unique in the run: the same one twice is one
  std::string name;
  std::string data;
  std::int64_t at = 0;
};

}  // namespace fairlead::journal
