// A call that nobody made, to see how it would go: the way that one of the data plane goes, from admission to
// settlement.
#pragma once
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "budgets/budget.h"
#include "gateway/routing/timer.h"
#include "llm/call.h"
#include "platform/async/task.h"

namespace fairlead::gateway {

struct DryCourse {
  std::optional<Error> error;
  bool refused = false;    // by a budget
  Micros first_token{-1};  // from the start, as a record has it; -1: nothing came
  Micros duration{0};
};

// On the call's loop. The call's model, its routes' providers, the book (may be null), the clock and its alarms are the
// caller's, and played; what it sets aside and uses is charged to that book. Nothing is recorded.
async::Task<DryCourse> run_dry(llm::Call& call, std::string_view key_name, const budgets::Book* book,
                               const Clock& clock, routing::Alarms& alarms);

}  // namespace fairlead::gateway
