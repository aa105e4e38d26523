// What a prompt costs a call: prompts_bench. The budget for the template of 2 kB with 20 variables is 20 us
// (optimised).
#include <benchmark/benchmark.h>

#include <fstream>
#include <sstream>

#include "platform/json/text.h"
#include "prompts/internal/renderer.h"
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

// What a call's variables become, without variants and with three conditions of which the last holds.
void form(benchmark::State& state, const char* variants, const char* variables) {
  namespace internal = fairlead::prompts::internal;
  const std::string spec =
      std::string(R"({"model": "m", "input": {"question": {"type": "string"}, "locale": {"type": "string"},
    "tier": {"type": "string", "default": "standard"}}, "messages": [{"system": "Answer in {{ locale }}."}, {"user": "{{ question }}"}],
    "variants": [)") +
      variants + "]}";
  std::vector<fairlead::resources::SpecError> faults;
  const internal::Renderer prompt(
      "p", internal::read_specification("p", fairlead::json::parse(spec)->as_object(), {}, faults));
  const auto given = fairlead::json::parse(variables)->as_object();
  const std::vector<std::string> tags = {"web", "beta"};
  for (auto _ : state) {
    const auto complete = prompt.complete(given);
    const auto chosen = prompt.choose(*complete, {.user = "u-17", .tags = tags});
    benchmark::DoNotOptimize(prompt.render(prompt.specification().forms[chosen.form], complete->values, {}));
  }
}
constexpr const char* kVariables = R"({"question": "My card was swallowed by a machine. What now?", "locale": "ru"})";
constexpr const char* kThree = R"json({"name": "a", "when": "locale == 'ru' && tier == 'gold'"},
  {"name": "b", "when": "user.id.endsWith('@example.com')"}, {"name": "c", "when": "'beta' in tags"})json";
constexpr const char* kLanguage = R"json({"name": "a", "when": "language == 'en'"})json";
BENCHMARK_CAPTURE(form, without_variants, "", kVariables)->Unit(benchmark::kNanosecond);
BENCHMARK_CAPTURE(form, three_conditions, kThree, kVariables)->Unit(benchmark::kNanosecond);
BENCHMARK_CAPTURE(form, language, kLanguage, kVariables)->Unit(benchmark::kNanosecond);

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
