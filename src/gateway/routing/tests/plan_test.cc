#include "gateway/routing/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "gateway/routing/latency.h"
#include "gateway/routing/tests/scripted.h"

namespace fairlead::gateway::routing {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

struct Body {
  explicit Body(std::string text) : bytes(text.begin(), text.end()) {
    bytes.resize(text.size() + 64);
    request = llm::ChatRequest::parse(std::span(bytes.data(), text.size())).value();
  }
  std::vector<char> bytes;
  llm::ChatRequest request;
};

constexpr const char* kHi = R"({"model":"m","messages":[{"role":"user","content":"hi"}]})";

std::shared_ptr<llm::Model> model_of(std::string name, std::vector<std::string> providers) {
  auto out = std::make_shared<llm::Model>();
  out->name = std::move(name);
  for (const std::string& one : providers) out->routes.push_back({std::make_shared<ScriptedProvider>(one), "up"});
  return out;
}

class PlanTest : public testing::Test {
 protected:
  std::vector<std::string> names(const llm::Model& model, const std::string& body = kHi,
                                 std::vector<std::string> tags = {}) {
    const Body parsed(body);
    std::vector<std::string> out;
    for (const Candidate& one : plan_routes(model, parsed.request, tags, clock_.steady()))
      out.emplace_back(one.route->provider->name());
    return out;
  }
  ManualClock clock_;
  Registry registry_{clock_, 3, 1};
};

TEST(RequestFacts, AreFoundInTheRequest) {
  const Body plain(kHi);
  const RequestFacts facts = facts_of(plain.request);
  EXPECT_FALSE(facts.tools || facts.images || facts.json_schema || facts.stream);
  EXPECT_EQ(facts.input_tokens, 8);  // 32 bytes
  const Body rich(R"({"model":"m","stream":true,"max_tokens":7,"tools":[{"type":"function","function":{"name":"f"}}],
    "response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{}}},
    "messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}]}]})");
  const RequestFacts all = facts_of(rich.request);
  EXPECT_TRUE(all.tools && all.images && all.json_schema && all.stream);
  EXPECT_EQ(all.output_tokens, 7);
  EXPECT_LT(all.input_tokens, 45) << "an image is not counted as text";
  const Body talk(
      R"({"model":"m","tools":[ ],"messages":[{"role":"user","content":"about \"image_url\" and \"json_schema\""}]})");
  const RequestFacts none = facts_of(talk.request);
  EXPECT_FALSE(none.tools || none.images || none.json_schema) << "words are not the thing";
}

TEST_F(PlanTest, ConditionsChooseRoutes) {
  auto model = model_of("m", {"streams", "tools", "no-images", "gold", "short", "long", "any"});
  auto& routes = model->routes;
  routes[0].when.stream = true;
  routes[1].when.tools = true;
  routes[2].when.images = false;
  routes[3].when.tags = {"gold", "platinum"};
  routes[4].when.max_input_tokens = 20;
  routes[5].when.min_input_tokens = 21;
  EXPECT_THAT(names(*model), ElementsAre("no-images", "short", "any"));
  EXPECT_THAT(names(*model, kHi, {"x", "platinum"}), ElementsAre("no-images", "gold", "short", "any"));
  EXPECT_THAT(names(*model, R"({"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]})"),
              ElementsAre("streams", "no-images", "short", "any"));
  const std::string text(100, 'x');
  EXPECT_THAT(names(*model, R"({"model":"m","messages":[{"role":"user","content":")" + text + R"("}]})"),
              ElementsAre("no-images", "long", "any"));
}

TEST_F(PlanTest, WithoutAFittingRouteTheCallIsRefused) {
  Bench bench({std::make_shared<ScriptedProvider>("only")});
  bench.model->routes[0].when.tools = true;
  const Answered answered = bench.ask();
  EXPECT_EQ(answered.error->code, "no_route");
  EXPECT_EQ(answered.error->param, "model");
}

