#include "cli/internal/show.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "cli/cli.h"
#include "cli/internal/context.h"
#include "platform/json/text.h"

namespace fairlead::cli {
namespace {

using testing::HasSubstr;

TEST(Table, PadsByCharactersNotBytes) {
  EXPECT_EQ(table({"name", "n"}, {{"привет", "1"}, {"x", "22"}}, false), "name    n\nпривет  1\nx       22\n");
}

TEST(ChangeSet, LooksLikeTheTour) {
  const auto answer = json::parse(R"({"changes":[
    {"kind":"prompt","name":"support-reply","action":"changed","from":3,"to":4,"labels":["staging"],
     "changes":[{"path":"messages[0].system","from":"do not promise a refund","to":"do not promise a refund before the claim is checked"},
                {"path":"parameters.temperature","from":0.2,"to":0.3},{"path":"parameters.top_p","to":0.9}]},
    {"kind":"model","name":"small","action":"new","to":1,"labels":["staging"]},
    {"kind":"provider","name":"local","action":"same","from":1,"to":1,"labels":[]}],
    "summary":{"new":1,"changed":1,"same":1,"tests":12}})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(change_set(*answer, false),
            "  ~ prompt/support-reply     v3 → v4   (label staging moves here)\n"
            "      messages[0].system\n"
            "        do not promise a [-refund-]{+refund before the claim is checked+}\n"
            "      parameters.temperature   0.2 → 0.3\n"
            "      parameters.top_p   {+0.9+}\n"
            "  + model/small              v1   (label staging moves here)\n"
            "  1 changed, 1 new, 1 as they are. 12 tests pass.\n");
}

TEST(MovedLabel, SaysHowToUndoItOnlyWhereThereIsAWayBack) {
  const auto line = [](const char* from) {
    return moved_label(
        json::parse(R"({"label":"production","to":2,"by":"olga","at":"x","audit":7,"from":)" + std::string(from) + "}")
            .value(),
        "fairlead rollback hi");
  };
  EXPECT_EQ(line("1"), "  production: v1 → v2   by olga, x, audit #7   (undo: fairlead rollback hi)\n");
  EXPECT_EQ(line("null"), "  production: none → v2   by olga, x, audit #7\n");
}

std::string shown_change(const char* change) {
  return changes(json::parse("[" + std::string(change) + "]").value(), false);
}

TEST(Changes, ShowWhatCameAndWentLineByLine) {
  EXPECT_EQ(shown_change(R"({"path":"messages[2]","to":{"user":"Where is\nmy card?","part":"documents"}})"),
            "      messages[2]\n"
            "        + user: |-\n"
            "        +   Where is\n"
            "        +   my card?\n"
            "        + part: documents\n");
  EXPECT_EQ(
      shown_change(R"({"path":"tests","to":[{"given":{"question":"Hi: {{ x }}","n":1,"s":"1"},)"
                   R"("expect":[{"system":{"contains":["a","b"],"lacks":""}}]},{"given":{},"expect":[[1,2],null]}]})"),
      "      tests\n"
      "        + - given:\n"
      "        +     question: Hi: {{ x }}\n"
      "        +     n: 1\n"
      "        +     s: \"1\"\n"
      "        +   expect:\n"
      "        +     - system:\n"
      "        +         contains:\n"
      "        +           - a\n"
      "        +           - b\n"
      "        +         lacks: \"\"\n"
      "        + - given: {}\n"
      "        +   expect:\n"
      "        +     - - 1\n"
      "        +       - 2\n"
      "        +     - null\n");
  EXPECT_EQ(shown_change(R"({"path":"examples","from":[{"user":"a","assistant":"b"}],"to":{"from":[1],"nearest":4}})"),
            "      examples\n"
            "        - - user: a\n"
            "        -   assistant: b\n"
            "        + from:\n"
            "        +   - 1\n"
            "        + nearest: 4\n");
  EXPECT_EQ(shown_change(R"({"path":"messages[0].system","from":"One.\n\nTwo, of which there is more to say.\n"})"),
            "      messages[0].system\n"
            "        - One.\n"
            "        -\n"
            "        - Two, of which there is more to say.\n");
  EXPECT_EQ(shown_change(R"({"path":"stop","to":[]})"), "      stop\n        + []\n");
}

