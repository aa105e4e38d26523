// Where a process may die: for tests that stop it there.
#pragma once
#include <functional>
#include <string_view>

namespace fairlead::journal {

// Told of each point that is passed, on whichever thread passes it: "before commit", "after commit", "before effect of
// STEP", "after effect of STEP". Empty in a server that serves.
using PointHook = std::function<void(std::string_view point)>;

}  // namespace fairlead::journal
