#include "app/compiler.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "base/digest.h"
#include "platform/json/text.h"
#include "prompts/tests/calls.h"

namespace fairlead::app {
namespace {

using resources::Project;
using resources::Resource;
using resources::Version;

class NamedProvider final : public llm::Provider {
 public:
  explicit NamedProvider(std::string name) : name_(std::move(name)) {}
  std::string_view name() const override { return name_; }
  std::string_view type() const override { return "openai"; }
  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall) override {
    co_return fail(ErrorKind::kUnavailable, "unavailable", "It is there to be named.");
  }

 private:
  std::string name_;
};

// A project that changes, and the providers that are made for it.
struct Team {
  Project project{.name = "bank", .revision = 0, .resources = {}};
  MadeProviders providers;

  const Version& apply(const std::string& kind, const std::string& name, const std::string& spec) {
    Resource& resource = project.resources[{kind, name}];
    resource.kind = kind;
    resource.name = name;
    auto version = std::make_shared<Version>();
    version->kind = kind;
    version->project = project.name;
    version->name = name;
    version->version = resource.versions.empty() ? 1 : resource.versions.rbegin()->first + 1;
    version->spec = json::parse(spec)->get_object();
    version->digest = sha256_hex(spec);
    version->created_at_us = ++project.revision * 1'000'000;
    resource.versions.emplace(version->version, version);
    resource.labels["latest"] = version->version;
    return *version;
  }
  void label(const std::string& kind, const std::string& name, const std::string& label, int version) {
    project.resources.at({kind, name}).labels[label] = version;
  }
  void make_provider(const std::string& name, bool works = true) {
    const std::string digest = sha256_hex(name + std::to_string(++project.revision));
    MadeProvider& made = providers[name];
    made = {.identity = digest, .provider = nullptr, .digest = digest, .fault = {}};
    if (works)
      made.provider = std::make_shared<NamedProvider>(name);
    else
      made.fault = "Provider `" + name + "`: no key.";
  }
};

// All that a call could see of a compiled project, and all that is told of it.
class Description {
 public:
  static std::string of(const CompiledProject& project) { return Description(project).text_; }

 private:
  explicit Description(const CompiledProject& project) : project_(project.project) {
    for (const auto& [name, addressable] : project_.addressables()) {
      line(name);
      for (const auto& [label, version] : addressable.labels) line("  " + label + " " + std::to_string(version));
      for (const auto& [number, target] : addressable.versions) {
        line("  v" + std::to_string(number));
        add(*target);
      }
    }
    for (const auto& [key, versions] : project.versions)
      for (const auto& [number, one] : versions)
        if (one.stage) add(*one.stage);
    for (const models::LocalFile& one : project.wanted) line("wants " + one.file + " " + one.sha256);
    if (project.fault) line("fault " + project.fault->message);
  }

  void line(const std::string& text) { text_ += text + "\n"; }

  void add(const gateway::Target& target) {
    line("    " + target.kind + " " + target.name + "@" + std::to_string(target.version) + " of " +
         std::to_string(target.created_at_s) + " " + target.fault);
    line("    answers as " + target.answers_as);
    if (target.model) line("    " + model(*target.model));
    if (target.embedding) line("    embeds with " + model(*target.embedding));
    if (target.cache)
      line("    cache " + std::to_string(static_cast<int>(target.cache->mode)) + " " +
           std::to_string(target.cache->ttl.count()) + " " +
           (target.cache->semantic ? target.cache->semantic->embedding + "!" : ""));
    if (target.shadow) line("    shadow " + target.shadow->policy.to + " " + target.shadow->state->name);
    if (target.memory) line("    memory");
    line("    " + std::to_string(target.stages.size()) + " stages");
  }

  void add(const prompts::Prompt& stage) {
    for (const auto& one : stage.models()) line("  " + model(*one));
    for (const std::string& one : stage.includes()) line("  includes " + one);
    prompts::TestCall call(R"({"model": "x", "messages": []})");
    const auto explained = stage.explain(call.call, 0);
    line("  " + (explained ? json::canonical(*explained) : explained.error().message));
  }

