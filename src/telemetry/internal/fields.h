// Every field of a record, described once: the lake's columns, the spool's encoding, JSON and docs/reference/records.md
// all come from these tables.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "telemetry/internal/feedback.h"
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

#define FAIRLEAD_CALL(member) [](CallRecord& record) -> FieldRef { return &record.member; }
#define FAIRLEAD_ATTEMPT(member) [](Attempt& attempt) -> FieldRef { return &attempt.member; }
#define FAIRLEAD_FEEDBACK(member) [](Feedback& feedback) -> FieldRef { return &feedback.member; }

inline constexpr Field<CallRecord> kCallFields[] = {
    {1, "id", FieldType::kText, "", FAIRLEAD_CALL(id)},
    {2, "project", FieldType::kText, "", FAIRLEAD_CALL(project)},
    {3, "key_id", FieldType::kText, "", FAIRLEAD_CALL(key_id)},
    {4, "started_at", FieldType::kTime, "", FAIRLEAD_CALL(started_at_us)},
    {5, "duration_ms", FieldType::kMillis, "gen_ai.client.operation.duration", FAIRLEAD_CALL(duration_us)},
    {6, "first_token_ms", FieldType::kMillis, "gen_ai.server.time_to_first_token", FAIRLEAD_CALL(first_token_us)},
    {7, "gateway_ms", FieldType::kMillis, "", FAIRLEAD_CALL(gateway_us)},
    {8, "operation", FieldType::kText, "gen_ai.operation.name", FAIRLEAD_CALL(operation)},
    {9, "requested_model", FieldType::kText, "gen_ai.request.model", FAIRLEAD_CALL(requested_model)},
    {10, "target_kind", FieldType::kText, "", FAIRLEAD_CALL(target_kind)},
    {11, "target", FieldType::kText, "gen_ai.prompt.name", FAIRLEAD_CALL(target_name)},
    {12, "target_version", FieldType::kNumber, "", FAIRLEAD_CALL(target_version)},
    {13, "label", FieldType::kText, "", FAIRLEAD_CALL(label)},
    {14, "variant", FieldType::kText, "", FAIRLEAD_CALL(variant)},
    {15, "model", FieldType::kText, "", FAIRLEAD_CALL(model)},
    {16, "model_version", FieldType::kNumber, "", FAIRLEAD_CALL(model_version)},
    {17, "provider", FieldType::kText, "gen_ai.provider.name", FAIRLEAD_CALL(provider)},
    {18, "upstream_model", FieldType::kText, "gen_ai.response.model", FAIRLEAD_CALL(upstream_model)},
    {19, "upstream_id", FieldType::kText, "gen_ai.response.id", FAIRLEAD_CALL(upstream_id)},
    {20, "stream", FieldType::kBoolean, "gen_ai.request.stream", FAIRLEAD_CALL(stream)},
    {21, "status", FieldType::kNumber, "http.response.status_code", FAIRLEAD_CALL(status)},
    {22, "error_code", FieldType::kText, "error.type", FAIRLEAD_CALL(error_code)},
    {23, "error_message", FieldType::kText, "", FAIRLEAD_CALL(error_message)},
    {24, "finish_reason", FieldType::kText, "gen_ai.response.finish_reasons", FAIRLEAD_CALL(finish_reason)},
    {25, "input_tokens", FieldType::kCount, "gen_ai.usage.input_tokens", FAIRLEAD_CALL(usage.input)},
    {26, "cached_input_tokens", FieldType::kCount, "gen_ai.usage.cache_read.input_tokens",
     FAIRLEAD_CALL(usage.cached_input)},
    {27, "cache_write_tokens", FieldType::kCount, "gen_ai.usage.cache_creation.input_tokens",
     FAIRLEAD_CALL(usage.cache_write)},
    {28, "output_tokens", FieldType::kCount, "gen_ai.usage.output_tokens", FAIRLEAD_CALL(usage.output)},
    {29, "reasoning_tokens", FieldType::kCount, "gen_ai.usage.reasoning.output_tokens", FAIRLEAD_CALL(usage.reasoning)},
    {30, "usage_reported", FieldType::kBoolean, "", FAIRLEAD_CALL(usage.reported)},
    {31, "cost_usd", FieldType::kReal, "", FAIRLEAD_CALL(cost_usd)},
    {32, "session_id", FieldType::kText, "gen_ai.conversation.id", FAIRLEAD_CALL(session)},
    {33, "user_id", FieldType::kText, "user.id", FAIRLEAD_CALL(user)},
    {34, "tags", FieldType::kTexts, "", FAIRLEAD_CALL(tags)},
    {35, "input", FieldType::kText, "gen_ai.input.messages", FAIRLEAD_CALL(input_json)},
    {36, "output", FieldType::kText, "gen_ai.output.messages", FAIRLEAD_CALL(output_text)},
    {37, "shadow_of", FieldType::kText, "", FAIRLEAD_CALL(shadow_of)},
    {38, "cache", FieldType::kText, "", FAIRLEAD_CALL(cache)},
    {39, "budgets", FieldType::kTexts, "", FAIRLEAD_CALL(budgets)},
    {40, "schema_failures", FieldType::kNumber, "", FAIRLEAD_CALL(schema_failures)},
    {41, "trimmed_tokens", FieldType::kCount, "", FAIRLEAD_CALL(trimmed_tokens)},
    {42, "trimmed", FieldType::kText, "", FAIRLEAD_CALL(trimmed_json)},
    {43, "variant_error", FieldType::kText, "", FAIRLEAD_CALL(variant_error)},
    {44, "includes", FieldType::kTexts, "", FAIRLEAD_CALL(includes)},
    {45, "privacy", FieldType::kText, "", FAIRLEAD_CALL(privacy_json)},
};

