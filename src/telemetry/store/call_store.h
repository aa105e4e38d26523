// Calls and feedback in the lake: how they get there and what can be asked of them.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "platform/lake/lake.h"
#include "telemetry/internal/spool.h"
#include "telemetry/store/call_filter.h"
#include "telemetry/store/call_tables.h"
#include "telemetry/store/feedback_filter.h"
#include "telemetry/store/stats_filter.h"

namespace fairlead::telemetry {

// Records in a transaction, if the spool holds as many: those of a busy project then go into the lake's file at once.
inline constexpr std::int64_t kLoadRecords = lake::kBulkRows;

struct LoadReport {
  SpoolPosition loaded;  // everything before it is in the lake
  std::int64_t records = 0;
  std::int64_t damaged_bytes = 0;
  bool done = false;  // there is nothing more to load up to where was asked

  void add(const LoadReport& later) {
    loaded = later.loaded;
    records += later.records;
    damaged_bytes += later.damaged_bytes;
    done = later.done;
  }
};

// Thread-safe; everything blocks.
class CallStore {
 public:
  // `path` of the lake's file, `spool` the folder. Errors of lake::Lake::open.
  static Result<std::unique_ptr<CallStore>> open(const std::string& path, std::string spool, std::size_t memory_bytes);

  // Moves what the spool holds up to there into the lake. What it has moved is moved once, whenever it is stopped: the
  // place is committed with the rows.
  Result<LoadReport> load(SpoolPosition upto);
  // One transaction of it: at most `limit` and at most kLoadRecords records. One that moves nothing is the last.
  Result<LoadReport> load_some(SpoolPosition upto, std::int64_t limit);

  // JSON texts, as docs/reference/records.md and feedback.md say. get: call_not_found, ambiguous_id.
  Result<std::string> list(std::string_view project, const CallFilter& filter);
  Result<std::string> feedback(std::string_view project, const FeedbackFilter& filter);
  Result<std::string> stats(std::string_view project, const StatsFilter& filter);
  Result<std::string> get(std::string_view project, std::string_view id);
  Result<std::string> ask(std::string_view project, std::string_view query, std::int64_t limit);

  // Deletes calls that began before that time. Returns how many.
  Result<std::int64_t> remove_before(std::int64_t unix_micros);

 private:
  CallStore(std::unique_ptr<lake::Lake> lake, std::string spool) : lake_(std::move(lake)), spool_(std::move(spool)) {}
  // How far loading has come. A stretch of the spool that holds records of many projects is gone through several times,
  // with a transaction for some of the projects each time.
  struct Place {
    SpoolPosition from;         // everything before it is in the lake
    SpoolPosition until;        // of the stretch that begins there,
    std::int64_t projects = 0;  // of which so many projects are in the lake, in the order of their first records
    bool operator==(const Place&) const = default;
  };
  Result<std::string> page(std::string_view project, const std::string& sql,
                           std::span<const lake::Parameter> parameters, int limit);
  Result<Place> read_place();
  Result<LoadReport> load_batch(Place& place, SpoolPosition upto, std::int64_t limit);
  const std::unique_ptr<lake::Lake> lake_;
  const std::string spool_;
  std::mutex load_mutex_;
  std::optional<Place> place_;  // nothing: not read yet, or not known after an error
  KnownShapes shapes_;          // all of them committed, while place_ is known
};

}  // namespace fairlead::telemetry
