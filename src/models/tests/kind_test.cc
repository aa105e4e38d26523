#include "models/kind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <map>

#include "platform/json/schema.h"

namespace fairlead::models {
namespace {

namespace bj = boost::json;
using testing::HasSubstr;

class FakeCatalogue final : public resources::Catalogue {
 public:
  void add(const std::string& kind, const std::string& name, std::string_view spec) {
    specs_[{kind, name}] = bj::parse(spec).as_object();
  }
  const bj::object* find(std::string_view kind, std::string_view name) const override {
    const auto found = specs_.find({std::string(kind), std::string(name)});
    return found == specs_.end() ? nullptr : &found->second;
  }
  std::vector<std::string> names(std::string_view kind) const override {
    std::vector<std::string> out;
    for (const auto& [key, spec] : specs_) {
      if (key.first == kind) out.push_back(key.second);
    }
    return out;
  }

 private:
  std::map<std::pair<std::string, std::string>, bj::object> specs_;
};

FakeCatalogue catalogue() {
  FakeCatalogue out;
  out.add("provider", "local", R"({"type": "llama.cpp"})");
  out.add("provider", "openai", R"({"type": "openai"})");
  return out;
}

std::vector<resources::SpecError> check(const FakeCatalogue& others, std::string_view spec) {
  return model_kind().check("small", bj::parse(spec).as_object(), others);
}

std::string only_fault(std::string_view spec) {
  const auto faults = check(catalogue(), spec);
  return faults.size() == 1 ? faults[0].pointer + ": " + faults[0].message : "faults: " + std::to_string(faults.size());
}

bool fits_schema(std::string_view spec) {
  static const auto schema = json::Schema::parse(model_kind().schema);
  return schema->validate(bj::parse(spec)).empty();
}

TEST(ModelKind, TakesTheModelOfTheTour) {
  const std::string spec =
      R"({"routes": [{"provider": "local", "file": "a.gguf"}, {"provider": "openai", "model": "gpt-5-mini"}]})";
  EXPECT_TRUE(fits_schema(spec));
  EXPECT_TRUE(check(catalogue(), spec).empty());
}

TEST(ModelKind, SchemaRefusesWhatItDoesNotKnow) {
  EXPECT_FALSE(fits_schema(R"({"routes": []})"));
  EXPECT_FALSE(fits_schema(R"({"routes": [{"provider": "local", "file": "../a.gguf"}]})"));
  EXPECT_FALSE(fits_schema(R"({"routes": [{"provider": "local", "file": "a.gguf", "sha256": "b179"}]})"));
  EXPECT_FALSE(fits_schema(R"({"routes": [{"provider": "x", "model": "y"}], "prices": {"input": -1}})"));
  EXPECT_FALSE(fits_schema(R"({"routes": [{"provider": "x", "model": "y"}], "timeout": "soon"})"));
  EXPECT_TRUE(
      fits_schema(R"({"routes": [{"provider": "x", "model": "y"}], "timeout": "1.5s", "card": {"licence": "MIT"}})"));
}

TEST(ModelKind, SaysWhichProviderIsMeant) {
  EXPECT_EQ(only_fault(R"({"routes": [{"provider": "opnai", "model": "x"}]})"),
            "/routes/0/provider: provider `opnai` does not exist. Did you mean `openai`?");
}

TEST(ModelKind, WantsAFileOfLocalProvidersAndAModelOfOthers) {
  EXPECT_THAT(only_fault(R"({"routes": [{"provider": "local", "model": "x"}]})"),
              HasSubstr("takes `file`, not `model`"));
  EXPECT_THAT(only_fault(R"({"routes": [{"provider": "openai", "file": "x.gguf"}]})"),
              HasSubstr("takes `model`, not `file`"));
  EXPECT_THAT(only_fault(R"({"routes": [{"provider": "openai"}]})"), HasSubstr("/routes/0: must have `model`"));
}

TEST(ModelKind, OneFileHasOneDigest) {
  FakeCatalogue others = catalogue();
  others.add("model", "other", R"({"routes": [{"provider": "local", "file": "a.gguf", "sha256": "11"}]})");
  const auto faults = check(others, R"({"routes": [{"provider": "local", "file": "a.gguf", "sha256": "22"}]})");
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_THAT(faults[0].message, HasSubstr("model `other`"));
  EXPECT_TRUE(check(others, R"({"routes": [{"provider": "local", "file": "a.gguf", "sha256": "11"}]})").empty());
}

TEST(ModelKind, TakesEveryRoutingOptionOfTheReference) {
  FakeCatalogue others = catalogue();
  others.add("model", "large", R"({"routes": []})");
  const std::string spec = R"({
    "strategy": "weighted", "retries": 2, "timeout": "60s", "fallbacks": ["large"],
    "timeouts": {"first_token": "2s", "between_tokens": "10s", "try": "30s"},
    "breaker": {"errors": 0.5, "calls": 10, "window": "30s", "pause": "5s", "longest_pause": "2m"},
    "hedge": {"after": "p95", "share": 0.05}, "continue": false,
    "concurrency": {"max": 64, "queue": 100, "wait": "5s", "priorities": {"gold": 10, "key:nightly": -10}},
    "shadow": {"to": "large@staging", "share": 0.1, "budget": 2.5, "at_once": 8},
    "routes": [{"provider": "openai", "model": "x", "continues": "prefix", "weight": 2.5, "prices": {"input": 1},
                "when": {"stream": true, "tools": false, "images": false, "json_schema": true, "tags": ["gold"],
                         "min_input_tokens": 1, "max_input_tokens": 6000}}]})";
  EXPECT_TRUE(fits_schema(spec));
  EXPECT_TRUE(check(others, spec).empty());
  EXPECT_TRUE(fits_schema(R"({"continue": {"tool_calls": true}, "routes": [{"provider": "x", "model": "y"}]})"));
  EXPECT_TRUE(fits_schema(R"({"breaker": false, "routes": [{"provider": "x", "model": "y"}]})"));
}

