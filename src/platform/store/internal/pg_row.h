// A row of a result of PostgreSQL's.
#pragma once
#include <string>
#include <vector>

#include "platform/store/database.h"
#include "platform/store/internal/libpq.h"

namespace fairlead::store {

class PgRow final : public Row {
 public:
  PgRow(const Libpq& pq, const PGresult* result) : pq_(pq), result_(result) {}
  void move_to(int row);

  std::int64_t integer(int column) const override;
  double real(int column) const override;
  std::string_view text(int column) const override;
  bool is_null(int column) const override { return pq_.PQgetisnull(result_, row_, column) != 0; }

 private:
  std::string_view raw(int column) const;

  const Libpq& pq_;
  const PGresult* result_;
  int row_ = 0;
  mutable std::vector<std::string> bytes_;  // of columns that come in hexadecimal digits, once they are asked for
};

}  // namespace fairlead::store
