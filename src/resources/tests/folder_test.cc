// Folders that a team keeps: what the server has beyond them, and how it gets there.
#include <gtest/gtest.h>

#include "resources/service.h"
#include "resources/tests/test_kinds.h"

namespace fairlead::resources {
namespace {

using Ahead = FolderRules::Ahead;

class Folder : public testing::Test {
 protected:
  Result<ChangeSet> apply(const Files& files, const char* who = "ci", Ahead ahead = Ahead::kRefuse) {
    return service_.service->apply_blocking("bank", files, {who, who}, "", {.is_folder = true, .ahead = ahead});
  }
  void edit_in_console(const std::string& text, const std::string& name = "x") {
    ASSERT_TRUE(
        service_.service->apply_blocking("bank", {{"x.yaml", prompt_yaml(name, text)}}, {"olga", "o"}, "softer"));
  }
  std::string latest() {
    const Project project = service_.project();
    const Resource& x = *project.find("prompt", "x");
    return std::string(x.versions.at(x.labels.at("latest"))->spec.at("messages").at(0).at("system").as_string());
  }
  PulledFiles pull(const Files& folder, bool overwrite = false) {
    return wait_for(service_.service->pull_into("bank", folder, overwrite)).value();
  }
  // The folder after a pull, which must be in step: applied, it changes nothing.
  Files pulled(Files folder, bool overwrite = false) {
    PulledFiles made = pull(folder, overwrite);
    for (auto& [path, text] : made.files) folder[path] = text;
    auto plan = wait_for(service_.service->plan("bank", folder)).value();
    for (const Fault& fault : plan.faults) ADD_FAILURE() << to_text(fault);
    EXPECT_EQ(plan.count(Action::kSame), static_cast<int>(plan.documents.size()));
    return folder;
  }

  TestService service_;
};

TEST_F(Folder, does_not_go_over_what_it_is_not_made_from) {
  ASSERT_TRUE(apply({{"x.yaml", prompt_yaml("x", "a")}}));
  edit_in_console("b");
  auto refused = apply({{"x.yaml", prompt_yaml("x", "c")}});
  EXPECT_EQ(refused.error().code, "drift");
  EXPECT_EQ(refused.error().message,
            "The server has versions that this folder is not made from: prompt/x v2 by olga. Nothing was applied. "
            "`fairlead pull` writes them into the folder; `fairlead apply --overwrite` goes over them.");
  EXPECT_EQ(apply({{"x.yaml", prompt_yaml("x", "a")}}).error().code, "drift");  // it would go back to version 1
  EXPECT_EQ(latest(), "b");
  const auto plan =
      wait_for(service_.service->plan("bank", {{"x.yaml", prompt_yaml("x", "c")}}, {"ci", "ci"}, {.is_folder = true}));
  ASSERT_TRUE(plan->documents.at(0).drift);
  EXPECT_EQ(plan->documents[0].drift->known, 1);
  EXPECT_EQ(plan->documents[0].drift->author, "olga");
  EXPECT_EQ(plan->documents[0].drift->message, "softer");
  ASSERT_TRUE(apply({{"x.yaml", prompt_yaml("x", "c")}}, "ci", Ahead::kOverwrite));
  EXPECT_EQ(latest(), "c");
}

TEST_F(Folder, knows_what_its_lock_file_says) {
  ASSERT_TRUE(apply({{"x.yaml", prompt_yaml("x", "a")}}));
  edit_in_console("b");
  const auto lock = [&](int version) {
    return R"({"prompt/x": ")" + service_.project().find("prompt", "x")->versions.at(version)->digest + "\"}";
  };
  const Files lagging = {{"x.yaml", prompt_yaml("x", "c")}, {"fairlead.lock.json", lock(1)}};
  EXPECT_EQ(apply(lagging).error().code, "drift");
  Files knowing = lagging;
  knowing["fairlead.lock.json"] = lock(2);
  ASSERT_TRUE(apply(knowing, "maria"));
  EXPECT_EQ(latest(), "c");
  // Another's apply is not known to a lock file that is older; one's own is.
  knowing["x.yaml"] = prompt_yaml("x", "d");
  EXPECT_EQ(apply(knowing, "ci").error().code, "drift");
  EXPECT_TRUE(apply(knowing, "maria"));
  // A lock file of another server says nothing about this one.
  knowing["x.yaml"] = prompt_yaml("x", "e");
  knowing["fairlead.lock.json"] = R"({"prompt/x": ")" + std::string(64, 'f') + "\"}";
  EXPECT_TRUE(apply(knowing, "ci"));
  edit_in_console("f");
  EXPECT_EQ(apply(knowing, "ci").error().code, "drift");
  for (const char* broken : {"[]", "{", R"({"prompt/x": 2})", R"({"prompt/x": "2"})"}) {
    knowing["fairlead.lock.json"] = broken;
    EXPECT_EQ(apply(knowing).error().code, "invalid_lock") << broken;
  }
}

TEST_F(Folder, is_left_behind_where_that_is_asked_for) {
  ASSERT_TRUE(apply({{"x.yaml", prompt_yaml("x", "a")}}, "serve --project"));
  edit_in_console("b");
  auto left =
      apply({{"x.yaml", prompt_yaml("x", "a")}, {"y.yaml", prompt_yaml("y", "new")}}, "serve --project", Ahead::kLeave);
  ASSERT_TRUE(left);
  EXPECT_TRUE(left->documents.at(0).drift);
  EXPECT_EQ(left->count(Action::kNew), 1);
  EXPECT_EQ(latest(), "b");
}

