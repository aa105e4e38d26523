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

}  // namespace

std::size_t Random::below(std::size_t bound) {
  std::uint64_t z = state += 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return static_cast<std::size_t>((z ^ (z >> 31)) % bound);
}

std::string mutated(std::span<const std::string> seeds, std::string text, Random& random) {
  for (std::size_t edits = 1 + random.below(3); edits > 0; --edits) {
    const std::size_t at = random.below(text.size() + 1);
    switch (random.below(6)) {
      case 0:
        text.insert(at, kPieces[random.below(std::size(kPieces))]);
        break;
      case 1:
        text.erase(at, 1 + random.below(6));
        break;
      case 2: {
        const std::string& other = seeds[random.below(seeds.size())];
        text.insert(at, other.substr(random.below(other.size()), random.below(40)));
        break;
      }
      case 3:
        if (at < text.size()) text[at] = static_cast<char>(random.below(256));
        break;
      default: {  // another value in the place of one
        const std::size_t colon = text.find_first_of(":[,", at);
        if (colon == std::string::npos) break;
        const std::size_t end = text.find_first_of(",]}", colon + 1);
        if (end == std::string::npos) break;
        text.replace(colon + 1, end - colon - 1, kPieces[random.below(8)]);
      }
    }
  }
  return text;
}

MutationReport parse_mutations(std::span<const std::string> seeds, std::uint64_t seed, std::chrono::milliseconds length,
                               BodyParser parser) {
  using Clock = std::chrono::steady_clock;
  Random random{seed};
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
