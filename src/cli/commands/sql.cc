#include "cli/internal/command.h"

namespace fairlead::cli {
namespace {

std::string cell(const boost::json::value& value) {
  if (value.is_null()) return "";
  return value.is_string() ? std::string(value.get_string()) : json::to_text(value);
}

std::string csv_cell(const std::string& text) {  // RFC 4180
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

std::string rendered(const boost::json::value& reply, bool csv, bool colours) {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  for (const boost::json::value& column : reply.at("columns").as_array()) header.push_back(text_of(column, "name"));
  for (const boost::json::value& row : reply.at("rows").as_array()) {
    rows.emplace_back();
    for (const boost::json::value& value : row.as_array()) rows.back().push_back(cell(value));
  }
  std::string out;
  if (csv) {
    rows.insert(rows.begin(), header);
    for (const auto& row : rows)
      for (std::size_t i = 0; i < row.size(); ++i) out += csv_cell(row[i]) + (i + 1 < row.size() ? "," : "\r\n");
    return out;
  }
  out = table(header, rows, colours);
  if (reply.at("truncated").as_bool()) out += "  … and more; raise --limit, or narrow the query\n";
  return out;
}

}  // namespace

void add_sql(CLI::App& app, Context& context) {
  struct SqlWords {
    std::string query;
    std::int64_t limit = 0;
    bool csv = false;
  };
  const auto words = std::make_shared<SqlWords>();
  CLI::App* const sql = command(app, context, "sql", "Ask the recorded calls a question, in SQL",
                                "fairlead sql \"select target, count(*), sum(cost_usd) from calls group by target\"");
  sql->add_option("query", words->query, "One select over calls, attempts, feedback and feedback_history")->required();
  sql->add_option("--limit", words->limit, "At most this many rows; else 1000");
  sql->add_flag("--csv", words->csv, "Print CSV");
  sql->callback([&context, words] {
    boost::json::object body{{"query", words->query}};
    if (words->limit > 0) body["limit"] = words->limit;
    const boost::json::value value = std::move(body);
    answer(context, http::Method::kPost, "/api/v1/sql", &value,
           [&](const boost::json::value& reply) { return rendered(reply, words->csv, context.colours()); });
  });
}

}  // namespace fairlead::cli
