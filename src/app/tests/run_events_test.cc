#include "app/run_events.h"

#include <gtest/gtest.h>

#include "platform/json/text.h"

namespace fairlead::app {
namespace {

using journal::EventKind;
using journal::RunState;

constexpr std::int64_t kThen = 1'795'862'400'000'000;  // 2026-11-28T10:40:00Z

journal::Run run_of(const std::string& kind, RunState state, const std::string& error = {}) {
  journal::Run run;
  run.id = "01M8DT";
  run.asked.project = "default";
  run.asked.kind = kind;
  run.asked.name = "publish";
  run.asked.input = R"({"secret": "of the reader"})";
  run.asked.author = "someone";
  run.state = state;
  run.created_at = run.started_at = kThen;
  run.finished_at = journal::finished(state) ? kThen + 1'000'000 : 0;
  run.cost = 1'500'000;
  run.output = R"("an output")";
  run.error = error;
  return run;
}

std::optional<webhooks::Event> told(const journal::Run& run, EventKind kind, const std::string& data = {}) {
  return event_of(run, {.run = run.id, .at = kThen, .kind = kind, .data = data}, [](const journal::Run&) { return 3; });
}

TEST(RunEvents, TellOfAnEndWithoutWhatWentInOrCameOut) {
  const auto event = told(run_of("chain", RunState::kSucceeded), EventKind::kFinished);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->type, "run.completed");
  EXPECT_EQ(event->subject, "01M8DT");
  EXPECT_EQ(event->chain, "publish");
  EXPECT_FALSE(event->is_part);
  EXPECT_EQ(
      json::to_text(event->data),
      R"({"id":"01M8DT","chain":"publish","state":"succeeded","version":3,"created_at":"2026-11-28T10:40:00.000000Z","started_at":"2026-11-28T10:40:00.000000Z","finished_at":"2026-11-28T10:40:01.000000Z","cost_usd":0.0015})");
}

TEST(RunEvents, TellAnErrorsCodeAndStepAndNotItsText) {
  journal::Run run =
      run_of("chain", RunState::kFailed,
             R"({"code":"http_500","message":"It said: of the reader","class":"transient","step":"publish"})");
  run.asked.parent = "01M8DS";
  run.asked.parent_step = "each[2]";
  const auto event = told(run, EventKind::kFinished);
  EXPECT_EQ(event->type, "run.failed");
  EXPECT_TRUE(event->is_part);
  EXPECT_EQ(json::to_text(event->data.at("error")), R"({"code":"http_500","step":"publish"})");
  EXPECT_EQ(event->data.at("parent"), "01M8DS");
  EXPECT_EQ(told(run_of("chain", RunState::kCancelled), EventKind::kFinished)->type, "run.cancelled");
}

TEST(RunEvents, TellThatARunWillBeLate) {
  const auto event = told(run_of("chain", RunState::kRunning), EventKind::kLate,
                          R"({"deadline":"a","predicted":"b","missing":[{"step":"merge","seconds":2.5}]})");
  EXPECT_EQ(event->type, "run.late");
  EXPECT_EQ(event->data.at("deadline"), "a");
  EXPECT_EQ(event->data.at("predicted"), "b");
  EXPECT_EQ(json::to_text(event->data.at("missing")), R"(["merge"])");
}

TEST(RunEvents, TellOfResponsesAsOpenAiDoes) {
  journal::Run run = run_of("response", RunState::kSucceeded);
  const auto of = [&run](const char* reason) {
    run.output = std::string(R"({"model":"m","usage":[],"wire":{"choices":[{"finish_reason":")") + reason + "\"}]}}";
    return told(run, EventKind::kFinished)->type;
  };
  EXPECT_EQ(of("stop"), "response.completed");
  EXPECT_EQ(of("length"), "response.incomplete");
  EXPECT_EQ(of("content_filter"), "response.incomplete");
  const auto event = told(run, EventKind::kFinished);
  EXPECT_EQ(json::to_text(event->data), R"({"id":"resp_01M8DT"})");
  EXPECT_EQ(event->chain, "");
  EXPECT_EQ(told(run_of("response", RunState::kFailed), EventKind::kFinished)->type, "response.failed");
  EXPECT_EQ(told(run_of("response", RunState::kCancelled), EventKind::kFinished)->type, "response.cancelled");
  EXPECT_FALSE(told(run, EventKind::kLate));
  EXPECT_FALSE(told(run_of("eval", RunState::kSucceeded), EventKind::kFinished));
}

}  // namespace
}  // namespace fairlead::app
