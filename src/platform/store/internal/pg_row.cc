#include "platform/store/internal/pg_row.h"

#include <charconv>

#include "base/digest.h"

namespace fairlead::store {
namespace {

constexpr Oid kBytea = 17;

}  // namespace

void PgRow::move_to(int row) {
  row_ = row;
  bytes_.clear();
}

std::string_view PgRow::raw(int column) const {
  return {pq_.PQgetvalue(result_, row_, column), static_cast<std::size_t>(pq_.PQgetlength(result_, row_, column))};
}

std::int64_t PgRow::integer(int column) const {
  const std::string_view digits = raw(column);
  if (digits == "t") return 1;
  std::int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

double PgRow::real(int column) const {
  const std::string_view digits = raw(column);
  double value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

std::string_view PgRow::text(int column) const {
  const std::string_view bytes = raw(column);
  if (pq_.PQftype(result_, column) != kBytea || !bytes.starts_with("\\x")) return bytes;
  if (bytes_.empty()) bytes_.resize(static_cast<std::size_t>(pq_.PQnfields(result_)));
  std::string& out = bytes_[static_cast<std::size_t>(column)];
  if (out.empty()) out = from_hex(bytes.substr(2)).value_or("");
  return out;
}

}  // namespace fairlead::store
