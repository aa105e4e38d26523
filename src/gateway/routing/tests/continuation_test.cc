#include "gateway/routing/continuation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <map>
#include <set>

#include "gateway/routing/tests/scripted.h"
#include "platform/json/text.h"

namespace fairlead::gateway::routing {
namespace {

namespace bj = boost::json;
using testing::HasSubstr;
using testing::Not;

const std::vector<std::string> kPieces = {"The", " sky", " is", " bl", "ue: ", "не", "бо", " — 空", "."};

// What a client makes of a stream.
struct Client {
  explicit Client(std::string_view wire) {
    while (wire.starts_with("data: ")) {
      const std::size_t end = wire.find("\n\n");
      const bj::object chunk = bj::parse(wire.substr(6, end - 6)).as_object();
      wire.remove_prefix(end + 2);
      ids.insert(std::string(chunk.at("id").as_string()));
      if (const auto* usage = chunk.if_contains("usage"); usage && usage->is_object()) counted = usage->as_object();
      if (const auto* fairlead = chunk.if_contains("fairlead")) flag = fairlead->at("continued").as_object();
      for (const bj::value& choice : chunk.at("choices").as_array()) {
        if (const auto* content = choice.at("delta").as_object().if_contains("content")) text += content->as_string();
        if (const auto* pieces = choice.at("delta").as_object().if_contains("tool_calls")) {
          tool_calls = true;
          for (const bj::value& piece : pieces->as_array()) take_call(piece.as_object());
        }
        if (!choice.at("finish_reason").is_null()) ++ends;
        EXPECT_TRUE(json::valid_utf8_prefix(text) == text.size());
      }
    }
    rest = wire;
  }
  // As clients do: an id and a name once, arguments joined.
  void take_call(const bj::object& piece) {
    Call& call = calls[piece.at("index").to_number<int>()];
    const auto append = [](std::string& to, const bj::object& from, std::string_view name) {
      if (const bj::value* const value = from.if_contains(name)) to += value->as_string();
    };
    append(call.id, piece, "id");
    if (const bj::value* const function = piece.if_contains("function")) {
      append(call.name, function->as_object(), "name");
      append(call.arguments, function->as_object(), "arguments");
    }
  }
  // As docs/reference/calling.md says: without what the flag drops.
  std::string answer() const {
    if (flag.empty()) return text;
    const auto byte_of = [this](std::int64_t character) {
      std::size_t at = 0;
      for (; character > 0; --character) do
          ++at;
        while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80);
      return at;
    };
    const std::int64_t keep = flag.at("keep").to_number<std::int64_t>(),
                       drop = flag.at("drop").to_number<std::int64_t>();
    return text.substr(0, byte_of(keep)) + text.substr(byte_of(keep + drop));
  }
  std::string text, rest;
  std::set<std::string> ids;
  bj::object flag, counted;
  bool tool_calls = false;
  struct Call {
    std::string id, name, arguments;
  };
  std::map<int, Call> calls;
  int ends = 0;
};

std::string joined(const std::vector<std::string>& pieces) {
  std::string out;
  for (const std::string& piece : pieces) out += piece;
  return out;
}

// Streams the first `count` pieces and breaks.
Script breaks_after(std::size_t count, const std::vector<std::string>& pieces = kPieces) {
  Script out;
  for (std::size_t i = 0; i < count; ++i) out.deltas.push_back(chunk(pieces[i]));
  out.break_after = Error{ErrorKind::kUpstream, "upstream_reset", "it broke"};
  return out;
}

class ContinuationTest : public testing::Test {
 protected:
  Bench& bench(std::vector<Script> first, std::vector<Script> second) {
    first_ = std::make_shared<ScriptedProvider>("first", std::move(first));
    second_ = std::make_shared<ScriptedProvider>("second", std::move(second));
    bench_.emplace(std::vector{first_, second_});
    bench_->model->routing.continue_streams = true;
    return *bench_;
  }
  std::shared_ptr<ScriptedProvider> first_, second_;
  std::optional<Bench> bench_;
};

TEST_F(ContinuationTest, ARestartThatAgreesIsSeamlessAtEveryBoundary) {
  // However the second one cuts its text.
  const std::string text = joined(kPieces);
  std::vector<std::vector<std::string>> cuts = {kPieces, {text}, {"The sky is b", text.substr(12)}};
  for (std::size_t cut = 1; cut < text.size(); ++cut)
    if ((static_cast<unsigned char>(text[cut]) & 0xc0) != 0x80) cuts.push_back({text.substr(0, cut), text.substr(cut)});
  for (std::size_t said = 1; said <= kPieces.size(); ++said) {
    for (const auto& pieces : cuts) {
      Script again = streams(pieces);
      for (std::string& delta : again.deltas) delta.replace(delta.find("chatcmpl-1"), 10, "chatcmpl-2");
      const Answered answered = bench({breaks_after(said)}, {again}).stream();
      ASSERT_FALSE(answered.error);
      const Client client(answered.wire);
      EXPECT_EQ(client.text, text) << said;
      EXPECT_EQ(client.ids, std::set<std::string>{"chatcmpl-1"});
      EXPECT_TRUE(client.flag.empty());
      EXPECT_EQ(client.ends, 1);
      EXPECT_EQ(client.rest, "");
    }
  }
}

TEST_F(ContinuationTest, ARestartThatDisagreesIsFlaggedAndTellsHowToReadIt) {
  for (const std::string other :
       {"The sky is blau.", "Das ist blau", "T", "The sky is blue: небеса — 空", "The sky is blue: нож", ""}) {
    for (std::size_t said = 1; said <= kPieces.size(); ++said) {
      const Answered answered =
          bench({breaks_after(said)}, {streams({other.substr(0, 1), other.empty() ? "" : other.substr(1)})}).stream();
      ASSERT_FALSE(answered.error);
      const Client client(answered.wire);
      const std::string before = joined({kPieces.begin(), kPieces.begin() + static_cast<std::ptrdiff_t>(said)});
      EXPECT_TRUE(client.text.starts_with(before)) << "nothing that was said is taken back";
      EXPECT_EQ(client.answer(), other) << said;
      EXPECT_EQ(client.flag.empty(), other.starts_with(before)) << other << said;
      EXPECT_EQ(client.ends, 1);
    }
  }
}

TEST_F(ContinuationTest, ARouteThatCanIsGivenTheTextSoFarAtEveryBoundary) {
  for (const llm::Prefill prefill :
       {llm::Prefill::kLastMessage, llm::Prefill::kContinueFinalMessage, llm::Prefill::kPrefix}) {
    for (std::size_t said = 1; said < kPieces.size(); ++said) {
      const std::vector<std::string> rest(kPieces.begin() + static_cast<std::ptrdiff_t>(said), kPieces.end());
      Bench& bench = this->bench({breaks_after(said)}, {streams(rest)});
      second_->prefill = prefill;
      const Answered answered =
          bench.ask(R"({"model":"m","stream":true,"max_tokens":50,"messages":[{"role":"user","content":"hi"}]})");
      ASSERT_FALSE(answered.error);
      const Client client(answered.wire);
      EXPECT_EQ(client.text, joined(kPieces)) << said;
      EXPECT_TRUE(client.flag.empty());
      const bj::object body = bj::parse(second_->calls.at(0).body).as_object();
      const bj::object last = body.at("messages").as_array().at(1).as_object();
      EXPECT_EQ(last.at("role"), "assistant");
      std::string before = joined({kPieces.begin(), kPieces.begin() + static_cast<std::ptrdiff_t>(said)});
      if (before.ends_with(' ')) before.pop_back();
      EXPECT_EQ(last.at("content"), bj::string(before));
      EXPECT_EQ(last.contains("prefix"), prefill == llm::Prefill::kPrefix);
      EXPECT_EQ(body.contains("continue_final_message"), prefill == llm::Prefill::kContinueFinalMessage);
      EXPECT_EQ(body.at("max_tokens"), 50 - static_cast<std::int64_t>((before.size() + 3) / 4));
    }
  }
}

TEST_F(ContinuationTest, WhiteSpaceThatThePrefillLeftOutIsNotDoubled) {
  for (const char* next : {" blue", "blue"}) {
    Bench& bench = this->bench({breaks_after(1, {"The sky is "})}, {streams({next})});
    second_->prefill = llm::Prefill::kLastMessage;
    EXPECT_EQ(Client(bench.stream().wire).text, "The sky is blue");
  }
}

TEST_F(ContinuationTest, AModelThatTakesNoPrefillAnswersAnew) {
  Script refuses{.refuse = Error{ErrorKind::kInvalid, "invalid_request_error", "prefill is not supported"}};
  Bench& bench = this->bench({breaks_after(3)}, {refuses, streams(kPieces)});
  second_->prefill = llm::Prefill::kLastMessage;
  const Answered answered = bench.stream();
  EXPECT_EQ(Client(answered.wire).text, joined(kPieces));
  EXPECT_EQ(bj::parse(second_->calls.at(1).messages).as_array().size(), 1u);
  EXPECT_EQ(answered.attempts.size(), 3u);
}

TEST_F(ContinuationTest, GoesOnAsOftenAsThereAreRoutes) {
  bench({breaks_after(2)}, {breaks_after(5)});
  const auto third = std::make_shared<ScriptedProvider>("third", std::vector{streams(kPieces)});
  bench_->model->routes.push_back({third, "up"});
  bench_->attach();
  const Answered answered = bench_->stream();
  EXPECT_EQ(Client(answered.wire).text, joined(kPieces));
  EXPECT_EQ(answered.record.provider, "third");
  EXPECT_EQ(answered.attempts.at(2).reason, "continuation");
}

TEST_F(ContinuationTest, WithoutAnotherRouteTheErrorIsTheAnswers) {
  const Answered answered = bench({breaks_after(2)}, {breaks_after(3)}).stream();
  EXPECT_EQ(answered.error->code, "upstream_reset");
  EXPECT_EQ(Client(answered.wire).text, "The sky is");
}

TEST_F(ContinuationTest, IsNotDoneForToolCallsNorWhenItIsTurnedOff) {
  Script calls_tool = breaks_after(1);
  calls_tool.deltas.push_back(
      R"(data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","type":"function",)"
      R"("function":{"name":"pay","arguments":"{\"to"}}]},"finish_reason":null}]})"
      "\n\n");
  EXPECT_EQ(bench({calls_tool}, {streams(kPieces)}).stream().error->code, "upstream_reset");
  EXPECT_TRUE(second_->calls.empty());
  Bench& off = bench({breaks_after(3)}, {streams(kPieces)});
  off.model->routing.continue_streams = false;
  EXPECT_EQ(off.stream().error->code, "upstream_reset");
  EXPECT_TRUE(second_->calls.empty());
}

