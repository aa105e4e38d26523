// What a run's history says of one step.
#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/async/bell.h"
#include "platform/journal/execution.h"

namespace fairlead::journal {

struct StepState {
  enum class Phase : std::uint8_t {
    kNew,
    kOpen,     // an attempt's intent is there and its end is not
    kBetween,  // an attempt failed and another may come
    kDone,
    kFailed,  // for good
  };
  Phase phase = Phase::kNew;
  std::string key{};  // of its attempts
  std::int64_t attempts = 0;
  std::int64_t ended = 0;      // of these: that came to an end. One that a crash cut off takes none of the retries
  std::int64_t uncertain = 0;  // in a row
  std::int64_t first_at = 0;   // of its first attempt
  std::int64_t cost = 0;
  std::int64_t not_before = 0;  // the next attempt
  std::string output{};
  Error error{};
  FailureClass failure = FailureClass::kPermanent;
  bool asks = false;  // a person, what became of the open attempt
  bool held = false;  // by a limit
  // Of a wait, once it has begun.
  bool waits = false;
  std::string signal{};         // empty: for time alone
  std::int64_t until = 0;       // 0: for ever
  std::string child{};          // the run that was started for it
  std::string child_digest{};   // of its definition
  std::int64_t child_cost = 0;  // of that run, as far as it is counted here
  bool taken_over = false;      // it is done, and another run or step did it
  Execution::Renewed renewed{};
  // As history.h has them:
  std::int64_t sequence = 0, began_at = 0, ended_at = 0;
};

struct Waiter {
  explicit Waiter(async::Executor executor) : bell(executor) {}
  async::Bell bell;
  std::string signal{};
  std::int64_t until = 0;
  bool shielded = false;
};

// The step as if it had not begun, but for its attempts, their key and what they cost.
StepState not_begun(const StepState& state);

// Fields of an event's data; absent: "" and 0. `data` was written by this room.
boost::json::object fields_of(const std::string& data);
std::vector<std::string> text_list(const boost::json::object& fields, std::string_view name);  // absent: none
// Of kCopied.
struct Copied {
  bool failed = false;
  std::string data;  // the output, or {"class", "code", "message"}
};
Copied copied_of(const std::string& data);
std::int64_t number_field(const boost::json::object& fields, std::string_view name);
// {"class", "code", "message"}
boost::json::object failure_fields(FailureClass failure, const Error& error);
std::string resolve_signal(const std::string& step);
// What failure_fields and a child's end say.
Error error_of(const boost::json::object& fields);

}  // namespace fairlead::journal
