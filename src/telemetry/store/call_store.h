// The calls in the lake: how they get there and what can be asked of them.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"
#include "platform/lake/lake.h"
#include "telemetry/internal/spool.h"
#include "telemetry/store/call_filter.h"

namespace fairlead::telemetry {

struct LoadReport {
  SpoolPosition loaded;  // everything before it is in the lake
  std::int64_t records = 0;
  std::int64_t damaged_bytes = 0;
};

// Thread-safe; everything blocks.
class CallStore {
 public:
  // `path` of the lake's file, `spool` the folder. Errors of lake::Lake::open.
  static Result<std::unique_ptr<CallStore>> open(const std::string& path, std::string spool, std::size_t memory_bytes);

  // Moves what the spool holds up to there into the lake, a few thousand records a transaction. What it has moved is
  // moved once, whenever it is stopped: the place is committed with the rows.
  Result<LoadReport> load(SpoolPosition upto);

  // JSON texts, as docs/reference/records.md says. get: call_not_found, ambiguous_id.
  Result<std::string> list(std::string_view project, const CallFilter& filter);
  Result<std::string> get(std::string_view project, std::string_view id);
  Result<std::string> ask(std::string_view project, std::string_view query, std::int64_t limit);

  // Deletes calls that began before that time. Returns how many.
  Result<std::int64_t> remove_before(std::int64_t unix_micros);

 private:
  CallStore(std::unique_ptr<lake::Lake> lake, std::string spool) : lake_(std::move(lake)), spool_(std::move(spool)) {}
  Result<SpoolRead> load_batch(SpoolPosition from, SpoolPosition upto);
  const std::unique_ptr<lake::Lake> lake_;
  const std::string spool_;
  std::mutex load_mutex_;
};

}  // namespace fairlead::telemetry
