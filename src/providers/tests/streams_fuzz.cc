// providers_fuzz [SECONDS [SEED [VENDOR]]]: mutates the streams and whole answers of every vendor until the time is up.
// However a stream is split, it must end the same way and say the same; each chunk must be JSON; usage must add up.
// Exits 1 and prints the stream at the first fault.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <functional>
#include <memory>
#include <random>

#include "base/tests/fuzz.h"
#include "platform/json/text.h"
#include "providers/anthropic/native.h"
#include "providers/anthropic/translator.h"
#include "providers/bedrock/translator.h"
#include "providers/gemini/translator.h"
#include "providers/gigachat/translator.h"
#include "providers/internal/native.h"
#include "providers/internal/translated.h"
#include "providers/openai/native.h"
#include "providers/tests/event_frames.h"
#include "providers/tests/fake_client.h"
#include "providers/tests/stream_seeds.h"
#include "providers/yandexgpt/translator.h"

namespace fairlead::providers {
namespace {

using Random = std::mt19937_64;
using Read = std::function<std::unique_ptr<llm::Completion>(std::unique_ptr<http::ClientResponse>, bool stream)>;

internal::TranslatorOptions options() {
  return {.include_usage = true, .created = 1, .call_id = "01J", .model = "m"};
}

template <class Make>
Read translated(Make make) {
  return [make](std::unique_ptr<http::ClientResponse> response, bool stream) {
    return internal::translate(std::move(response), {.stream = stream, .translator = make(options())});
  };
}

Read passed_on(std::function<std::unique_ptr<internal::NativeReader>()> make) {
  return [make](std::unique_ptr<http::ClientResponse> response, bool stream) {
    return internal::pass_on(std::move(response), {.stream = stream, .reader = make()});
  };
}

struct Subject {
  const char* name;
  Read read;
  std::vector<std::string> seeds;
  bool writes_json = true;  // its chunks are written here
};

std::vector<Subject> subjects() {
  const auto openai_chat = [](bool reasoning) {
    return [reasoning](std::unique_ptr<http::ClientResponse> response, bool stream) {
      llm::OpenAiAnswer answer;
      answer.stream = stream;
      answer.include_usage = true;
      answer.says_reasoning = reasoning;
      return llm::read_openai_completion(std::move(response), std::move(answer));
    };
  };
  const auto openai_native = [](llm::Format format) {
    return passed_on([format] { return openai::native_reader(format, false, nullptr); });
  };
  return {
      {"openai", openai_chat(false), seeds::openai(), false},
      {"groq", openai_chat(true), seeds::openai(), false},
      {"completions", openai_native(llm::Format::kCompletions), seeds::completions(), false},
      {"responses", openai_native(llm::Format::kResponses), seeds::responses(), false},
      {"embeddings", openai_native(llm::Format::kEmbeddings), seeds::completions(), false},
      {"anthropic", translated(anthropic::make_translator), seeds::anthropic()},
      {"messages", passed_on([] { return anthropic::native_reader(llm::Format::kMessages, nullptr); }),
       seeds::anthropic(), false},
      {"gemini", translated(gemini::make_translator), seeds::gemini()},
      {"bedrock", translated(bedrock::make_translator), seeds::bedrock()},
      {"yandexgpt", translated(yandexgpt::make_translator), seeds::yandexgpt()},
      {"gigachat", translated(gigachat::make_translator), seeds::gigachat()},
  };
}

std::size_t pick(Random& random, std::size_t bound) {
  return bound == 0 ? 0 : static_cast<std::size_t>(random() % bound);
}

// One to six small changes.
std::string mutate(std::string text, const std::vector<std::string>& seeds, Random& random) {
  static constexpr std::string_view kPieces[] = {"\n",
                                                 "\r\n",
                                                 "\r",
                                                 "\n\n",
                                                 "data: ",
                                                 "data:",
                                                 "event: x\n",
                                                 ": c\n\n",
                                                 "[DONE]",
                                                 "{",
                                                 "}",
                                                 "[",
                                                 "]",
                                                 ",",
                                                 ":",
                                                 "\"",
                                                 "\\",
                                                 "null",
                                                 "-1",
                                                 "1e400",
                                                 "99999999999999999999",
                                                 "true",
                                                 "{}",
                                                 "[]",
                                                 "\"\"",
                                                 "\\u0000",
                                                 "\\ud800",
                                                 "\xff",
                                                 "\xc3",
                                                 "\xEF\xBB\xBF",
                                                 "\"error\":{\"message\":\"x\"},",
                                                 "\"index\":-7,",
                                                 "\"usage\":{},",
                                                 "\"finish_reason\":\"stop\",",
                                                 "\"type\":\"ping\","};
  for (std::size_t i = 0, changes = 1 + pick(random, 6); i < changes; ++i) {
    const std::size_t at = pick(random, text.size() + 1);
    switch (pick(random, 7)) {
      case 0:
        text.insert(at, kPieces[pick(random, std::size(kPieces))]);
        break;
      case 1:
        text.erase(at, 1 + pick(random, 8));
        break;
      case 2:
        if (at < text.size()) text[at] = static_cast<char>(random());
        break;
      case 3:
        text.resize(at);
        break;
      case 4:
        text.insert(at, text.substr(pick(random, text.size() + 1), pick(random, 60)));
        break;
      case 5: {
        const std::string& other = seeds[pick(random, seeds.size())];
        text.insert(at, other.substr(pick(random, other.size()), pick(random, 200)));
        break;
      }
      default: {
        // A whole event, moved or doubled.
        const std::size_t begin = text.find("\n\n", at);
        const std::size_t end = begin == std::string::npos ? begin : text.find("\n\n", begin + 2);
        if (end != std::string::npos) text.insert(end, text.substr(begin, end - begin));
        break;
      }
    }
  }
  return text;
}

// The messages of a stream of AWS's framing, each as its type and its payload.
std::vector<std::pair<std::string, std::string>> unframed(const std::string& text) {
  std::vector<std::pair<std::string, std::string>> out;
  bedrock::EventStreamReader reader;
  reader.add(text);
  for (auto message = reader.next(); message && *message; message = reader.next())
    out.emplace_back(std::string((*message)->type), std::string((*message)->payload));
  return out;
}

// Most changes of such a stream would end at a checksum: here payloads and types change, and are framed anew.
std::string mutate_frames(const std::string& text, const std::vector<std::string>& seeds, Random& random) {
  if (pick(random, 4) == 0) return mutate(text, seeds, random);
  std::vector<std::string> payloads;
  auto frames = unframed(text);
  for (const auto& [type, payload] : frames) payloads.push_back(payload);
  std::string out;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    auto& [type, payload] = frames[pick(random, 8) == 0 ? pick(random, frames.size()) : i];
    if (pick(random, 3) == 0) payload = mutate(payload, payloads, random);
    out += frame(type, payload, pick(random, 40) == 0 ? "exception" : "event");
  }
  return out;
}

async::Task<void> read_to_end(std::unique_ptr<llm::Completion> completion, Answered& answered) {
  for (;;) {
    auto delta = co_await completion->next();
    if (!delta) {
      answered.error = std::move(delta).error();
      break;
    }
    answered.wire += delta->wire;
    if (delta->end) break;
  }
  answered.outcome = completion->outcome();
}

Answered answer_of(const Subject& subject, std::deque<std::string> reads, bool stream, async::Loop& loop) {
  Answered answered;
  Script script;
  script.headers = {{"content-type", stream ? "text/event-stream" : "application/json"}};
  script.reads = std::move(reads);
  boost::asio::co_spawn(loop.context(),
                        read_to_end(subject.read(std::make_unique<FakeResponse>(std::move(script)), stream), answered),
                        boost::asio::detached);
  loop.context().restart();
  loop.context().poll();
  return answered;
}

std::string code_of(const Answered& answered) {
  return answered.error ? answered.error->code : "none";
}

std::string fault_in(const Answered& answered, bool writes_json, bool stream) {
  const llm::Usage& usage = answered.outcome.usage;
  if (usage.input < 0 || usage.output < 0 || usage.cached_input + usage.cache_write > usage.input ||
      usage.reasoning > usage.output)
    return "usage does not add up";
  if (answered.error && answered.error->message.empty()) return "an error says nothing";
  if (!writes_json || answered.wire.empty()) return {};
  if (!stream) return json::parse(answered.wire, 1024) ? std::string() : "the answer is no JSON";
  for (std::size_t at = 0; at < answered.wire.size();) {
    const std::size_t end = answered.wire.find("\n\n", at);
    if (end == std::string::npos || answered.wire.compare(at, 6, "data: ") != 0) return "a chunk is no event";
    if (!json::parse(std::string_view(answered.wire).substr(at + 6, end - at - 6), 1024)) return "a chunk is no JSON";
    at = end + 2;
  }
  return {};
}

// Empty: all is well.
std::string judge(const Subject& subject, const std::string& text, Random& random, async::Loop& loop) {
  const Answered at_once = answer_of(subject, {text}, true, loop);
  if (const std::string fault = fault_in(at_once, subject.writes_json, true); !fault.empty()) return fault;
  std::deque<std::string> pieces;
  const std::size_t most = 1 + pick(random, 40);
  for (std::size_t at = 0; at < text.size();) {
    pieces.push_back(text.substr(at, 1 + pick(random, most)));
    at += pieces.back().size();
  }
  const Answered split = answer_of(subject, std::move(pieces), true, loop);
  if (const std::string fault = fault_in(split, subject.writes_json, true); !fault.empty()) return fault;
  if (code_of(at_once) != code_of(split)) return "ends with " + code_of(at_once) + ", split with " + code_of(split);
  const std::string& shorter = at_once.wire.size() < split.wire.size() ? at_once.wire : split.wire;
  const std::string& longer = at_once.wire.size() < split.wire.size() ? split.wire : at_once.wire;
  if (!longer.starts_with(shorter) || (!at_once.error && longer != shorter)) return "says something else when split";
  const Answered whole = answer_of(subject, {text}, false, loop);
  return fault_in(whole, subject.writes_json, false);
}

std::vector<FuzzSubject> fuzzed(std::uint64_t seed) {
  struct State {
    Random random;
    async::Loop loop{0};
  };
  const auto state = std::make_shared<State>();
  state->random.seed(seed);
  std::vector<FuzzSubject> out;
  for (std::vector<Subject> all = subjects(); Subject & one : all) {
    const std::string name = one.name;
    out.push_back({name, [state, subject = std::move(one)](std::string& text) {
                     const std::string& start = subject.seeds[pick(state->random, subject.seeds.size())];
                     text = std::string_view(subject.name) == "bedrock"
                                ? mutate_frames(start, subject.seeds, state->random)
                                : mutate(start, subject.seeds, state->random);
                     return judge(subject, text, state->random, state->loop);
                   }});
  }
  return out;
}

}  // namespace
}  // namespace fairlead::providers

int main(int argc, char** argv) {
  return fairlead::fuzz(argc, argv, fairlead::providers::fuzzed);
}
