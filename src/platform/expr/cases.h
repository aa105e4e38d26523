// Runs cases of the form of CEL's conformance suite as JSON lines: {"file", "section", "name", "expr", "bindings":
// {NAME: VALUE}, "value": VALUE or "error": true, "disable_check"}; a VALUE says its type: {"int": "1"}, {"bytes":
// HEX},
// {"list": […]}, {"map": [[KEY, VALUE], …]}, {"timestamp": [SECONDS, NANOS]}, {"duration": [SECONDS, NANOS]}. A case
// with a "container" is not supported.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fairlead::expr {

struct FailedCase {
  std::string name;  // "file/section/name"
  std::string expression;
  std::string what;  // "got …, not …"
};

struct CaseReport {
  std::size_t passed = 0;
  std::vector<FailedCase> failed;
  std::map<std::string, std::size_t> unsupported;  // why, and how many
};

// Error: invalid_cases, with the line, for text that is not of that form.
Result<CaseReport> run_cases(std::string_view lines);

}  // namespace fairlead::expr
