#include "platform/store/internal/sqlite_error.h"

#include <cerrno>

namespace fairlead::store {
namespace {

bool out_of_space(sqlite3* connection, int code) {
  if ((code & 0xff) == SQLITE_FULL) return true;
  if ((code & 0xff) != SQLITE_IOERR || connection == nullptr) return false;
  const int system = sqlite3_system_errno(connection);
  return system == ENOSPC || system == EDQUOT || system == EFBIG;
}

}  // namespace

Error sqlite_error(sqlite3* connection, int code, const std::string& path, std::string_view doing) {
  const std::string reason = connection != nullptr ? sqlite3_errmsg(connection) : sqlite3_errstr(code);
  const std::string context = std::string(doing) + ": " + reason;
  if (out_of_space(connection, code)) {
    return {ErrorKind::kUnavailable, "store_full",
            "The disk that holds " + path + " is full, so nothing was written. Free some space and try again."};
  }
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      return {ErrorKind::kConflict, "store_conflict", context};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {ErrorKind::kUnavailable, "store_read_only",
              path + " cannot be written (" + reason + "). Give this user write access to the file and its folder."};
    case SQLITE_CANTOPEN:
      return {ErrorKind::kUnavailable, "store_read_only",
              path + " cannot be opened (" + reason +
                  "). Give this user read and write access to the file and its folder."};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {
          ErrorKind::kInternal, "store_corrupt",
          path + " is damaged (" + reason + "). Restore it from a backup, or move it away to start with an empty one."};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {ErrorKind::kUnavailable, "store_busy", path + " is held by another program (" + reason + "). Try again."};
    default:
      return {ErrorKind::kInternal, "store_error", path + ": " + context};
  }
}

}  // namespace fairlead::store
