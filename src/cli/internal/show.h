// How things look in a terminal.
#pragma once
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::cli {

enum class Colour : std::uint8_t { kNone, kRed, kGreen, kYellow, kDim };
std::string painted(std::string_view text, Colour colour, bool colours);

// Columns padded to their widest cell, two spaces apart, nothing after the last; the header dim. Widths count code
// points.
std::string table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
                  bool colours);

// Changes of a spec, each its path and what became of it.
std::string changes(const boost::json::value& list, bool colours);

// The lines of a plan or an apply, with the summary as the last (docs/reference/api.md: the answer of POST
// /api/v1/plan).
std::string change_set(const boost::json::value& answer, bool colours);

// The line of a label that moved, with what undoes it, unless the label was nowhere before.
std::string moved_label(const boost::json::value& reply, const std::string& undo);

// "14:02:19" today, else "2026-11-24 14:02", in the reader's zone; the text itself if it is no ISO 8601 time.
std::string local_time(std::string_view iso);

// How many of so many are done: "████████████▌      7/9".
std::string progress_bar(std::size_t done, std::size_t of);

// What a step waits for: "waits for approval: Publish it?   until 14:05:00", "sleeps until 14:02:11". `signal` is what
// the history says that it waits for, `until` an ISO 8601 time; empty: there is none.
std::string waiting(const std::string& step, const std::string& signal, const std::string& ask,
                    const std::string& until);

// What a feedback says but for its comment: "yes, 0.8, wrong fee, corrected".
std::string opinion(const boost::json::value& feedback);

// "98.4 MB"
std::string bytes(std::int64_t count);

}  // namespace fairlead::cli