TEST(ModelKind, RefusesWhatRoutingCannotMean) {
  const std::string route = R"("routes": [{"provider": "openai", "model": "x"}])";
  for (const char* member :
       {R"("strategy": "fastest")", R"("retries": 9)", R"("timeouts": {"connect": "1s"})",
        R"("breaker": {"errors": 2})", R"("hedge": {"after": "p42"})", R"("concurrency": {"queue": 5})",
        R"("fallbacks": ["a", "a"])", R"("shadow": {"share": 1})", R"("shadow": {"to": "a", "share": 0})",
        R"("shadow": {"to": "a b"})", R"("shadow": {"to": "a", "at_once": 65})", R"("cache": true)",
        R"("cache": {"ttl": "1 week"})", R"("cache": {"semantic": {"embedding": "a"}})",
        R"("continue": {"tools": true})"})
    EXPECT_FALSE(fits_schema("{" + std::string(member) + "," + route + "}")) << member;
  EXPECT_FALSE(fits_schema(R"({"routes": [{"provider": "x", "model": "y", "when": {}}]})"));

  const struct {
    const char* members;
    const char* fault;
  } cases[] = {
      {R"("timeout": "1s", "timeouts": {"try": "2s"})",
       "/timeouts/try: is longer than the whole call may take (`timeout`)"},
      {R"("timeouts": {"first_token": "25h"})", "/timeouts/first_token: must be from 1ms to 24h"},
      {R"("strategy": "cheapest")",
       "/strategy: `cheapest` needs `prices`, of the model or of its routes: the list that comes with Fairlead has "
       "none for them"},
      {R"("fallbacks": ["small"])", "/fallbacks/0: is the model itself"},
      {R"("shadow": {"to": "small"})",
       "/shadow/to: is the model itself; name a label or a version of it, or another model"},
      {R"("cache": {"semantic": {"embedding": "larg", "threshold": 0.9}})",
       "/cache/semantic/embedding: model `larg` does not exist."},
      {R"("shadow": {"to": "larg@7"})", "/shadow/to: model `larg` does not exist."},
      {R"("shadow": {"to": "prompt:x"})",
       "/shadow/to: must name a model: a model's callers have no variables for a prompt"},
      {R"("fallbacks": ["larg"])", "/fallbacks/0: model `larg` does not exist."},
  };
  for (const auto& one : cases) EXPECT_EQ(only_fault("{" + std::string(one.members) + "," + route + "}"), one.fault);
  EXPECT_EQ(only_fault(R"({"routes": [{"provider": "openai", "model": "x", "weight": 2}]})"),
            "/routes/0/weight: has a meaning with `strategy: weighted` only");
  EXPECT_EQ(only_fault(R"({"strategy": "weighted", "routes": [{"provider": "openai", "model": "x", "weight": 0}]})"),
            "/routes: one route must have a `weight` over 0");
  EXPECT_EQ(
      only_fault(
          R"({"routes": [{"provider": "openai", "model": "x", "when": {"min_input_tokens": 9, "max_input_tokens": 8}}]})"),
      "/routes/0/when/min_input_tokens: is more than `max_input_tokens`: no request fits");
}

