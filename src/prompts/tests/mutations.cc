#include "prompts/tests/mutations.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string_view>

#include "prompts/template.h"

namespace fairlead::prompts {
namespace {

struct Random {  // SplitMix64
  std::uint64_t state;
  std::size_t below(std::size_t bound) {
    std::uint64_t z = state += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return static_cast<std::size_t>((z ^ (z >> 31)) % bound);
  }
};

constexpr std::string_view kPieces[] = {
    "{{",       "}}",    "{%",    "%}",        "{#",       "#}",      "-",     "(",    ")",    "[",
    "]",        "|",     ".",     "'",         "\"",       "\\",      " in ",  " if ", " is ", "**",
    "99999999", "loop",  "%s",    "\xff",      "é",        "{",       ":",     "=",    ",",    "range(99999999)",
    "|list",    "|join", "|sort", "* 9999999", "caller()", "|tojson", "[::-1]"};

std::string mutated(const boost::json::array& cases, std::string source, Random& random) {
  for (std::size_t edits = 1 + random.below(4); edits > 0; --edits) {
    const std::size_t at = random.below(source.size() + 1);
    switch (random.below(4)) {
      case 0:
        source.insert(at, kPieces[random.below(std::size(kPieces))]);
        break;
      case 1:
        source.erase(at, random.below(6));
        break;
      case 2: {
        const std::string other(cases[random.below(cases.size())].at("template").as_string());
        source.insert(at, other.substr(random.below(other.size() + 1), random.below(40)));
        break;
      }
      default:
        if (at < source.size()) source[at] = static_cast<char>(random.below(256));
    }
  }
  return source;
}

}  // namespace

MutationReport render_mutations(const boost::json::array& cases, std::uint64_t seed, std::chrono::milliseconds length) {
  using Clock = std::chrono::steady_clock;
  Random random{seed};
  MutationReport report;
  for (const auto end = Clock::now() + length; Clock::now() < end && report.fault.empty(); ++report.rounds) {
    const auto& base = cases[random.below(cases.size())].as_object();
    const std::string source = mutated(cases, std::string(base.at("template").as_string()), random);
    const auto start = Clock::now();
    const auto compiled = Template::compile(source);
    if (!compiled) {
      if (compiled.error().code != "template_syntax" || compiled.error().message.empty())
        report.fault = "compile: " + source;
      continue;
    }
    ++report.compiled;
    const auto result = compiled->render(base.at("variables").as_object(), {.steps = 20'000});
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
    report.longest = std::max(report.longest, took);
    report.rendered += result.has_value();
    if (!result && (!result.error().code.starts_with("template_") || result.error().message.empty()))
      report.fault = "render: " + source;
    if (took > std::chrono::seconds(2)) report.fault = "slow: " + source;
  }
  return report;
}

}  // namespace fairlead::prompts
