// Templates with slips in them, compiled and rendered: for a test of seconds and a program of any length.
#pragma once
#include <boost/json/array.hpp>
#include <chrono>
#include <cstdint>
#include <string>

namespace fairlead::prompts {

struct MutationReport {
  std::size_t rounds = 0, compiled = 0, rendered = 0;
  std::chrono::microseconds longest{0};
  std::string fault;  // the source that broke a promise, and which; empty: none did
};

// Until `length` has passed or a fault is found. `cases`: objects with `template` and `variables`.
MutationReport render_mutations(const boost::json::array& cases, std::uint64_t seed, std::chrono::milliseconds length);

}  // namespace fairlead::prompts
