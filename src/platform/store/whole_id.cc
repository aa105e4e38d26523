#include "platform/store/whole_id.h"

#include <algorithm>
#include <cctype>

#include "base/id.h"

namespace fairlead::store {

Result<std::string> whole_id(Connection& connection, std::string query, std::vector<Value> values,
                             const std::string& start) {
  const auto is_of_ids = [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; };
  if (start.empty() || !std::ranges::all_of(start, is_of_ids)) return std::string();
  values.emplace_back(start);
  values.emplace_back(start + "~");  // which comes after all that an id is made of
  const std::string first = std::to_string(values.size() - 1), second = std::to_string(values.size());
  query += " and id >= $" + first + " and id < $" + second + " order by id limit " + std::to_string(kNamedIds + 1);
  std::vector<std::string> found;
  FAIRLEAD_CHECK(connection.query(query, values, [&found](const Row& row) -> Result<void> {
    found.emplace_back(row.text(0));
    return {};
  }));
  if (found.empty()) return std::string();
  if (found.size() > 1 && found.front() != start) return fail(ambiguous_id(start, found));
  return std::move(found.front());
}

}  // namespace fairlead::store
