// Every field of a record, described once: the lake's columns, the spool's encoding, JSON and docs/reference/records.md
// all come from these two tables.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "telemetry/record.h"

namespace fairlead::telemetry {

enum class FieldType : std::uint8_t {
  kText,     // std::string; empty is null
  kTime,     // std::int64_t, µs since 1970 UTC
  kMillis,   // std::int64_t in µs, shown in ms; negative is null
  kNumber,   // int; 0 is null
  kCount,    // std::int64_t
  kReal,     // double
  kBoolean,  // bool
  kTexts,    // std::vector<std::string>; empty is an empty list
};

using FieldRef = std::variant<std::string*, std::int64_t*, int*, double*, bool*, std::vector<std::string>*>;

// `number` names the field in the spool and never changes or comes back; `column` names it in SQL and JSON;
// `convention` is its name in the OpenTelemetry semantic conventions, or empty.
template <class Record>
struct Field {
  int number;
  std::string_view column;
  FieldType type;
  std::string_view convention;
  FieldRef (*ref)(Record&);
};

std::span<const Field<CallRecord>> call_fields();
std::span<const Field<Attempt>> attempt_fields();

// Number of the `attempts` of a call in the spool; columns that an attempt has of its call and its place in it.
inline constexpr int kAttemptsNumber = 100;
inline constexpr std::string_view kAttemptKeys[] = {"call_id", "project", "started_at", "number"};

}  // namespace fairlead::telemetry
