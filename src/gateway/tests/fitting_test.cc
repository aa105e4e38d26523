#include "gateway/internal/fitting.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include "platform/json/text.h"

namespace fairlead::gateway::internal {
namespace {

using testing::HasSubstr;

// Counts a token for each four bytes of the messages, and has a window.
class Counting final : public llm::Provider {
 public:
  explicit Counting(std::int64_t window) : window_(window) {}
  std::string_view name() const override { return "counting"; }
  std::string_view type() const override { return "played"; }
  std::int64_t window(std::string_view /*model*/) const override { return window_; }
  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall /*call*/) override {
    co_return fail(ErrorKind::kUnsupported, "none", "");
  }
  async::Task<Result<std::int64_t>> count(llm::Format /*format*/, std::span<const llm::Member> members,
                                          llm::CallContext /*context*/) override {
    ++counts;
    std::int64_t bytes = 0;
    for (const llm::Member& one : members)
      if (one.name == "messages") bytes = static_cast<std::int64_t>(one.json.size());
    co_return bytes / 4;
  }
  int counts = 0;

 private:
  const std::int64_t window_;
};

std::string said(std::string_view role, std::string_view text, std::string_view more = "") {
  return R"({"role":")" + std::string(role) + R"(","content":)" + json::quoted(text) + std::string(more) + "}";
}
std::string long_text(std::string_view first, std::size_t bytes = 400) {
  return std::string(first) + std::string(bytes - first.size(), '.');
}

class FittingTest : public testing::Test {
 public:
  Result<void> fit_into(std::int64_t window, std::vector<std::string> messages, llm::FitRule rule,
                        std::string max_tokens = "100", std::int64_t card = 0) {
    provider_ = std::make_shared<Counting>(window);
    auto model = std::make_shared<llm::Model>();
    model->name = "small";
    model->routes = {{provider_, "up"}};
    model->routes[0].context_length = card;
    call_ = {};
    record_ = {};
    array_ = "[";
    for (const std::string& one : messages) array_ += (array_.size() > 1 ? "," : "") + one;
    array_ += "]";
    max_tokens_ = std::move(max_tokens);
    call_.model = model;
    call_.loop = &runtime_.loop(0);
    call_.cancellation = &cancellation_;
    call_.request.messages = array_;
    call_.request.message_count = messages.size();
    call_.request.set("messages", array_);
    if (!max_tokens_.empty()) call_.request.set("max_tokens", max_tokens_);
    call_.fit = std::make_shared<const llm::FitRule>(std::move(rule));
    async::IoContext context;
    std::optional<Result<void>> result;
    boost::asio::co_spawn(context, fit(call_, record_, SteadyTime::max()),
                          [&](std::exception_ptr, Result<void> got) { result = std::move(got); });
    context.run();
    return std::move(*result);
  }
  // The first word of each message that is left.
  std::string left() const {
    std::string out;
    const auto messages = json::parse(call_.request.messages).value();
    EXPECT_EQ(messages.as_array().size(), call_.request.message_count);
    for (const auto& one : messages.as_array()) {
      const auto* const content = one.as_object().if_contains("content");
      std::string text = content->is_string() ? std::string(content->get_string()) : "call";
      text.resize(std::min(text.size(), text.find_first_of(" .")));
      out += (out.empty() ? "" : " ") + text;
    }
    return out;
  }

