// A project's folder on this machine.
#pragma once
#include <boost/json/object.hpp>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fairlead::cli {

inline constexpr std::string_view kLockFile = "fairlead.lock.json";

// The texts of a folder's files, by path from it. Errors, all kInvalid, say which file.
Result<boost::json::object> read_folder(const std::string& folder);

std::string content_of(const std::filesystem::path& path);

// Whole or not at all; makes folders. Error: write_failed.
Result<void> write_file(const std::filesystem::path& path, const std::string& text);

// Writes down which versions the folder is in step with: digests by "kind/name", over what the lock file says. Error:
// write_failed.
Result<void> write_lock(const std::filesystem::path& folder, const boost::json::object& known);

}  // namespace fairlead::cli
