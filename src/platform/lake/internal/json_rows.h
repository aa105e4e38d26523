// DuckDB's vectors as JSON text.
#pragma once
#include <duckdb.h>

#include <string>
#include <vector>

#include "platform/lake/lake.h"

namespace fairlead::lake {

// Writes the rows of a result's chunks. Made for one result, which must outlive it.
class RowWriter {
 public:
  RowWriter(duckdb_result& result, RowShape shape);
  ~RowWriter();
  RowWriter(const RowWriter&) = delete;
  RowWriter& operator=(const RowWriter&) = delete;

  const std::vector<Answer::ColumnInfo>& columns() const { return columns_; }
  std::string row(duckdb_data_chunk chunk, idx_t row) const;

 private:
  RowShape shape_;
  std::vector<Answer::ColumnInfo> columns_;
  std::vector<duckdb_logical_type> types_;
};

}  // namespace fairlead::lake
