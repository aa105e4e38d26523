// What webhooks are told of runs: where the journal, its definitions and webhooks meet.
#pragma once
#include <functional>
#include <optional>

#include "platform/journal/run.h"
#include "webhooks/event.h"

namespace fairlead::app {

// Of an event that a run tells (journal::Telling); nothing if it is not told to anybody. `version_of` says which
// version of its chain a run is on; 0: not known.
std::optional<webhooks::Event> event_of(const journal::Run& run, const journal::Event& event,
                                        const std::function<int(const journal::Run&)>& version_of);

}  // namespace fairlead::app
