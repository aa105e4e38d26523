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

class NamedProvider final : public llm::Provider {
 public:
  std::string_view name() const override { return "local"; }
  std::string_view type() const override { return "llama.cpp"; }
  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall) override {
    co_return fail(ErrorKind::kInternal, "unused", "");
  }
};

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
  EXPECT_EQ((*model)->prices.cached_input, 0.5);
  EXPECT_EQ((*model)->prices.cache_write, 2) << "not named: as other input";
  EXPECT_EQ((*model)->prices.reasoning, 8) << "not named: as other output";
  const auto missing = compile_model(version, [](std::string_view) { return nullptr; });
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, "provider_not_found");
  EXPECT_EQ(local_files(version.spec).at(0).file, "a.gguf");
}

}  // namespace
}  // namespace fairlead::models
