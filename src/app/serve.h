// `fairlead serve`: builds everything, runs it until asked to stop, takes it down.
#pragma once
#include <string>
#include <vector>

namespace fairlead::app {

// `arguments` are the words after `serve`. To be called before any thread is started. Returns the exit status.
int serve(const std::vector<std::string>& arguments);

}  // namespace fairlead::app
