// The port behind which stands whoever knows what a run's steps are.
#pragma once
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "platform/async/task.h"
#include "platform/journal/retry.h"

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
  Micros again{0};  // of kUnloaded, where no branch waits: when to call advance() again
};

// Thread-safe: called on any loop, for many runs at a time.
class Definition {
 public:
  virtual ~Definition() = default;
  // Carries the run on from its history: asks `execution` for every step in an order that follows from the input, the
  // definition and what the steps gave, never from a clock or chance. Steps that are asked for beside each other are
  // all over when it returns.
  virtual async::Task<Outcome> advance(Execution& execution) = 0;
};

}  // namespace fairlead::journal
