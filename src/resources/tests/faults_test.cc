#include <gtest/gtest.h>

#include "resources/tests/test_kinds.h"

namespace fairlead::resources {

// What a person reads, whole: each case is one folder and its faults.
TEST(Faults, say_what_where_and_what_to_do) {
  const struct {
    const char* why;
    Files files;
    std::string faults;
  } cases[] = {
      {"unknown kind",
       {{"a.yaml", "kind: promt\nname: x\n"}},
       "a.yaml:1:7: unknown kind `promt`\n  did you mean `prompt`? known kinds: provider, model, prompt"},
      {"no kind",
       {{"tests/a.yaml", "# nothing\nname: x\n"}},
       "tests/a.yaml:2:1: `kind` is missing\n  known kinds: provider, model, prompt"},
      {"unknown member",
       {{"p/x.yaml", "kind: prompt\nname: x\nmesages:\n  - system: hi\nmessages:\n  - system: hi\n"}},
       "p/x.yaml:3:1: unknown member `mesages`\n  did you mean `messages`?"},
      {"unknown member deep down",
       {{"x.yaml", "kind: prompt\nname: x\nmessages:\n  - system: hi\n    usr: hi\n"}},
       "x.yaml:5:5: unknown member `usr` in `messages[0]`\n  did you mean `user`?"},
      {"wrong value",
       {{"x.yaml", "kind: provider\nname: x\ntype: opanai\n"}},
       "x.yaml:3:7: `type` must be one of openai, anthropic\n  did you mean `openai`?"},
      {"wrong type",
       {{"x.yaml", "kind: prompt\nname: x\nmessages:\n  - system: 7\n"}},
       "x.yaml:4:13: `messages[0].system` must be a string, not a number"},
      {"reference",
       {{"x.yaml", provider_yaml("local") + "---\n" + model_yaml("small", "lokal")}},
       "x.yaml:7:11: unknown provider `lokal`\n  did you mean `local`?"},
      {"second document",
       {{"x.yaml", provider_yaml("local") + "---\nkind: provider\nname: Local\ntype: openai\n"}},
       "x.yaml:6:7: `Local` cannot be a name\n  a name is 1 to 63 lower-case letters, digits, `.`, `_` or `-`, and "
       "begins with a letter or a digit"},
      {"twice",
       {{"a.yaml", provider_yaml("local")}, {"b.yaml", "\n" + provider_yaml("local")}},
       "b.yaml:3:7: provider `local` is also in a.yaml:1:1\n  keep one, or give each its `version`"},
      {"the same version twice",
       {{"a.yaml", prompt_yaml("x", "a", "version: 1\n")}, {"b.yaml", prompt_yaml("x", "b", "version: 1\n")}},
       "b.yaml:2:7: prompt `x` version 1 is also in a.yaml:1:1"},
      {"names that collide",
       {{"a.yaml", provider_yaml("local") + "---\n" + model_yaml("x", "local")}, {"b.yaml", prompt_yaml("x", "hi")}},
       "a.yaml:6:7: `x` is already the name of a prompt (b.yaml:1:1)\n  clients call models and prompts by their bare "
       "names; choose another\n"
       "b.yaml:2:7: `x` is already the name of a model (a.yaml:5:1)\n  clients call prompts and models by their bare "
       "names; choose another"},
      {"label",
       {{"x.yaml", prompt_yaml("x", "hi", "labels: [production, latest, '7']\n")}},
       "x.yaml:3:22: `latest` is kept by the system and cannot be given\n"
       "x.yaml:3:30: `7` cannot be a label\n  a name is 1 to 63 lower-case letters, digits, `.`, `_` or `-`, and "
       "begins with a letter or a digit; it is not a number"},
      {"version",
       {{"x.yaml", prompt_yaml("x", "hi", "version: 0\n")}},
       "x.yaml:3:10: `version` must be a whole number from 1"},
      {"missing text",
       {{"p/x.yaml", prompt_yaml("x", "{file: repli.md}")}, {"p/reply.md", "hi"}},
       "p/x.yaml:4:13: there is no file `p/repli.md`\n  did you mean `p/reply.md`?"},
      {"text outside",
       {{"p/x.yaml", prompt_yaml("x", "{file: ../../etc/passwd.txt}")}},
       "p/x.yaml:4:13: `../../etc/passwd.txt` is outside the folder\n  paths are relative to p/x.yaml and stay inside "
       "the folder"},
      {"text at the root",
       {{"p/x.yaml", prompt_yaml("x", "{file: /etc/passwd.txt}")}},
       "p/x.yaml:4:13: `/etc/passwd.txt` is outside the folder\n  paths are relative to p/x.yaml and stay inside the "
       "folder"},
      {"a list", {{"x.yaml", "- 1\n"}}, "x.yaml:1:1: a resource must be a mapping that begins with `kind` and `name`"},
  };
  for (const auto& one : cases) {
    TestService service;
    EXPECT_EQ(service.faults(one.files), one.faults) << one.why;
    EXPECT_TRUE(service.project().resources.empty()) << one.why;
  }
}

TEST(Faults, are_told_all_at_once_in_the_order_of_the_files) {
  TestService service;
  const ChangeSet changes = service.apply({{"b.yaml", "kind: provider\nname: x\ntype: a\n"},
                                           {"a.yaml", "kind: provider\nname: x\nbody: a\n"},
                                           {"c.yaml", "a: [\n"}});
  ASSERT_EQ(changes.faults.size(), 4u);
  EXPECT_EQ(changes.faults[0].file, "a.yaml");
  EXPECT_EQ(changes.faults[2].file, "b.yaml");
  EXPECT_EQ(changes.faults[3].file, "c.yaml");
  EXPECT_TRUE(changes.documents.empty());
}

TEST(Faults, leave_settings_hidden_files_and_texts_alone) {
  TestService service;
  EXPECT_EQ(service.faults({{"fairlead.yaml", "listen: x\n"},
                            {".github/workflows/ci.yaml", "on: push\n"},
                            {"notes.md", "a: ["},
                            {"a/.x.yaml", "["}}),
            "");
}

}  // namespace fairlead::resources