// An answer that says a word and calls two tools, in pieces: the arguments cut every so many bytes.
struct Calls {
  std::string text = "Let me see.", ids = "a", other_argument = "10,5";
  std::string second = "notify";
  std::size_t cut = 4;

  std::vector<std::string> deltas() const {
    std::vector<std::string> out;
    if (!text.empty()) out.push_back(chunk(text));
    add(out, 0, "pay", R"({"to":"Ирина","sum":)" + other_argument + "}");
    if (!second.empty()) add(out, 1, second, R"({"text":"готово \"да\""})");
    return out;
  }
  void add(std::vector<std::string>& out, int index, const std::string& name, std::string_view arguments) const {
    const std::string place = R"({"index":)" + std::to_string(index);
    out.push_back(piece(place + R"(,"id":"call_)" + ids + std::to_string(index) +
                        R"(","type":"function","function":{"name":)" + json::quoted(name) + R"(,"arguments":""}})"));
    while (!arguments.empty()) {
      std::size_t size = std::min(cut, arguments.size());
      while (size < arguments.size() && (static_cast<unsigned char>(arguments[size]) & 0xc0) == 0x80) ++size;
      out.push_back(piece(place + R"(,"function":{"arguments":)" + json::quoted(arguments.substr(0, size)) + "}}"));
      arguments.remove_prefix(size);
    }
  }
  static std::string piece(const std::string& call) {
    return R"(data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"tool_calls":[)" + call +
           R"(]},"finish_reason":null}]})" + "\n\n";
  }
  Script whole() const {
    Script out{.deltas = deltas()};
    out.deltas.push_back(R"(data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]})"
                         "\n\n");
    return out;
  }
  Script breaks_after(std::size_t count) const {
    Script out{.deltas = deltas()};
    out.deltas.resize(count);
    out.break_after = Error{ErrorKind::kUpstream, "upstream_reset", "it broke"};
    return out;
  }
};

