// Requests with slips in them, given to a parser: for a test of a second.
#pragma once
#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "base/tests/mutations.h"

namespace fairlead::gateway {

// The text with one to three slips in it. Most slips of programs are of one value; some are of the text itself.
std::string mutated(std::span<const std::string> seeds, std::string text, SlipRandom& random);

struct MutationReport {
  std::size_t rounds = 0, accepted = 0;
  std::string fault;  // the body that broke a promise; empty: none did
};

// What a parser of bodies must keep: it returns; what it refuses it explains, with a kind that is the caller's fault;
// what it accepts is valid UTF-8.
using BodyParser = Result<std::string> (*)(std::string body);
MutationReport parse_mutations(std::span<const std::string> seeds, std::uint64_t seed, std::chrono::milliseconds length,
                               BodyParser parser);

}  // namespace fairlead::gateway
