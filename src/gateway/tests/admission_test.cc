#include "gateway/internal/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <filesystem>

#include "base/id.h"
#include "gateway/routing/tests/scripted.h"

namespace fairlead::gateway::internal {
namespace {

using budgets::Metric;
using namespace std::chrono_literals;

std::vector<llm::Member> members(std::initializer_list<std::pair<std::string_view, std::string_view>> list) {
  std::vector<llm::Member> out;
  for (const auto& [name, json] : list) out.push_back({name, json});
  return out;
}

TEST(OutputBound, IsWhatTheRequestAllows) {
  using enum llm::Format;
  const auto bound = [](llm::Format format, std::vector<llm::Member> list) {
    return output_bound(format, list).tokens.value_or(-1);
  };
  EXPECT_EQ(bound(kChat, {}), -1);
  EXPECT_EQ(bound(kChat, members({{"max_tokens", "30"}})), 30);
  EXPECT_EQ(bound(kChat, members({{"max_tokens", "30"}, {"max_completion_tokens", "40"}})), 40);
  EXPECT_EQ(bound(kChat, members({{"max_tokens", "null"}, {"n", "3"}})), -1);
  EXPECT_EQ(output_bound(kChat, members({{"n", "3"}})).factor, 3);
  EXPECT_EQ(bound(kChat, members({{"max_tokens", "30"}, {"n", "3"}})), 90);
  EXPECT_EQ(bound(kChat, members({{"max_tokens", "1e400"}})), -1);
  EXPECT_EQ(bound(kChat, members({{"max_tokens", "9999999999999999999999"}})), 1'000'000'000);
  EXPECT_EQ(bound(kCompletions, {}), 16);
  EXPECT_EQ(bound(kCompletions, members({{"max_tokens", "7"}, {"n", "2"}, {"best_of", "5"}})), 35);
  EXPECT_EQ(bound(kCompletions, members({{"prompt", R"(["a", "b", "c"])"}})), 48);
  EXPECT_EQ(bound(kCompletions, members({{"prompt", "[[1, 2], [3]]"}})), 48) << "no fewer than there are";
  EXPECT_EQ(bound(kCompletions, members({{"prompt", "[1, 2, 3]"}})), 16);
  EXPECT_EQ(bound(kResponses, members({{"max_output_tokens", "12"}})), 12);
  EXPECT_EQ(bound(kMessages, members({{"max_tokens", "12"}, {"n", "5"}})), 12);
  EXPECT_EQ(bound(kEmbeddings, members({{"max_tokens", "12"}})), 0);
}

constexpr std::string_view kWhole = R"({"model":"m","max_tokens":100,"messages":[{"role":"user","content":"hi"}]})";
constexpr std::string_view kStream =
    R"({"model":"m","max_tokens":100,"stream":true,"messages":[{"role":"user","content":"hi"}]})";

// A dollar a token. A chat of 100 tokens of output at most, over routes that are played.
class AdmissionTest : public testing::Test {
 public:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("admission-" + new_id(SystemClock().unix_micros()));
    std::filesystem::create_directory(folder_);
    ledger_ = *budgets::Ledger::open({.path = (folder_ / "ledger").string(), .accounts = 64, .lanes = 2}, clock_);
  }
  void TearDown() override {
    book_.reset();
    ledger_.reset();
    std::filesystem::remove_all(folder_);
  }

  routing::Bench& bench(std::vector<routing::Script> first, std::vector<routing::Script> second) {
    first_ = std::make_shared<routing::ScriptedProvider>("first", std::move(first));
    second_ = std::make_shared<routing::ScriptedProvider>("second", std::move(second));
    bench_.emplace(std::vector{first_, second_});
    return *bench_;
  }
  // What a call under a budget of so much comes to.
  routing::Answered ask(std::int64_t dollars, std::string body = std::string(kWhole)) {
    std::vector<budgets::Definition> all;
    all.push_back(*budgets::Definition::of(
        "bank", "all-" + std::to_string(++count_), 1,
        boost::json::parse(R"({"cost": )" + std::to_string(dollars) + R"(, "requests": 10, "per": "ever"})")
            .as_object()));
    book_ = std::make_unique<budgets::Book>("bank", std::move(all), *ledger_);
    async::Runtime runtime(1);
    llm::Call call;
    call.loop = &runtime.loop(0);
    call.model = bench_->model;
    Admission admission(clock_);
    EXPECT_TRUE(admission.enter(book_.get(), call, "key"));
    bench_->admission = &admission;
    routing::Answered out = bench_->ask(std::move(body));
    reserved_ = use(Metric::kCost).reserved;
    admission.settle(out.record);
    admission.settle(out.record);
    return out;
  }
  budgets::Meter::Use use(Metric metric) {
    const budgets::Budget& budget = *book_->budgets()[0];
    return budget.shared()->meter(metric).use(budget.bound({metric, 1}, clock_.unix_micros()), clock_.unix_micros());
  }
  std::int64_t spent() { return use(Metric::kCost).spent / budgets::kNanosPerDollar; }

  std::filesystem::path folder_;
  SystemClock clock_;
  std::unique_ptr<budgets::Ledger> ledger_;
  std::unique_ptr<budgets::Book> book_;
  std::shared_ptr<routing::ScriptedProvider> first_, second_;
  std::optional<routing::Bench> bench_;
  int count_ = 0;
  std::int64_t reserved_ = 0;
};

routing::Script whole() {
  return {.deltas = {"{}"}};
}

TEST_F(AdmissionTest, SetsAsideTheWorstAndSettlesTheTruth) {
  bench({whole()}, {whole()});
  const routing::Answered answered = ask(1000);
  EXPECT_FALSE(answered.error);
  EXPECT_GT(reserved_, 100 * budgets::kNanosPerDollar);
  EXPECT_EQ(spent(), 14);
  EXPECT_EQ(use(Metric::kCost).reserved, 0);
  EXPECT_EQ(use(Metric::kRequests).spent, 1);
}

TEST_F(AdmissionTest, ACallThatMayCostTooMuchIsNotSent) {
  bench({whole()}, {whole()});
  bench_->model->routes[1].prices = routing::flat(9'000'000, 9'000'000);
  const routing::Answered answered = ask(500);
  ASSERT_TRUE(answered.error);
  EXPECT_EQ(answered.error->code, "budget_exceeded");
  EXPECT_TRUE(first_->calls.empty());
  EXPECT_EQ(use(Metric::kRequests).spent, 0) << "it was none";
}

TEST_F(AdmissionTest, ARetryThatCostsNothingMoreIsMade) {
  bench({{.refuse = routing::unreachable()}, whole()}, {whole()});
  bench_->model->routing.retries = 1;
  EXPECT_FALSE(ask(400).error);
  EXPECT_EQ(spent(), 14);
}

// Both may answer, so both have to be paid for.
TEST_F(AdmissionTest, AHedgeIsMadeOnlyIfThereIsEnoughForBoth) {
  for (const bool enough : {true, false}) {
    bench({{.deltas = {"{}"}, .wait_before = 100ms}}, {whole()});
    bench_->model->routing.hedge = {.share = 1, .after = 10ms};
    EXPECT_FALSE(ask(enough ? 1000 : 400).error);
    EXPECT_EQ(second_->calls.size(), enough ? 1u : 0u);
    EXPECT_EQ(use(Metric::kCost).reserved, 0);
    EXPECT_GE(spent(), 14);
    EXPECT_LE(spent(), enough ? 1000 : 400);
  }
}

// What has gone out is paid for, and going on costs as much as a call again.
TEST_F(AdmissionTest, AStreamGoesOnElsewhereOnlyIfThereIsEnough) {
  for (const bool enough : {true, false}) {
    const std::string said(800, 'a');
    bench({{.deltas = {routing::chunk(said)}, .break_after = routing::unreachable()}},
          {routing::streams({said + " b"})});
    bench_->model->routing.continue_streams = true;
    const routing::Answered answered = ask(enough ? 2000 : 400, std::string(kStream));
    EXPECT_EQ(answered.error.has_value(), !enough);
    EXPECT_EQ(second_->calls.size(), enough ? 1u : 0u);
    EXPECT_EQ(spent(), 8 + 200 + (enough ? 14 : 0)) << "four bytes a token";
  }
}

TEST_F(AdmissionTest, WhatHasNoBoundOrNoPriceIsNotSent) {
  bench({whole()}, {whole()});
  bench_->model->routes[1].prices.reset();
  const routing::Answered answered = ask(100'000);
  ASSERT_TRUE(answered.error);
  EXPECT_EQ(answered.error->code, "price_unknown");
  EXPECT_TRUE(first_->calls.empty());

  const std::string unbounded = R"({"model":"m","messages":[{"role":"user","content":"hi"}]})";
  bench({whole()}, {whole()});
  EXPECT_EQ(ask(100'000, unbounded).error.value().code, "max_tokens_required");
  EXPECT_TRUE(first_->calls.empty());
  for (llm::Route& route : bench_->model->routes) route.max_output_tokens = 50;
  EXPECT_FALSE(ask(100'000, unbounded).error);
  for (llm::Route& route : bench_->model->routes) {
    route.max_output_tokens = 0;
    route.prices = routing::flat(1'000'000, 0);
  }
  EXPECT_FALSE(ask(100'000, unbounded).error) << "what costs nothing needs no bound";
}

}  // namespace
}  // namespace fairlead::gateway::internal
