#include "platform/lake/internal/batch.h"

#include <cstdint>
#include <vector>

#include "base/digest.h"

namespace fairlead::lake {
namespace {

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

class DuckBatch::Appender final : public Rows {
 public:
  Appender() = default;
  ~Appender() override { duckdb_appender_destroy(&appender_); }

  Result<void> open(duckdb_connection connection, const std::string& schema, const std::string& table) {
    if (duckdb_appender_create(connection, schema.c_str(), table.c_str(), &appender_) == DuckDBSuccess) return {};
    return error();
  }
  void null() override { note(duckdb_append_null(appender_)); }
  void text(std::string_view value) override {
    const std::size_t good = first_fault(value);
    if (good == value.size()) {
      note(duckdb_append_varchar_length(appender_, value.data(), value.size()));
    } else {
      const std::string whole = mended(value);
      note(duckdb_append_varchar_length(appender_, whole.data(), whole.size()));
    }
  }
  void integer(std::int64_t value) override { note(duckdb_append_int64(appender_, value)); }
  void real(double value) override { note(duckdb_append_double(appender_, value)); }
  void boolean(bool value) override { note(duckdb_append_bool(appender_, value)); }
  void time(std::int64_t unix_micros) override { note(duckdb_append_timestamp(appender_, {unix_micros})); }
  void texts(std::span<const std::string> values) override {
    std::vector<duckdb_value> elements;
    for (const auto& value : values) {
      const std::string whole = mended(value);
      elements.push_back(duckdb_create_varchar_length(whole.data(), whole.size()));
    }
    duckdb_logical_type type = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_value none = nullptr;  // the C API takes no null for an empty array
    duckdb_value list = duckdb_create_list_value(type, elements.empty() ? &none : elements.data(), elements.size());
    note(duckdb_append_value(appender_, list));
    duckdb_destroy_value(&list);
    for (auto& element : elements) duckdb_destroy_value(&element);
    duckdb_destroy_logical_type(&type);
  }
  Result<void> end_row() override {
    note(duckdb_appender_end_row(appender_));
    return failed_ ? error() : Result<void>{};
  }
  Result<void> flush() {
    note(duckdb_appender_flush(appender_));
    return failed_ ? error() : Result<void>{};
  }

 private:
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
  bool failed_ = false;
};

DuckBatch::DuckBatch(Connection& connection, std::function<Result<void>(std::string_view)> ensure)
    : connection_(connection), ensure_(std::move(ensure)) {}
DuckBatch::~DuckBatch() = default;

Result<Rows*> DuckBatch::rows(std::string_view tenant, std::string_view table) {
  auto& appender = appenders_[{std::string(tenant), std::string(table)}];
  if (appender == nullptr) {
    FAIRLEAD_CHECK(ensure_(tenant));
    auto made = std::make_unique<Appender>();
    FAIRLEAD_CHECK(made->open(connection_.get(), tenant_schema(tenant), std::string(table)));
    appender = std::move(made);
  }
  return appender.get();
}

Result<void> DuckBatch::set_note(std::string_view name, std::int64_t value) {
  FAIRLEAD_CHECK(connection_.execute("DELETE FROM main.notes WHERE name = " + sql_text(name)));
  return connection_.execute("INSERT INTO main.notes VALUES (" + sql_text(name) + ", " + std::to_string(value) + ")");
}

Result<void> DuckBatch::flush() {
  for (auto& [key, appender] : appenders_) {
    if (appender != nullptr) FAIRLEAD_CHECK(appender->flush());
  }
  return {};
}

}  // namespace fairlead::lake
