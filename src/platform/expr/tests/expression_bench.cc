// What a condition costs: expr_bench. The budget for a typical one is 1 us (optimised).
#include <benchmark/benchmark.h>

#include <boost/json/object.hpp>

#include "platform/expr/expression.h"
#include "platform/json/text.h"

namespace {

using namespace fairlead::expr;

Environment environment() {
  Environment out;
  out.declare("locale", Kind::kString);
  out.declare("tier", Kind::kString);
  out.declare("question", Kind::kString);
  out.declare("time", Kind::kTimestamp);
  out.declare("tags", Type::map(Kind::kString, Kind::kString));
  out.declare("user",
              Type::object({{"id", Kind::kString}, {"age", Kind::kInt}, {"groups", Type::list(Kind::kString)}}));
  return out;
}

boost::json::object variables() {
  return fairlead::json::parse(R"({"locale": "ru", "tier": "gold", "time": "2026-11-26T14:02:11Z",
      "question": "My card was swallowed by the machine in the station, what do I do now?", "tags": {"channel": "app"},
      "user": {"id": "u-17", "age": 34, "groups": ["beta", "staff", "early"]}})")
      ->as_object();
}

void evaluate(benchmark::State& state, const char* source) {
  const auto compiled = Expression::compile(source, environment());
  if (!compiled) return state.SkipWithError(compiled.error().message.c_str());
  const boost::json::object object = variables();
  const JsonVariables activation(object);
  Evaluation evaluation;
  if (auto once = compiled->evaluate(activation, evaluation); !once)
    return state.SkipWithError(once.error().message.c_str());
  for (auto _ : state) benchmark::DoNotOptimize(compiled->evaluate(activation, evaluation));
}
BENCHMARK_CAPTURE(evaluate, two_strings, "locale == 'ru' && tier == 'gold'");
BENCHMARK_CAPTURE(
    evaluate, typical,
    "locale == 'ru' && tier in ['gold', 'platinum'] && user.age >= 18 && has(tags.channel) && tags.channel == 'app'");
BENCHMARK_CAPTURE(evaluate, list, "user.groups.exists(g, g == 'early' || g.startsWith('vip'))");
BENCHMARK_CAPTURE(evaluate, absorbed, "tags.missing == 'x' || locale == 'ru'");
BENCHMARK_CAPTURE(evaluate, hours, "time.getHours('Europe/Berlin') >= 9 && time.getHours('Europe/Berlin') < 18");
BENCHMARK_CAPTURE(evaluate, pattern, "question.matches('(?i)card.*(swallowed|stolen)')");

void compile(benchmark::State& state, const char* source) {
  const Environment declared = environment();
  for (auto _ : state) benchmark::DoNotOptimize(Expression::compile(source, declared));
}
BENCHMARK_CAPTURE(compile, two_strings, "locale == 'ru' && tier == 'gold'");

// The most that one evaluation can hold up its loop: each ends at a limit.
void endless(benchmark::State& state, const char* source) {
  const auto compiled = Expression::compile(source, {});
  const boost::json::object object;
  Evaluation evaluation;
  for (auto _ : state) benchmark::DoNotOptimize(compiled->evaluate(JsonVariables(object), evaluation));
}
#define TEN "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"
BENCHMARK_CAPTURE(endless, loops,
                  TEN ".all(a, " TEN ".all(b, " TEN ".all(c, " TEN ".all(d, " TEN ".all(e, " TEN ".all(f, true))))))")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(endless, patterns,
                  TEN ".all(a, " TEN ".all(b, " TEN ".all(c, 'a'.matches('(\\\\pL{1,40}){1,9}|' + string(c)))))")
    ->Unit(benchmark::kMillisecond);
#undef TEN

}  // namespace

BENCHMARK_MAIN();
