#include <duckdb.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "platform/lake/internal/batch.h"
#include "platform/lake/internal/handles.h"
#include "platform/lake/internal/json_rows.h"
#include "platform/lake/internal/select_check.h"
#include "platform/lake/lake.h"

namespace fairlead::lake {
namespace {

constexpr std::size_t kQueryBytes = 16 * 1024;
constexpr std::string_view kDatabase = "lake";
constexpr std::size_t kMostUnsettled = 8;  // row groups in memory; each takes a few megabytes

std::string_view sql_type(ColumnType type) {
  switch (type) {
    case ColumnType::kText:
      return "VARCHAR";
    case ColumnType::kInteger:
      return "BIGINT";
    case ColumnType::kNumber:
      return "INTEGER";
    case ColumnType::kReal:
      return "DOUBLE";
    case ColumnType::kBoolean:
      return "BOOLEAN";
    case ColumnType::kTime:
      return "TIMESTAMP";
    case ColumnType::kTexts:
      return "VARCHAR[]";
  }
  return "";
}

// What the engine would choose for the most part, had it tried them all.
std::string_view compression(const Column& column) {
  switch (column.type) {
    case ColumnType::kText:
      return column.texts == Texts::kWords ? "dictionary" : column.texts == Texts::kIds ? "fsst" : "";
    case ColumnType::kInteger:
    case ColumnType::kNumber:
    case ColumnType::kTime:
      return "bitpacking";
    case ColumnType::kReal:
      return "alp";
    case ColumnType::kBoolean:
    case ColumnType::kTexts:
      return "";
  }
  return "";
}

std::string column_definition(const Column& column) {
  std::string out = sql_name(column.name) + " " + std::string(sql_type(column.type));
  if (const auto how = compression(column); !how.empty()) out.append(" USING COMPRESSION ").append(how);
  return out;
}

std::string column_list(const Table& table) {
  std::string out;
  for (const auto& column : table.columns) {
    if (!out.empty()) out += ", ";
    out += column_definition(column);
  }
  return out;
}

// Interrupts a connection's query at a deadline, on a thread of its own, for as long as it lives.
class Watchdog {
 public:
  Watchdog(duckdb_connection connection, std::chrono::milliseconds time)
      : thread_([this, connection, deadline = std::chrono::steady_clock::now() + time] {
          std::unique_lock lock(mutex_);
          if (ended_.wait_until(lock, deadline, [this] { return over_; })) return;
          // Again and again: an interrupt that comes between two steps of a query is forgotten.
          do duckdb_interrupt(connection);
          while (!ended_.wait_for(lock, std::chrono::milliseconds(50), [this] { return over_; }));
        }) {}
  ~Watchdog() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    ended_.notify_all();
    thread_.join();
  }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  bool over_ = false;
  std::thread thread_;
};

Error open_error(const std::string& path, std::string_view message) {
  const auto make = [&](ErrorKind kind, std::string code, std::string text) {
    return Error{kind, std::move(code), "The lake " + path + " " + text, {}, nullptr};
  };
  if (message.contains("lock on file")) {
    return make(ErrorKind::kConflict, "lake_locked",
                "is in use by another process. Stop that one, or use another data folder.");
  }
  if (message.contains("newer") || message.contains("version number")) {
    return make(ErrorKind::kUnsupported, "lake_newer",
                "was made by a newer Fairlead. Use that one, or another data folder.");
  }
  if (message.contains("No space left"))
    return make(ErrorKind::kExhausted, "lake_full", "has no space left. Free some.");
  if (message.contains("Permission denied") || message.contains("Read-only file system")) {
    return make(ErrorKind::kPermissionDenied, "lake_read_only",
                "cannot be written. Make it and its folder writable for this user.");
  }
  if (message.contains("not a valid DuckDB") || message.contains("orrupt") || message.contains("checksum") ||
      message.contains("Serialization")) {
    return make(ErrorKind::kInternal, "lake_corrupt",
                "is damaged. Move it away, or put a backup in its place; Fairlead then makes a "
                "new one, and the records that are still in the spool go there. The engine says: " +
                    std::string(message));
  }
  return make(ErrorKind::kInternal, "lake_error", "cannot be opened: " + std::string(message));
}

class DuckLake final : public Lake {
 public:
  explicit DuckLake(Options options) : options_(std::move(options)) {
    for (const auto& table : options_.tables)
      if (table.is_shown) table_names_.push_back(table.name);
    for (const auto& view : options_.views) table_names_.push_back(view.name);
  }
  ~DuckLake() override {
    writer_.reset();
    duckdb_close(&database_);
  }

