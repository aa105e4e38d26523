#include "prompts/tests/mutations.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string_view>

#include "base/tests/mutations.h"
#include "prompts/template.h"

namespace fairlead::prompts {
namespace {

constexpr std::string_view kPieces[] = {
    "{{",       "}}",    "{%",    "%}",        "{#",       "#}",      "-",     "(",    ")",    "[",
    "]",        "|",     ".",     "'",         "\"",       "\\",      " in ",  " if ", " is ", "**",
    "99999999", "loop",  "%s",    "\xff",      "é",        "{",       ":",     "=",    ",",    "range(99999999)",
    "|list",    "|join", "|sort", "* 9999999", "caller()", "|tojson", "[::-1]"};

std::string_view source_of(const boost::json::value& one) {
  return one.at("template").as_string();
}

std::string mutated(const boost::json::array& cases, std::string source, SlipRandom& random) {
  for (std::size_t edits = 1 + random.below(4); edits > 0; --edits)
    slip(source, kPieces, source_of(cases[random.below(cases.size())]), random);
  return source;
}

}  // namespace

MutationReport render_mutations(const boost::json::array& cases, std::uint64_t seed, std::chrono::milliseconds length) {
  using Clock = std::chrono::steady_clock;
  SlipRandom random{seed};
  MutationReport report;
  for (const auto end = Clock::now() + length; Clock::now() < end && report.fault.empty(); ++report.rounds) {
    const auto& base = cases[random.below(cases.size())];
    const std::string source = mutated(cases, std::string(source_of(base)), random);
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
