// What the recorded calls say, asked of the lake in SQL.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/result.h"
#include "capacity/load.h"

namespace fairlead::capacity {

// Answers one question as POST /api/v1/sql does (docs/reference/records.md): `{"columns", "rows", "truncated"}`.
// Blocks.
using Ask = std::function<Result<std::string>(const std::string& query, std::int64_t limit)>;

struct Names {
  std::function<std::string(const std::string& key_id)> key;  // the key's name, or its id
  // The model that a prompt calls, where a record names another one, that it fell back to; empty: not known.
  std::function<bool(const std::string& model)> is_model;
};

// The busiest stretch of the time since then: as short as holds 1,000 calls, a minute at least and an hour at most; of
// one that holds more than 6,000, the busiest part that does. Calls that reached no upstream, and would not have, are
// left out. Error: kInvalid `no_records`.
Result<Load> read_load(const Ask& ask, const Names& names, std::int64_t since_us, std::int64_t now_us);

struct BudgetUse {
  double requests = 0, input_tokens = 0, output_tokens = 0, cost_usd = 0;
};
// What calls under each budget used in that time.
Result<std::map<std::string, BudgetUse>> read_budget_use(const Ask& ask, std::int64_t since_us, std::int64_t now_us);

}  // namespace fairlead::capacity
