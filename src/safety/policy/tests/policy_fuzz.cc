// Any bytes as JSON, as answers of detectors, and as pieces of an answer: nothing crashes or leaves unseen, and what
// was hidden is given back. Run by hand: policy_fuzz [SECONDS [SEED]].
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <random>

#include "base/clock.h"
#include "platform/json/text.h"
#include "safety/policy/internal/chat_rewriter.h"
#include "safety/policy/internal/filters.h"
#include "safety/policy/internal/json_document.h"
#include "safety/policy/internal/plugged.h"
#include "safety/policy/internal/session.h"
#include "safety/policy/internal/text.h"
#include "safety/policy/internal/treatment.h"
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

// JSON with a mark in its values, never in its names: as text, as JSON within text, as what only looks like it.
struct Marked {
  static constexpr std::string_view kMark = "M4RKED";

  static std::string text(int depth) {
    const std::string mark(kMark);
    std::string out;
    for (std::size_t i = below(3); i > 0; --i) out += below(2) == 0 ? "слово " : "{word} ";
    switch (below(8)) {
      case 0:
        return depth < 6 ? json(depth + 1) : mark;
      case 1:
        return "{" + out + mark + "}";
      case 2:
        return "[" + mark + "]";
      case 3:
        return R"({"a":)" + mark + "}";
      case 4:
        return R"({"a":")" + mark + R"("}})";
      case 5:
        return R"({"a":")" + mark + R"(\q"})";
      case 6:
        return R"( \u004d\u0034 )" + mark + "\"";
      default:
        return out + mark + out;
    }
  }
  static std::string written(std::string_view text) {
    std::string out = "\"";
    for (const char one : text) {
      const auto c = static_cast<unsigned char>(one);
      if (c == '"' || c == '\\') {
        out += '\\';
        out += one;
      } else if (c < 0x80 && (c < 0x20 || below(6) == 0)) {
        char escape[8];
        std::snprintf(escape, sizeof escape, below(2) == 0 ? "\\u%04x" : "\\u%04X", c);
        out += escape;
      } else {
        out += one;
      }
    }
    return out + "\"";
  }
  static std::string space() { return std::string(below(3), " \n\t\r"[below(4)]); }
  static std::string json(int depth) {
    std::string out;
    switch (depth > 8 ? 2 : below(4)) {
      case 0:
        out = "{";
        for (std::size_t i = below(4); i > 0; --i)
          out += (out.size() > 1 ? "," : "") + space() + written("name " + std::to_string(i)) + space() + ":" +
                 space() + json(depth + 1) + space();
        return out + "}";
      case 1:
        out = "[";
        for (std::size_t i = below(4); i > 0; --i)
          out += (out.size() > 1 ? "," : "") + space() + json(depth + 1) + space();
        return out + "]";
      case 2:
        return written(text(depth));
      default: {
        constexpr std::string_view kScalars[] = {"null", "true", "1", "-2.5e3", "123456", "\"\""};
        return std::string(kScalars[below(std::size(kScalars))]);
      }
    }
  }
};

// What the escapes of JSON stand for, again and again.
bool shows_mark(std::string text) {
  for (int i = 0; i < 10; ++i) {
    if (text.find(Marked::kMark) != std::string::npos) return true;
    std::string plain;
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (text[at] != '\\' || at + 1 == text.size()) {
        plain += text[at];
      } else if (text[at + 1] == 'u' && at + 6 <= text.size()) {
        plain += static_cast<char>(std::strtoul(text.substr(at + 2, 4).c_str(), nullptr, 16));
        at += 5;
      } else {
        plain += text[++at];
      }
    }
    text = std::move(plain);
  }
  return false;
}

// Nothing that stands in a value leaves unseen, whatever it looks like.
void unseen() {
  const std::string json = Marked::space() + Marked::json(0) + Marked::space();
  const bool in_message = below(2) == 0;
  const std::string sent =
      in_message ? R"([{"role":"user","content":[{"type":"text","text":)" + Marked::written(json) + "}]}]" : json;
  auto document =
      JsonDocument::read(sent, in_message ? JsonDocument::Kind::kConversation : JsonDocument::Kind::kData, false);
  if (!document) {
    std::fprintf(stderr, "refused: %s\n%s\n", document.error().message.c_str(), sent.c_str());
    std::abort();
  }
  std::vector<TextJob*> jobs;
  (*document)->jobs(jobs);
  for (TextJob* const job : jobs) job->changed = true, job->instead = "x\"";
  const std::string out = (*document)->write();
  if (!shows_mark(out) && json::parse(out, 400)) return;
  std::fprintf(stderr, "left unseen, or no longer JSON:\n%s\n%s\n", sent.c_str(), out.c_str());
  std::abort();
}

