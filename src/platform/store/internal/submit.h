// Works handed to the writer by who waits for them.
#pragma once
#include "platform/store/internal/writer.h"

namespace fairlead::store {

// Resumes on the caller's own loop. The writer outlives the task.
async::Task<Result<void>> submit(Writer& writer, Database::Work work);
Result<void> submit_blocking(Writer& writer, const Database::Work& work);

}  // namespace fairlead::store
