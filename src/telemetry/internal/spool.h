// The write-ahead spool: segments DATA/spool/N.log of framed records (docs/reference/records.md).
#pragma once
#include <sys/uio.h>

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "telemetry/internal/codec.h"

namespace fairlead::telemetry {

// A place in the spool: everything before it has been dealt with. Segments are numbered upwards for ever.
struct SpoolPosition {
  std::int64_t segment = 0;
  std::int64_t offset = 0;
  auto operator<=>(const SpoolPosition&) const = default;
};

// Appends frames. One thread uses it; written() may be asked by any.
class SpoolWriter {
 public:
  // Makes the folder if it is not there. The segments that are there belong to earlier processes and are not touched; a
  // new one is made when the first frame comes. Error: spool_unwritable.
  static Result<std::unique_ptr<SpoolWriter>> create(std::string folder, std::int64_t segment_bytes,
                                                     const Clock& clock);
  ~SpoolWriter();
  SpoolWriter(const SpoolWriter&) = delete;
  SpoolWriter& operator=(const SpoolWriter&) = delete;

  // Whole frames, durable when this returns. After an error none of them is there and the same may be tried again:
  // spool_full (no space, quota), spool_unwritable.
  Result<void> append(std::span<const iovec> frames);

  // Behind the last durable frame.
  SpoolPosition written() const;

 private:
  SpoolWriter(std::string folder, std::int64_t segment_bytes, const Clock& clock, std::int64_t number);
  Result<void> open_segment();
  Result<void> write_all(std::span<const iovec> frames, std::int64_t& offset);

  const std::string folder_;
  const std::int64_t segment_bytes_;
  const Clock& clock_;
  int file_ = -1;
  mutable std::mutex mutex_;
  SpoolPosition written_;
};

// The numbers of the segments in a folder, ascending; none if there is no folder.
std::vector<std::int64_t> list_segments(const std::string& folder);
std::string segment_path(const std::string& folder, std::int64_t number);

// Deletes the segments before `number`. Returns how many.
int delete_segments_before(const std::string& folder, std::int64_t number);

struct SpoolRead {
  SpoolPosition next;              // where to go on
  std::int64_t records = 0;        // handed out
  std::int64_t damaged_bytes = 0;  // cut off: torn by a crash, or damaged on the disk
};

// It ends behind the record that reaches one of them.
struct SpoolLimits {
  std::int64_t records = INT64_MAX;
  std::int64_t bytes = INT64_MAX;
};

// Hands out the records from `from` up to `upto`, in their order, as far as the limits allow. Segments before
// upto.segment are taken for complete: what does not pass its CRC there ends its segment. An error of `each` ends it
// with that error. Error: spool_unreadable.
Result<SpoolRead> read_spool(const std::string& folder, SpoolPosition from, SpoolPosition upto, SpoolLimits limits,
                             const std::function<Result<void>(const EncodedRecord&)>& each);

}  // namespace fairlead::telemetry
