// DuckDB's handles, owned; its errors, translated.
#pragma once
#include <duckdb.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace fairlead::lake {

// `'it''s'` and `"a ""name"""`.
std::string sql_text(std::string_view text);
std::string sql_name(std::string_view name);

// Who is to blame for an error in a statement: the one who wrote it, or this process.
enum class Author : std::uint8_t { kUs, kStranger };

Error translate(duckdb_error_type type, std::string_view message, Author author);

class QueryResult {
 public:
  QueryResult() = default;
  ~QueryResult() { duckdb_destroy_result(&result_); }
  QueryResult(const QueryResult&) = delete;
  QueryResult& operator=(const QueryResult&) = delete;
  duckdb_result& get() { return result_; }
  Error error(Author author) {
    const char* message = duckdb_result_error(&result_);
    return translate(duckdb_result_error_type(&result_), message != nullptr ? message : "no reason given", author);
  }

 private:
  duckdb_result result_{};
};

class Connection {
 public:
  Connection() = default;
  ~Connection() { duckdb_disconnect(&connection_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  Result<void> open(duckdb_database database) {
    if (duckdb_connect(database, &connection_) == DuckDBSuccess) return {};
    return fail(ErrorKind::kUnavailable, "lake_error", "The lake takes no connection.");
  }
  duckdb_connection get() const { return connection_; }
  Result<void> execute(const std::string& sql) {
    if (auto result = change(sql); !result) return fail(std::move(result).error());
    return {};
  }
  // Returns how many rows it has changed.
  Result<idx_t> change(const std::string& sql) {
    QueryResult result;
    if (duckdb_query(connection_, sql.c_str(), &result.get()) == DuckDBSuccess)
      return duckdb_rows_changed(&result.get());
    return fail(result.error(Author::kUs));
  }

 private:
  duckdb_connection connection_ = nullptr;
};

class Prepared {
 public:
  ~Prepared() { duckdb_destroy_prepare(&statement_); }
  Prepared() = default;
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;
  Result<void> prepare(const Connection& connection, const std::string& sql, Author author) {
    if (duckdb_prepare(connection.get(), sql.c_str(), &statement_) == DuckDBSuccess) return {};
    const char* message = duckdb_prepare_error(statement_);
    return fail(translate(DUCKDB_ERROR_PARSER, message != nullptr ? message : "it cannot be prepared", author));
  }
  duckdb_prepared_statement get() const { return statement_; }

 private:
  duckdb_prepared_statement statement_ = nullptr;
};

}  // namespace fairlead::lake
