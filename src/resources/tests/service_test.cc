#include "resources/service.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "resources/internal/documents.h"
#include "resources/tests/test_kinds.h"

namespace fairlead::resources {
namespace {

std::string text_of(const Version& version) {
  return std::string(version.spec.at("messages").at(0).at("system").as_string());
}

std::map<std::string, int, std::less<>> labels_of(TestService& service, const char* name) {
  return service.project().find("prompt", name)->labels;
}

using Labels = std::map<std::string, int, std::less<>>;

Result<LabelMove> promote(TestService& service, const char* name, const char* ref, const char* to) {
  auto promoted = wait_for(service.service->promote("bank", "", name, ref, to, "", kMaria));
  if (!promoted) return fail(std::move(promoted).error());
  return promoted->move;
}

Result<LabelMove> rollback(TestService& service, const char* name, const char* label = "production") {
  return wait_for(service.service->rollback("bank", "", name, label, kMaria));
}

}  // namespace

TEST(Apply, makes_a_version_once_for_a_spec) {
  TestService service;
  const ChangeSet first = service.apply({{"x.yaml", prompt_yaml("x", "hi")}}, "first");
  ASSERT_EQ(first.documents.size(), 1u);
  EXPECT_EQ(first.documents[0].action, Action::kNew);
  EXPECT_EQ(first.documents[0].from, 0);
  EXPECT_EQ(first.documents[0].to, 1);
  EXPECT_EQ(first.documents[0].labels, std::vector<std::string>{"staging"});
  // Another order of members, another layout, a comment: the same spec.
  const ChangeSet same =
      service.apply({{"other.yml", "# again\nmessages: [{system: \"hi\"}]\nname: x\nkind: prompt\n"}});
  EXPECT_EQ(same.documents[0].action, Action::kSame);
  EXPECT_EQ(same.documents[0].to, 1);
  const Project project = service.project();
  const Resource& resource = *project.find("prompt", "x");
  EXPECT_EQ(resource.versions.size(), 1u);
  EXPECT_EQ(resource.versions.at(1)->author, "maria");
  EXPECT_EQ(resource.versions.at(1)->message, "first");
  EXPECT_EQ(resource.versions.at(1)->digest.size(), 64u);
  EXPECT_EQ(project.revision, 1);  // the second changed nothing
}

TEST(Apply, says_what_differs_and_moves_staging_and_latest) {
  TestService service;
  service.apply({{"x.yaml", prompt_yaml("x", "hi")}});
  const ChangeSet plan = wait_for(service.service->plan("bank", {{"x.yaml", prompt_yaml("x", "hello")}})).value();
  EXPECT_EQ(labels_of(service, "x"), (Labels{{"latest", 1}, {"staging", 1}}));  // planning changes nothing
  const ChangeSet changed = service.apply({{"x.yaml", prompt_yaml("x", "hello")}});
  for (const ChangeSet* one : {&plan, &changed}) {
    const DocumentChange& change = one->documents[0];
    EXPECT_EQ(change.action, Action::kChanged);
    EXPECT_EQ(change.from, 1);
    EXPECT_EQ(change.to, 2);
    ASSERT_EQ(change.changes.size(), 1u);
    EXPECT_EQ(change.changes[0].path, "messages[0].system");
    EXPECT_EQ(*change.changes[0].from, "hi");
    EXPECT_EQ(*change.changes[0].to, "hello");
  }
  EXPECT_EQ(labels_of(service, "x"), (Labels{{"latest", 2}, {"staging", 2}}));
}

TEST(Apply, points_latest_back_to_the_version_that_has_the_spec) {
  TestService service;
  for (const char* text : {"a", "b", "a"}) service.apply({{"x.yaml", prompt_yaml("x", text)}});
  const Project project = service.project();
  EXPECT_EQ(project.find("prompt", "x")->versions.size(), 2u);
  EXPECT_EQ(labels_of(service, "x"), (Labels{{"latest", 1}, {"staging", 1}}));
  EXPECT_EQ(service.apply({{"x.yaml", prompt_yaml("x", "c")}}).documents[0].to, 3);
}

TEST(Apply, keeps_history_that_the_folder_gives) {
  TestService service;
  const Files files = {{"new.yaml", prompt_yaml("x", "new", "version: 7\n")},
                       {"old.yaml", prompt_yaml("x", "old", "version: 6\nlabels: [production]\n")}};
  const ChangeSet changes = service.apply(files);
  ASSERT_EQ(changes.documents.size(), 2u);
  EXPECT_EQ(changes.documents[0].to, 6);
  EXPECT_EQ(changes.documents[0].labels, std::vector<std::string>{"production"});
  EXPECT_EQ(changes.documents[1].from, 6);
  EXPECT_EQ(labels_of(service, "x"), (Labels{{"latest", 7}, {"production", 6}, {"staging", 7}}));
  EXPECT_EQ(service.project().find("prompt", "x")->in_force(), 6);
  // Again, after someone promoted: nothing moves back.
  ASSERT_TRUE(promote(service, "x", "7", "production"));
  EXPECT_EQ(service.apply(files).count(Action::kSame), 2);
  EXPECT_EQ(labels_of(service, "x"), (Labels{{"latest", 7}, {"production", 7}, {"staging", 7}}));
  EXPECT_EQ(service.faults({{"x.yaml", prompt_yaml("x", "other", "version: 6\n")}}),
            "x.yaml:3:10: version 6 of prompt `x` exists with another spec, and versions are immutable\n"
            "  give this spec version 8, or leave `version` out");
  EXPECT_EQ(service.faults({{"x.yaml", prompt_yaml("x", "other", "version: 3\n")}}),
            "x.yaml:3:10: version 3 of prompt `x` does not exist and is lower than the newest, 7");
}

TEST(Apply, stores_nothing_if_one_document_is_wrong) {
  TestService service;
  EXPECT_NE(service.faults({{"a.yaml", provider_yaml("local")}, {"b.yaml", model_yaml("small", "nobody")}}), "");
  EXPECT_TRUE(service.project().resources.empty());
  EXPECT_EQ(service.project().revision, 0);
}

TEST(Apply, refuses_the_name_of_a_model_that_is_stored) {
  TestService service;
  service.apply(
      {{"a.yaml", provider_yaml("x") + "---\n" + model_yaml("small", "x")}});  // a provider is not called by name
  EXPECT_EQ(service.faults({{"b.yaml", prompt_yaml("small", "hi")}}),
            "b.yaml:2:7: `small` is already the name of a model\n  clients call prompts and models by their bare "
            "names; choose another");
  EXPECT_EQ(service.faults({{"b.yaml", prompt_yaml("x", "hi")}}), "");
}

TEST(Apply, puts_texts_and_defaults_in_place) {
  TestService service;
  EXPECT_EQ(service.faults({{"prompts/x.yaml", prompt_yaml("x", "{file: ../texts/reply.md}")},
                            {"texts/reply.md", "Be kind.\nBe short.\n"},
                            {"m.yaml", provider_yaml("local") + "---\n" + model_yaml("small", "local")}}),
            "");
  const Project project = service.project();
  EXPECT_EQ(text_of(*project.find("prompt", "x")->versions.at(1)), "Be kind.\nBe short.\n");
  EXPECT_EQ(project.find("model", "small")->versions.at(1)->spec.at("timeout"), 60);
}

TEST(Apply, keeps_projects_apart) {
  TestService service;
  service.apply({{"x.yaml", prompt_yaml("x", "hi")}});
  EXPECT_TRUE(service.service->load_blocking("shop").value().resources.empty());
  EXPECT_EQ(service.service->project_names_blocking().value(), std::vector<std::string>{"bank"});
}

TEST(Labels, move_forth_and_back) {
  TestService service;
  for (const char* text : {"a", "b", "c"}) service.apply({{"x.yaml", prompt_yaml("x", text)}});
  auto moved = promote(service, "x", "1", "production");
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_EQ(moved->from, 0);
  EXPECT_EQ(rollback(service, "x").error().code, "nothing_to_roll_back");
  EXPECT_EQ(promote(service, "x", "staging", "production")->to, 3);
  EXPECT_EQ(promote(service, "x", "3", "production")->from, 3);  // where it is: not a move to come back from
  EXPECT_EQ(rollback(service, "x")->to, 1);
  EXPECT_EQ(service.project().find("prompt", "x")->in_force(), 1);
  EXPECT_EQ(rollback(service, "x")->to, 3);
}

TEST(Labels, say_what_does_not_exist) {
  TestService service;
  service.apply({{"x.yaml", prompt_yaml("support-reply", "a")}});
  EXPECT_EQ(promote(service, "suport-reply", "1", "production").error().message,
            "Resource `suport-reply` does not exist in project `bank`. Did you mean `support-reply`?");
  EXPECT_EQ(promote(service, "support-reply", "9", "production").error().message,
            "Version 9 of prompt `support-reply` does not exist; the newest is 1.");
  EXPECT_EQ(
      promote(service, "support-reply", "stagin", "production").error().message,
      "Label `stagin` of prompt `support-reply` does not exist. Did you mean `staging`? Its labels: latest, staging.");
  EXPECT_EQ(rollback(service, "support-reply").error().code, "label_not_found");
  for (const char* label : {"latest", "7", "Production", ""})
    EXPECT_EQ(promote(service, "support-reply", "1", label).error().code, "invalid_label");
}

TEST(Listener, sees_the_project_before_it_is_stored_and_may_refuse) {
  TestService service;
  int published = 0;
  std::int64_t revision = 0;
  bool refuse = false;
  service.service->set_prepare([&](const Project& after) -> Result<ResourceService::Publish> {
    if (refuse) return fail(ErrorKind::kInvalid, "no", "No.");
    EXPECT_EQ(service.project().revision, after.revision - 1);
    revision = after.revision;
    return [&] {
      ++published;
      EXPECT_EQ(service.project().revision, revision);
    };
  });
  service.apply({{"x.yaml", prompt_yaml("x", "a")}});
  EXPECT_EQ(published, 1);
  ASSERT_TRUE(promote(service, "x", "1", "production"));
  EXPECT_EQ(published, 2);
  refuse = true;
  EXPECT_EQ(service.service->apply_blocking("bank", {{"x.yaml", prompt_yaml("x", "b")}}, kMaria, "").error().code,
            "no");
  EXPECT_EQ(published, 2);
  EXPECT_EQ(service.project().find("prompt", "x")->versions.size(), 1u);
}

TEST(Pull, gives_files_that_change_nothing_where_they_came_from) {
  TestService service;
  service.apply({{"x.yaml",
                  "kind: prompt\nname: x\ndescription: 'yes'\nmessages:\n  - system: |\n      Be kind.\n\n      - \"{{ "
                  "question }}\": 7\n  - user: '# no comment'\n"},
                 {"m.yaml", provider_yaml("local") + "---\n" + model_yaml("small", "local")}});
  const Files files = wait_for(service.service->pull("bank")).value();
  ASSERT_EQ(files.size(), 3u);
  EXPECT_EQ(files.at("prompts/x.yaml").substr(0, 21), "kind: prompt\nname: x\n");
  const ChangeSet changes = wait_for(service.service->plan("bank", files)).value();
  EXPECT_EQ(changes.faults.size(), 0u);
  EXPECT_EQ(changes.count(Action::kSame), 3);
}

// Every apply makes a version of its own; every promotion must start where the one before it ended.
TEST(Concurrency, loses_no_change_and_orders_them_all) {
  TestService service;
  service.apply({{"x.yaml", prompt_yaml("x", "zero")}});
  ASSERT_TRUE(promote(service, "x", "1", "production"));
  constexpr int kThreads = 8, kEach = 12;
  std::mutex mutex;
  std::map<std::int64_t, LabelMove> moves;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const std::string text = std::to_string(t) + "-" + std::to_string(i);
        const ChangeSet made = service.apply({{"x.yaml", prompt_yaml("x", "'" + text + "'")}});
        EXPECT_EQ(made.documents.at(0).to, made.documents.at(0).from + 1);
        const std::string ref = std::to_string(made.documents.at(0).to);
        auto moved = i % 4 == 3 ? rollback(service, "x") : promote(service, "x", ref.c_str(), "production");
        EXPECT_TRUE(moved);
        const std::lock_guard lock(mutex);
        EXPECT_TRUE(moves.emplace(moved->audit, *moved).second);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const Project project = service.project();
  const Resource& resource = *project.find("prompt", "x");
  EXPECT_EQ(resource.versions.size(), 1u + kThreads * kEach);
  EXPECT_EQ(resource.versions.rbegin()->first, 1 + kThreads * kEach);
  EXPECT_EQ(project.revision, 2 + 2 * kThreads * kEach);
  int at = 1;
  for (const auto& [audit, move] : moves) {
    EXPECT_EQ(move.from, at) << audit;
    at = move.to;
  }
  EXPECT_EQ(resource.labels.at("production"), at);
}

// A store that is shared by two processes: each has its own lock, so the revision decides.
TEST(Concurrency, loses_no_change_between_two_services_on_one_store) {
  TestService service;
  auto other = ResourceService::create(*service.database, service.clock, test_kinds()).value();
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      ResourceService& mine = t == 0 ? *service.service : *other;
      for (int i = 0; i < 20; ++i) {
        auto made = mine.apply_blocking(
            "bank", {{"x.yaml", prompt_yaml("x", "'" + std::to_string(t) + "-" + std::to_string(i) + "'")}}, kMaria,
            "");
        EXPECT_TRUE(made) << made.error().message;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(service.project().find("prompt", "x")->versions.size(), 40u);
}

// A child applies pairs of resources until it is killed. What it said was applied is there, and no pair is torn.
TEST(Crash, leaves_every_apply_whole) {
  for (int round = 0; round < 4; ++round) {
    http::ScratchFolder folder;
    int applied[2];
    ASSERT_EQ(pipe(applied), 0);
    const pid_t child = fork();
    if (child == 0) {
      close(applied[0]);
      async::BlockingPool pool(1);
      SystemClock clock;
      auto database = store::open_sqlite(folder.path("fairlead.db"), pool, all_migrations());
      if (!database) _exit(1);
      auto service = ResourceService::create(**database, clock, test_kinds());
      for (int i = 1;; ++i) {
        const std::string text = "'" + std::to_string(i) + "'";
        auto done = (*service)->apply_blocking(
            "bank", {{"a.yaml", prompt_yaml("a", text)}, {"b.yaml", prompt_yaml("b", text)}}, kMaria, "");
        if (!done || write(applied[1], "x", 1) != 1) _exit(1);
      }
    }
    close(applied[1]);
    int acknowledged = 0;
    char bytes[64];
    while (acknowledged < 5 + round * 3) {
      const ssize_t size = read(applied[0], bytes, 1);
      ASSERT_EQ(size, 1);
      ++acknowledged;
    }
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    for (ssize_t size; (size = read(applied[0], bytes, sizeof(bytes))) > 0;) acknowledged += static_cast<int>(size);
    close(applied[0]);
    async::BlockingPool pool(1);
    SystemClock clock;
    auto database = store::open_sqlite(folder.path("fairlead.db"), pool, all_migrations());
    ASSERT_TRUE(database) << database.error().message;
    auto service = ResourceService::create(**database, clock, test_kinds()).value();
    const Project project = service->load_blocking("bank").value();
    const Resource &a = *project.find("prompt", "a"), &b = *project.find("prompt", "b");
    EXPECT_GE(static_cast<int>(a.versions.size()), acknowledged);
    EXPECT_EQ(a.versions.size(), b.versions.size());
    EXPECT_EQ(a.labels, b.labels);
    EXPECT_EQ(text_of(*a.versions.at(a.labels.at("latest"))), text_of(*b.versions.at(b.labels.at("latest"))));
    EXPECT_EQ(project.revision, static_cast<std::int64_t>(a.versions.size()));
  }
}

}  // namespace fairlead::resources