  Result<void> open() {
    FAIRLEAD_CHECK(open_engine());
    writer_.emplace();
    FAIRLEAD_CHECK(writer_->open(database_));
    FAIRLEAD_CHECK(attach());
    FAIRLEAD_CHECK(
        writer_->execute("CREATE TABLE IF NOT EXISTS main.notes (name VARCHAR NOT NULL, value BIGINT NOT NULL)"));
    return read_tenants();
  }

  Result<void> write(const std::function<Result<void>(Batch&)>& work) override {
    const std::lock_guard lock(write_mutex_);
    FAIRLEAD_CHECK(writer_->execute("BEGIN TRANSACTION"));
    std::set<std::string> made;
    std::vector<std::pair<TableKey, bool>> written;
    auto result = [&]() -> Result<void> {
      DuckBatch batch(*writer_, options_.tables, [&](std::string_view tenant) { return ensure_tenant(tenant, made); });
      FAIRLEAD_CHECK(work(batch));
      FAIRLEAD_CHECK(batch.flush());
      written = batch.tables();
      return {};
    }();
    if (result) result = writer_->execute("COMMIT");
    if (!result) {
      // A failed commit has ended the transaction itself; then this says so, and nobody needs to know.
      static_cast<void>(writer_->execute("ROLLBACK"));
      return result;
    }
    {
      const std::lock_guard tenants_lock(tenants_mutex_);
      tenants_.merge(made);
    }
    return settle(written);
  }

