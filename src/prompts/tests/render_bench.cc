// What a prompt costs a call: prompts_bench. The budget for the template of 2 kB with 20 variables is 20 us
// (optimised).
#include <benchmark/benchmark.h>

#include <fstream>
#include <sstream>

#include "platform/json/text.h"
#include "prompts/template.h"

namespace {

using fairlead::prompts::Template;

std::string file(const std::string& name) {
  std::ifstream in(FAIRLEAD_SOURCE_DIR "/src/prompts/tests/cases/" + name);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

void render(benchmark::State& state) {
  const auto compiled = Template::compile(file("support.jinja"));
  const auto variables = fairlead::json::parse(file("support.json"))->as_object();
  for (auto _ : state) benchmark::DoNotOptimize(compiled->render(variables));
}
BENCHMARK(render)->Unit(benchmark::kMicrosecond);

void compile(benchmark::State& state) {
  const std::string source = file("support.jinja");
  for (auto _ : state) benchmark::DoNotOptimize(Template::compile(source));
}
BENCHMARK(compile)->Unit(benchmark::kMicrosecond);

// The most that one render can hold up its loop.
void endless(benchmark::State& state, const char* source) {
  const auto compiled = Template::compile(source);
  for (auto _ : state) benchmark::DoNotOptimize(compiled->render({}));
}
BENCHMARK_CAPTURE(endless, loop, "{% for i in range(10**9) %}{% endfor %}")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(endless, output, "{% for i in range(10**9) %}{{ i }}{% endfor %}")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(endless, text,
                  "{% set s = 'a' * 1000000 %}{% for i in range(10**9) %}{{ s|upper|length }}{% endfor %}")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(endless, sort, "{% for i in range(10**9) %}{% set x = range(5000)|sort %}{% endfor %}")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(endless, macro, "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}")
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
