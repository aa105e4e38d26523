// Any bytes as JSON and as pieces of an answer: nothing crashes, and what was hidden is given back.
// Run by hand: policy_fuzz [SECONDS [SEED]].
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "base/clock.h"
#include "safety/policy/internal/chat_rewriter.h"
#include "safety/policy/internal/filters.h"
#include "safety/policy/internal/json_document.h"
#include "safety/policy/internal/session.h"
#include "safety/policy/internal/text.h"
#include "safety/policy/tests/support.h"

namespace {

using namespace fairlead;
using namespace fairlead::policy;

std::mt19937 random_engine;

std::size_t below(std::size_t bound) {
  return random_engine() % bound;
}

std::string mutated(std::string text) {
  constexpr std::string_view kPieces[] = {"\"",    "\\",          "\\u04", "\\ud83d\\ude00", "{",    "}",      "[",
                                          "]",     ":",           ",",     "\xd0",           "null", "data: ", "\n\n",
                                          "Антон", "\"content\":"};
  for (std::size_t i = 1 + below(4); i > 0; --i) {
    const std::size_t at = below(text.size() + 1);
    switch (below(4)) {
      case 0:
        text.insert(at, kPieces[below(std::size(kPieces))]);
        break;
      case 1:
        if (at < text.size()) text.erase(at, 1 + below(4));
        break;
      case 2:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
        break;
      default:
        text.insert(at, text.substr(below(text.size() + 1), below(20)));
        break;
    }
  }
  return text;
}

void documents() {
  static const std::string seeds[] = {
      R"([{"role":"user","name":"Bob","content":[{"type":"text","text":"card 4111 1111 1111 1111"},{"type":"file","file":{"file_data":"data:text/plain;base64,aGVsbG8="}}]}])",
      R"([{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{\"inn\":7794580730,\"a\":[\"x\",{\"b\":\"\\u0418\"}]}"}}]}])"};
  const std::string json = mutated(seeds[below(2)]);
  const auto kind = static_cast<JsonDocument::Kind>(below(3));
  auto document = JsonDocument::read(json, kind, below(2) == 0);
  if (!document) return;
  std::vector<TextJob*> jobs;
  (*document)->jobs(jobs);
  for (TextJob* const job : jobs) job->changed = below(2) == 0, job->instead = "x\"" + std::string(job->text);
  (void)(*document)->write();
}

// A text of hidden values and any bytes comes back as it was, whatever the pieces.
void restoring() {
  static constexpr const char* kValues[][2] = {{"PERSON", "Иван Петров"},
                                               {"PERSON", "Анне Сёминой"},
                                               {"PERSON", "Mary Smith"},
                                               {"EMAIL_ADDRESS", "a.b@bank.ru"},
                                               {"PHONE_NUMBER", "+7 916 123-45-67"},
                                               {"CREDIT_CARD", "4276 1234 5678 9016"},
                                               {"RU_INN", "7707083893"},
                                               {"GPE", "Москве"}};
  Session session(tests::test_key(), std::to_string(below(100)));
  std::vector<std::pair<const char*, std::string>> parts;
  std::string original, hidden;
  for (std::size_t i = 1 + below(8); i > 0; --i) {
    if (below(2) == 0) {
      const auto& value = kValues[below(std::size(kValues))];
      parts.emplace_back(value[0], value[1]);
    } else {
      std::string noise;
      for (std::size_t n = below(12); n > 0; --n)
        noise += below(3) == 0 ? static_cast<char>(below(256)) : "abc -.,+Ан7"[below(12)];
      parts.emplace_back(nullptr, std::move(noise));
    }
  }
  for (const auto& [entity, text] : parts) original += "; " + text;
  Haystack others;
  others.add(original);
  for (const auto& [entity, text] : parts) {
    hidden += "; ";
    hidden += entity != nullptr ? session.hide(entity, text, others) : text;
  }
  Restorer restorer(session.pseudonyms(), false);
  std::string back;
  for (std::size_t at = 0; at < hidden.size();) {
    const std::size_t size = std::min(1 + below(5), hidden.size() - at);
    (void)restorer.push(std::string_view(hidden).substr(at, size), false, back);
    at += size;
  }
  (void)restorer.push({}, true, back);
  if (back == original) return;
  std::fprintf(stderr, "not given back:\n%s\n%s\n%s\n", original.c_str(), hidden.c_str(), back.c_str());
  std::abort();
}

void answers() {
  static const auto forms = [] {
    auto out = std::make_shared<Matcher>();
    out->add({"Антон", "Иван", Written::kAsWords, 0});
    return out;
  }();
  static const std::string event =
      R"(data: {"id":"x","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Hello Антон","tool_calls":[{"index":0,"function":{"arguments":"{\"a\":1}"}}]},"finish_reason":null}]})"
      "\n\n";
  const bool stream = below(4) != 0;
  ChatRewriter rewriter([](ChatRewriter::Kind) { return std::make_unique<Restorer>(forms, false); }, stream);
  for (std::size_t i = 1 + below(4); i > 0; --i)
    if (!rewriter.take(stream ? mutated(event) : mutated(event.substr(6)), i == 1)) return;
}

}  // namespace

int main(int argc, char** argv) {
  const auto seconds = std::chrono::seconds(argc > 1 ? std::atoi(argv[1]) : 60);
  const unsigned seed = argc > 2 ? static_cast<unsigned>(std::atoi(argv[2])) : std::random_device{}();
  random_engine.seed(seed);
  std::printf("seed %u\n", seed);
  const auto until = std::chrono::steady_clock::now() + seconds;
  std::size_t rounds = 0;
  for (; std::chrono::steady_clock::now() < until; ++rounds) {
    documents();
    restoring();
    answers();
  }
  std::printf("%zu rounds\n", rounds);
}