  std::string model(const llm::Model& model) const {
    const auto resource = project_.addressables().find("model:" + model.name);
    const bool is_in_force =
        resource != project_.addressables().end() && resource->second.in_force()->model.get() == &model;
    std::string out = model.name + "@" + std::to_string(model.version) + (is_in_force ? " in force" : "") + " " +
                      std::to_string(model.timeout.count()) + (model.state ? " routed" : "") + "(";
    for (const llm::Route& one : model.routes) {
      std::ostringstream place;
      place << one.provider.get();
      out += std::string(one.provider->name()) + " " + place.str() + " " + one.upstream_model + ", ";
    }
    for (const auto& one : model.fallbacks) out += "else " + this->model(*one);
    return out + ")";
  }

  const gateway::Project& project_;
  std::string text_;
};

// Changes that a team might make, faulty ones among them: what they lead to is compiled all the same.
class Changes {
 public:
  explicit Changes(std::uint32_t seed) : random_(seed) {}

  void one(Team& team) {
    switch (below(8)) {
      case 0:
        return team.make_provider(named("p", 3), below(8) != 0);
      case 1:
      case 2:
        team.apply("model", named("m", 4), model());
        return;
      case 3:
      case 4:
      case 5:
        team.apply("prompt", named("q", 5), prompt());
        return;
      default:
        return move_label(team);
    }
  }

 private:
  int below(int end) { return std::uniform_int_distribution(0, end - 1)(random_); }
  std::string named(const char* letter, int count) { return letter + std::to_string(below(count)); }
  std::string cache() {
    const int which = below(4);
    if (which == 0) return R"(, "cache": {"ttl": "1h", "semantic": {"embedding": ")" + named("m", 4) + "\"}}";
    return which == 1 ? R"(, "cache": {"ttl": "2h"})" : "";
  }
  std::string model() {
    std::string out = R"({"timeout": ")" + std::to_string(1 + below(9)) + R"(s", "routes": [{"provider": ")" +
                      named("p", 3) + R"(", "model": "u)" + std::to_string(below(3)) + "\"}";
    if (below(3) == 0) out += R"(, {"provider": ")" + named("p", 3) + R"(", "file": "f.gguf"})";
    out += "]";
    if (below(3) == 0) out += R"(, "fallbacks": [")" + named("m", 4) + "\"]";
    if (below(4) == 0) out += R"(, "shadow": {"to": ")" + named("m", 4) + "\"}";
    return out + cache() + "}";
  }
  std::string prompt() {
    static const std::vector<std::string> kRefs{"production", "latest", "latest", "1", "2"};
    std::string out =
        R"({"model": ")" + named("m", 4) + R"(", "messages": [{"system": "text )" + std::to_string(below(100)) + "\"}";
    if (below(2) == 0) out += R"(, {"prompt": ")" + named("q", 5) + "@" + kRefs[below(5)] + "\"}";
    out += "]";
    if (below(3) == 0) out += R"(, "variants": [{"name": "v", "when": "true", "model": ")" + named("m", 4) + "\"}]";
    if (below(4) == 0) out += R"(, "shadow": {"to": ")" + named("m", 4) + "\"}";
    return out + cache() + "}";
  }
  void move_label(Team& team) {
    if (team.project.resources.empty()) return;
    auto resource = team.project.resources.begin();
    std::advance(resource, below(static_cast<int>(team.project.resources.size())));
    const int version = 1 + below(static_cast<int>(resource->second.versions.size()));
    resource->second.labels[below(3) != 0 ? "production" : "latest"] = version;
  }

  std::mt19937 random_;
};

class CompilerTest : public ::testing::Test {
 protected:
  CompiledProject compile(const Team& team, const CompiledProject* before) {
    return compile_project(team.project, team.providers, before, {routing_, clock_});
  }
  CompiledProject from_nothing(const Team& team) {
    gateway::routing::Registry routing(clock_, 1, 1);
    return compile_project(team.project, team.providers, nullptr, {routing, clock_});
  }

  ManualClock clock_;
  gateway::routing::Registry routing_{clock_, 1, 1};
};

