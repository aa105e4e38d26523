// The analytical store: DuckDB embedded; ClickHouse will stand behind the same interface.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace fairlead::lake {

enum class ColumnType : std::uint8_t { kText, kInteger, kNumber, kReal, kBoolean, kTime, kTexts };

// What the values of a text column are like. It only steers how they are compressed: prose by trying every way, which
// is a quarter of what loading costs.
enum class Texts : std::uint8_t {
  kProse,
  kWords,  // few different ones
  kIds,    // hardly ever the same twice
};

struct Column {
  std::string name;  // a plain SQL name
  ColumnType type;   // VARCHAR, BIGINT, INTEGER, DOUBLE, BOOLEAN, TIMESTAMP (UTC), VARCHAR[]
  Texts texts = Texts::kProse;
};

// Each tenant has its own tables of these shapes. A column that is added to the end of a table's list is added to the
// tables that are there, with null in the rows that were; columns are never taken away, renamed or given another type.
struct Table {
  std::string name;
  std::vector<Column> columns;
  bool is_shown = true;  // strangers may name it
};

// What is asked of as a table and kept as others: `select` names tables of the list by their bare names.
struct View {
  std::string name, select;
};

// A table of an older Fairlead. When a file is opened in which a tenant has it, it gets the columns that it lacks, the
// statements, which name tables by their bare names, bring its rows to where they belong today, and it is dropped.
struct FormerTable {
  Table table;
  std::vector<std::string> statements;
};

// So many rows of one table in one batch, or twice, three times as many, cost the least: they go to the file compressed
// and at once. Fewer are logged, kept in memory and compressed when there are more of them.
inline constexpr std::int64_t kBulkRows = 32'768;

struct Options {
  std::string path;
  std::vector<Table> tables;
  std::size_t memory_bytes = 64 * 1024 * 1024;  // the engine's own bound; what a query needs above it is refused
  std::vector<View> views{};
  std::vector<FormerTable> former{};
};

// The rows of one table in a batch: the values in the order of its columns, then end_row().
class Rows {
 public:
  virtual ~Rows() = default;
  virtual void null() = 0;
  virtual void text(std::string_view value) = 0;  // must be UTF-8; what is not becomes U+FFFD
  virtual void integer(std::int64_t value) = 0;   // for kInteger and kNumber
  virtual void real(double value) = 0;
  virtual void boolean(bool value) = 0;
  virtual void time(std::int64_t unix_micros) = 0;
  virtual void texts(std::span<const std::string_view> values) = 0;
  virtual Result<void> end_row() = 0;
};

// One transaction.
class Batch {
 public:
  virtual ~Batch() = default;
  // Lives as long as the batch. `table` names one of Options::tables.
  virtual Result<Rows*> rows(std::string_view tenant, std::string_view table) = 0;
  // A note that is committed with the rows.
  virtual Result<void> set_note(std::string_view name, std::int64_t value) = 0;
};

using Parameter = std::variant<std::nullptr_t, std::int64_t, double, std::string>;

enum class RowShape : std::uint8_t { kArrays, kObjects };

struct Bounds {
  std::int64_t rows = 1000;
  std::size_t bytes = 4 * 1024 * 1024;  // of `rows`, roughly
  std::chrono::milliseconds time{10'000};
};

struct Answer {
  struct ColumnInfo {
    std::string name, type;  // the type in SQL's words
  };
  std::vector<ColumnInfo> columns;
  std::vector<std::string> rows;  // JSON text, one a row: arrays or objects with the columns' names
  bool truncated = false;         // there was more than the bounds allow
};

// Thread-safe: writes are one at a time, queries beside each other and beside a write. Everything blocks.
class Lake {
 public:
  // Opens the file, makes it if it is not there. Errors say the path and what to do: lake_locked (another process has
  // it), lake_read_only, lake_corrupt, lake_newer (made by a newer engine), lake_full, lake_error.
  static Result<std::unique_ptr<Lake>> open(Options options);
  virtual ~Lake() = default;

  // Commits what `work` appends if it returns a value, and nothing if it returns an error. Errors: lake_full,
  // lake_error.
  virtual Result<void> write(const std::function<Result<void>(Batch&)>& work) = 0;
  virtual Result<std::optional<std::int64_t>> note(std::string_view name) = 0;

  // A statement of ours, over the tenant's tables and views by their bare names; `$1` stands for the first parameter.
  // Errors: lake_timeout, lake_too_large, lake_error.
  virtual Result<Answer> query(std::string_view tenant, std::string_view sql, std::span<const Parameter> parameters,
                               RowShape shape, Bounds bounds) = 0;

  // A statement of a stranger: one select over the tenant's shown tables and views, which can neither reach anything
  // else nor change a thing (README.md says how). Errors: invalid_sql (kInvalid; also what is not allowed),
  // sql_timeout, sql_too_large, lake_error.
  virtual Result<Answer> ask(std::string_view tenant, std::string_view sql, Bounds bounds) = 0;

  // Deletes the rows of every tenant whose `time_column` is before that time. Returns how many.
  virtual Result<std::int64_t> remove_before(std::string_view table, std::string_view time_column,
                                             std::int64_t unix_micros) = 0;
  // Deletes the rows of every tenant's `table` whose value of `column` no row of `by` has in its column of that name.
  virtual Result<void> remove_unused(std::string_view table, std::string_view column, std::string_view by) = 0;
};

}  // namespace fairlead::lake
