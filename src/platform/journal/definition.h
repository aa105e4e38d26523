// The port behind which stands whoever knows what a run's steps are.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/result.h"
#include "platform/async/task.h"
#include "platform/journal/history.h"
#include "platform/journal/retry.h"
#include "platform/journal/run.h"

namespace fairlead::journal {

class Execution;

// What has become of a run when nothing of it goes on in this process.
struct Outcome {
  enum class End : std::uint8_t {
    kSucceeded,  // with `output`
    kFailed,     // with `error`, and the step it came from
    kCancelled,
    kUnloaded,  // every branch waits, or the process is to stop: advance() is called again later, perhaps elsewhere
  };
  End end = End::kUnloaded;
  std::string output{};  // JSON
  Error error{};
  FailureClass failure = FailureClass::kPermanent;
  std::string step{};
  Micros again{0};                    // of kUnloaded: when to call advance() again, if no branch waits for less
  std::optional<bool> compensated{};  // of a bad end: whether what the run had done has been undone; nothing was to be
};

// Thread-safe: called on any loop, for many runs at a time.
class Definition {
 public:
  virtual ~Definition() = default;
  // Carries the run on from its history: asks `execution` for every step in an order that follows from the input, the
  // definition and what the steps gave, never from a clock or chance. Steps that are asked for beside each other are
  // all over when it returns.
  virtual async::Task<Outcome> advance(Execution& execution) = 0;

  // What its runs count against while a node has them, and when they start; whether there are any does not hang
  // on the input, which is read only where there are. On any thread.
  virtual std::vector<Limit> limits(const Run& run) const;
  // For whom it runs, as its caller said; empty: nobody said. On any thread.
  virtual std::string user_of(const Run& run) const;

  // Of a run that has ended badly: which of its failed steps begin anew when it goes on. Those that it went on without
  // do not. On any thread.
  virtual std::vector<std::string> failed(const Run& run, std::span<const Event> history);
  // Whether what is done of the run agrees with the definition of that digest, of the same kind and name. On any
  // thread. Errors: kConflict move_disagrees, with the step and why.
  virtual Result<void> agrees(const Run& run, std::span<const Event> history, const std::string& digest);
};

}  // namespace fairlead::journal
