// Takes the record of a call off the call's path.
#pragma once
#include "telemetry/record.h"

namespace fairlead::telemetry {

// Thread-safe; never blocks, never waits for a lock that another loop could hold for long, never fails: a record that
// cannot be kept (the disk is full) is counted and logged.
class Recorder {
 public:
  virtual ~Recorder() = default;
  // From a loop's thread. `loop_index` picks that loop's own buffer.
  virtual void record(int loop_index, CallRecord record) = 0;
  virtual bool content_enabled() const = 0;  // whether input_json and output_text are wanted
};

}  // namespace fairlead::telemetry
