// What a scan costs: pii_bench. Budgets: 50 us for a message of 300 characters, 25 of them for names; 100 MB/s for the
// patterns on long text; linear up to 10 MB.
#include <benchmark/benchmark.h>

#include <string>

#include "safety/pii/internal/normalise.h"
#include "safety/pii/internal/pattern_detector.h"
#include "safety/pii/internal/phones.h"
#include "safety/pii/names/detector.h"
#include "safety/pii/scanner.h"

namespace {

using namespace fairlead::pii;

// 300 characters each.
constexpr std::string_view kEnglish =
    "Hello, I was charged twice for the same purchase at the supermarket on the corner yesterday evening, and I would "
    "like to "
    "know when I get the money back. My card is 4111 1111 1111 1111 and you can write to maria.keller@example.com or "
    "call me at "
    "+1 415-555-2671. I have been a customer for many years. Thx.";
constexpr std::string_view kClean =
    "Hello, I was charged twice for the same purchase at the supermarket on the corner yesterday evening, and I would "
    "like to "
    "know when I get the money back. I have been a customer for many years and something of this kind has never "
    "happened before, "
    "so please tell me what I should do next. Many thanks.";
constexpr std::string_view kRussian =
    "Здравствуйте, вчера вечером с меня дважды списали деньги за одну и ту же покупку в супермаркете на углу, и я "
    "хотела бы "
    "узнать, когда их вернут. Моя карта 2200 7001 1234 5673, ИНН 500100732259, позвоните мне по номеру +7 916 "
    "123-45-67 или "
    "напишите на maria@example.ru. Я ваш клиент уже много лет.";
// As many names as will go in.
constexpr std::string_view kNamed =
    "Dear Mr. Keller, Anna Petrova of Fernandez Inc. in Vienna asked Ivan Sidorov and Maria Jansen from Overture "
    "Technologies to meet at 24 Clarke Avenue, Boston, on Friday. Dr. Hofmann and Lucía Álvarez fly from Madrid to "
    "Prague with Novak & Sons. Send it to Peter Brown, 5 Oak Lane, Springfield 62704. Regards, John Smith, Globex.";
// Prose with some numbers in it, as documents have.
constexpr std::string_view kProse =
    "The committee met on the third floor and discussed the plan for the next two years. Members asked why the budget "
    "had grown "
    "by 12 percent, and the chair answered that wages had risen in every department. A report of 48 pages describes "
    "the method. "
    "It was agreed that the smaller groups would meet again before the summer, and that a summary should be sent to "
    "everyone who "
    "takes part. The second item was the new building: its cost is now 1,250,000 and it opens in the spring of 2027. ";
constexpr std::string_view kRussianProse =
    "Комитет собрался на третьем этаже и обсудил план на следующие два года. Участники спросили, почему бюджет вырос "
    "на 12 "
    "процентов, и председатель ответил, что зарплаты выросли во всех отделах. Отчёт на 48 страницах описывает метод. "
    "Решили, что "
    "малые группы встретятся ещё раз до лета, а краткое изложение получат все. ";

const std::shared_ptr<const Scanner>& scanner() {
  static const std::shared_ptr<const Scanner> instance = *Scanner::create({});
  return instance;
}

std::string repeated(std::string_view text, std::size_t size) {
  std::string out;
  while (out.size() < size) out += text;
  out.resize(size);
  return out;
}

void message(benchmark::State& state, std::string_view text) {
  std::size_t found = 0;
  (void)scanner();
  for (auto _ : state) found += scanner()->scan(text).size();
  state.counters["spans"] = static_cast<double>(found) / static_cast<double>(state.iterations());
}
BENCHMARK_CAPTURE(message, english, kEnglish);
BENCHMARK_CAPTURE(message, clean, kClean);
BENCHMARK_CAPTURE(message, russian, kRussian);

void names_alone(benchmark::State& state, std::string_view of) {
  const auto detector = *names::detector();
  std::vector<Finding> out;
  for (auto _ : state) {
    out.clear();
    detector->find(of, out);
  }
  state.counters["found"] = static_cast<double>(out.size());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(of.size()));
}
BENCHMARK_CAPTURE(names_alone, english, kEnglish);
BENCHMARK_CAPTURE(names_alone, clean, kClean);
BENCHMARK_CAPTURE(names_alone, russian, kRussian);
BENCHMARK_CAPTURE(names_alone, named, kNamed);

void long_text(benchmark::State& state, std::string_view of) {
  const std::string text = repeated(of, static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(scanner()->scan(text));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(long_text, prose, kProse)->Arg(10'000)->Arg(100'000)->Arg(1'000'000)->Arg(10'000'000);
BENCHMARK_CAPTURE(long_text, russian_prose, kRussianProse)->Arg(1'000'000)->Arg(10'000'000);
BENCHMARK_CAPTURE(long_text, named, kNamed)->Arg(10'000)->Arg(1'000'000)->Arg(10'000'000);
BENCHMARK_CAPTURE(long_text, messages, kEnglish)->Arg(10'000)->Arg(1'000'000)->Arg(10'000'000);
BENCHMARK_CAPTURE(long_text, digits, "4111 1111 1111 1112 ")->Arg(10'000)->Arg(1'000'000);
BENCHMARK_CAPTURE(long_text, one_word, "a1")->Arg(10'000)->Arg(1'000'000);

// Each byte begins something long.
BENCHMARK_CAPTURE(long_text, made_up_addresses, "a@")->Arg(10'000)->Arg(1'000'000);
BENCHMARK_CAPTURE(long_text, made_up_pages, "a://b")->Arg(10'000)->Arg(1'000'000);
BENCHMARK_CAPTURE(long_text, made_up_percents, "%41")->Arg(10'000)->Arg(1'000'000);
BENCHMARK_CAPTURE(long_text, made_up_words, "карт")->Arg(10'000)->Arg(1'000'000);
BENCHMARK_CAPTURE(long_text, made_up_tokens, "eyJ-")->Arg(10'000)->Arg(1'000'000);

void patterns(benchmark::State& state, std::string_view of) {
  const auto detector = *PatternDetector::create({"US"}, 0.5);
  const std::string text = repeated(of, 1'000'000);
  std::vector<Finding> out;
  for (auto _ : state) {
    out.clear();
    detector->find(text, out);
  }
  state.SetBytesProcessed(state.iterations() * 1'000'000);
}
BENCHMARK_CAPTURE(patterns, prose, kProse);
BENCHMARK_CAPTURE(patterns, russian_prose, kRussianProse);

void normalising(benchmark::State& state) {
  const std::string text = repeated(kRussianProse, 1'000'000);
  for (auto _ : state) {
    View view;
    normalise(text, view);
    benchmark::DoNotOptimize(view.text);
  }
  state.SetBytesProcessed(state.iterations() * 1'000'000);
}
BENCHMARK(normalising);

void phone(benchmark::State& state, std::string_view digits, bool international) {
  const Phones phones = *Phones::create({"US", "GB", "RU"});
  for (auto _ : state) benchmark::DoNotOptimize(phones.valid(digits, international));
}
BENCHMARK_CAPTURE(phone, international, "14155552671", true);
BENCHMARK_CAPTURE(phone, national, "4155552671", false);
BENCHMARK_CAPTURE(phone, national_third_region, "89161234567", false);
BENCHMARK_CAPTURE(phone, of_no_region, "0496464670", false);

}  // namespace

BENCHMARK_MAIN();
