#include "platform/store/internal/sqlite_connection.h"

#include <charconv>

#include "platform/store/internal/sqlite_error.h"

namespace fairlead::store {
namespace {

constexpr std::size_t kStatements =
    256;                               // a connection; SQL is written in the source, so more means that it is composed
constexpr int kBusyTimeoutMs = 5'000;  // a backup or another tool holds the file

class SqliteRow final : public Row {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}
  std::int64_t integer(int column) const override { return sqlite3_column_int64(statement_, column); }
  double real(int column) const override { return sqlite3_column_double(statement_, column); }
  std::string_view text(int column) const override {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    if (bytes == nullptr) return {};
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }
  bool is_null(int column) const override { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

 private:
  sqlite3_stmt* statement_;
};

}  // namespace

// Puts the statement back, reset, when its query ends.
struct SqliteConnection::InUse {
  SqliteConnection& owner;
  std::string_view sql;
  Statement statement;
  ~InUse() {
    sqlite3_reset(statement.handle);
    sqlite3_clear_bindings(statement.handle);
    if (owner.idle_.size() >= kStatements) owner.drop_statements();
    if (!owner.idle_.try_emplace(std::string(sql), statement).second) sqlite3_finalize(statement.handle);
  }
};

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::string& path, Access access) {
  std::unique_ptr<SqliteConnection> made(new SqliteConnection(path));
  const int code = sqlite3_open_v2(
      path.c_str(), &made->connection_,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (code != SQLITE_OK) return fail(made->last_error(code, "opening"));
  sqlite3_busy_timeout(made->connection_, kBusyTimeoutMs);
  // FULL: a commit is on the disk when it returns. The size limit keeps the log of one large write from staying that
  // large.
  FAIRLEAD_CHECK(
      made->run("pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on;"
                "pragma temp_store = memory; pragma journal_size_limit = 67108864;"));
  if (access == Access::kRead) FAIRLEAD_CHECK(made->run("pragma query_only = on"));
  return made;
}

SqliteConnection::~SqliteConnection() {
  drop_statements();
  sqlite3_close(connection_);
}

void SqliteConnection::drop_statements() {
  for (const auto& [sql, statement] : idle_) sqlite3_finalize(statement.handle);
  idle_.clear();
}

Error SqliteConnection::last_error(int code, std::string_view doing) const {
  return sqlite_error(connection_, code, path_, doing);
}

Result<void> SqliteConnection::run(const char* sql) {
  const int code = sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fail(last_error(code, sql));
  return {};
}

Result<SqliteConnection::Statement> SqliteConnection::prepare(std::string_view sql) {
  if (const auto found = idle_.find(sql); found != idle_.end()) {
    Statement statement = std::move(found->second);
    idle_.erase(found);
    return statement;
  }
  Statement statement;
  const char* tail = nullptr;
  const int code = sqlite3_prepare_v3(connection_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement.handle, &tail);
  if (code != SQLITE_OK) return fail(last_error(code, sql));
  const std::string_view rest = sql.substr(static_cast<std::size_t>(tail - sql.data()));
  if (statement.handle == nullptr || rest.find_first_not_of(" \t\r\n;") != std::string_view::npos) {
    sqlite3_finalize(statement.handle);
    return fail(ErrorKind::kInternal, "store_error", "Not one statement: " + std::string(sql));
  }
  for (int index = 1; index <= sqlite3_bind_parameter_count(statement.handle); ++index) {
    const char* name = sqlite3_bind_parameter_name(statement.handle, index);  // "$1"; null for '?'
    const std::string_view digits = name != nullptr && name[0] == '$' ? name + 1 : "";
    int number = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() || number < 1) {
      sqlite3_finalize(statement.handle);
      return fail(ErrorKind::kInternal, "store_error", "A placeholder is not $1, $2, …: " + std::string(sql));
    }
    statement.parameters.push_back(number);
  }
  return statement;
}

Result<void> SqliteConnection::bind(const Statement& statement, std::span<const Value> parameters) {
  std::size_t highest = 0;
  for (const int number : statement.parameters) highest = std::max(highest, static_cast<std::size_t>(number));
  if (highest != parameters.size()) {
    return fail(ErrorKind::kInternal, "store_error",
                "The statement has " + std::to_string(highest) + " placeholders, given were " +
                    std::to_string(parameters.size()) + ": " + sqlite3_sql(statement.handle));
  }
  for (std::size_t i = 0; i < statement.parameters.size(); ++i) {
    const int index = static_cast<int>(i) + 1;
    const Value& value = parameters[static_cast<std::size_t>(statement.parameters[i]) - 1];
    int code = SQLITE_OK;
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      code = sqlite3_bind_int64(statement.handle, index, *integer);
    } else if (const auto* real = std::get_if<double>(&value)) {
      code = sqlite3_bind_double(statement.handle, index, *real);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      // Static: the parameters outlive the query, which clears its bindings.
      code = sqlite3_bind_text64(statement.handle, index, text->data(), text->size(), SQLITE_STATIC, SQLITE_UTF8);
    } else {
      code = sqlite3_bind_null(statement.handle, index);
    }
    if (code != SQLITE_OK) return fail(last_error(code, "binding a parameter"));
  }
  return {};
}

Result<void> SqliteConnection::query(std::string_view sql, std::span<const Value> parameters,
                                     const std::function<Result<void>(const Row&)>& each) {
  auto prepared = prepare(sql);
  if (!prepared) return fail(std::move(prepared).error());
  const InUse use{*this, sql, *std::move(prepared)};
  FAIRLEAD_CHECK(bind(use.statement, parameters));
  const SqliteRow row(use.statement.handle);
  while (true) {
    const int code = sqlite3_step(use.statement.handle);
    if (code == SQLITE_DONE) return {};
    if (code != SQLITE_ROW) return fail(last_error(code, sql));
    if (each) FAIRLEAD_CHECK(each(row));
  }
}

Result<std::int64_t> SqliteConnection::execute(std::string_view sql, std::span<const Value> parameters) {
  const std::int64_t before = sqlite3_total_changes64(connection_);
  FAIRLEAD_CHECK(query(sql, parameters, {}));
  // changes64() keeps the count of an earlier statement when this one is none that changes rows.
  return sqlite3_total_changes64(connection_) == before ? 0 : sqlite3_changes64(connection_);
}

}  // namespace fairlead::store
