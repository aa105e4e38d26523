#include "gateway/tests/mutations.h"

#include <string_view>

#include "platform/json/text.h"

namespace fairlead::gateway {
namespace {

constexpr std::string_view kPieces[] = {
    "null",    "true", "7",    "-1",        "1e999",        "\"\"",
    "[]",      "{}",   "[[[[", "{\"a\":",   "\"",           ",",
    ":",       "}",    "]",    "\\u0000",   "\xff",         "é",
    "\\ud800", "\r\n", "--",   "\"type\":", "\"content\":", "9999999999999999999999"};

// Another value in the place of one.
void replace_value(std::string& text, SlipRandom& random) {
  const std::size_t colon = text.find_first_of(":[,", random.below(text.size() + 1));
  if (colon == std::string::npos) return;
  const std::size_t end = text.find_first_of(",]}", colon + 1);
  if (end != std::string::npos) text.replace(colon + 1, end - colon - 1, kPieces[random.below(8)]);
}

}  // namespace

std::string mutated(std::span<const std::string> seeds, std::string text, SlipRandom& random) {
  for (std::size_t edits = 1 + random.below(3); edits > 0; --edits) {
    if (random.below(3) == 0) {
      replace_value(text, random);
    } else {
      slip(text, kPieces, seeds[random.below(seeds.size())], random);
    }
  }
  return text;
}

MutationReport parse_mutations(std::span<const std::string> seeds, std::uint64_t seed, std::chrono::milliseconds length,
                               BodyParser parser) {
  using Clock = std::chrono::steady_clock;
  SlipRandom random{seed};
  MutationReport report;
  for (const auto end = Clock::now() + length; Clock::now() < end && report.fault.empty(); ++report.rounds) {
    const std::string body = mutated(seeds, seeds[random.below(seeds.size())], random);
    const auto result = parser(body);
    if (result) {
      ++report.accepted;
      if (json::valid_utf8_prefix(*result) != result->size()) report.fault = "not UTF-8: " + body;
    } else {
      const Error& error = result.error();
      const bool callers = error.kind == ErrorKind::kInvalid || error.kind == ErrorKind::kUnsupported;
      if (!callers || error.code.empty() || error.message.empty()) report.fault = body;
    }
  }
  return report;
}

}  // namespace fairlead::gateway