TEST(LocalTime, IsInTheReadersZone) {
  setenv("TZ", "UTC-3", 1);  // three hours east of Greenwich
  tzset();
  EXPECT_EQ(local_time("2020-01-31T22:30:00.123Z"), "2020-02-01 01:30");
  EXPECT_EQ(local_time("soon"), "soon");
  unsetenv("TZ");
  tzset();
}

TEST(Opinion, SaysWhatIsThere) {
  EXPECT_EQ(opinion({{"vote", true}, {"score", 0.25}, {"category", "fee"}, {"correction", "2 %"}}),
            "yes, 0.25, fee, corrected");
  EXPECT_EQ(opinion({{"vote", nullptr}, {"score", nullptr}, {"comment", "hm"}}), "");
  EXPECT_EQ(opinion({{"vote", false}, {"withdrawn", true}}), "no, withdrawn");
}

TEST(Bytes, AreForPeople) {
  EXPECT_EQ(bytes(999), "999 B");
  EXPECT_EQ(bytes(98'362'432), "98.4 MB");
}

TEST(QueryString, LeavesOutWhatIsEmptyAndEncodesTheRest) {
  EXPECT_EQ(query_string({{"a", ""}, {"b", "x y&z"}, {"c", "1"}}), "?b=x%20y%26z&c=1");
  EXPECT_EQ(query_string({}), "");
}

// Runs a command as main() would; what it prints goes to the test's log.
int run_words(std::vector<std::string> words) {
  words.insert(words.begin(), "fairlead");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  Hooks hooks;
  hooks.serve = [](const std::vector<std::string>& arguments) {
    return arguments == std::vector<std::string>{"--data", "x"} ? 40 : 41;
  };
  hooks.worker = [](const std::vector<std::string>&) { return 42; };
  hooks.version = "1.2.3";
  return run(static_cast<int>(argv.size()), argv.data(), hooks);
}

TEST(Run, GivesTheExitStatusThatThePageSays) {
  EXPECT_EQ(run_words({}), kUsage);
  EXPECT_EQ(run_words({"plam"}), kUsage);
  EXPECT_EQ(run_words({"plan"}), kUsage);
  EXPECT_EQ(run_words({"plan", "/nowhere/at/all"}), kUsage);
  EXPECT_EQ(run_words({"promote", "x", "--to", "production"}), kUsage);
  EXPECT_EQ(run_words({"version"}), kDone);
  EXPECT_EQ(run_words({"calls", "list", "--help"}), kDone);
  EXPECT_EQ(run_words({"serve", "--data", "x"}), 40);
  EXPECT_EQ(run_words({"worker"}), 42);
}

TEST(Run, WithoutAServerSaysWhatToDo) {
  setenv("FAIRLEAD_URL", "http://127.0.0.1:9", 1);  // the discard port: nobody listens
  setenv("FAIRLEAD_KEY", "fl-x", 1);
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_words({"list"}), kFailed);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("No server answers at http://127.0.0.1:9. Start one with `fairlead serve`"));
  unsetenv("FAIRLEAD_KEY");
  unsetenv("FAIRLEAD_KEY_FILE");
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_words({"list"}), kUsage);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("No key: set FAIRLEAD_KEY"));
  unsetenv("FAIRLEAD_URL");
}

// The page names every command.
TEST(Reference, NamesEveryCommandThatThereIs) {
  std::ifstream file(std::string(FAIRLEAD_SOURCE_DIR) + "/docs/reference/cli.md");
  std::ostringstream text;
  text << file.rdbuf();
  testing::internal::CaptureStdout();
  EXPECT_EQ(run_words({"completion", "bash"}), kDone);
  std::istringstream script(testing::internal::GetCapturedStdout());
  int commands = 0;
  for (std::string line; std::getline(script, line);) {
    if (!line.starts_with("    '")) continue;
    const std::string path = line.substr(5, line.find('\'', 5) - 5);
    if (path.empty() || path == "keys" || path == "calls" || path == "models" || path == "prompts" || path == "config")
      continue;
    EXPECT_THAT(text.str(), HasSubstr("`" + path)) << "docs/reference/cli.md does not name `" << path << "`";
    ++commands;
  }
  EXPECT_GT(commands, 20);
}

}  // namespace
}  // namespace fairlead::cli