TEST_F(CompilerTest, GivesWhatACompileFromNothingGives) {
  int targets = 0, taken_over = 0, servable = 0;
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    Changes changes(seed);
    Team team;
    CompiledProject before = compile(team, nullptr);
    for (int step = 0; step < 60; ++step) {
      changes.one(team);
      CompiledProject now = compile(team, &before);
      ASSERT_EQ(Description::of(now), Description::of(from_nothing(team))) << "seed " << seed << ", step " << step;
      for (const auto& [key, versions] : now.versions) {
        for (const auto& [number, one] : versions) {
          ++targets;
          servable += one.target->fault.empty() ? 1 : 0;
          const auto old = before.versions.find(key);
          if (old == before.versions.end()) continue;
          const auto same = old->second.find(number);
          taken_over += same != old->second.end() && same->second.target == one.target ? 1 : 0;
        }
      }
      before = std::move(now);
    }
  }
  // Else the comparison shows little.
  EXPECT_GT(servable, targets / 4);
  EXPECT_GT(taken_over, servable / 2);
}

TEST_F(CompilerTest, MakesAnewOnlyWhatAChangeReaches) {
  Team team;
  for (const char* const name : {"near", "far"}) team.make_provider(name);
  team.apply("model", "m", R"({"routes": [{"provider": "near", "model": "u"}]})");
  team.apply("model", "n", R"({"routes": [{"provider": "far", "model": "u"}], "fallbacks": ["m"]})");
  team.apply("prompt", "house", R"({"model": "n", "messages": [{"system": "Be kind."}]})");
  team.apply("prompt", "a", R"({"model": "m", "messages": [{"prompt": "house@latest"}]})");
  team.apply("prompt", "b", R"({"model": "n", "messages": [{"system": "b"}]})");
  CompiledProject before = compile(team, nullptr);
  // By "kind name@version": the targets that are others than before.
  const auto changed = [&] {
    CompiledProject now = compile(team, &before);
    std::set<std::string> out;
    for (const auto& [key, versions] : now.versions)
      for (const auto& [number, one] : versions)
        if (before.versions[key][number].target != one.target) out.insert(key.second + "@" + std::to_string(number));
    before = std::move(now);
    return out;
  };
  using Names = std::set<std::string>;
  EXPECT_EQ(changed(), Names{});
  team.apply("prompt", "b", R"({"model": "n", "messages": [{"system": "c"}]})");
  EXPECT_EQ(changed(), Names{"b@2"});
  team.label("prompt", "b", "production", 1);
  EXPECT_EQ(changed(), Names{});
  const auto text_of_a = before.versions[{"prompt", "a"}][1].read;
  team.apply("prompt", "house", R"({"model": "n", "messages": [{"system": "Be brief."}]})");
  EXPECT_EQ(changed(), (Names{"house@2", "a@1"}));
  EXPECT_NE((before.versions[{"prompt", "a"}][1].read), text_of_a);
  const auto text_of_b = before.versions[{"prompt", "b"}][2].read;
  team.apply("model", "n", R"({"routes": [{"provider": "far", "model": "w"}], "fallbacks": ["m"]})");
  EXPECT_EQ(changed(), (Names{"n@2", "house@1", "house@2", "b@1", "b@2"}));
  EXPECT_EQ((before.versions[{"prompt", "b"}][2].read), text_of_b);  // what takes time is not done again
  team.make_provider("near");
  EXPECT_EQ(changed(), (Names{"m@1", "n@1", "n@2", "house@1", "house@2", "a@1", "b@1", "b@2"}));
}

TEST_F(CompilerTest, TakesOverVersionsThatWereReadFromTheStoreAnew) {
  Team team;
  team.make_provider("p");
  team.apply("model", "m", R"({"routes": [{"provider": "p", "model": "u"}]})");
  const CompiledProject before = compile(team, nullptr);
  for (auto& [number, version] : team.project.resources.at({"model", "m"}).versions)
    version = std::make_shared<Version>(*version);
  const CompiledProject now = compile(team, &before);
  EXPECT_EQ(now.versions.at({"model", "m"}).at(1).target, before.versions.at({"model", "m"}).at(1).target);
}

}  // namespace
}  // namespace fairlead::app
