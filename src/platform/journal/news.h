// What those who follow a run are told of its steps.
#pragma once
#include <string>

#include "platform/journal/run.h"

namespace fairlead::journal {

// JSON, {"run", "event", "step", "attempt"}, of each beginning, end, failure and wait of a step; empty of other events.
std::string news_of(const Event& event);

}  // namespace fairlead::journal
