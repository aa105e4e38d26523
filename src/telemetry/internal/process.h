// What the operating system knows of this process.
#pragma once
#include <cstddef>

#include "telemetry/internal/exposition.h"

namespace fairlead::telemetry {

// The process_* families by their usual names. Families that /proc does not tell are left out.
void write_process(Exposition& out);

std::size_t resident_bytes();  // 0 where that cannot be told

}  // namespace fairlead::telemetry