// What plugged detectors answer, whatever it is, leads to parts of the text.
void plugged() {
  static const std::string answers[] = {
      R"([{"entity_type":"PERSON","start":0,"end":4,"score":0.85},{"entity_type":"X","start":2,"end":9}])",
      R"({"spans":[{"entity":"PERSON","start":1,"end":3,"score":null}]})",
      R"({"found":[{"entity":"PERSON","text":"Антон"},{"entity":"X","text":"abc"}]})"};
  static const DetectorSpec spec = [] {
    DetectorSpec out;
    out.model = "m";
    out.entities = {"PERSON", "X"};
    return out;
  }();
  std::string text = "abc Антон 😀 abc";
  if (below(2) == 0) text = mutated(text);
  std::string answer = answers[below(3)];
  if (below(4) != 0) answer = mutated(answer);
  for (const auto& found : {read_spans(answer, text, spec), read_quotes({&answer, 1}, text, spec)}) {
    if (!found) continue;
    for (const Found& one : *found) {
      if (one.start < one.end && one.end <= text.size() && one.score >= 0 && one.score <= 1) continue;
      std::fprintf(stderr, "beyond the text:\n%s\n%s\n", text.c_str(), answer.c_str());
      std::abort();
    }
  }
}

// A call's texts with anything found anywhere in them, treated and given back.
void treating() {
  static const auto rules = tests::rules({R"({"privacy":{"default":"pseudonymise"}})"});
  constexpr std::string_view kWords[] = {"Иван", "Петров", "Анна",    "Mary", "Smith", "call", "и",
                                         "№",    "12",     "a@b.com", "—",    "\n",    "«да»", "Ивану"};
  constexpr std::string_view kEntities[] = {"PERSON", "GPE", "ORGANIZATION", "CONTRACT", "EMAIL_ADDRESS"};
  Session session(tests::test_key(), std::to_string(below(100)));
  std::deque<std::string> texts;
  std::vector<TextJob> jobs(1 + below(3));
  std::vector<TextJob*> of_call;
  Haystack haystack;
  for (TextJob& job : jobs) {
    std::string& text = texts.emplace_back();
    std::vector<std::size_t> begins;
    for (std::size_t i = 1 + below(10); i > 0; --i) {
      begins.push_back(text.size());
      text += std::string(kWords[below(std::size(kWords))]) + " ";
    }
    job.text = text;
    for (std::size_t i = below(4); i > 0; --i) {
      const std::size_t first = below(begins.size()), last = std::min(first + below(3), begins.size() - 1);
      const std::size_t end = (last + 1 < begins.size() ? begins[last + 1] : text.size()) - 1;
      const std::size_t start = begins[first];
      const std::size_t from = start - std::min(start, below(3)), to = std::min(end + below(3), text.size());
      std::vector<Found> one{{from, to, kEntities[below(std::size(kEntities))], 0.9, "fuzz"}};
      add_found(*rules, job, std::move(one));
    }
    haystack.add(text);
    of_call.push_back(&job);
  }
  const Treater treater{.rules = *rules,
                        .side = Side::kInput,
                        .project = "default",
                        .key = *tests::test_keys(),
                        .session = &session,
                        .haystack = &haystack};
  Outcome outcome;
  treater.treat_all(of_call, outcome);
  for (const TextJob& job : jobs) {
    const std::string hidden = job.changed ? job.instead : std::string(job.text);
    if (hidden.find('<') != std::string::npos) continue;  // what has no pseudonym is not given back
    Restorer one(session.pseudonyms(), false);
    std::string back;
    for (std::size_t at = 0; at < hidden.size();) {
      const std::size_t size = std::min(1 + below(5), hidden.size() - at);
      (void)one.push(std::string_view(hidden).substr(at, size), false, back);
      at += size;
    }
    (void)one.push({}, true, back);
    if (back == job.text) continue;
    std::fprintf(stderr, "not given back:\n%s\n%s\n%s\n", std::string(job.text).c_str(), hidden.c_str(), back.c_str());
    std::abort();
  }
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
    unseen();
    plugged();
    treating();
    restoring();
    answers();
  }
  std::printf("%zu rounds\n", rounds);
}