TEST_F(PlanTest, WeightsShareTheCalls) {
  auto model = model_of("m", {"three", "one", "never-first"});
  model->routing.strategy = llm::Strategy::kWeighted;
  model->routes[0].weight = 3;
  model->routes[2].weight = 0;
  registry_.attach("p", *model);
  std::map<std::string, int> first;
  for (int i = 0; i < 4'000; ++i) {
    const auto order = names(*model);
    ASSERT_EQ(order.size(), 3u);
    EXPECT_EQ(order[2], "never-first");
    ++first[order[0]];
  }
  EXPECT_NEAR(first["three"], 3'000, 120);
}

TEST_F(PlanTest, TheFasterOfTwoAtRandomIsAskedFirst) {
  auto model = model_of("m", {"slow", "fast", "middle"});
  model->routing.strategy = llm::Strategy::kLeastLatency;
  registry_.attach("p", *model);
  const ModelState& state = *state_of(*model);
  const auto teach = [&] {
    state.routes[0]->whole.observe(900ms, clock_.steady());
    state.routes[1]->whole.observe(100ms, clock_.steady());
    state.routes[2]->whole.observe(300ms, clock_.steady());
  };
  teach();
  std::map<std::string, int> first;
  for (int i = 0; i < 900; ++i) ++first[names(*model)[0]];
  EXPECT_EQ(first["slow"], 0) << "it loses against either";
  EXPECT_NEAR(first["fast"], 600, 60);
  state.routes[1]->in_flight = 20;
  first.clear();
  for (int i = 0; i < 100; ++i) ++first[names(*model)[0]];
  EXPECT_EQ(first["fast"], 0) << "busy";
  state.routes[1]->in_flight = 0;
  clock_.advance(10min);
  first.clear();
  for (int i = 0; i < 300; ++i) ++first[names(*model)[0]];
  EXPECT_GT(first["slow"], 0) << "what was long ago is forgotten";
}

TEST_F(PlanTest, TheCheapestForThisRequestComesFirst) {
  auto model = model_of("m", {"unknown", "dear", "cheap-to-read", "cheap-to-write"});
  model->routing.strategy = llm::Strategy::kCheapest;
  model->routes[1].prices = flat(10, 10);
  model->routes[2].prices = flat(1, 9);
  model->routes[3].prices = flat(9, 1);
  EXPECT_THAT(names(*model), ElementsAre("cheap-to-write", "cheap-to-read", "dear", "unknown"));
  const std::string text(10'000, 'x');
  EXPECT_THAT(names(*model, R"({"model":"m","max_tokens":5,"messages":[{"role":"user","content":")" + text + R"("}]})"),
              ElementsAre("cheap-to-read", "cheap-to-write", "dear", "unknown"));
}

TEST_F(PlanTest, FallbackModelsFollowEachOnce) {
  auto last = model_of("last", {"l"});
  auto left = model_of("left", {"a"}), right = model_of("right", {"b"});
  left->fallbacks = {last};
  right->fallbacks = {last};
  auto model = model_of("m", {"own"});
  model->fallbacks = {left, right};
  EXPECT_THAT(names(*model), ElementsAre("own", "a", "l", "b"));
}

TEST_F(PlanTest, AModelThatAnswersInsteadIsNamedAndPaid) {
  Bench bench({std::make_shared<ScriptedProvider>("own", std::vector<Script>{{.refuse = unreachable()}})});
  auto other = model_of("other", {});
  other->version = 5;
  other->routes.push_back(
      {std::make_shared<ScriptedProvider>("theirs", std::vector<Script>{{.deltas = {"{}"}}}), "up"});
  other->routes[0].prices = flat(2'000'000, 0);
  bench.registry.attach("p", *other);
  bench.model->fallbacks = {other};
  const Answered answered = bench.ask();
  EXPECT_FALSE(answered.error);
  EXPECT_EQ(answered.record.model, "other");
  EXPECT_EQ(answered.record.model_version, 5);
  EXPECT_EQ(answered.record.cost_usd, 20);
  EXPECT_EQ(answered.attempts.at(1).model, "other");
}

TEST(PeakEwmaTest, TakesASlowAnswerAtOnceAndFastOnesByAndBy) {
  PeakEwma latency;
  SteadyTime now{1h};
  EXPECT_EQ(latency.value(now), 0);
  latency.observe(100ms, now);
  latency.observe(1s, now += 1s);
  EXPECT_EQ(latency.value(now), 1'000'000);
  latency.observe(100ms, now += 1s);
  EXPECT_GT(latency.value(now), 800'000);
  latency.observe(100ms, now += 30s);
  EXPECT_LT(latency.value(now), 150'000);
  const double then = latency.value(now);
  EXPECT_LT(latency.value(now + 30s), 10'000);
  EXPECT_EQ(latency.last(), then) << "what people are told does not fade";
}

TEST(LatencyDistributionTest, KnowsPercentilesOfWhatIsRecent) {
  LatencyDistribution latencies;
  for (int i = 0; i < 19; ++i) latencies.observe(100ms);
  EXPECT_EQ(latencies.percentile(0.5), 0us) << "too few";
  for (int i = 0; i < 81; ++i) latencies.observe(100ms);
  for (int i = 0; i < 10; ++i) latencies.observe(2s);
  EXPECT_NEAR(static_cast<double>(latencies.percentile(0.5).count()), 100'000, 19'000);
  EXPECT_NEAR(static_cast<double>(latencies.percentile(0.95).count()), 2'000'000, 380'000);
  for (int i = 0; i < 20'000; ++i) latencies.observe(5ms);
  EXPECT_LT(latencies.percentile(0.99), 7ms);
}

}  // namespace
}  // namespace fairlead::gateway::routing