constexpr std::string_view kKept = R"(# Ours.
kind: provider
name: local   # ours
type: openai
---
# The tone is the bank's.
kind: prompt
name: x
labels: [staging]   # not production
messages:
  # first
  - system: "a"   # short
  - user: '{{ question }}'
description: for people
---
kind: prompt
name: z
messages: [{system: zed}]
)";

TEST_F(Folder, gets_only_what_differs) {
  ASSERT_TRUE(apply({{"all.yaml", std::string(kKept)}}));
  ASSERT_TRUE(service_.service->apply_blocking(
      "bank",
      {{"x.yaml", "kind: prompt\nname: x\nmessages: [{system: b}, {user: '{{ question }}'}, {user: 'and more'}]\n"}},
      {"olga", "o"}, ""));
  const Files after = pulled({{"all.yaml", std::string(kKept)}});
  std::string wanted(kKept);
  wanted.replace(wanted.find("\"a\""), 3, "\"b\"");
  wanted.replace(wanted.find("description: for people\n"), 24, "");
  const std::string last = "  - user: '{{ question }}'\n";
  wanted.insert(wanted.find(last) + last.size(), "  - user: and more\n");
  EXPECT_EQ(after.at("all.yaml"), wanted);
  EXPECT_EQ(pull(after).files.size(), 0u);
  EXPECT_EQ(pull(after).same, 3);
  EXPECT_EQ(pull(after).known.at("prompt/x"), service_.project().find("prompt", "x")->versions.at(2)->digest);
}

TEST_F(Folder, gets_texts_in_their_files_and_new_resources_in_new_ones) {
  const std::string yaml = "kind: prompt\nname: x   # ours\nmessages:\n  - system: {file: x.md}   # long\n";
  const Files folder = {{"prompts/x.yaml", yaml}, {"prompts/x.md", "Be kind.\n"}};
  ASSERT_TRUE(apply(folder));
  edit_in_console("|\n      Be kind.\n      Be short.");
  edit_in_console("new", "y");
  const PulledFiles made = pull(folder);
  EXPECT_EQ(made.files, (Files{{"prompts/x.md", "Be kind.\nBe short.\n"},
                               {"prompts/y.yaml", "kind: prompt\nname: \"y\"\nmessages:\n  - system: new\n"}}));
  EXPECT_EQ(made.written.at(0).how, Pulled::How::kInPlace);
  EXPECT_EQ(made.written.at(1).how, Pulled::How::kNew);
  pulled(folder);
}

TEST_F(Folder, keeps_edits_that_the_server_does_not_know) {
  ASSERT_TRUE(apply({{"x.yaml", prompt_yaml("x", "a")}}));
  edit_in_console("b");
  const Files folder = {{"x.yaml", prompt_yaml("x", "mine")}};
  const PulledFiles made = pull(folder);
  EXPECT_TRUE(made.files.empty());
  EXPECT_EQ(made.written.at(0).how, Pulled::How::kKept);
  EXPECT_FALSE(made.known.contains("prompt/x"));
  EXPECT_EQ(pulled(folder, true).at("x.yaml"), prompt_yaml("x", "b"));
}

TEST_F(Folder, is_written_anew_where_it_cannot_be_edited) {
  // An alias repeats the text; to change one place would change both.
  const std::string yaml =
      "# top\nkind: prompt\nname: x\nmessages:\n  - system: &t same\n  - user: *t\n---\nkind: prompt\nname: "
      "w\nmessages: "
      "[{system: w}]   # w\n";
  ASSERT_TRUE(apply({{"x.yaml", yaml}}));
  ASSERT_TRUE(service_.service->apply_blocking(
      "bank", {{"x.yaml", "kind: prompt\nname: x\nmessages: [{system: other}, {user: same}]\n"}}, {"olga", "o"}, ""));
  EXPECT_EQ(pull({{"x.yaml", yaml}}).written.at(0).how, Pulled::How::kRewritten);
  const std::string after = pulled({{"x.yaml", yaml}}).at("x.yaml");
  EXPECT_TRUE(after.starts_with("# top\nkind: prompt\n")) << after;
  EXPECT_TRUE(after.ends_with("messages: [{system: w}]   # w\n")) << after;
}

TEST_F(Folder, gets_a_version_behind_those_that_it_numbers) {
  const std::string yaml = prompt_yaml("x", "a", "version: 1\n") + "---\n" + prompt_yaml("x", "b", "version: 2\n");
  ASSERT_TRUE(apply({{"x.yaml", yaml}}));
  edit_in_console("c");
  EXPECT_EQ(pulled({{"x.yaml", yaml}}).at("x.yaml"), yaml + "---\n" + prompt_yaml("x", "c", "version: 3\n"));
}

TEST_F(Folder, that_has_faults_is_not_touched) {
  edit_in_console("b");
  const PulledFiles made = pull({{"x.yaml", "kind: prompt\nname: x\nmessages: 7\n"}});
  EXPECT_EQ(made.faults.size(), 1u);
  EXPECT_TRUE(made.files.empty());
}

}  // namespace
}  // namespace fairlead::resources
