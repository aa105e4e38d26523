// Filling a part file from where the model is.
#pragma once
#include <atomic>
#include <cstdint>
#include <string>

#include "models/internal/part_file.h"
#include "platform/async/cancellation.h"
#include "platform/async/task.h"
#include "platform/http/client.h"

namespace fairlead::models {

// Seen by others while it runs.
struct FetchProgress {
  std::atomic<std::uint64_t> total{0};  // bytes; 0: not known
  std::atomic<std::uint64_t> fetched{0};
};

// GETs the URL, from where the part file ends if the source has not changed (RFC 9110 §13.1.5 and §14), over up to five
// redirects. Writes to the disk on the client's loop. Errors: model_source (a status that is not 200 or 206, a redirect
// that cannot be followed, a transfer that broke: `part` keeps what came), those of PartFile, cancelled.
async::Task<Result<void>> fetch_url(http::Client& client, std::string url, PartFile& part, FetchProgress& progress,
                                    async::Cancellation& cancellation);

// Copies a file. Blocks.
Result<void> copy_file(const std::string& path, PartFile& part, FetchProgress& progress,
                       const std::atomic<bool>& cancelled);

}  // namespace fairlead::models
