// Rows on their way into DuckDB.
#pragma once
#include <duckdb.h>

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "platform/lake/internal/handles.h"
#include "platform/lake/lake.h"

namespace fairlead::lake {

// The schema that holds a tenant's tables: names of schemas know no case, so the tenant's is spelt in hexadecimal.
std::string tenant_schema(std::string_view tenant);

using TableKey = std::pair<std::string, std::string>;  // tenant, table

// Appends within the transaction that its connection is in.
class DuckBatch final : public Batch {
 public:
  // `tables` outlives it. `ensure` makes a tenant's tables if they are not there.
  DuckBatch(Connection& connection, std::span<const Table> tables,
            std::function<Result<void>(std::string_view tenant)> ensure);
  ~DuckBatch() override;
  Result<Rows*> rows(std::string_view tenant, std::string_view table) override;
  Result<void> set_note(std::string_view name, std::int64_t value) override;
  Result<void> flush();  // hands everything to the transaction
  // Each table that got rows, and whether they are enough to go into the file at once.
  std::vector<std::pair<TableKey, bool>> tables() const;

 private:
  class Appender;
  Connection& connection_;
  const std::span<const Table> tables_;
  std::function<Result<void>(std::string_view)> ensure_;
  std::map<TableKey, std::unique_ptr<Appender>> appenders_;
};

}  // namespace fairlead::lake
