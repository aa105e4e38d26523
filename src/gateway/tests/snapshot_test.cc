#include "gateway/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <thread>

namespace fairlead::gateway {
namespace {

using testing::HasSubstr;
using testing::Not;

std::shared_ptr<const Target> target(std::string kind, std::string name, int version) {
  auto out = std::make_shared<Target>();
  out->kind = std::move(kind);
  out->name = std::move(name);
  out->version = version;
  return out;
}

Project bank() {
  Project project("bank");
  Addressable& prompt = project.add("prompt", "support-reply");
  for (int version = 1; version <= 3; ++version) prompt.versions[version] = target("prompt", "support-reply", version);
  prompt.labels = {{"production", 1}, {"staging", 3}, {"latest", 3}};
  Addressable& model = project.add("model", "small");
  model.versions[1] = target("model", "small", 1);
  model.labels = {{"latest", 1}};
  return project;
}

TEST(Project, ResolvesEveryFormOfAReference) {
  const Project project = bank();
  EXPECT_EQ(project.resolve("support-reply")->target->version, 1);
  EXPECT_EQ(project.resolve("support-reply")->label, "production");
  EXPECT_EQ(project.resolve("support-reply@staging")->target->version, 3);
  EXPECT_EQ(project.resolve("support-reply@2")->target->version, 2);
  EXPECT_EQ(project.resolve("support-reply@2")->label, "");
  EXPECT_EQ(project.resolve("prompt:support-reply@latest")->target->version, 3);
  EXPECT_EQ(project.resolve("small")->label, "latest");
  EXPECT_EQ(project.resolve("model:small")->target->kind, "model");
}

// An apply of an older spec makes no version: `latest` goes back, and a bare name with it.
TEST(Project, ABareNameIsLatestWhereverThatPoints) {
  Project project("bank");
  Addressable& prompt = project.add("prompt", "greeting");
  for (int version = 1; version <= 2; ++version) prompt.versions[version] = target("prompt", "greeting", version);
  prompt.labels = {{"latest", 1}};
  EXPECT_EQ(project.resolve("greeting")->target->version, 1);
}

TEST(Project, SaysWhatDoesNotExistAndWhatMayHaveBeenMeant) {
  const Project project = bank();
  EXPECT_EQ(project.resolve("suport-reply").error().message,
            "Model `suport-reply` does not exist in project `bank`. Did you mean `support-reply`?");
  EXPECT_EQ(project.resolve("suport-reply").error().code, "model_not_found");
  EXPECT_EQ(project.resolve("suport-reply").error().param, "model");
  EXPECT_EQ(project.resolve("support-reply@stagin").error().message,
            "`support-reply` has no version or label `stagin`. Did you mean `staging`?");
  for (const char* wrong :
       {"support-reply@9", "support-reply@", "model:support-reply", "", "@", ":", "support-reply@99999999999"})
    EXPECT_EQ(project.resolve(wrong).error().kind, ErrorKind::kNotFound) << wrong;
}

TEST(Project, DoesNotRepeatWhatMayBeASecret) {
  const Project project = bank();
  for (const std::string secret :
       {"sk-proj-Ab12", "fl-0123", "3fT9aZ81kLmNoP4qRsTuV", "Bearer x", "support-reply@sk-1234"}) {
    EXPECT_THAT(project.resolve(secret).error().message, Not(HasSubstr(secret.substr(secret.find("sk-") + 1))))
        << secret;
    EXPECT_THAT(shown_reference(secret.substr(secret.find('@') + 1)), "(not shown)") << secret;
  }
  EXPECT_EQ(shown_reference("gpt-4o-mini-2024-07-18"), "gpt-4o-mini-2024-07-18");
}

TEST(Project, ATargetWithAFaultSaysIt) {
  Project project("bank");
  auto broken = std::make_shared<Target>();
  broken->fault = "Provider `openai`: environment variable OPENAI_API_KEY is not set.";
  project.add("model", "big").versions[1] = broken;
  const Error error = project.resolve("big").error();
  EXPECT_EQ(error.kind, ErrorKind::kUnavailable);
  EXPECT_EQ(error.message, broken->fault);
}

TEST(SnapshotHolder, EveryLoopSeesWhatWasPublished) {
  async::Runtime runtime(3);
  const auto first = std::make_shared<Snapshot>(), second = std::make_shared<Snapshot>();
  SnapshotHolder holder(runtime, first);
  runtime.start();
  holder.publish_and_wait(second);
  for (int i = 0; i < runtime.size(); ++i) EXPECT_EQ(holder.current(runtime.loop(i)).get(), second.get());
  runtime.stop();
}

// Whoever saw the new one told others: none of them may find the one before.
TEST(SnapshotHolder, NoLoopSeesTheOneBeforeOnceAnyHasSeenTheNext) {
  constexpr int kSnapshots = 300;
  async::Runtime runtime(3);
  std::vector<std::shared_ptr<const Snapshot>> snapshots;
  std::map<const Snapshot*, int> number;
  for (int i = 0; i < kSnapshots; ++i) {
    snapshots.push_back(std::make_shared<Snapshot>());
    number[snapshots.back().get()] = i;
  }
  SnapshotHolder holder(runtime, snapshots[0]);
  std::atomic<int> seen = 0, running = runtime.size();
  std::atomic<bool> stop = false, went_back = false;
  std::function<void(async::Loop&)> look = [&](async::Loop& loop) {
    if (stop) {
      --running;
      return;
    }
    const int before = seen;
    const int now = number.at(holder.current(loop).get());
    if (now < before) went_back = true;
    for (int old = seen; old < now && !seen.compare_exchange_weak(old, now);) {
    }
    loop.post([&look, &loop] { look(loop); });
  };
  runtime.start();
  for (int i = 0; i < runtime.size(); ++i) runtime.loop(i).post([&look, &loop = runtime.loop(i)] { look(loop); });
  for (int i = 1; i < kSnapshots; ++i) {
    holder.publish_and_wait(snapshots[static_cast<std::size_t>(i)]);
    EXPECT_EQ(snapshots[static_cast<std::size_t>(i - 1)].use_count(), 1) << "the one before is let go";
  }
  stop = true;
  while (running > 0) std::this_thread::yield();
  runtime.stop();
  EXPECT_FALSE(went_back);
}

}  // namespace
}  // namespace fairlead::gateway