  async::Runtime runtime_{1};
  async::Cancellation cancellation_;
  std::shared_ptr<Counting> provider_;
  std::string array_, max_tokens_;
  llm::Call call_;
  telemetry::CallRecord record_;
};

std::vector<std::string> conversation(int turns) {
  std::vector<std::string> out = {said("system", "system")};
  for (int i = 1; i <= turns; ++i) {
    out.push_back(said("user", long_text("q" + std::to_string(i))));
    if (i < turns) out.push_back(said("assistant", long_text("a" + std::to_string(i))));
  }
  return out;
}

TEST_F(FittingTest, WhatFitsIsLeftAloneAndNotCounted) {
  ASSERT_TRUE(fit_into(100'000, conversation(5), {{"history"}, {""}}));
  EXPECT_EQ(call_.request.messages, array_);
  EXPECT_EQ(provider_->counts, 0);
  EXPECT_EQ(record_.trimmed_tokens, 0);
  ASSERT_TRUE(fit_into(0, conversation(5), {{"history"}, {""}})) << "nobody knows the window";
  EXPECT_EQ(call_.request.messages, array_);
}

TEST_F(FittingTest, TheOldestTurnsGoFirst) {
  // A turn is some 220 tokens, and the last message 110.
  ASSERT_TRUE(fit_into(700, conversation(5), {{"history"}, {""}}));
  EXPECT_EQ(left(), "system q4 a4 q5");
  EXPECT_LE(call_.request.messages.size() / 4, 600u);
  EXPECT_EQ(record_.trimmed_tokens, static_cast<std::int64_t>(array_.size() / 4) -
                                        static_cast<std::int64_t>(call_.request.messages.size() / 4));
  EXPECT_THAT(record_.trimmed_json, HasSubstr(R"({"history":{"messages":6,"tokens":)"));
  ASSERT_TRUE(fit_into(250, conversation(5), {{"history"}, {""}}));
  EXPECT_EQ(left(), "system q5");
}

TEST_F(FittingTest, AConversationBeginsTheSameForSomeTurns) {
  std::string last;
  int changes = 0;
  for (int turns = 40; turns < 60; ++turns) {
    ASSERT_TRUE(fit_into(4'100, conversation(turns), {{"history"}, {""}}));
    const std::string now = left().substr(0, 11);
    if (now != last) ++changes;
    last = now;
  }
  EXPECT_LE(changes, 11) << "a turn is 220 tokens, a step 500";
}

TEST_F(FittingTest, TheSmallerOfTheCardAndTheWorkerCounts) {
  ASSERT_TRUE(fit_into(100'000, conversation(5), {{"history"}, {""}}, "100", 700));
  EXPECT_EQ(left(), "system q4 a4 q5");
  // Without max_tokens a quarter is for the answer.
  ASSERT_TRUE(fit_into(800, conversation(5), {{"history"}, {""}}, ""));
  EXPECT_EQ(left(), "system q4 a4 q5");
}

TEST_F(FittingTest, WhatMustStayAndDoesNotFitIsAnError) {
  const auto fitted = fit_into(200, conversation(5), {{"history"}, {""}});
  ASSERT_FALSE(fitted);
  EXPECT_EQ(fitted.error().code, "context_length_exceeded");
  EXPECT_EQ(fitted.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(fitted.error().message, HasSubstr("200 tokens"));
  EXPECT_FALSE(fit_into(700, conversation(5), {})) << "nothing may be left out";
  EXPECT_FALSE(fit_into(90, conversation(1), {{"history"}, {""}}, "100")) << "no room at all";
}

TEST_F(FittingTest, PartsGoByTheirPriorityAndTheLastOfThemFirst) {
  const std::vector<std::string> messages = {said("system", "system"),
                                             said("user", long_text("doc1")),
                                             said("user", long_text("doc2")),
                                             said("user", long_text("ex1")),
                                             said("assistant", long_text("exa1")),
                                             said("user", long_text("ex2")),
                                             said("assistant", long_text("exa2")),
                                             said("user", long_text("h1")),
                                             said("assistant", long_text("ha1")),
                                             said("user", "last")};
  const std::vector<std::string> parts = {"", "documents", "documents", "examples", "examples", "examples", "examples"};
  ASSERT_TRUE(fit_into(700, messages, {{"history", "examples", "documents"}, parts}));
  EXPECT_EQ(left(), "system doc1 doc2 ex1 exa1 last");
  EXPECT_THAT(record_.trimmed_json, HasSubstr(R"("history":{"messages":2)"));
  EXPECT_THAT(record_.trimmed_json, HasSubstr(R"("examples":{"messages":2)"));
  ASSERT_TRUE(fit_into(700, messages, {{"documents", "examples"}, parts}));
  EXPECT_EQ(left(), "system ex1 exa1 h1 ha1 last");
}

TEST_F(FittingTest, ToolCallsStayWithTheirResults) {
  const std::string calls =
      R"({"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]})";
  std::vector<std::string> messages = {said("user", "ask")};
  for (int i = 1; i <= 4; ++i) {
    messages.push_back(calls);
    messages.push_back(said("tool", long_text("r" + std::to_string(i)), R"(,"tool_call_id":"1")"));
  }
  ASSERT_TRUE(fit_into(450, messages, {{"history"}, {}}));
  EXPECT_EQ(left(), "ask call r3 call r4");
  EXPECT_FALSE(fit_into(180, messages, {{"history"}, {}})) << "the latest results stay";

  // Those of an earlier turn go with it.
  messages.push_back(said("assistant", "done"));
  messages.push_back(said("user", "more"));
  ASSERT_TRUE(fit_into(300, messages, {{"history"}, {}}));
  EXPECT_EQ(left(), "more");
}

TEST_F(FittingTest, ACallersSystemMessageStays) {
  std::vector<std::string> messages = {said("user", long_text("q1")), said("system", "rule"),
                                       said("assistant", long_text("a1")), said("user", "q2")};
  ASSERT_TRUE(fit_into(180, messages, {{"history"}, {}}));
  EXPECT_EQ(left(), "rule q2");
}

}  // namespace
}  // namespace fairlead::gateway::internal
