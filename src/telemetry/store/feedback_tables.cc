#include "telemetry/store/feedback_tables.h"

#include <string>

#include "telemetry/internal/fields.h"
#include "telemetry/store/field_columns.h"

namespace fairlead::telemetry {

lake::Table feedback_table() {
  lake::Table table{std::string(kFeedbackRows), {}, false};
  for (const auto& field : kFeedbackFields) {
    const bool id = field.column == "id" || field.column == "call_id";
    const bool prose = field.column == "comment" || field.column == "correction";
    table.columns.push_back({std::string(field.column), column_type(field.type),
                             id      ? lake::Texts::kIds
                             : prose ? lake::Texts::kProse
                                     : lake::Texts::kWords});
  }
  return table;
}

std::vector<lake::View> feedback_views() {
  // One author's opinion under one name of one thing is a partition.
  constexpr std::string_view kOpinion = "(PARTITION BY call_id, session_id, user_id, name, author ORDER BY id";
  static_assert(static_cast<int>(Vote::kYes) == 1 && static_cast<int>(Vote::kNo) == 2);
  const std::string said =
      "SELECT * REPLACE (CASE vote WHEN 1 THEN true WHEN 2 THEN false END AS vote, "
      "nullif(score, 'nan'::DOUBLE) AS score) FROM feedback_rows";
  const std::string words = "row(vote, score, category, comment, correction, withdrawn)";
  return {{"feedback_history", "FROM (" + said + ") QUALIFY lag(" + words + ") OVER " + std::string(kOpinion) +
                                   ") IS DISTINCT FROM " + words},
          {"feedback", "SELECT * EXCLUDE (withdrawn) FROM (" + said + ") QUALIFY row_number() OVER " +
                           std::string(kOpinion) + " DESC) = 1 AND NOT withdrawn"}};
}

Result<void> append_feedback(lake::Rows& rows, const EncodedFields& feedback) {
  for (const auto& field : kFeedbackFields) append_field(rows, field, feedback);
  return rows.end_row();
}

}  // namespace fairlead::telemetry
