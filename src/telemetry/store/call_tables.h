// How calls lie in the lake. A call has some twenty things that are the same for most calls of its project: names,
// versions, the status. They are rows of `call_shapes`; a row of `call_rows` holds the rest, and the number of its
// shape. The one try of a call that succeeded at once is part of it; all other tries are rows of `attempt_rows`. The
// views `calls` and `attempts` put together what docs/reference/records.md promises.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "platform/lake/lake.h"
#include "telemetry/internal/codec.h"

namespace fairlead::telemetry {

inline constexpr std::string_view kCallRows = "call_rows", kCallShapes = "call_shapes", kAttemptRows = "attempt_rows";

std::vector<lake::Table> call_tables();
std::vector<lake::View> call_views();
std::vector<lake::FormerTable> former_call_tables();

// The shapes that are in the lake, or in the transaction that is going on, by what they hold.
class KnownShapes {
 public:
  // The number of the project's shape that is written as `key`, and whether it has just got it.
  std::pair<std::int64_t, bool> number(std::string_view project, std::string_view key);
  std::int64_t next() const { return next_; }
  // Forgets them all. One that is forgotten gets another number when it comes again, from `next` on.
  void restart(std::int64_t next);

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  template <class Value>
  using Map = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;
  Map<Map<std::int64_t>> projects_;
  std::size_t count_ = 0;
  std::int64_t next_ = 0;
};

// Appends the records of some of the projects, calls and feedback, to a batch: those that are `before` and the next few
// in the order of their first records.
class CallAppender {
 public:
  CallAppender(lake::Batch& batch, KnownShapes& shapes, std::int64_t before)
      : batch_(batch), shapes_(shapes), before_(before) {}

  static constexpr std::int64_t kProjects = 4;  // each takes megabytes of the engine's memory

  Result<void> append(const EncodedRecord& record);
  // Whether there are projects whose turn has yet to come.
  bool more() const { return std::ssize(places_) > before_ + kProjects; }
  std::int64_t records() const { return records_; }

 private:
  Result<bool> find(std::string_view project);
  Result<std::int64_t> shape_of(const EncodedFields& call, const EncodedFields* attempt);
  Result<void> append_attempts(const EncodedRecord& record);

  lake::Batch& batch_;
  KnownShapes& shapes_;
  const std::int64_t before_;                   // projects that are in the lake already
  std::map<std::string, std::int64_t> places_;  // of the projects, in the order of their first records
  std::string project_;                         // of the record before, and what was found
  bool known_ = false, wanted_ = false;
  std::string key_, last_key_;  // of shapes of that project
  std::int64_t last_shape_ = -1;
  lake::Rows* calls_ = nullptr;
  lake::Rows* call_shapes_ = nullptr;
  lake::Rows* attempts_ = nullptr;
  lake::Rows* feedback_ = nullptr;  // asked for when there is some
  std::int64_t records_ = 0;
};

}  // namespace fairlead::telemetry
