// What a policy costs a call. Run by hand: policy_bench.
#include <benchmark/benchmark.h>

#include <optional>

#include "safety/policy/internal/filters.h"
#include "safety/policy/internal/json_document.h"
#include "safety/policy/internal/session.h"
#include "safety/policy/internal/treatment.h"
#include "safety/policy/tests/support.h"

namespace fairlead::policy {
namespace {

const std::string kPlain =
    R"([{"role":"user","content":"I have been waiting for my new card for more than two weeks now and nobody could tell me where it is. )"
    R"(Could you please look into this and tell me when it is going to arrive, and whether I have to pay for a new one? I would rather not wait any longer, since I am going abroad."}])";
const std::string kPersonal =
    R"([{"role":"user","content":"My card 4276 1234 5678 9016 has not come. Write to maria.sokolova@bank.ru or call +7 916 123-45-67. )"
    R"(Could you please look into this and tell me when it is going to arrive, and whether I have to pay for a new one? I would rather not wait any longer, since I am going abroad."}])";

enum class Sessions : std::uint8_t { kOne, kOneEach };

void hide(benchmark::State& state, const std::string& messages, Sessions sessions = Sessions::kOne) {
  const auto rules = tests::rules({R"({"privacy":{"default":"pseudonymise"}})"});
  std::optional<Session> session;
  for (auto _ : state) {
    if (!session || sessions == Sessions::kOneEach) session.emplace(tests::test_key(), "default");
    auto document = JsonDocument::read(messages, JsonDocument::Kind::kConversation, false);
    std::vector<TextJob*> jobs;
    (*document)->jobs(jobs);
    Haystack haystack;
    Outcome outcome;
    const Treater treater{.rules = *rules,
                          .side = Side::kInput,
                          .project = "default",
                          .key = *tests::test_keys(),
                          .session = &*session,
                          .haystack = &haystack};
    for (TextJob* const job : jobs) {
      haystack.add(job->text);
      find(*rules, *job, tests::test_clock(), SteadyTime::max());
    }
    treater.treat_all(jobs, outcome);
    benchmark::DoNotOptimize((*document)->changed() ? (*document)->write() : std::string());
  }
}

void restore(benchmark::State& state) {
  Session session(tests::test_key(), "default");
  Haystack others;
  for (int i = 0; i < state.range(0); ++i)
    session.hide("PERSON", "Имя" + std::string(1, static_cast<char>('a' + i % 26)) + std::to_string(i) + " Петров",
                 others);
  session.hide("PERSON", "Мария Соколова", others);
  const auto forms = session.pseudonyms();
  const std::string piece = "word and ";
  Restorer restorer(forms, false);
  for (auto _ : state) {
    std::string out;
    (void)restorer.push(piece, false, out);
    benchmark::DoNotOptimize(out);
  }
}

void nothing_found(benchmark::State& state) {
  hide(state, kPlain);
}
void three_found(benchmark::State& state) {
  hide(state, kPersonal);
}
void three_of_a_fresh_session(benchmark::State& state) {
  hide(state, kPersonal, Sessions::kOneEach);
}
BENCHMARK(nothing_found);
BENCHMARK(three_found);
BENCHMARK(three_of_a_fresh_session);
BENCHMARK(restore)->Arg(1)->Arg(50);

}  // namespace
}  // namespace fairlead::policy

BENCHMARK_MAIN();
