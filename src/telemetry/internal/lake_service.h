// The lake as the rest of telemetry sees it: in this process, or in one of its own.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "telemetry/store/call_store.h"

namespace fairlead::telemetry {

struct LakeServiceOptions {
  std::string path;   // of the lake
  std::string spool;  // folder
  std::size_t memory_bytes = 256 * 1024 * 1024;
  std::chrono::milliseconds idle{10'000};  // unused for so long, it is closed
  // How long it is waited for that another process lets go of the file: one whose parent was killed ends by itself, but
  // first what it is at.
  std::chrono::milliseconds lock_wait{0};
  // Resident memory of this process above which the lake is closed after a load, so that the engine lets go of what it
  // has kept of the file; 0: it never is.
  std::size_t slim_bytes = 0;
};

// What is looked up by filters in a URL: CallFilter, FeedbackFilter, StatsFilter.
enum class Look : std::uint8_t { kCalls, kFeedback, kStats };

// Whether that is a query for it; no lake is needed. Errors: those of the filter.
Result<void> check_query(Look what, std::string_view url_query, std::int64_t now_us);

// Thread-safe; everything blocks. Opens the lake when it is first needed. Errors: those of CallStore.
class LakeService {
 public:
  virtual ~LakeService() = default;
  // CallStore::load, but for transactions after which it has loaded `limit` records or more.
  virtual Result<LoadReport> load(SpoolPosition upto, std::int64_t limit) = 0;
  // Errors: also those of the filter that the query is for.
  virtual Result<std::string> look(Look what, std::string project, std::string url_query) = 0;
  virtual Result<std::string> get(std::string project, std::string id) = 0;
  virtual Result<std::string> ask(std::string project, std::string query, std::int64_t limit) = 0;
  virtual Result<std::int64_t> remove_before(std::int64_t unix_micros) = 0;
  // To be called now and then: closes what has not been used for a while.
  virtual void rest() = 0;
};

std::unique_ptr<LakeService> make_local_lake(LakeServiceOptions options, const Clock& clock);

// `command` with further arguments starts the process (run_lake_process). Should it die or be stuck, it is ended, what
// was asked of it fails with lake_error, sql_too_large or sql_timeout, and the next question starts another one.
std::unique_ptr<LakeService> make_lake_process(std::vector<std::string> command, LakeServiceOptions options,
                                               const Clock& clock);

}  // namespace fairlead::telemetry
