// What steps gave, for those that may take it instead of doing the same again (docs/reference/chains.md, `reuse`).
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "platform/async/task.h"
#include "platform/store/database.h"

namespace fairlead::chains {

struct KeptResult {
  std::string run, step;  // that it is from
  std::string output;     // JSON
};

// Thread-safe; never blocks a loop. What it is made of outlives it.
class Results {
 public:
  Results(store::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  // What a step that was the same (`digest`) gave within that time; nothing if none did.
  async::Task<Result<std::optional<KeptResult>>> find(std::string project, std::string digest, Micros within);
  // Instead of what was there. It is forgotten after `within`.
  async::Task<Result<void>> keep(std::string project, std::string digest, KeptResult result, Micros within);

 private:
  store::Database& database_;
  const Clock& clock_;
};

}  // namespace fairlead::chains
