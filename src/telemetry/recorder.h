// Takes the record of a call off the call's path.
#pragma once
#include "base/result.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"
#include "telemetry/record.h"

namespace fairlead::telemetry {

// Thread-safe; never blocks, never waits for a lock that another loop could hold for long, never fails: a record that
// cannot be kept (the disk is full) is counted and logged.
class Recorder {
 public:
  virtual ~Recorder() = default;
  // From a loop's thread. `loop_index` picks that loop's own buffer, so it must be the loop that runs this.
  virtual void record(int loop_index, const CallRecord& record) = 0;
  virtual bool content_enabled() const = 0;  // whether input_json and output_text are wanted
  // Whether the end of an answer must wait for its record: `telemetry.durability: strict`. Then the gateway calls
  // record_and_wait() before it sends the last bytes, else record() after them.
  virtual bool strict() const { return false; }
  // The same as record(), on the thread of `loop`; resumes there when the record is durable, at once where that is not
  // waited for. Error: spool_full, spool_unwritable: it is not durable (and may be, later). Not cancellable.
  virtual async::Task<Result<void>> record_and_wait(async::Loop& loop, CallRecord what) {
    record(loop.index(), what);
    co_return Result<void>{};
  }
};

}  // namespace fairlead::telemetry
