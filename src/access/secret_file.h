// Small files that only their owner may read.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fairlead::access {

// Writes the file whole or not at all, mode 0600, in place of what was there; on the disk when it returns.
// Error: cannot_write.
Result<void> write_secret_file(const std::string& path, std::string_view bytes);

// Nothing if there is no such file. Error: cannot_read.
Result<std::optional<std::string>> read_secret_file(const std::string& path);

}  // namespace fairlead::access
