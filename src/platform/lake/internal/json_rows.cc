#include "platform/lake/internal/json_rows.h"

#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/clock.h"
#include "platform/json/text.h"

namespace fairlead::lake {
namespace {

class Type {  // owns a logical type
 public:
  explicit Type(duckdb_logical_type type) : type_(type) {}
  ~Type() { duckdb_destroy_logical_type(&type_); }
  Type(const Type&) = delete;
  Type& operator=(const Type&) = delete;
  duckdb_logical_type get() const { return type_; }
  duckdb_type id() const { return duckdb_get_type_id(type_); }

 private:
  duckdb_logical_type type_;
};

std::string taken(char* text) {
  std::string out = text != nullptr ? text : "";
  duckdb_free(text);
  return out;
}

template <class T>
void append_integer(std::string& out, T value) {
  char buffer[24];
  const auto [end, fault] = std::to_chars(buffer, buffer + sizeof buffer, value);
  out.append(buffer, end);
}

template <class T>
void append_real(std::string& out, T value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char buffer[32];
  const auto [end, fault] = std::to_chars(buffer, buffer + sizeof buffer, value);
  out.append(buffer, end);
}

std::string digits_of(unsigned __int128 value) {
  std::string digits;
  do digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
  while ((value /= 10) != 0);
  return digits;
}

unsigned __int128 wide(std::uint64_t upper, std::uint64_t lower) {
  return static_cast<unsigned __int128>(upper) << 64 | lower;
}

std::string signed_text(__int128 value) {
  return value < 0 ? "-" + digits_of(-static_cast<unsigned __int128>(value))
                   : digits_of(static_cast<unsigned __int128>(value));
}

std::string decimal_text(__int128 value, std::uint8_t scale) {
  std::string text = signed_text(value < 0 ? -value : value);
  if (scale > 0) {
    if (text.size() <= scale) text.insert(0, scale + 1u - text.size(), '0');
    text.insert(text.size() - scale, ".");
  }
  return value < 0 ? "-" + text : text;
}

std::string date_text(duckdb_date date) {
  if (!duckdb_is_finite_date(date)) return date.days < 0 ? "-infinity" : "infinity";
  const duckdb_date_struct parts = duckdb_from_date(date);
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%04d-%02d-%02d", parts.year, parts.month, parts.day);
  return buffer;
}

std::string time_text(std::int64_t micros) {
  const duckdb_time_struct parts = duckdb_from_time({micros});
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%02d:%02d:%02d.%06d", parts.hour, parts.min, parts.sec, parts.micros);
  return buffer;
}

// ISO 8601, UTC, as everywhere in the API.
std::string timestamp_text(std::int64_t micros) {
  if (!duckdb_is_finite_timestamp({micros})) return micros < 0 ? "-infinity" : "infinity";
  return iso8601(micros);
}

std::string uuid_text(duckdb_hugeint value) {
  const std::uint64_t upper =
      static_cast<std::uint64_t>(value.upper) ^ (1ull << 63);  // DuckDB flips the top bit to sort
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%08llx-%04llx-%04llx-%04llx-%012llx",
                static_cast<unsigned long long>(upper >> 32), static_cast<unsigned long long>(upper >> 16 & 0xffff),
                static_cast<unsigned long long>(upper & 0xffff), static_cast<unsigned long long>(value.lower >> 48),
                static_cast<unsigned long long>(value.lower & 0xffffffffffffull));
  return buffer;
}

// ISO 8601 duration.
std::string interval_text(const duckdb_interval& interval) {
  std::string out = "P";
  if (interval.months != 0) out += std::to_string(interval.months) + "M";
  if (interval.days != 0) out += std::to_string(interval.days) + "D";
  if (interval.micros != 0 || out == "P") {
    out += "T";
    append_real(out, static_cast<double>(interval.micros) / 1e6);
    out += "S";
  }
  return out;
}

std::string_view string_at(const void* data, idx_t row) {
  auto* text = static_cast<duckdb_string_t*>(const_cast<void*>(data)) + row;
  return {duckdb_string_t_data(text), duckdb_string_t_length(*text)};
}

void append_value(std::string& out, duckdb_vector vector, duckdb_logical_type type, idx_t row);

void append_list(std::string& out, duckdb_vector child, duckdb_logical_type type, idx_t offset, idx_t length) {
  out += '[';
  for (idx_t i = 0; i < length; ++i) {
    if (i > 0) out += ',';
    append_value(out, child, type, offset + i);
  }
  out += ']';
}

void append_struct(std::string& out, duckdb_vector vector, duckdb_logical_type type, idx_t row) {
  out += '{';
  for (idx_t i = 0; i < duckdb_struct_type_child_count(type); ++i) {
    if (i > 0) out += ',';
    json::append_string(out, taken(duckdb_struct_type_child_name(type, i)));
    out += ':';
    const Type child(duckdb_struct_type_child_type(type, i));
    append_value(out, duckdb_struct_vector_get_child(vector, i), child.get(), row);
  }
  out += '}';
}

template <class T>
T at(const void* data, idx_t row) {
  return static_cast<const T*>(data)[row];
}

__int128 decimal_at(const void* data, duckdb_type storage, idx_t row) {
  switch (storage) {
    case DUCKDB_TYPE_SMALLINT:
      return at<std::int16_t>(data, row);
    case DUCKDB_TYPE_INTEGER:
      return at<std::int32_t>(data, row);
    case DUCKDB_TYPE_BIGINT:
      return at<std::int64_t>(data, row);
    default: {
      const auto value = at<duckdb_hugeint>(data, row);
      return static_cast<__int128>(wide(static_cast<std::uint64_t>(value.upper), value.lower));
    }
  }
}

std::string enum_text(const void* data, duckdb_logical_type type, idx_t row) {
  idx_t index = 0;
  switch (duckdb_enum_internal_type(type)) {
    case DUCKDB_TYPE_UTINYINT:
      index = at<std::uint8_t>(data, row);
      break;
    case DUCKDB_TYPE_USMALLINT:
      index = at<std::uint16_t>(data, row);
      break;
    default:
      index = at<std::uint32_t>(data, row);
      break;
  }
  return taken(duckdb_enum_dictionary_value(type, index));
}

void append_value(std::string& out, duckdb_vector vector, duckdb_logical_type type, idx_t row) {
  std::uint64_t* validity = duckdb_vector_get_validity(vector);
  if (validity != nullptr && !duckdb_validity_row_is_valid(validity, row)) {
    out += "null";
    return;
  }
  const void* data = duckdb_vector_get_data(vector);
  switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_BOOLEAN:
      out += at<bool>(data, row) ? "true" : "false";
      return;
    case DUCKDB_TYPE_TINYINT:
      append_integer(out, at<std::int8_t>(data, row));
      return;
    case DUCKDB_TYPE_SMALLINT:
      append_integer(out, at<std::int16_t>(data, row));
      return;
    case DUCKDB_TYPE_INTEGER:
      append_integer(out, at<std::int32_t>(data, row));
      return;
    case DUCKDB_TYPE_BIGINT:
      append_integer(out, at<std::int64_t>(data, row));
      return;
    case DUCKDB_TYPE_UTINYINT:
      append_integer(out, at<std::uint8_t>(data, row));
      return;
    case DUCKDB_TYPE_USMALLINT:
      append_integer(out, at<std::uint16_t>(data, row));
      return;
    case DUCKDB_TYPE_UINTEGER:
      append_integer(out, at<std::uint32_t>(data, row));
      return;
    case DUCKDB_TYPE_UBIGINT:
      append_integer(out, at<std::uint64_t>(data, row));
      return;
    case DUCKDB_TYPE_FLOAT:
      append_real(out, at<float>(data, row));
      return;
    case DUCKDB_TYPE_DOUBLE:
      append_real(out, at<double>(data, row));
      return;
    case DUCKDB_TYPE_HUGEINT: {
      const auto value = at<duckdb_hugeint>(data, row);
      out += signed_text(static_cast<__int128>(wide(static_cast<std::uint64_t>(value.upper), value.lower)));
      return;
    }
    case DUCKDB_TYPE_UHUGEINT: {
      const auto value = at<duckdb_uhugeint>(data, row);
      out += digits_of(wide(value.upper, value.lower));
      return;
    }
    case DUCKDB_TYPE_DECIMAL:
      out += decimal_text(decimal_at(data, duckdb_decimal_internal_type(type), row), duckdb_decimal_scale(type));
      return;
    case DUCKDB_TYPE_VARCHAR:
      json::append_string(out, string_at(data, row));
      return;
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
      json::append_string(out, timestamp_text(at<std::int64_t>(data, row)));
      return;
    case DUCKDB_TYPE_TIMESTAMP_S:
      json::append_string(out, timestamp_text(at<std::int64_t>(data, row) * 1'000'000));
      return;
    case DUCKDB_TYPE_TIMESTAMP_MS:
      json::append_string(out, timestamp_text(at<std::int64_t>(data, row) * 1'000));
      return;
    case DUCKDB_TYPE_TIMESTAMP_NS:
      json::append_string(out, timestamp_text(at<std::int64_t>(data, row) / 1'000));
      return;
    case DUCKDB_TYPE_DATE:
      json::append_string(out, date_text(at<duckdb_date>(data, row)));
      return;
    case DUCKDB_TYPE_TIME:
      json::append_string(out, time_text(at<std::int64_t>(data, row)));
      return;
    case DUCKDB_TYPE_INTERVAL:
      json::append_string(out, interval_text(at<duckdb_interval>(data, row)));
      return;
    case DUCKDB_TYPE_UUID:
      json::append_string(out, uuid_text(at<duckdb_hugeint>(data, row)));
      return;
    case DUCKDB_TYPE_ENUM:
      json::append_string(out, enum_text(data, type, row));
      return;
    case DUCKDB_TYPE_STRUCT:
      append_struct(out, vector, type, row);
      return;
    case DUCKDB_TYPE_LIST: {
      const auto entry = at<duckdb_list_entry>(data, row);
      const Type child(duckdb_list_type_child_type(type));
      append_list(out, duckdb_list_vector_get_child(vector), child.get(), entry.offset, entry.length);
      return;
    }
    case DUCKDB_TYPE_MAP: {  // a list of {key, value}
      const auto entry = at<duckdb_list_entry>(data, row);
      const Type key(duckdb_map_type_key_type(type));
      const Type value(duckdb_map_type_value_type(type));
      const duckdb_vector pairs = duckdb_list_vector_get_child(vector);
      out += '{';
      for (idx_t i = 0; i < entry.length; ++i) {
        if (i > 0) out += ',';
        std::string name;
        append_value(name, duckdb_struct_vector_get_child(pairs, 0), key.get(), entry.offset + i);
        if (name.front() == '"') {
          out += name;
        } else {
          json::append_string(out, name);
        }
        out += ':';
        append_value(out, duckdb_struct_vector_get_child(pairs, 1), value.get(), entry.offset + i);
      }
      out += '}';
      return;
    }
    case DUCKDB_TYPE_ARRAY: {
      const Type child(duckdb_array_type_child_type(type));
      const idx_t size = duckdb_array_type_array_size(type);
      append_list(out, duckdb_array_vector_get_child(vector), child.get(), row * size, size);
      return;
    }
    default:
      out += "null";
      return;  // refused by type_name() before a row is written
  }
}

// The type's name in SQL, or empty if its values cannot be written.
std::string type_name(duckdb_logical_type type) {
  switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_BOOLEAN:
      return "BOOLEAN";
    case DUCKDB_TYPE_TINYINT:
      return "TINYINT";
    case DUCKDB_TYPE_SMALLINT:
      return "SMALLINT";
    case DUCKDB_TYPE_INTEGER:
      return "INTEGER";
    case DUCKDB_TYPE_BIGINT:
      return "BIGINT";
    case DUCKDB_TYPE_UTINYINT:
      return "UTINYINT";
    case DUCKDB_TYPE_USMALLINT:
      return "USMALLINT";
    case DUCKDB_TYPE_UINTEGER:
      return "UINTEGER";
    case DUCKDB_TYPE_UBIGINT:
      return "UBIGINT";
    case DUCKDB_TYPE_FLOAT:
      return "FLOAT";
    case DUCKDB_TYPE_DOUBLE:
      return "DOUBLE";
    case DUCKDB_TYPE_HUGEINT:
      return "HUGEINT";
    case DUCKDB_TYPE_UHUGEINT:
      return "UHUGEINT";
    case DUCKDB_TYPE_DECIMAL:
      return "DECIMAL(" + std::to_string(duckdb_decimal_width(type)) + "," +
             std::to_string(duckdb_decimal_scale(type)) + ")";
    case DUCKDB_TYPE_VARCHAR:
      return "VARCHAR";
    case DUCKDB_TYPE_TIMESTAMP:
      return "TIMESTAMP";
    case DUCKDB_TYPE_TIMESTAMP_TZ:
      return "TIMESTAMP WITH TIME ZONE";
    case DUCKDB_TYPE_TIMESTAMP_S:
      return "TIMESTAMP_S";
    case DUCKDB_TYPE_TIMESTAMP_MS:
      return "TIMESTAMP_MS";
    case DUCKDB_TYPE_TIMESTAMP_NS:
      return "TIMESTAMP_NS";
    case DUCKDB_TYPE_DATE:
      return "DATE";
    case DUCKDB_TYPE_TIME:
      return "TIME";
    case DUCKDB_TYPE_INTERVAL:
      return "INTERVAL";
    case DUCKDB_TYPE_UUID:
      return "UUID";
    case DUCKDB_TYPE_ENUM:
      return "ENUM";
    case DUCKDB_TYPE_SQLNULL:
      return "NULL";
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_ARRAY: {
      const bool list = duckdb_get_type_id(type) == DUCKDB_TYPE_LIST;
      const Type child(list ? duckdb_list_type_child_type(type) : duckdb_array_type_child_type(type));
      const std::string name = type_name(child.get());
      return name.empty() ? "" : name + (list ? "[]" : "[" + std::to_string(duckdb_array_type_array_size(type)) + "]");
    }
    case DUCKDB_TYPE_MAP: {
      const Type key(duckdb_map_type_key_type(type));
      const Type value(duckdb_map_type_value_type(type));
      const std::string a = type_name(key.get()), b = type_name(value.get());
      return a.empty() || b.empty() ? "" : "MAP(" + a + ", " + b + ")";
    }
    case DUCKDB_TYPE_STRUCT: {
      std::string out = "STRUCT(";
      for (idx_t i = 0; i < duckdb_struct_type_child_count(type); ++i) {
        const Type child(duckdb_struct_type_child_type(type, i));
        const std::string name = type_name(child.get());
        if (name.empty()) return "";
        out += (i > 0 ? ", " : "") + taken(duckdb_struct_type_child_name(type, i)) + " " + name;
      }
      return out + ")";
    }
    default:
      return "";
  }
}

}  // namespace

RowWriter::RowWriter(duckdb_result& result, RowShape shape) : shape_(shape) {
  for (idx_t i = 0; i < duckdb_column_count(&result); ++i) {
    types_.push_back(duckdb_column_logical_type(&result, i));
    columns_.push_back({duckdb_column_name(&result, i), type_name(types_.back())});
  }
}

RowWriter::~RowWriter() {
  for (auto& type : types_) duckdb_destroy_logical_type(&type);
}

std::string RowWriter::row(duckdb_data_chunk chunk, idx_t row) const {
  const bool objects = shape_ == RowShape::kObjects;
  std::string out(1, objects ? '{' : '[');
  for (idx_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) out += ',';
    if (objects) {
      json::append_string(out, columns_[i].name);
      out += ':';
    }
    append_value(out, duckdb_data_chunk_get_vector(chunk, i), types_[i], row);
  }
  out += objects ? '}' : ']';
  return out;
}

}  // namespace fairlead::lake
