#include "platform/lake/internal/handles.h"

namespace fairlead::lake {
namespace {

std::string quoted(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote) out += quote;
    out += c;
  }
  return out + quote;
}

}  // namespace

std::string sql_text(std::string_view text) {
  return quoted(text, '\'');
}
std::string sql_name(std::string_view name) {
  return quoted(name, '"');
}

Error translate(duckdb_error_type type, std::string_view message, Author author) {
  const bool stranger = author == Author::kStranger;
  const auto make = [&](ErrorKind kind, std::string_view code, std::string text) {
    return Error{kind, std::string(stranger ? "sql_" : "lake_") + std::string(code), std::move(text),
                 stranger ? "query" : "", nullptr};
  };
  if (type == DUCKDB_ERROR_INTERRUPT || message.starts_with("INTERRUPT")) {
    return make(ErrorKind::kTimeout, "timeout",
                "The query took too long and was stopped. Narrow it, by time for example.");
  }
  if (type == DUCKDB_ERROR_OUT_OF_MEMORY || message.starts_with("Out of Memory")) {
    return make(ErrorKind::kTooLarge, "too_large",
                "The query needs more memory than it may have. Narrow it, or select fewer columns.");
  }
  if (message.contains("No space left")) {
    return {ErrorKind::kExhausted, "lake_full", "There is no space left for the lake. Free some.", {}, nullptr};
  }
  // Not every function of the C API hands on the type of an error; its message always begins with it.
  const bool ours = type == DUCKDB_ERROR_IO || type == DUCKDB_ERROR_FATAL || type == DUCKDB_ERROR_INTERNAL ||
                    message.starts_with("IO Error") || message.starts_with("FATAL") ||
                    message.starts_with("INTERNAL") || message.starts_with("TransactionContext");
  if (stranger && !ours) return {ErrorKind::kInvalid, "invalid_sql", std::string(message), "query", nullptr};
  return {ErrorKind::kInternal, "lake_error", "The lake: " + std::string(message), {}, nullptr};
}

}  // namespace fairlead::lake
