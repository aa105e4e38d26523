#include "platform/expr/cases.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace fairlead::expr {
namespace {

TEST(Cases, ConformanceSuitePasses) {
  std::ifstream in(FAIRLEAD_SOURCE_DIR "/../shared/data/expr/cel_conformance.jsonl");
  if (!in) GTEST_SKIP() << "../shared/data/expr/cel_conformance.jsonl is not here";
  std::stringstream lines;
  lines << in.rdbuf();
  const auto report = run_cases(lines.str());
  ASSERT_TRUE(report.has_value()) << report.error().message;
  for (const FailedCase& one : report->failed) ADD_FAILURE() << one.name << ": " << one.expression << ": " << one.what;
  // None of the file's cases is left out (docs/reference/expressions.md).
  for (const auto& [why, count] : report->unsupported) ADD_FAILURE() << count << " not supported: " << why;
  EXPECT_GT(report->passed, 600U);
}

TEST(Cases, AreCountedAndSaidWhatFailed) {
  const auto report = run_cases(
      R"cases({"file":"f","section":"s","name":"right","expr":"x + 1","bindings":{"x":{"int":"1"}},"value":{"int":"2"}}

{"file":"f","section":"s","name":"wrong","expr":"1.0","value":{"int":"1"}}
{"file":"f","section":"s","name":"no error","expr":"1","error":true}
{"file":"f","section":"s","name":"error","expr":"1/0","error":true}
{"file":"f","section":"s","name":"message","expr":"T{a: 1}","value":{"int":"1"}}
{"file":"f","section":"s","name":"optional","expr":"{}.?a","value":{"int":"1"}}
{"file":"f","section":"s","name":"library","expr":"math.greatest(1, 2)","value":{"int":"2"}}
{"file":"f","section":"s","name":"macro","expr":"[1].all(i, v, v > i)","value":{"bool":true}}
{"file":"f","section":"s","name":"container","expr":"y","container":"x","value":{"int":"2"}}
)cases");
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->passed, 2U);
  ASSERT_EQ(report->failed.size(), 2U);
  EXPECT_EQ(report->failed[0].name, "f/s/wrong");
  EXPECT_EQ(report->failed[0].what, "got double 1.0, not int 1");
  EXPECT_EQ(report->failed[1].what, "got int 1, not an error");
  EXPECT_EQ(report->unsupported.size(), 5U);
}

TEST(Cases, SayWhichLineIsNone) {
  const auto report = run_cases("{\"expr\": \"1\", \"value\": {\"int\": \"1\"}}\n{\"expr\": \"1\"}\n");
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, "invalid_cases");
  EXPECT_TRUE(report.error().message.starts_with("line 2: ")) << report.error().message;
}

}  // namespace
}  // namespace fairlead::expr