inline constexpr Field<Attempt> kAttemptFields[] = {
    {1, "provider", FieldType::kText, "gen_ai.provider.name", FAIRLEAD_ATTEMPT(provider)},
    {2, "upstream_model", FieldType::kText, "gen_ai.request.model", FAIRLEAD_ATTEMPT(upstream_model)},
    {3, "duration_ms", FieldType::kMillis, "", FAIRLEAD_ATTEMPT(duration_us)},
    {4, "error_code", FieldType::kText, "error.type", FAIRLEAD_ATTEMPT(error_code)},
    {5, "error_message", FieldType::kText, "", FAIRLEAD_ATTEMPT(error_message)},
    {6, "model", FieldType::kText, "", FAIRLEAD_ATTEMPT(model)},
    {7, "reason", FieldType::kText, "", FAIRLEAD_ATTEMPT(reason)},
    {8, "waited_ms", FieldType::kMillis, "", FAIRLEAD_ATTEMPT(waited_us)},
};

inline constexpr Field<Feedback> kFeedbackFields[] = {
    {1, "id", FieldType::kText, "", FAIRLEAD_FEEDBACK(id)},
    {2, "project", FieldType::kText, "", FAIRLEAD_FEEDBACK(project)},
    {3, "key_id", FieldType::kText, "", FAIRLEAD_FEEDBACK(key_id)},
    {4, "at", FieldType::kTime, "", FAIRLEAD_FEEDBACK(at_us)},
    {5, "call_id", FieldType::kText, "", FAIRLEAD_FEEDBACK(call)},
    {6, "session_id", FieldType::kText, "", FAIRLEAD_FEEDBACK(session)},
    {7, "user_id", FieldType::kText, "", FAIRLEAD_FEEDBACK(user)},
    {8, "name", FieldType::kText, "", FAIRLEAD_FEEDBACK(name)},
    {9, "author", FieldType::kText, "", FAIRLEAD_FEEDBACK(author)},
    {10, "vote", FieldType::kNumber, "", FAIRLEAD_FEEDBACK(vote)},
    {11, "score", FieldType::kReal, "", FAIRLEAD_FEEDBACK(score)},
    {12, "category", FieldType::kText, "", FAIRLEAD_FEEDBACK(category)},
    {13, "comment", FieldType::kText, "", FAIRLEAD_FEEDBACK(comment)},
    {14, "correction", FieldType::kText, "", FAIRLEAD_FEEDBACK(correction)},
    {15, "withdrawn", FieldType::kBoolean, "", FAIRLEAD_FEEDBACK(withdrawn)},
};

#undef FAIRLEAD_CALL
#undef FAIRLEAD_ATTEMPT
#undef FAIRLEAD_FEEDBACK

inline std::span<const Field<CallRecord>> call_fields() {
  return kCallFields;
}
inline std::span<const Field<Attempt>> attempt_fields() {
  return kAttemptFields;
}

// Numbers of the fields that an attempt has of its call, and of the `attempts` of a call in the spool; columns that an
// attempt has of its call and its place in it.
inline constexpr int kIdNumber = 1, kProjectNumber = 2, kStartedAtNumber = 4;
inline constexpr int kAttemptsNumber = 100;
// A frame of the spool that holds this is no call but a feedback.
inline constexpr int kFeedbackNumber = 101;
inline constexpr std::string_view kAttemptKeys[] = {"call_id", "project", "started_at", "number"};

}  // namespace fairlead::telemetry
