// What an answer has to be, and what is done about one that is not: docs/reference/structured-output.md.
#pragma once
#include "platform/json/schema.h"

namespace fairlead::llm {

inline constexpr int kMostRepairs = 5;

struct OutputRule {
  json::Schema schema;
  int repairs = 0;  // further answers that are asked for
};

}  // namespace fairlead::llm
