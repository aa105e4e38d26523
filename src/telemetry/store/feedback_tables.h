// How feedback lies in the lake: every saying is a row of `feedback_rows`; the views `feedback` and `feedback_history`
// show what docs/reference/feedback.md promises.
#pragma once
#include <string_view>
#include <vector>

#include "base/result.h"
#include "platform/lake/lake.h"
#include "telemetry/internal/codec.h"

namespace fairlead::telemetry {

inline constexpr std::string_view kFeedbackRows = "feedback_rows";

lake::Table feedback_table();
std::vector<lake::View> feedback_views();

Result<void> append_feedback(lake::Rows& rows, const EncodedFields& feedback);

}  // namespace fairlead::telemetry
