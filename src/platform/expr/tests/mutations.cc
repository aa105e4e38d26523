#include "platform/expr/tests/mutations.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <ctime>
#include <string_view>

#include "base/tests/mutations.h"
#include "platform/expr/expression.h"
#include "platform/expr/json.h"
#include "platform/json/text.h"

namespace fairlead::expr {
namespace {

constexpr std::string_view kSeeds[] = {
    "locale == 'ru' && user.tier in ['gold', 'platinum']",
    "has(user.tags) && user.tags.exists(t, t.startsWith('vip'))",
    "time - timestamp('2026-01-01T00:00:00Z') > duration('72h') ? size(text) : -9223372036854775808",
    "[1, 2, 3].map(x, x > 1, x * 2).filter(y, y % 2 == 0) + [4u, 5.5, b'\\xff', null]",
    "{'a': 1, 2: 'b', true: {}, 3u: []}[dyn(2)] + string(1.5)",
    "text.matches('^[a-z]+(é|ü){2,3}$') || text.replace('a', text).split(',').join('-').size() > 10",
    "time.getHours('Europe/Berlin') + time.getDayOfYear('+05:30') - duration('1h2m3.5s').getMinutes()",
    "text.substring(1, 3).charAt(0).upperAscii().trim().reverse().lastIndexOf('x', 2) <= int(uint('7'))",
    "user.scores.all(s, user.scores.exists_one(r, r == s) || s / 0.0 < 1e300) && !(1 == 1.0)",
    "r'''raw \\ ''' + \"\\u270c\\U0001f431\\101\" + bytes('x') == type(dyn(1)) ? google.protobuf.Timestamp : list",
};

constexpr std::string_view kPieces[] = {"(",
                                        ")",
                                        "[",
                                        "]",
                                        "{",
                                        "}",
                                        ".",
                                        "?",
                                        ":",
                                        ",",
                                        "&&",
                                        "||",
                                        "!",
                                        "-",
                                        "+",
                                        "'",
                                        "\"",
                                        "\\",
                                        "`",
                                        "//",
                                        "\n",
                                        "\xff",
                                        "é",
                                        "0x",
                                        "1e999",
                                        "9223372036854775807",
                                        "u",
                                        "%",
                                        "in",
                                        "dyn(",
                                        ".map(x, x)",
                                        ".all(y, y)",
                                        "text",
                                        "user",
                                        "user.tags",
                                        ".size()",
                                        ".split('')",
                                        ".replace('', text)",
                                        "[0]",
                                        "has(",
                                        "null",
                                        "timestamp(",
                                        "duration('",
                                        ".join()",
                                        "/ 0",
                                        "b'",
                                        "r'",
                                        "'''",
                                        ".getHours('",
                                        ".matches(text)",
                                        "((((((((((((((((",
                                        "!!!!!!!!!!!!!!!!",
                                        "----------------",
                                        "[[[[[[[[[[[[[[[["};

// Of the process, so that a busy machine does not make an evaluation look slow.
std::chrono::microseconds processor_time() {
  return std::chrono::microseconds(static_cast<std::int64_t>(std::clock()) * 1'000'000 / CLOCKS_PER_SEC);
}

class Fuzzer {
 public:
  explicit Fuzzer(std::uint64_t seed) : random_{seed} {
    environment_.declare("locale", Kind::kString);
    environment_.declare("text", Kind::kString);
    environment_.declare("time", Kind::kTimestamp);
    environment_.declare("user", {});
    environment_.declare("limit", Kind::kDouble);
    variables_ = json::parse(R"({"locale": "ru", "text": "aé,b🐱,Xx x", "time": "2026-03-29T01:30:00.5Z", "limit": 3,
        "user": {"tier": "gold", "tags": ["vip-1", "new"], "scores": [1, 2.5, 3, -4], "deep": {"a": [[1], {"b": null}]}}})")
                     ->as_object();
  }

  // The source that broke a promise, and which; or "".
  std::string round(MutationReport& report) {
    std::string source(kSeeds[random_.below(std::size(kSeeds))]);
    for (std::size_t edits = 1 + random_.below(3); edits > 0; --edits)
      slip(source, kPieces, kSeeds[random_.below(std::size(kSeeds))], random_);
    const auto start = processor_time();
    const auto compiled =
        Expression::compile(source, environment_, random_.below(3) == 0 ? Checking::kNone : Checking::kTypes);
    if (!compiled) return fault_is_fine(compiled.error(), source) ? "" : "compile: " + source;
    ++report.compiled;
    const JsonVariables variables(variables_);
    const Limits limits{.steps = 20'000, .memory_bytes = 128 * 1024};
    const auto result = compiled->evaluate(variables, evaluation_, limits);
    if (!result && !fault_is_fine(result.error(), source)) return "evaluate: " + source;
    const std::string text = result ? json::to_text(to_json(*result)) : result.error().message;
    report.evaluated += result.has_value() ? 1 : 0;
    if (result && !compiled->type().dynamic() && !compiled->type().is(result->kind())) return "type: " + source;
    std::vector<Finding> findings;
    const auto explained = compiled->explain(variables, evaluation_, findings, limits);
    if (explained.has_value() != result.has_value() ||
        text != (explained ? json::to_text(to_json(*explained)) : explained.error().message))
      return "explain: " + source;
    for (const Finding& one : findings)
      if (one.size == 0 || one.offset + one.size > source.size()) return "finding: " + source;
    const std::chrono::microseconds took = processor_time() - start;
    report.longest = std::max(report.longest, took);
    return took > std::chrono::seconds(1) ? "slow: " + source : "";
  }

 private:
  static bool fault_is_fine(const Fault& fault, std::string_view source) {
    return fault.code.starts_with("expression_") && !fault.message.empty() && fault.offset <= source.size() &&
           fault.line > 0 && fault.column > 0 && fault.shown(source).contains('^');
  }

  SlipRandom random_;
  Environment environment_;
  boost::json::object variables_;
  Evaluation evaluation_;
};

}  // namespace

MutationReport evaluate_mutations(std::uint64_t seed, std::chrono::milliseconds length) {
  MutationReport report;
  Fuzzer fuzzer(seed);
  const auto end = std::chrono::steady_clock::now() + length;
  for (; std::chrono::steady_clock::now() < end && report.fault.empty(); ++report.rounds)
    report.fault = fuzzer.round(report);
  return report;
}

}  // namespace fairlead::expr
