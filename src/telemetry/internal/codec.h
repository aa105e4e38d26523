// Records to bytes and back, and the frames that hold them in the spool (docs/reference/records.md).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "telemetry/record.h"

namespace fairlead::telemetry {

// Appends the record's fields. Those that are as in a new record are left out.
void encode(std::string& out, const CallRecord& record);

// Nothing if `bytes` are no encoding. Fields it does not know are skipped.
std::optional<CallRecord> decode(std::string_view bytes);

inline constexpr std::size_t kFrameHead = 8;                  // length, CRC
inline constexpr std::size_t kFrameLimit = 64 * 1024 * 1024;  // a longer one is taken for damage

// Appends a frame that holds the record.
void append_frame(std::string& out, const CallRecord& record);

// The payload of the frame at the start of `bytes`, which is then kFrameHead + payload long; nothing if it is cut off
// or damaged.
std::optional<std::string_view> read_frame(std::string_view bytes);

}  // namespace fairlead::telemetry
