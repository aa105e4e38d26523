#include "platform/store/internal/pg_error.h"

namespace fairlead::store {
namespace {

bool is_away(std::string_view state) {
  // 25P03: this process was stopped in the middle of a transaction, and the server did not wait for it.
  return state.empty() || state.starts_with("08") || state.starts_with("57P") || state == "25P03" || state == "53300";
}

}  // namespace

Error pg_error(std::string_view state, const std::string& reason, const std::string& place, std::string_view doing) {
  const std::string context = std::string(doing) + ": " + reason;
  if (is_away(state))
    return {ErrorKind::kUnavailable, "store_unavailable",
            place + " cannot be reached (" + reason + "), so nothing was changed. Try again."};
  if (state.starts_with("23")) return {ErrorKind::kConflict, "store_conflict", context};
  if (state == "53100")
    return {ErrorKind::kUnavailable, "store_full",
            "The disk of " + place + " is full, so nothing was written. Free some space there and try again."};
  if (state == "25006" || state == "42501")
    return {ErrorKind::kUnavailable, "store_read_only",
            place + " cannot be written (" + reason +
                "). Name the primary server, and give its user the right to create and change tables in its schema."};
  if (state == "55P03" || state == "57014" || state == "40001" || state == "40P01")
    return {ErrorKind::kUnavailable, "store_busy",
            place + " is held by others for too long (" + reason + "), so nothing was changed. Try again."};
  if (state == "22021" || state == "22P05")
    return {ErrorKind::kInvalid, "store_text",
            "A text has a zero byte or is not UTF-8, which PostgreSQL does not keep (" + reason + ")."};
  if (state == "XX001" || state == "XX002")
    return {ErrorKind::kInternal, "store_corrupt", place + " is damaged (" + reason + "). Restore it from a backup."};
  if (state.starts_with("28") || state == "3D000")
    return {
        ErrorKind::kUnavailable, "store_unavailable",
        place + " refuses this process (" + reason + "). Check user, password and database of the setting `store`."};
  return {ErrorKind::kInternal, "store_error", place + ": " + context};
}

}  // namespace fairlead::store
