#include "platform/lake/internal/batch.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/digest.h"

namespace fairlead::lake {
namespace {

constexpr idx_t kFlushRows = 8192;

// The length of the valid UTF-8 sequence at the start of `text` (Unicode 15, table 3-7), or 0.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<std::uint8_t>(text[i]) : 0; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const std::uint8_t first = static_cast<std::uint8_t>(byte(0));
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if (!follows(1) || !follows(2)) return 0;
    if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f)) return 0;
    return 3;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    if ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) return 0;
    return 4;
  }
  return 0;
}

// The position of the first byte that is not UTF-8.
std::size_t first_fault(std::string_view text) {
  std::size_t at = 0;
  for (std::uint64_t word = 0; at + 8 <= text.size(); at += 8) {
    std::memcpy(&word, text.data() + at, 8);
    if ((word & 0x8080808080808080) != 0) break;
  }
  while (at < text.size()) {
    const std::size_t length = sequence_length(text.substr(at));
    if (length == 0) break;
    at += length;
  }
  return at;
}

// DuckDB refuses a whole batch for one text that is not UTF-8.
std::string mended(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t good = first_fault(text);
    out.append(text.substr(0, good));
    text.remove_prefix(good);
    if (!text.empty()) {
      out += "\xef\xbf\xbd";
      text.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace

std::string tenant_schema(std::string_view tenant) {
  return "p_" + to_hex(tenant);
}

// Fills a chunk of vectors, a column each, and hands it to the engine's appender when it is full: value by value
// through the engine's interface costs three times as much.
class DuckBatch::Appender final : public Rows {
 public:
  explicit Appender(const Table& table) {
    std::vector<duckdb_logical_type> types;
    for (const auto& column : table.columns) types.push_back(logical_type(column.type));
    chunk_ = duckdb_create_data_chunk(types.data(), types.size());
    for (auto& type : types) duckdb_destroy_logical_type(&type);
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      columns_.push_back({table.columns[i].type, duckdb_data_chunk_get_vector(chunk_, i)});
    }
    find_data();
  }
  ~Appender() override {
    duckdb_destroy_data_chunk(&chunk_);
    duckdb_appender_destroy(&appender_);
  }

  Result<void> open(duckdb_connection connection, const std::string& schema, const std::string& table) {
    if (duckdb_appender_create(connection, schema.c_str(), table.c_str(), &appender_) == DuckDBSuccess) return {};
    return error();
  }
  void null() override {
    Column& column = next();
    if (column.valid == nullptr) {
      duckdb_vector_ensure_validity_writable(column.vector);
      column.valid = duckdb_vector_get_validity(column.vector);
    }
    duckdb_validity_set_row_invalid(column.valid, row_);
  }
  void text(std::string_view value) override {
    const Column& column = next();
    put_text(column.vector, static_cast<duckdb_string_t*>(column.data) + row_, row_, value);
  }
  void integer(std::int64_t value) override {
    const Column& column = next();
    if (column.type == ColumnType::kNumber) {
      static_cast<std::int32_t*>(column.data)[row_] = static_cast<std::int32_t>(value);
    } else {
      static_cast<std::int64_t*>(column.data)[row_] = value;
    }
  }
  void real(double value) override { static_cast<double*>(next().data)[row_] = value; }
  void boolean(bool value) override { static_cast<bool*>(next().data)[row_] = value; }
  void time(std::int64_t unix_micros) override { static_cast<duckdb_timestamp*>(next().data)[row_] = {unix_micros}; }
  void texts(std::span<const std::string_view> values) override {
    Column& column = next();
    auto& entry = static_cast<duckdb_list_entry*>(column.data)[row_];
    entry = {column.elements, values.size()};
    if (values.empty()) return;
    note(duckdb_list_vector_reserve(column.vector, column.elements + values.size()));
    if (failed_) return;
    const duckdb_vector elements = duckdb_list_vector_get_child(column.vector);
    auto* const data = static_cast<duckdb_string_t*>(duckdb_vector_get_data(elements));
    for (const auto& value : values) {
      put_text(elements, data + column.elements, column.elements, value);
      ++column.elements;
    }
    note(duckdb_list_vector_set_size(column.vector, column.elements));
  }
  Result<void> end_row() override {
    column_ = 0;
    if (++row_ == duckdb_vector_size()) return push();
    return failed_ ? error() : Result<void>{};
  }
  // Hands everything to the transaction.
  Result<void> flush() {
    FAIRLEAD_CHECK(push());
    note(duckdb_appender_flush(appender_));
    return failed_ ? error() : Result<void>{};
  }
  idx_t rows() const { return rows_; }  // that have been handed on

 private:
  struct Column {
    ColumnType type;
    duckdb_vector vector;
    void* data = nullptr;
    std::uint64_t* valid = nullptr;  // a bit a row; null: all are
    idx_t elements = 0;              // of all lists so far
  };

  static duckdb_logical_type logical_type(ColumnType type) {
    if (type == ColumnType::kTexts) {
      duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
      const duckdb_logical_type list = duckdb_create_list_type(text);
      duckdb_destroy_logical_type(&text);
      return list;
    }
    constexpr duckdb_type kTypes[] = {DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_BIGINT,  DUCKDB_TYPE_INTEGER,
                                      DUCKDB_TYPE_DOUBLE,  DUCKDB_TYPE_BOOLEAN, DUCKDB_TYPE_TIMESTAMP};
    return duckdb_create_logical_type(kTypes[static_cast<std::size_t>(type)]);
  }

  Column& next() { return columns_[column_++]; }

  // Where a text is short enough, the engine keeps it in the place of the pointer (duckdb_string_t), zeros behind it.
  void put_text(duckdb_vector vector, duckdb_string_t* slot, idx_t index, std::string_view value) {
    if (first_fault(value) != value.size()) {
      const std::string whole = mended(value);
      return duckdb_vector_assign_string_element_len(vector, index, whole.data(), whole.size());
    }
    if (value.size() > sizeof slot->value.inlined.inlined)
      return duckdb_vector_assign_string_element_len(vector, index, value.data(), value.size());
    *slot = {};
    slot->value.inlined.length = static_cast<std::uint32_t>(value.size());
    std::memcpy(slot->value.inlined.inlined, value.data(), value.size());
  }

  void find_data() {
    for (auto& column : columns_) {
      column.data = duckdb_vector_get_data(column.vector);
      column.valid = nullptr;
      column.elements = 0;
    }
  }

  Result<void> push() {
    if (row_ > 0 && !failed_) {
      duckdb_data_chunk_set_size(chunk_, row_);
      note(duckdb_append_data_chunk(appender_, chunk_));
      duckdb_data_chunk_reset(chunk_);
      find_data();
      unflushed_ += row_;
      rows_ += row_;
      row_ = 0;
      // What the appender holds is a copy of what the transaction holds.
      if (unflushed_ >= kFlushRows) {
        note(duckdb_appender_flush(appender_));
        unflushed_ = 0;
      }
    }
    return failed_ ? error() : Result<void>{};
  }

  void note(duckdb_state state) { failed_ = failed_ || state != DuckDBSuccess; }
  Result<void> error() {
    duckdb_error_data data = duckdb_appender_error_data(appender_);
    const char* message = duckdb_error_data_message(data);
    Error out =
        translate(duckdb_error_data_error_type(data), message != nullptr ? message : "a row was refused", Author::kUs);
    duckdb_destroy_error_data(&data);
    return fail(std::move(out));
  }

  duckdb_appender appender_ = nullptr;
  duckdb_data_chunk chunk_ = nullptr;
  std::vector<Column> columns_;
  std::size_t column_ = 0;
  idx_t row_ = 0, unflushed_ = 0, rows_ = 0;  // in the chunk, in the appender, in all
  bool failed_ = false;
};

DuckBatch::DuckBatch(Connection& connection, std::span<const Table> tables,
                     std::function<Result<void>(std::string_view)> ensure)
    : connection_(connection), tables_(tables), ensure_(std::move(ensure)) {}
DuckBatch::~DuckBatch() = default;

Result<Rows*> DuckBatch::rows(std::string_view tenant, std::string_view table) {
  auto& appender = appenders_[{std::string(tenant), std::string(table)}];
  if (appender == nullptr) {
    FAIRLEAD_CHECK(ensure_(tenant));
    const auto shape = std::ranges::find(tables_, table, &Table::name);
    if (shape == tables_.end()) return fail(ErrorKind::kInternal, "lake_error", "There is no such table.");
    auto made = std::make_unique<Appender>(*shape);
    FAIRLEAD_CHECK(made->open(connection_.get(), tenant_schema(tenant), std::string(table)));
    appender = std::move(made);
  }
  return appender.get();
}

Result<void> DuckBatch::set_note(std::string_view name, std::int64_t value) {
  const std::string number = std::to_string(value), where = sql_text(name);
  FAIRLEAD_TRY(const idx_t changed,
               connection_.change("UPDATE main.notes SET value = " + number + " WHERE name = " + where));
  if (changed > 0) return {};
  return connection_.execute("INSERT INTO main.notes VALUES (" + where + ", " + number + ")");
}

Result<void> DuckBatch::flush() {
  for (auto& [key, appender] : appenders_) {
    if (appender != nullptr) FAIRLEAD_CHECK(appender->flush());
  }
  return {};
}

std::vector<std::pair<TableKey, bool>> DuckBatch::tables() const {
  std::vector<std::pair<TableKey, bool>> tables;
  for (const auto& [key, appender] : appenders_) {
    if (appender != nullptr && appender->rows() > 0) tables.emplace_back(key, appender->rows() >= kBulkRows);
  }
  return tables;
}

}  // namespace fairlead::lake
