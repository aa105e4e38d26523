#include "telemetry/store/call_tables.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "telemetry/internal/fields.h"
#include "telemetry/store/feedback_tables.h"
#include "telemetry/store/field_columns.h"

namespace fairlead::telemetry {
namespace {

// Above that many they are forgotten: names that a stranger makes up may be without end.
constexpr std::size_t kMostShapes = 50'000;

lake::Texts texts_of(std::string_view column) {
  if (column == "id" || column == "upstream_id" || column == "call_id") return lake::Texts::kIds;
  return column == "input" || column == "output" ? lake::Texts::kProse : lake::Texts::kWords;
}

// Texts that differ from call to call.
constexpr std::string_view kOwnTexts[] = {"id",     "upstream_id", "error_message", "session_id",    "user_id", "input",
                                          "output", "shadow_of",   "trimmed",       "variant_error", "privacy"};

constexpr bool is_of_shape(const Field<CallRecord>& field) {
  if (field.type == FieldType::kText) return std::ranges::find(kOwnTexts, field.column) == std::end(kOwnTexts);
  return field.type == FieldType::kNumber || field.type == FieldType::kBoolean;
}

template <bool kOfShape>
constexpr auto fields_where() {
  std::array<Field<CallRecord>, std::ranges::count(kCallFields, kOfShape, is_of_shape)> fields{};
  std::ranges::copy_if(kCallFields, fields.begin(), [](const auto& field) { return is_of_shape(field) == kOfShape; });
  return fields;
}
constexpr auto kShapeFields = fields_where<true>();
constexpr auto kRowFields = fields_where<false>();

constexpr int number_of(std::span<const Field<CallRecord>> fields, std::string_view column) {
  return std::ranges::find(fields, column, &Field<CallRecord>::column)->number;
}
constexpr int number_of(std::span<const Field<Attempt>> fields, std::string_view column) {
  return std::ranges::find(fields, column, &Field<Attempt>::column)->number;
}

// Of a try that is part of its call; the rest of such a one is as in a new record, or as in the call.
constexpr int kTryModel = number_of(kAttemptFields, "upstream_model"),
              kTryDuration = number_of(kAttemptFields, "duration_ms"),
              kTryError = number_of(kAttemptFields, "error_code"),
              kTryMessage = number_of(kAttemptFields, "error_message"), kTryOther = number_of(kAttemptFields, "model"),
              kTryReason = number_of(kAttemptFields, "reason"), kTryWaited = number_of(kAttemptFields, "waited_ms"),
              kTryProvider = number_of(kAttemptFields, "provider"), kCallProvider = number_of(kCallFields, "provider");

// The try that is part of the call, or null.
const EncodedFields* own_try(const EncodedRecord& record) {
  if (record.attempts().size() != 1) return nullptr;
  const EncodedFields& one = record.attempts().front();
  const bool plain = one.text(kTryError).empty() && one.text(kTryMessage).empty() && one.text(kTryOther).empty() &&
                     one.text(kTryReason).empty() && one.integer(kTryWaited) == 0 && one.integer(kTryDuration) >= 0 &&
                     one.text(kTryProvider) == record.call().text(kCallProvider);
  return plain ? &one : nullptr;
}

void append_to_key(std::string& key, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  char bytes[sizeof size];
  std::memcpy(bytes, &size, sizeof size);
  key.append(bytes, sizeof bytes).append(text);
}

lake::Column column_of(const Field<CallRecord>& field) {
  return {std::string(field.column), column_type(field.type), texts_of(field.column)};
}

lake::Table attempts_table(std::string_view name) {
  lake::Table table{std::string(name),
                    {{"call_id", lake::ColumnType::kText, lake::Texts::kIds},
                     {"project", lake::ColumnType::kText, lake::Texts::kWords},
                     {"started_at", lake::ColumnType::kTime},
                     {"number", lake::ColumnType::kNumber}},
                    false};
  for (const auto& field : kAttemptFields)
    table.columns.push_back({std::string(field.column), column_type(field.type), lake::Texts::kWords});
  return table;
}

}  // namespace

// New columns go to the end of their table (lake.h), so what is not a field comes first.
std::vector<lake::Table> call_tables() {
  lake::Table rows{
      std::string(kCallRows), {{"shape", lake::ColumnType::kInteger}, {"try_ms", lake::ColumnType::kReal}}, false};
  for (const auto& field : kRowFields) rows.columns.push_back(column_of(field));
  lake::Table shapes{
      std::string(kCallShapes),
      {{"shape", lake::ColumnType::kInteger}, {"try_model", lake::ColumnType::kText, lake::Texts::kWords}},
      false};
  for (const auto& field : kShapeFields) shapes.columns.push_back(column_of(field));
  return {std::move(rows), std::move(shapes), attempts_table(kAttemptRows)};
}

std::vector<lake::View> call_views() {
  constexpr std::string_view kOwn =
      "SELECT id AS call_id, project, started_at, 1::INTEGER AS number, provider, try_model AS upstream_model, "
      "try_ms AS duration_ms, NULL::VARCHAR AS error_code, NULL::VARCHAR AS error_message, NULL::VARCHAR AS model, "
      "NULL::VARCHAR AS reason, 0::DOUBLE AS waited_ms FROM call_rows JOIN call_shapes USING (shape) "
      "WHERE try_ms IS NOT NULL UNION ALL BY NAME SELECT * FROM attempt_rows";
  return {{"calls", "SELECT " + joined(kCallFields, "") + " FROM call_rows JOIN call_shapes USING (shape)"},
          {"attempts", std::string(kOwn)}};
}

// Until November 2026 calls and attempts were tables of their own.
std::vector<lake::FormerTable> former_call_tables() {
  lake::Table calls{"calls", {}, false};
  for (const auto& field : kCallFields) calls.columns.push_back(column_of(field));
  const std::string words = joined(kShapeFields, "");
  std::string same;
  for (const auto& field : kShapeFields)
    same.append(same.empty() ? "" : " AND ")
        .append("c." + std::string(field.column) + " IS NOT DISTINCT FROM s." + std::string(field.column));
  // Numbers below zero are given here alone.
  return {{std::move(calls),
           {"INSERT INTO call_shapes BY NAME SELECT -row_number() OVER () AS shape, * FROM (SELECT DISTINCT " + words +
                " FROM calls)",
            "INSERT INTO call_rows BY NAME SELECT s.shape, " + joined(kRowFields, "c.") +
                " FROM calls c JOIN call_shapes s ON s.shape < 0 AND " + same}},
          {attempts_table("attempts"), {"INSERT INTO attempt_rows BY NAME SELECT * FROM attempts"}}};
}

std::pair<std::int64_t, bool> KnownShapes::number(std::string_view project, std::string_view key) {
  auto of_project = projects_.find(project);
  if (of_project != projects_.end()) {
    const auto known = of_project->second.find(key);
    if (known != of_project->second.end()) return {known->second, false};
  }
  if (++count_ > kMostShapes) {
    projects_.clear();
    of_project = projects_.end();
    count_ = 1;
  }
  if (of_project == projects_.end()) of_project = projects_.try_emplace(std::string(project)).first;
  of_project->second.emplace(std::string(key), next_);
  return {next_++, true};
}

void KnownShapes::restart(std::int64_t next) {
  projects_.clear();
  count_ = 0;
  next_ = next;
}

Result<bool> CallAppender::find(std::string_view project) {
  if (known_ && project == project_) return wanted_;
  const auto place = places_.try_emplace(std::string(project), std::ssize(places_)).first->second;
  wanted_ = place >= before_ && place < before_ + kProjects;
  if (wanted_) {
    FAIRLEAD_TRY(calls_, batch_.rows(project, kCallRows));
    FAIRLEAD_TRY(call_shapes_, batch_.rows(project, kCallShapes));
    FAIRLEAD_TRY(attempts_, batch_.rows(project, kAttemptRows));
    feedback_ = nullptr;
  }
  project_ = project;
  known_ = true;
  last_shape_ = -1;
  return wanted_;
}

// One call mostly is like the one before it.
Result<std::int64_t> CallAppender::shape_of(const EncodedFields& call, const EncodedFields* attempt) {
  key_.clear();
  append_to_key(key_, attempt != nullptr ? attempt->text(kTryModel) : std::string_view());
  for (const auto& field : kShapeFields) {
    if (field.type == FieldType::kText) {
      append_to_key(key_, call.text(field.number));
    } else {
      const std::int64_t number = call.integer(field.number);
      key_.append(reinterpret_cast<const char*>(&number), sizeof number);
    }
  }
  if (last_shape_ >= 0 && key_ == last_key_) return last_shape_;
  const auto [number, is_new] = shapes_.number(project_, key_);
  std::swap(key_, last_key_);
  last_shape_ = number;
  if (!is_new) return number;
  call_shapes_->integer(number);
  const std::string_view model = attempt != nullptr ? attempt->text(kTryModel) : std::string_view();
  model.empty() ? call_shapes_->null() : call_shapes_->text(model);
  for (const auto& field : kShapeFields) append_field(*call_shapes_, field, call);
  FAIRLEAD_CHECK(call_shapes_->end_row());
  return number;
}

Result<void> CallAppender::append_attempts(const EncodedRecord& record) {
  const EncodedFields& call = record.call();
  int number = 0;
  for (const auto& attempt : record.attempts()) {
    attempts_->text(call.text(kIdNumber));
    attempts_->text(project_);
    attempts_->time(call.integer(kStartedAtNumber));
    attempts_->integer(++number);
    for (const auto& field : kAttemptFields) append_field(*attempts_, field, attempt);
    FAIRLEAD_CHECK(attempts_->end_row());
  }
  return {};
}

Result<void> CallAppender::append(const EncodedRecord& record) {
  const EncodedFields& call = record.call();
  FAIRLEAD_TRY(const bool wanted, find((record.is_feedback() ? record.feedback() : call).text(kProjectNumber)));
  if (!wanted) return {};
  ++records_;
  if (record.is_feedback()) {
    if (feedback_ == nullptr) {
      FAIRLEAD_TRY(feedback_, batch_.rows(project_, kFeedbackRows));
    }
    return append_feedback(*feedback_, record.feedback());
  }
  const EncodedFields* const attempt = own_try(record);
  FAIRLEAD_TRY(const std::int64_t shape, shape_of(call, attempt));
  calls_->integer(shape);
  attempt != nullptr ? calls_->real(static_cast<double>(attempt->integer(kTryDuration)) / 1000) : calls_->null();
  for (const auto& field : kRowFields) append_field(*calls_, field, call);
  FAIRLEAD_CHECK(calls_->end_row());
  return attempt != nullptr ? Result<void>{} : append_attempts(record);
}

}  // namespace fairlead::telemetry