TEST(ModelKind, RefusesFallbacksThatLeadBack) {
  FakeCatalogue others = catalogue();
  others.add("model", "a", R"({"fallbacks": ["b", "c"]})");
  others.add("model", "b", R"({"fallbacks": ["c"]})");
  others.add("model", "c", R"({"fallbacks": ["small"]})");
  others.add("model", "d", R"({"fallbacks": ["d", "e"]})");  // not ours to say
  const auto faults = check(others, R"({"fallbacks": ["d", "a"], "routes": [{"provider": "openai", "model": "x"}]})");
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].pointer, "/fallbacks/1");
  EXPECT_EQ(faults[0].message, "leads back to the model itself: small → a → b → c → small");
}

class NamedProvider final : public llm::Provider {
 public:
  explicit NamedProvider(std::string type = "llama.cpp") : type_(std::move(type)) {}
  std::string_view name() const override { return "local"; }
  std::string_view type() const override { return type_; }
  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall) override {
    co_return fail(ErrorKind::kInternal, "unused", "");
  }

 private:
  std::string type_;
};

TEST(CompileModel, ReadsHowRoutesAreUsed) {
  using namespace std::chrono_literals;
  const auto provider = std::make_shared<NamedProvider>();
  const auto large = std::make_shared<llm::Model>();
  const auto compile = [&](std::string_view spec, std::shared_ptr<llm::Model> fallback) {
    resources::Version version{.kind = "model", .name = "small", .version = 3};
    version.spec = bj::parse(spec).as_object();
    return compile_model(
        version, [&](std::string_view) { return provider; }, [fallback](std::string_view) { return fallback; });
  };
  constexpr std::string_view kAll = R"({"strategy": "least-latency", "retries": 3, "fallbacks": ["large"],
      "timeouts": {"first_token": "2s", "try": "30s"}, "breaker": {"errors": 0.2, "pause": "3m"}, "prices": {"input": 1},
      "routes": [{"provider": "openai", "model": "x", "when": {"tools": false, "tags": ["a"]}, "prices": {"input": 4}},
                 {"provider": "openai", "model": "y"}]})";
  const auto model = compile(kAll, large);
  ASSERT_TRUE(model);
  const llm::RoutingPolicy& routing = (*model)->routing;
  EXPECT_EQ(routing.strategy, llm::Strategy::kLeastLatency);
  EXPECT_EQ(routing.retries, 3);
  EXPECT_EQ(routing.timeouts.first_token, 2s);
  EXPECT_EQ(routing.timeouts.between_tokens, 0s);
  EXPECT_EQ(routing.timeouts.whole, 30s);
  EXPECT_EQ(routing.breaker.error_rate, 0.2);
  EXPECT_EQ(routing.breaker.calls, 10);
  EXPECT_EQ(routing.breaker.longest_pause, 3min) << "never shorter than the first";
  EXPECT_EQ((*model)->routes[0].when.tools, false);
  EXPECT_EQ((*model)->routes[0].prices->rates.input, llm::per_million(4));
  EXPECT_EQ((*model)->routes[0].prices_from, llm::PricesFrom::kRoute);
  EXPECT_EQ((*model)->routes[1].prices->rates.input, llm::per_million(1));
  EXPECT_EQ((*model)->routes[1].prices_from, llm::PricesFrom::kModel);
  EXPECT_EQ((*model)->fallbacks.at(0), large);
  EXPECT_TRUE(routing.continue_streams);
  EXPECT_EQ(routing.hedge.share, 0) << "not unless it is asked for";
  EXPECT_EQ((*model)->routes[0].continues, std::nullopt) << "as the provider says";
  const auto hedged = compile(
      R"({"hedge": {}, "continue": false, "routes": [{"provider": "openai", "model": "x", "continues": false, "schema": "instructions"}]})",
      nullptr);
  EXPECT_EQ((*hedged)->routing.hedge.share, 0.05);
  EXPECT_EQ((*hedged)->routing.hedge.percentile, 0.95);
  EXPECT_FALSE((*hedged)->routing.continue_streams);
  EXPECT_EQ((*hedged)->routes[0].continues, llm::Prefill::kNone);
  EXPECT_TRUE((*hedged)->routes[0].instructs_schema);
  const auto timed = compile(
      R"({"hedge": {"after": "800ms", "share": 0.2}, "routes": [{"provider": "openai", "model": "x", "continues": "last-message", "schema": "native"}]})",
      nullptr);
  EXPECT_EQ((*timed)->routing.hedge.after, 800ms);
  EXPECT_EQ((*timed)->routing.hedge.share, 0.2);
  EXPECT_EQ((*timed)->routes[0].continues, llm::Prefill::kLastMessage);
  EXPECT_FALSE((*timed)->routes[0].instructs_schema);
  EXPECT_EQ(compile(R"({"hedge": {"after": "p50"}, "routes": [{"provider": "openai", "model": "x"}]})", nullptr)
                .value()
                ->routing.hedge.percentile,
            0.5);
  EXPECT_EQ(routing.concurrency.max, 0) << "no limit unless it is asked for";
  EXPECT_FALSE((*model)->shadow);
  EXPECT_FALSE(routing.continue_tool_calls);
  const auto shadowed = compile(R"({"shadow": {"to": "small@7"}, "continue": {"tool_calls": true},
      "concurrency": {"max": 3, "priorities": {"gold": 1, "key:nightly": -2}},
      "routes": [{"provider": "openai", "model": "x"}]})",
                                nullptr);
  EXPECT_EQ((*shadowed)->shadow->to, "small@7");
  EXPECT_EQ((*shadowed)->shadow->share, 0.05);
  EXPECT_EQ((*shadowed)->shadow->budget_usd, 1);
  EXPECT_EQ((*shadowed)->shadow->at_once, 4);
  EXPECT_TRUE((*shadowed)->routing.continue_streams);
  EXPECT_TRUE((*shadowed)->routing.continue_tool_calls);
  using Priorities = std::vector<std::pair<std::string, int>>;
  EXPECT_EQ((*shadowed)->routing.concurrency.priorities, (Priorities{{"gold", 1}}));
  EXPECT_EQ((*shadowed)->routing.concurrency.key_priorities, (Priorities{{"nightly", -2}}));
  const auto limited = compile(
      R"({"concurrency": {"max": 64, "wait": "2s", "priorities": {"gold": 10}}, "routes": [{"provider": "openai", "model": "x"}]})",
      nullptr);
  EXPECT_EQ((*limited)->routing.concurrency.max, 64);
  EXPECT_EQ((*limited)->routing.concurrency.queue, 100);
  EXPECT_EQ((*limited)->routing.concurrency.wait, 2s);
  EXPECT_EQ((*limited)->routing.concurrency.priorities.at(0), std::pair(std::string("gold"), 10));
  EXPECT_EQ(compile(kAll, nullptr).error().code, "model_not_found");
  const auto plain = compile(R"({"breaker": false, "routes": [{"provider": "openai", "model": "x"}]})", nullptr);
  EXPECT_EQ((*plain)->routing.retries, 1);
  EXPECT_GT((*plain)->routing.breaker.error_rate, 1);
}

