// One SQLite connection with its prepared statements.
#pragma once
#include <sqlite3.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "platform/store/internal/engine_connection.h"

namespace fairlead::store {

enum class Access : bool { kRead, kWrite };

// Used by one thread at a time.
class SqliteConnection final : public EngineConnection {
 public:
  static Result<std::unique_ptr<SqliteConnection>> open(const std::string& path, Access access);
  ~SqliteConnection() override;

  Result<void> query(std::string_view sql, std::span<const Value> parameters,
                     const std::function<Result<void>(const Row&)>& each) override;
  Result<std::int64_t> execute(std::string_view sql, std::span<const Value> parameters) override;

  // One or more statements without parameters or rows; not cached.
  Result<void> run(const char* sql) override;
  bool in_transaction() const { return sqlite3_get_autocommit(connection_) == 0; }
  bool read_only() const { return sqlite3_db_readonly(connection_, "main") == 1; }

 private:
  struct Statement {
    sqlite3_stmt* handle = nullptr;
    std::vector<int> parameters;  // of each of SQLite's own indexes, the number after '$'
  };
  struct InUse;
  struct SqlHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view sql) const { return std::hash<std::string_view>{}(sql); }
  };

  explicit SqliteConnection(std::string path) : path_(std::move(path)) {}
  Result<Statement> prepare(std::string_view sql);
  Result<void> bind(const Statement& statement, std::span<const Value> parameters);
  Error last_error(int code, std::string_view doing) const;
  void drop_statements();

  std::string path_;
  sqlite3* connection_ = nullptr;
  // Statements that nobody steps through now; one in use is taken out, so that a query inside a query has its own.
  std::unordered_map<std::string, Statement, SqlHash, std::equal_to<>> idle_;
};

}  // namespace fairlead::store