TEST_F(ContinuationTest, AToolCallIsMadeOnceWhereverItBrokeIfThatIsAskedFor) {
  const Calls first;
  const Client undisturbed(bench({first.whole()}, {}).stream().wire);
  ASSERT_EQ(undisturbed.calls.size(), 2u);
  for (std::size_t said = 1; said <= first.deltas().size(); ++said) {
    for (const std::size_t cut : {1u, 3u, 7u, 1'000u}) {
      const Calls again{.ids = "b", .cut = cut};
      Bench& bench = this->bench({first.breaks_after(said)}, {again.whole()});
      bench.model->routing.continue_tool_calls = true;
      if (said > 1) second_->prefill = llm::Prefill::kLastMessage;  // which goes on with words alone
      const Answered answered = bench.stream();
      ASSERT_FALSE(answered.error) << said << " " << cut << answered.error->message;
      const Client client(answered.wire);
      EXPECT_EQ(client.text, undisturbed.text);
      EXPECT_TRUE(client.flag.empty());
      EXPECT_EQ(client.ends, 1);
      ASSERT_EQ(client.calls.size(), 2u);
      for (const auto& [index, call] : client.calls) {
        EXPECT_EQ(call.name, undisturbed.calls.at(index).name) << said << " " << cut;
        EXPECT_EQ(call.arguments, undisturbed.calls.at(index).arguments) << said << " " << cut;
        EXPECT_EQ(call.id.size(), 7u) << "one id: " << call.id;
      }
      EXPECT_EQ(client.calls.at(0).id, said > 1 ? "call_a0" : "call_b0");
    }
  }
}

TEST_F(ContinuationTest, ACallThatWouldBeNobodysEndsTheStreamWithAnError) {
  const Calls first;
  const std::size_t in_the_second = first.deltas().size() - 2;
  const auto error_after = [&](std::size_t said, const Calls& other) {
    Bench& bench = this->bench({first.breaks_after(said)}, {other.whole()});
    bench.model->routing.continue_tool_calls = true;
    const Answered answered = bench.stream();
    EXPECT_EQ(Client(answered.wire).ends, answered.error ? 0 : 1) << "what fails has no end";
    EXPECT_EQ(answered.attempts.size(), 2u);
    return answered.error ? answered.error->code : "";
  };
  for (const std::size_t cut : {1u, 5u, 1'000u}) {
    EXPECT_EQ(error_after(in_the_second, {.other_argument = "99", .cut = cut}), "continuation_differs");
    EXPECT_EQ(error_after(in_the_second, {.other_argument = "10,55", .cut = cut}), "continuation_differs");
    EXPECT_EQ(error_after(in_the_second, {.second = "delete_everything", .cut = cut}), "continuation_differs");
    EXPECT_EQ(error_after(in_the_second, {.second = "", .cut = cut}), "continuation_differs")
        << "it makes one call less";
    EXPECT_EQ(error_after(3, {.other_argument = "99", .cut = cut}), "") << "what the client does not have may be other";
    EXPECT_EQ(error_after(1, {.second = "delete_everything", .cut = cut}), "");
  }
  // An answer in words makes no call either.
  Bench& bench = this->bench({first.breaks_after(in_the_second)}, {streams(kPieces)});
  bench.model->routing.continue_tool_calls = true;
  EXPECT_EQ(bench.stream().error->code, "continuation_differs");
}

TEST_F(ContinuationTest, ARouteThatMakesTheSameCallIsFoundBehindOneThatDoesNot) {
  const Calls first;
  const auto ask_behind = [&](Script between) {
    bench({first.breaks_after(first.deltas().size() - 9)}, {std::move(between)});
    const auto third =
        std::make_shared<ScriptedProvider>("third", std::vector{Calls{.ids = "c", .second = ""}.whole()});
    bench_->model->routes.push_back({third, "up"});
    bench_->model->routing.continue_tool_calls = true;
    bench_->attach();
    return bench_->stream();
  };
  const Answered answered = ask_behind(Calls{.other_argument = "99", .cut = 30}.whole());
  ASSERT_FALSE(answered.error) << answered.error->message;
  EXPECT_EQ(Client(answered.wire).calls.at(0).arguments, R"({"to":"Ирина","sum":10,5})");
  EXPECT_EQ(answered.attempts.at(1).error_code, "continuation_differs");
  for (const auto& route : bench_->registry.routes())
    EXPECT_EQ(route.failures, route.provider == "first" ? 1u : 0u) << "no fault of the route: " << route.provider;
  // Other words have gone out by then, and one event cannot tell of two detours.
  EXPECT_EQ(ask_behind(streams(kPieces)).error->code, "continuation_differs");
}

TEST_F(ContinuationTest, OtherWordsBeforeTheSameCallAreFlagged) {
  const Calls first;
  Bench& bench = this->bench({first.breaks_after(5)}, {Calls{.text = "Let me think.", .ids = "b"}.whole()});
  bench.model->routing.continue_tool_calls = true;
  const Answered answered = bench.stream();
  ASSERT_FALSE(answered.error);
  const Client client(answered.wire);
  EXPECT_EQ(client.answer(), "Let me think.");
  EXPECT_FALSE(client.flag.empty());
  EXPECT_EQ(client.calls.at(0).arguments, R"({"to":"Ирина","sum":10,5})");
  EXPECT_EQ(client.calls.at(0).id, "call_a0");
}

TEST_F(ContinuationTest, AnotherAnswersToolCallIsFlagged) {
  Script tool = streams({});
  tool.deltas.insert(
      tool.deltas.begin(),
      R"(data: {"id":"x","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c"}]},"finish_reason":null}]})"
      "\n\n");
  const Client client(bench({breaks_after(2)}, {tool}).stream().wire);
  EXPECT_TRUE(client.tool_calls);
  EXPECT_EQ(client.answer(), "");
}

TEST_F(ContinuationTest, ReasoningIsNotSaidTwice) {
  const std::string thought =
      R"(data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"reasoning_content":"hm"},"finish_reason":null}]})"
      "\n\n";
  Script first = breaks_after(2), second = streams(kPieces);
  first.deltas.insert(first.deltas.begin(), thought);
  second.deltas.insert(second.deltas.begin(), thought);
  const Answered answered = bench({first}, {second}).stream();
  EXPECT_EQ(Client(answered.wire).text, joined(kPieces));
  EXPECT_EQ(answered.wire.find("hm"), answered.wire.rfind("hm"));
}

TEST_F(ContinuationTest, BothAreAccountedFor) {
  Script second = streams(kPieces);
  second.deltas.back().insert(second.deltas.back().rfind('}'), "");
  second.deltas.insert(
      second.deltas.end() - 1,
      R"(data: {"id":"x","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":4,"total_tokens":14}})"
      "\n\n");
  const Answered answered = bench({breaks_after(4)}, {second}).stream();
  // "The sky is bl" has 13 bytes: 4 tokens; the messages have 32: 8.
  EXPECT_EQ(answered.record.usage.input, 8 + 10);
  EXPECT_EQ(answered.record.usage.output, 4 + 4);
  EXPECT_FALSE(answered.record.usage.reported);
  EXPECT_EQ(answered.record.cost_usd, 8 + 10 + 4 + 4);
  const Client client(answered.wire);
  EXPECT_EQ(client.counted.at("prompt_tokens"), 18);
  EXPECT_EQ(client.counted.at("completion_tokens"), 8);
  EXPECT_EQ(client.counted.at("total_tokens"), 26);
}

TEST_F(ContinuationTest, GarbageInTheContinuationIsAnErrorNotACrash) {
  Script garbage{.deltas = {"data: {not json}\n\n", chunk("x")}};
  EXPECT_EQ(bench({breaks_after(2)}, {garbage}).stream().error->code, "upstream_invalid");
  Script odd{
      .deltas = {
          "data: {\"choices\":[1,{\"delta\":3},{\"delta\":{\"content\":5}}],\"usage\":{\"total_tokens\":\"x\"}}\n\n",
          chunk("x")}};
  bench({breaks_after(2)}, {odd}).stream();
  const Calls first;
  for (const char* calls : {R"(5)", R"([])", R"([5])", R"([{}])", R"([{"index":-1}])", R"([{"index":0,"function":5}])",
                            R"([{"index":0,"function":{"name":5,"arguments":{}}}])", R"([{"index":1e9}])"}) {
    Script bad{.deltas = {R"(data: {"choices":[{"index":0,"delta":{"tool_calls":)" + std::string(calls) + "}}]}\n\n",
                          chunk("x")}};
    Bench& bench = this->bench({first.breaks_after(4)}, {bad});
    bench.model->routing.continue_tool_calls = true;
    EXPECT_EQ(bench.stream().error->code, "continuation_differs") << calls;
  }
}

}  // namespace
}  // namespace fairlead::gateway::routing