TEST(CompileModel, KnowsTiersBatchesAndOtherMoney) {
  const auto route_of = [](std::string_view spec, std::string type) {
    resources::Version version{.kind = "model", .name = "small", .version = 1};
    version.spec = bj::parse(spec).as_object();
    const auto provider = std::make_shared<NamedProvider>(std::move(type));
    return compile_model(version, [&](std::string_view) { return provider; }).value()->routes.at(0);
  };
  const llm::Route tiers = route_of(R"({"card": {"context_length": 1000, "max_output_tokens": 300},
      "prices": {"input": 1, "output": 4, "cache_write": 1.25, "cache_write_1h": 2, "batch": 0.5, "long_context": [{"over": 400, "input": 3, "reasoning": 9},
                                                                         {"over": 200, "input": 2, "output": 6}]},
      "routes": [{"provider": "openai", "model": "x"}]})",
                                    "openai");
  EXPECT_EQ(tiers.context_length, 1000);
  EXPECT_EQ(tiers.max_output_tokens, 300);
  EXPECT_EQ(tiers.prices->batch_percent, 50);
  EXPECT_EQ(tiers.prices->rates.cache_write_1h_more, llm::per_million(0.75));
  ASSERT_EQ(tiers.prices->long_context.size(), 2U);
  EXPECT_EQ(tiers.prices->long_context[0].over, 200) << "in their order";
  EXPECT_EQ(tiers.prices->long_context[0].rates.cached_input, llm::per_million(2));
  EXPECT_EQ(tiers.prices->long_context[1].rates.output, llm::per_million(4)) << "not named: as below it";
  EXPECT_EQ(tiers.prices->long_context[1].rates.reasoning, llm::per_million(9));
  const llm::Route roubles = route_of(R"({"prices": {"input": 200, "output": 400, "currency": "RUB", "usd": 0.0125},
                   "routes": [{"provider": "yandex", "model": "x"}]})",
                                      "yandexgpt");
  EXPECT_EQ(roubles.prices->rates.input, llm::per_million(2.5));
  EXPECT_EQ(roubles.prices->rates.output, llm::per_million(5));
  const llm::Route local = route_of(R"({"routes": [{"provider": "local", "file": "a.gguf"}]})", "llama.cpp");
  EXPECT_EQ(local.prices, llm::Prices{});
  EXPECT_EQ(local.prices_from, llm::PricesFrom::kLocal);
  const llm::Route unknown =
      route_of(R"({"routes": [{"provider": "x", "model": "nobody-knows"}]})", "openai-compatible");
  EXPECT_EQ(unknown.prices, std::nullopt) << "not free: not known";
  EXPECT_EQ(unknown.prices_from, llm::PricesFrom::kUnknown);
}

