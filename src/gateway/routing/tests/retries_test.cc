#include "gateway/routing/retries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "gateway/routing/tests/scripted.h"

namespace fairlead::gateway::routing {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

std::shared_ptr<ScriptedProvider> provider(std::string name, std::vector<Script> scripts) {
  return std::make_shared<ScriptedProvider>(std::move(name), std::move(scripts));
}

Script whole() {
  return {.deltas = {"{}"}};
}

Script refuses(Error error) {
  return {.refuse = std::move(error)};
}

std::vector<std::string> ways(const Answered& answered) {
  std::vector<std::string> out;
  for (const telemetry::Attempt& one : answered.attempts)
    out.push_back(one.provider + ":" + (one.reason.empty() ? "first" : one.reason));
  return out;
}

TEST(Faults, AreToldApart) {
  const struct {
    ErrorKind kind;
    const char* code;
    Fault fault;
  } cases[] = {
      {ErrorKind::kUnavailable, "upstream_unavailable", Fault::kTransient},
      {ErrorKind::kUnavailable, "upstream_unreachable", Fault::kDown},
      {ErrorKind::kUnavailable, "model_loading", Fault::kDown},
      {ErrorKind::kUpstream, "upstream_reset", Fault::kTransient},
      {ErrorKind::kUpstream, "upstream_error", Fault::kTransient},
      {ErrorKind::kUpstream, "upstream_auth", Fault::kOtherRoute},
      {ErrorKind::kUpstream, "upstream_invalid", Fault::kOtherRoute},
      {ErrorKind::kUnavailable, "model_failed", Fault::kOtherRoute},
      {ErrorKind::kExhausted, "rate_limit_exceeded", Fault::kRateLimited},
      {ErrorKind::kExhausted, "insufficient_quota", Fault::kOtherRoute},
      {ErrorKind::kTimeout, "upstream_timeout", Fault::kTimeout},
      {ErrorKind::kUnsupported, "unsupported_parameter", Fault::kOtherRoute},
      {ErrorKind::kInvalid, "context_length_exceeded", Fault::kFinal},
      {ErrorKind::kCancelled, "cancelled", Fault::kFinal},
      {ErrorKind::kTooLarge, "body_too_large", Fault::kFinal},
  };
  for (const auto& one : cases) EXPECT_EQ(fault_of({one.kind, one.code, ""}), one.fault) << one.code;
}

TEST(Backoff, IsJitteredFullyDoublesAndIsBounded) {
  Random random(1);
  for (const auto& [number, most] :
       std::vector<std::pair<int, Millis>>{{1, 250ms}, {2, 500ms}, {3, 1s}, {9, 8s}, {40, 8s}}) {
    Millis least = Millis::max(), longest{0};
    for (int i = 0; i < 1'000; ++i) {
      const Millis wait = backoff(number, 0, random);
      least = std::min(least, wait);
      longest = std::max(longest, wait);
    }
    EXPECT_LT(least, most / 20) << number;
    EXPECT_GT(longest, most * 9 / 10) << number;
    EXPECT_LT(longest, most) << number;
  }
}

TEST(Backoff, IsNotShorterThanTheUpstreamAsked) {
  Random random(1);
  for (int i = 0; i < 100; ++i) {
    const Millis wait = backoff(1, 3'000, random);
    EXPECT_GE(wait, 3s);
    EXPECT_LE(wait, 3'250ms);
  }
}

TEST(RetryBudget, IsATenthOfTheCallsAndALittleByTime) {
  const SteadyTime start{1h};
  RetryBudget budget;
  int granted = 0;
  const auto drain = [&](SteadyTime now) {
    int count = 0;
    while (budget.withdraw(now)) ++count;
    return count;
  };
  EXPECT_EQ(drain(start), 10) << "what a new model starts with";
  EXPECT_EQ(drain(start + 3s), 3) << "one a second";
  EXPECT_EQ(drain(start + 1h), 10) << "of which ten are saved up";
  for (int i = 0; i < 500; ++i) {
    budget.count_call();
    if (budget.withdraw(start + 1h)) ++granted;  // every call fails
  }
  EXPECT_EQ(granted, 50);
  for (int i = 0; i < 100'000; ++i) budget.count_call();
  EXPECT_EQ(drain(start + 1h), 100) << "saved up at most";
}

TEST(Retries, TryTheSameRouteThenTheOthers) {
  auto first = provider("first", {refuses({ErrorKind::kUpstream, "upstream_error", "500"})});
  auto second = provider("second", {whole()});
  Bench bench({first, second});
  bench.model->routing.retries = 1;
  const Answered answered = bench.ask();
  EXPECT_FALSE(answered.error);
  EXPECT_THAT(ways(answered), ElementsAre("first:first", "first:retry", "second:fallback"));
  EXPECT_EQ(answered.record.provider, "second");
}

TEST(Retries, AskSomebodyElseWhenNobodyIsThere) {
  auto first = provider("first", {refuses(unreachable())});
  auto second = provider("second", {whole()});
  Bench bench({first, second});
  bench.model->routing.retries = 1;
  EXPECT_THAT(ways(bench.ask()), ElementsAre("first:first", "second:fallback"));
}

TEST(Retries, SucceedOnTheSameRouteWithTheSameIdempotencyKey) {
  auto only =
      provider("only", {refuses(unreachable()), refuses({ErrorKind::kUpstream, "upstream_error", "500"}), whole()});
  Bench bench({only});
  bench.model->routing.retries = 2;
  bench.idempotency_key = "once";
  const Answered answered = bench.ask();
  EXPECT_EQ(answered.wire, "{}");
  ASSERT_EQ(only->calls.size(), 3u);
  for (const Call& call : only->calls) EXPECT_EQ(call.idempotency_key, "once");
}

TEST(Retries, AreNotMadeForTheCallersFaults) {
  auto first = provider("first", {refuses({ErrorKind::kInvalid, "context_length_exceeded", "too long"})});
  auto second = provider("second", {whole()});
  Bench bench({first, second});
  bench.model->routing.retries = 3;
  const Answered answered = bench.ask();
  EXPECT_EQ(answered.error->code, "context_length_exceeded");
  EXPECT_THAT(ways(answered), ElementsAre("first:first"));
}

TEST(Retries, AskSomebodyElseWhenARouteSaysLater) {
  auto first = provider("first", {refuses(rate_limited(60'000))});
  auto second = provider("second", {whole()});
  Bench bench({first, second});
  bench.model->routing.retries = 2;
  EXPECT_THAT(ways(bench.ask()), ElementsAre("first:first", "second:fallback"));
  // And from then on the first is left alone until it said that it would answer.
  EXPECT_THAT(ways(bench.ask()), ElementsAre("second:first"));
  bench.clock.advance(61s);
  EXPECT_THAT(ways(bench.ask()), ElementsAre("first:first", "second:fallback"));
}

TEST(Retries, WaitAsLongAsTheOnlyRouteSays) {
  auto only = provider("only", {refuses(rate_limited(30)), whole()});
  Bench bench({only});
  bench.model->routing.retries = 1;
  const Answered answered = bench.ask();
  EXPECT_FALSE(answered.error);
  ASSERT_EQ(answered.attempts.size(), 2u);
  EXPECT_GE(answered.attempts[1].waited_us, 30'000);
}

TEST(Retries, DoNotWaitLongerThanAClientWould) {
  auto only = provider("only", {refuses(rate_limited(3'600'000)), whole()});
  Bench bench({only});
  bench.model->routing.retries = 1;
  const Answered answered = bench.ask();
  EXPECT_EQ(answered.error->retry_after_ms, 3'600'000);
  EXPECT_EQ(answered.attempts.size(), 1u);
}

TEST(Retries, DoNotGoBeyondTheDeadline) {
  auto only = provider("only", {refuses(rate_limited(5'000)), whole()});
  Bench bench({only});
  bench.model->routing.retries = 1;
  bench.model->timeout = 2s;
  EXPECT_EQ(bench.ask().error->code, "rate_limit_exceeded");
  EXPECT_EQ(only->calls.size(), 1u);
}

TEST(Retries, StopWhenTheBudgetIsSpentAndOtherRoutesAreStillTried) {
  auto first = provider("first", {refuses({ErrorKind::kUpstream, "upstream_error", "500"})});
  auto second = provider("second", {whole()});
  Bench bench({first, second});
  bench.model->routing.retries = 1;
  bench.model->routing.breaker.error_rate = 2;
  while (state_of(*bench.model)->shared->retries.withdraw(bench.clock.steady())) {
  }
  EXPECT_THAT(ways(bench.ask()), ElementsAre("first:first", "second:fallback"));
}

TEST(Retries, AnErrorOfARouteCountsForMoreThanThatAnotherCannot) {
  auto first = provider("first", {refuses(unreachable())});
  auto second = provider("second", {refuses({ErrorKind::kUnsupported, "unsupported_parameter", "no n", "n"})});
  Bench bench({first, second});
  EXPECT_EQ(bench.ask().error->code, "upstream_unreachable");
  Bench other({second, second});
  EXPECT_EQ(other.ask().error->code, "unsupported_parameter");
}

TEST(Retries, MoveOnFromAStreamThatBreaksAfterItsRole) {
  Script broken{.deltas = {chunk("")}, .break_after = Error{ErrorKind::kUpstream, "upstream_reset", "it broke"}};
  auto first = provider("first", {broken});
  auto second = provider("second", {streams({"a", "b"})});
  Bench bench({first, second});
  const Answered answered = bench.stream();
  EXPECT_FALSE(answered.error);
  const Script good = streams({"a", "b"});
  EXPECT_EQ(answered.wire, good.deltas[0] + good.deltas[1] + good.deltas[2]);
}

TEST(Retries, APassedOnRequestGoesToWhoSpeaksItsFormat) {
  auto first = provider("first", {whole()});
  auto second = provider("second", {whole()});
  second->spoken = llm::Format::kEmbeddings;
  Bench bench({first, second});
  bench.format = llm::Format::kEmbeddings;
  bench.native = {{"input", "\"x\""}};
  bench.no_chat = Error{ErrorKind::kUnsupported, "unsupported_by_model", "It cannot be a chat."};
  EXPECT_THAT(ways(bench.ask()), ElementsAre("second:first"));
  EXPECT_TRUE(first->calls.empty());
  EXPECT_EQ(second->calls.at(0).format, llm::Format::kEmbeddings);
}

TEST(Retries, WhatNobodyCanTakeSaysWhy) {
  auto first = provider("first", {whole()});
  Bench bench({first});
  bench.format = llm::Format::kEmbeddings;
  bench.native = {{"input", "\"x\""}};
  bench.no_chat = Error{ErrorKind::kUnsupported, "unsupported_by_model", "It cannot be a chat."};
  const Answered answered = bench.ask();
  EXPECT_TRUE(answered.attempts.empty());
  ASSERT_TRUE(answered.error);
  EXPECT_EQ(answered.error->message, "It cannot be a chat.");
}

TEST(Timeouts, EachHasItsCodeAndMovesOnBeforeTheFirstByte) {
  const Script hanging_stream{.deltas = {chunk("a"), chunk("b")}, .hang_after = 1};
  const struct {
    const char* what;
    Script script;
    llm::TryTimeouts timeouts;
    bool stream;
    const char* code;
    bool moves_on;
  } cases[] = {
      {"no head", {.hang_before = true}, {.first_token = 20ms}, true, "first_token_timeout", true},
      {"no token", {.deltas = {chunk("")}, .hang_after = 1}, {.first_token = 20ms}, true, "first_token_timeout", true},
      {"no end", {.hang_before = true}, {.whole = 20ms}, false, "try_timeout", true},
      {"whole stream", hanging_stream, {.whole = 20ms}, true, "try_timeout", false},
      {"between tokens",
       hanging_stream,
       {.first_token = 10s, .between_tokens = 20ms},
       true,
       "between_tokens_timeout",
       false},
  };
  for (const auto& one : cases) {
    auto first = provider("first", {one.script});
    auto second = provider("second", {one.stream ? streams({"x"}) : whole()});
    Bench bench({first, second});
    bench.model->routing.timeouts = one.timeouts;
    const Answered answered = one.stream ? bench.stream() : bench.ask();
    EXPECT_EQ(answered.attempts.at(0).error_code, one.code) << one.what;
    EXPECT_THAT(answered.attempts.at(0).error_message, HasSubstr("Provider `first`")) << one.what;
    EXPECT_EQ(answered.error.has_value(), !one.moves_on) << one.what;
    EXPECT_EQ(first->cancelled, 1) << one.what;
  }
}

TEST(Timeouts, OfTheWholeCallIsNamed) {
  auto only = provider("only", {refuses({ErrorKind::kTimeout, "upstream_timeout", "no byte"})});
  Bench bench({only});
  bench.model->timeout = 2s;
  Answered answered = bench.ask();
  EXPECT_EQ(answered.error->code, "upstream_timeout");
  bench.model->timeout = 0s;
  answered = bench.ask();
  EXPECT_EQ(answered.error->code, "call_timeout");
}

TEST(Timeouts, ACallThatIsCancelledIsNotTimedOut) {
  auto only = provider("only", {Script{.deltas = {chunk("a"), chunk("b")}, .hang_after = 1}});
  Bench bench({only});
  bench.model->routing.timeouts = {.between_tokens = 10min};
  int reads = 0;
  bench.before_next = [&] {
    if (++reads == 2) bench.cancellation->request();
  };
  const Answered answered = bench.stream();
  EXPECT_EQ(answered.error->kind, ErrorKind::kCancelled);
  EXPECT_EQ(bench.registry.routes().at(0).failures, 0u);
}

}  // namespace
}  // namespace fairlead::gateway::routing
