// Expressions with slips in them, compiled and evaluated: for a test of seconds and a program of any length.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace fairlead::expr {

struct MutationReport {
  std::size_t rounds = 0, compiled = 0, evaluated = 0;
  std::chrono::microseconds longest{0};  // of the processor
  std::string fault;                     // the source that broke a promise, and which; empty: none did
};

// Until `length` has passed or a fault is found.
MutationReport evaluate_mutations(std::uint64_t seed, std::chrono::milliseconds length);

}  // namespace fairlead::expr