TEST(CompileModel, MakesRoutesPricesAndTimeout) {
  const auto provider = std::make_shared<NamedProvider>();
  resources::Version version{.kind = "model", .name = "small", .version = 3};
  version.spec = bj::parse(R"({"timeout": "1.5s", "prices": {"input": 2, "cached_input": 0.5, "output": 8},
                               "routes": [{"provider": "local", "file": "a.gguf"}, {"provider": "openai", "model": "gpt"}]})")
                     .as_object();
  const auto model = compile_model(version, [&](std::string_view) { return provider; });
  ASSERT_TRUE(model.has_value());
  EXPECT_EQ((*model)->version, 3);
  EXPECT_EQ((*model)->timeout, std::chrono::milliseconds(1500));
  ASSERT_EQ((*model)->routes.size(), 2U);
  EXPECT_EQ((*model)->routes[0].upstream_model, "a.gguf");
  EXPECT_EQ((*model)->routes[1].upstream_model, "gpt");
  EXPECT_EQ((*model)->routes[1].prices->rates.cached_input, llm::per_million(0.5));
  EXPECT_EQ((*model)->routes[1].prices->rates.cache_write, llm::per_million(2)) << "not named: as other input";
  EXPECT_EQ((*model)->routes[1].prices->rates.reasoning, llm::per_million(8)) << "not named: as other output";
  const auto missing = compile_model(version, [](std::string_view) { return nullptr; });
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, "provider_not_found");
  EXPECT_EQ(local_files(version.spec).at(0).file, "a.gguf");
}

}  // namespace
}  // namespace fairlead::models