  Result<std::optional<std::int64_t>> note(std::string_view name) override {
    const std::lock_guard lock(write_mutex_);
    QueryResult result;
    const std::string sql = "SELECT value FROM main.notes WHERE name = " + sql_text(name);
    if (duckdb_query(writer_->get(), sql.c_str(), &result.get()) != DuckDBSuccess)
      return fail(result.error(Author::kUs));
    std::optional<std::int64_t> value;
    for (duckdb_data_chunk chunk = duckdb_fetch_chunk(result.get()); chunk != nullptr;
         chunk = duckdb_fetch_chunk(result.get())) {
      if (duckdb_data_chunk_get_size(chunk) > 0) {
        value = *static_cast<std::int64_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0)));
      }
      duckdb_destroy_data_chunk(&chunk);
    }
    return value;
  }

  Result<Answer> query(std::string_view tenant, std::string_view sql, std::span<const Parameter> parameters,
                       RowShape shape, Bounds bounds) override {
    Connection connection;
    FAIRLEAD_CHECK(connect(connection));
    FAIRLEAD_CHECK(show_tenant(connection, tenant));
    return run(connection, std::string(sql), parameters, shape, bounds, Author::kUs);
  }

  Result<Answer> ask(std::string_view tenant, std::string_view sql, Bounds bounds) override {
    if (sql.size() > kQueryBytes)
      return fail(ErrorKind::kTooLarge, "invalid_sql", "The query is longer than 16 KiB.", "query");
    if (sql.contains('\0')) return fail(ErrorKind::kInvalid, "invalid_sql", "The query holds a zero byte.", "query");
    Connection connection;
    FAIRLEAD_CHECK(connect(connection));
    FAIRLEAD_TRY(const std::string tree, syntax_tree(connection, sql));
    FAIRLEAD_CHECK(check_select(tree, table_names_));
    FAIRLEAD_CHECK(show_tenant(connection, tenant));
    FAIRLEAD_CHECK(connection.execute("BEGIN TRANSACTION READ ONLY"));
    return run(connection, std::string(sql), {}, RowShape::kArrays, bounds, Author::kStranger);
  }

  Result<std::int64_t> remove_before(std::string_view table, std::string_view time_column,
                                     std::int64_t unix_micros) override {
    const std::lock_guard lock(write_mutex_);
    std::int64_t removed = 0;
    for (const auto& schema : tenant_schemas()) {
      QueryResult result;
      const std::string sql = "DELETE FROM " + sql_name(schema) + "." + sql_name(table) + " WHERE " +
                              sql_name(time_column) + " < make_timestamp(" + std::to_string(unix_micros) + ")";
      if (duckdb_query(writer_->get(), sql.c_str(), &result.get()) != DuckDBSuccess)
        return fail(result.error(Author::kUs));
      removed += static_cast<std::int64_t>(duckdb_rows_changed(&result.get()));
    }
    return removed;
  }

  Result<void> remove_unused(std::string_view table, std::string_view column, std::string_view by) override {
    const std::lock_guard lock(write_mutex_);
    for (const auto& schema : tenant_schemas()) {
      const std::string in = sql_name(schema) + ".", name = sql_name(column);
      FAIRLEAD_CHECK(writer_->execute("DELETE FROM " + in + sql_name(table) + " WHERE " + name + " NOT IN (SELECT " +
                                      name + " FROM " + in + sql_name(by) + ")"));
    }
    return {};
  }

 private:
  Result<void> open_engine() {
    duckdb_config config = nullptr;
    duckdb_create_config(&config);
    const std::pair<const char*, std::string> settings[] = {
        {"threads", "1"},
        {"memory_limit", std::to_string(options_.memory_bytes / 1024) + "KiB"},
        {"preserve_insertion_order", "false"},
        {"temp_directory", ""},  // what does not fit is refused, not spilt
        {"autoload_known_extensions", "false"},
        {"autoinstall_known_extensions", "false"},
        {"allow_community_extensions", "false"},
        {"allow_unsigned_extensions", "false"},
        {"allow_persistent_secrets", "false"},
        // Of a new file. A column of a table takes two of them in memory as soon as it has a row that is not yet in
        // the file's own form.
        {"default_block_size", "65536"},
        {"checkpoint_threshold", "64MB"},
    };
    std::string refused;
    for (const auto& [name, value] : settings) {
      if (duckdb_set_config(config, name, value.c_str()) != DuckDBSuccess) refused = name;
    }
    char* message = nullptr;
    const duckdb_state state = duckdb_open_ext(nullptr, &database_, config, &message);
    duckdb_destroy_config(&config);
    const std::string reason = message != nullptr ? message : "";
    duckdb_free(message);
    if (!refused.empty())
      return fail(ErrorKind::kInternal, "lake_error", "The engine does not know the setting " + refused + ".");
    if (state != DuckDBSuccess) return fail(open_error(options_.path, reason));
    return {};
  }

  // The file is attached, because the size of its row groups cannot be said otherwise. After that nothing outside of it
  // can be reached, and no setting changes.
  Result<void> attach() {
    std::error_code error;
    if (!std::filesystem::exists(options_.path, error) && !error) FAIRLEAD_CHECK(create());
    FAIRLEAD_CHECK(attach_file(options_.path));
    FAIRLEAD_CHECK(writer_->execute("SET enable_external_access = false"));
    FAIRLEAD_CHECK(writer_->execute("SET lock_configuration = true"));
    return use(*writer_);
  }

  Result<void> attach_file(const std::string& path) {
    QueryResult result;
    const std::string sql = "ATTACH " + sql_text(path) + " AS " + std::string(kDatabase) + " (ROW_GROUP_SIZE " +
                            std::to_string(kBulkRows / 2) + ")";
    if (duckdb_query(writer_->get(), sql.c_str(), &result.get()) == DuckDBSuccess) return {};
    const char* message = duckdb_result_error(&result.get());
    return fail(open_error(options_.path, message != nullptr ? message : "no reason given"));
  }

  // A file that is killed before it has its headers is none that the engine opens again. So it gets its name when it is
  // whole.
  Result<void> create() {
    const std::string unfinished = options_.path + ".new";
    std::error_code error;
    std::filesystem::remove(unfinished, error);
    std::filesystem::remove(unfinished + ".wal", error);
    FAIRLEAD_CHECK(attach_file(unfinished));
    FAIRLEAD_CHECK(writer_->execute("DETACH " + std::string(kDatabase)));
    std::filesystem::rename(unfinished, options_.path, error);
    if (error) return fail(open_error(options_.path, error.message()));
    // A name is durable when its folder is.
    const std::string folder = std::filesystem::path(options_.path).parent_path();
    const int descriptor = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return {};
    ::fsync(descriptor);
    ::close(descriptor);
    return {};
  }

  static Result<void> use(Connection& connection) { return connection.execute("USE " + std::string(kDatabase)); }

  Result<void> connect(Connection& connection) {
    FAIRLEAD_CHECK(connection.open(database_));
    return use(connection);
  }

  // Few rows of a table wait in memory, in a row group that is not full, for more of them. When there are too many of
  // such row groups, they go into the file as they are.
  Result<void> settle(std::span<const std::pair<TableKey, bool>> written) {
    for (const auto& [table, bulk] : written) {
      if (!bulk) {
        filling_.insert(table);
      } else if (filling_.erase(table) > 0) {
        ++left_behind_;
      }
    }
    if (filling_.size() + left_behind_ < kMostUnsettled) return {};
    filling_.clear();
    left_behind_ = 0;
    return writer_->execute("CHECKPOINT " + std::string(kDatabase));
  }

  std::vector<std::string> tenant_schemas() {
    const std::lock_guard lock(tenants_mutex_);
    return {tenants_.begin(), tenants_.end()};
  }

  // How many columns each tenant's tables have. A schema is made together with its tables, so none is without.
  Result<std::map<TableKey, std::size_t>> count_columns() {
    const std::string sql =
        "SELECT schema_name, table_name, count(*) FROM duckdb_columns() WHERE database_name = current_database() "
        "AND schema_name LIKE 'p\\_%' ESCAPE '\\' GROUP BY ALL";
    QueryResult result;
    if (duckdb_query(writer_->get(), sql.c_str(), &result.get()) != DuckDBSuccess)
      return fail(result.error(Author::kUs));
    std::map<TableKey, std::size_t> counts;
    for (duckdb_data_chunk chunk = duckdb_fetch_chunk(result.get()); chunk != nullptr;
         chunk = duckdb_fetch_chunk(result.get())) {
      const auto data = [&](idx_t i) { return duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, i)); };
      const auto text = [](duckdb_string_t& value) {
        return std::string(duckdb_string_t_data(&value), duckdb_string_t_length(value));
      };
      auto* const schemas = static_cast<duckdb_string_t*>(data(0));
      auto* const tables = static_cast<duckdb_string_t*>(data(1));
      const auto* const columns = static_cast<const std::int64_t*>(data(2));
      for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk); ++i)
        counts[{text(schemas[i]), text(tables[i])}] = static_cast<std::size_t>(columns[i]);
      duckdb_destroy_data_chunk(&chunk);
    }
    return counts;
  }

  // Learns whose tables there are and brings them into today's shapes.
  Result<void> read_tenants() {
    FAIRLEAD_TRY(auto counts, count_columns());
    for (const auto& [key, columns] : counts) tenants_.insert(key.first);
    for (const auto& schema : tenants_) {
      for (const auto& table : options_.tables) FAIRLEAD_CHECK(complete(schema, table, counts[{schema, table.name}]));
      for (const auto& former : options_.former)
        if (counts.contains({schema, former.table.name})) FAIRLEAD_CHECK(replace(schema, former, counts));
    }
    return {};
  }

  Result<void> replace(const std::string& schema, const FormerTable& former,
                       const std::map<TableKey, std::size_t>& counts) {
    FAIRLEAD_CHECK(writer_->execute("BEGIN TRANSACTION"));
    const auto done = [&]() -> Result<void> {
      FAIRLEAD_CHECK(complete(schema, former.table, counts.at({schema, former.table.name})));
      FAIRLEAD_CHECK(writer_->execute("USE " + std::string(kDatabase) + "." + sql_name(schema)));
      for (const auto& statement : former.statements) FAIRLEAD_CHECK(writer_->execute(statement));
      FAIRLEAD_CHECK(writer_->execute("DROP TABLE " + sql_name(former.table.name)));
      return writer_->execute("COMMIT");
    }();
    if (!done) static_cast<void>(writer_->execute("ROLLBACK"));
    FAIRLEAD_CHECK(use(*writer_));
    return done;
  }

  Result<void> complete(const std::string& schema, const Table& table, std::size_t columns) {
    if (columns > table.columns.size()) {
      return fail(ErrorKind::kUnsupported, "lake_newer",
                  "The lake " + options_.path + " was made by a newer Fairlead. Use that one, or another data folder.");
    }
    const std::string name = sql_name(schema) + "." + sql_name(table.name);
    if (columns == 0) return writer_->execute("CREATE TABLE " + name + " (" + column_list(table) + ")");
    for (std::size_t i = columns; i < table.columns.size(); ++i)
      FAIRLEAD_CHECK(writer_->execute("ALTER TABLE " + name + " ADD COLUMN " + column_definition(table.columns[i])));
    return {};
  }

  Result<void> ensure_tenant(std::string_view tenant, std::set<std::string>& made) {
    const std::string schema = tenant_schema(tenant);
    {
      const std::lock_guard lock(tenants_mutex_);
      if (tenants_.contains(schema)) return {};
    }
    if (!made.insert(schema).second) return {};
    FAIRLEAD_CHECK(writer_->execute("CREATE SCHEMA " + sql_name(schema)));
    for (const auto& table : options_.tables) {
      FAIRLEAD_CHECK(writer_->execute("CREATE TABLE " + sql_name(schema) + "." + sql_name(table.name) + " (" +
                                      column_list(table) + ")"));
    }
    return {};
  }

  // Makes the tenant's tables and views known by their bare names, on this connection alone.
  Result<void> show_tenant(Connection& connection, std::string_view tenant) {
    const std::string schema = tenant_schema(tenant);
    bool known = false;
    {
      const std::lock_guard lock(tenants_mutex_);
      known = tenants_.contains(schema);
    }
    for (const auto& table : options_.tables) {
      FAIRLEAD_CHECK(
          connection.execute(known ? "CREATE TEMP VIEW " + sql_name(table.name) + " AS SELECT * FROM " +
                                         sql_name(schema) + "." + sql_name(table.name)
                                   : "CREATE TEMP TABLE " + sql_name(table.name) + " (" + column_list(table) + ")"));
    }
    for (const auto& view : options_.views)
      FAIRLEAD_CHECK(connection.execute("CREATE TEMP VIEW " + sql_name(view.name) + " AS " + view.select));
    return {};
  }

  Result<std::string> syntax_tree(Connection& connection, std::string_view sql) {
    QueryResult result;
    const std::string statement = "SELECT json_serialize_sql(" + sql_text(sql) + ")";
    if (duckdb_query(connection.get(), statement.c_str(), &result.get()) != DuckDBSuccess)
      return fail(result.error(Author::kStranger));
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result.get());
    if (chunk == nullptr) return fail(ErrorKind::kInternal, "lake_error", "The lake did not parse the query.");
    auto* text = static_cast<duckdb_string_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0)));
    std::string tree(duckdb_string_t_data(text), duckdb_string_t_length(*text));
    duckdb_destroy_data_chunk(&chunk);
    return tree;
  }

  static Result<void> bind(const Prepared& statement, std::span<const Parameter> parameters) {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const auto bound = std::visit(
          [&](const auto& value) {
            using T = std::decay_t<decltype(value)>;
            if constexpr (std::is_same_v<T, std::nullptr_t>) {
              return duckdb_bind_null(statement.get(), i + 1);
            } else if constexpr (std::is_same_v<T, std::int64_t>) {
              return duckdb_bind_int64(statement.get(), i + 1, value);
            } else if constexpr (std::is_same_v<T, double>) {
              return duckdb_bind_double(statement.get(), i + 1, value);
            } else {
              return duckdb_bind_varchar_length(statement.get(), i + 1, value.data(), value.size());
            }
          },
          parameters[i]);
      if (bound != DuckDBSuccess)
        return fail(ErrorKind::kInvalid, "invalid_value", "A parameter of the query is not valid text.");
    }
    return {};
  }

  static Result<Answer> run(Connection& connection, const std::string& sql, std::span<const Parameter> parameters,
                            RowShape shape, Bounds bounds, Author author) {
    QueryResult result;
    Prepared statement;
    const Watchdog watchdog(connection.get(), bounds.time);
    FAIRLEAD_CHECK(statement.prepare(connection, sql, author));
    if (author == Author::kStranger &&
        duckdb_prepared_statement_type(statement.get()) != DUCKDB_STATEMENT_TYPE_SELECT) {
      return fail(ErrorKind::kInvalid, "invalid_sql", "Only queries can be asked here.", "query");
    }
    FAIRLEAD_CHECK(bind(statement, parameters));
    if (author == Author::kStranger && duckdb_nparams(statement.get()) > 0) {
      return fail(ErrorKind::kInvalid, "invalid_sql", "The query has parameters, and there is nothing to give them.",
                  "query");
    }
    duckdb_pending_result pending = nullptr;
    duckdb_state state = duckdb_pending_prepared_streaming(statement.get(), &pending);
    if (state == DuckDBSuccess) state = duckdb_execute_pending(pending, &result.get());
    if (state != DuckDBSuccess) {
      const char* message = duckdb_pending_error(pending);
      Error error = message != nullptr ? translate(DUCKDB_ERROR_EXECUTOR, message, author) : result.error(author);
      duckdb_destroy_pending(&pending);
      return fail(std::move(error));
    }
    duckdb_destroy_pending(&pending);
    return read(result, shape, bounds, author);
  }

  static Result<Answer> read(QueryResult& result, RowShape shape, Bounds bounds, Author author) {
    const RowWriter writer(result.get(), shape);
    Answer answer{writer.columns(), {}, false};
    for (const auto& column : answer.columns) {
      if (!column.type.empty()) continue;
      return fail(ErrorKind::kInvalid, "invalid_sql",
                  "The type of column `" + column.name + "` cannot be shown; cast it, to VARCHAR for example.",
                  "query");
    }
    std::size_t bytes = 0;
    for (duckdb_data_chunk chunk = duckdb_fetch_chunk(result.get()); chunk != nullptr;
         chunk = duckdb_fetch_chunk(result.get())) {
      const idx_t size = duckdb_data_chunk_get_size(chunk);
      for (idx_t i = 0; i < size && !answer.truncated; ++i) {
        answer.truncated = static_cast<std::int64_t>(answer.rows.size()) >= bounds.rows || bytes >= bounds.bytes;
        if (!answer.truncated) bytes += answer.rows.emplace_back(writer.row(chunk, i)).size();
      }
      duckdb_destroy_data_chunk(&chunk);
      if (answer.truncated) return answer;
    }
    if (duckdb_result_error_type(&result.get()) != DUCKDB_ERROR_INVALID) return fail(result.error(author));
    return answer;
  }

  const Options options_;
  std::vector<std::string> table_names_;
  duckdb_database database_ = nullptr;
  std::mutex write_mutex_;  // of writer_
  std::optional<Connection> writer_;
  std::set<TableKey> filling_;   // have a row group in memory that takes more rows
  std::size_t left_behind_ = 0;  // row groups in memory that rows in bulk came behind, so that they take no more
  std::mutex tenants_mutex_;
  std::set<std::string> tenants_;  // names of their schemas
};

}  // namespace

Result<std::unique_ptr<Lake>> Lake::open(Options options) {
  auto lake = std::make_unique<DuckLake>(std::move(options));
  FAIRLEAD_CHECK(lake->open());
  return lake;
}

}  // namespace fairlead::lake
