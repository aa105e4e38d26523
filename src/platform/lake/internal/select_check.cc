#include "platform/lake/internal/select_check.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <vector>

#include "base/suggest.h"
#include "platform/json/text.h"

namespace fairlead::lake {
namespace {

namespace bj = boost::json;

constexpr std::size_t kDepth = 1'500;  // of the tree; one level of SQL is about three

// Whatever has a type and no class is a query, a table reference or a modifier; these are the ones that can be read.
constexpr std::array<std::string_view, 19> kNodes = {"SELECT_NODE",
                                                     "SET_OPERATION_NODE",
                                                     "RECURSIVE_CTE_NODE",
                                                     "CTE_NODE",
                                                     "BASE_TABLE",
                                                     "SUBQUERY",
                                                     "JOIN",
                                                     "TABLE_FUNCTION",
                                                     "EXPRESSION_LIST",
                                                     "EMPTY",
                                                     "SHOW_REF",
                                                     "PIVOT",
                                                     "ORDER_MODIFIER",
                                                     "LIMIT_MODIFIER",
                                                     "LIMIT_PERCENT_MODIFIER",
                                                     "DISTINCT_MODIFIER",
                                                     "ORDER_DEFAULT",
                                                     "ASCENDING",
                                                     "DESCENDING"};

constexpr std::array<std::string_view, 6> kTableFunctions = {"unnest",    "range",     "generate_series",
                                                             "json_each", "json_tree", "repeat_row"};

// Functions that tell of the engine, of its settings, of the catalogue, or that run or plan SQL given as a text; those
// that take an aggregate's raw state; and those that change something.
constexpr std::array<std::string_view, 27> kFunctions = {"current_setting",
                                                         "getvariable",
                                                         "getenv",
                                                         "nextval",
                                                         "currval",
                                                         "setseed",
                                                         "write_log",
                                                         "query",
                                                         "query_table",
                                                         "json_serialize_plan",
                                                         "json_execute_serialized_sql",
                                                         "json_deserialize_sql",
                                                         "json_serialize_sql",
                                                         "stats",
                                                         "finalize",
                                                         "combine",
                                                         "current_schemas",
                                                         "in_search_path",
                                                         "current_query",
                                                         "txid_current",
                                                         "current_connection_id",
                                                         "current_transaction_id",
                                                         "current_query_id",
                                                         "parse_duckdb_log_message",
                                                         "create_sort_key",
                                                         "is_histogram_other_bin",
                                                         "col_description"};
constexpr std::array<std::string_view, 4> kFunctionPrefixes = {"__internal", "duckdb_", "has_", "pragma_"};

template <std::size_t N>
bool among(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// As DuckDB compares names: without the case of ASCII letters.
std::string folded(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::unexpected<Error> refuse(std::string message) {
  return fail(ErrorKind::kInvalid, "invalid_sql", std::move(message), "query");
}

std::string_view text_of(const bj::object& object, std::string_view name) {
  const bj::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

// The names that a table reference may have at some place of the tree: a list that inner places add to.
struct Scope {
  const Scope* outer = nullptr;
  std::string name;
  bool holds(std::string_view wanted) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->outer) {
      if (scope->name == wanted) return true;
    }
    return false;
  }
};

class Walk {
 public:
  explicit Walk(std::span<const std::string> tables) : tables_(tables) {}

  Result<void> value(const bj::value& value, const Scope* scope) {
    if (value.is_array()) {
      for (const auto& element : value.get_array()) FAIRLEAD_CHECK(this->value(element, scope));
    } else if (value.is_object()) {
      return object(value.get_object(), scope);
    }
    return {};
  }

 private:
  Result<void> object(const bj::object& object, const Scope* scope) {
    // Names of a query's common table expressions: each is seen by those behind it and by the query, not by itself.
    if (const bj::value* ctes = object.if_contains("cte_map")) return query(object, *ctes, scope);
    return members(object, scope);
  }

  Result<void> query(const bj::object& object, const bj::value& ctes, const Scope* scope) {
    const bj::object* holder = ctes.if_object();
    const bj::value* map = holder != nullptr ? holder->if_contains("map") : nullptr;
    if (map == nullptr || !map->is_array()) return unknown();
    return next_expression(object, map->get_array(), 0, scope);
  }

  Result<void> next_expression(const bj::object& object, const bj::array& ctes, std::size_t index, const Scope* scope) {
    if (index == ctes.size()) return members(object, scope);
    const bj::object* entry = ctes[index].if_object();
    const bj::value* body = entry != nullptr ? entry->if_contains("value") : nullptr;
    if (body == nullptr) return unknown();
    FAIRLEAD_CHECK(value(*body, scope));
    const Scope inner{scope, folded(text_of(*entry, "key"))};
    return next_expression(object, ctes, index + 1, &inner);
  }

  Result<void> members(const bj::object& object, const Scope* scope) {
    const std::string_view type = text_of(object, "type");
    const bool expression = object.contains("class");
    if (!expression && !type.empty() && !among(kNodes, type) && !type.ends_with("_TYPE_INFO")) return unknown();
    if (object.contains("function_name")) FAIRLEAD_CHECK(function(object));
    if (object.contains("export_state") && object.at("export_state") != bj::value(false)) return unknown();
    if (const std::string_view pivot = text_of(object, "pivot_enum"); !pivot.empty()) return unknown();
    if (!expression && type == "TABLE_FUNCTION") FAIRLEAD_CHECK(table_function(object));
    if (!expression && type == "SHOW_REF") {
      const bj::value* query = object.if_contains("query");
      if (query == nullptr || !query->is_object())
        return refuse("This can be asked of a table or a query: `describe calls`.");
    } else if (object.contains("table_name")) {
      if (expression || type != "BASE_TABLE") return unknown();
      FAIRLEAD_CHECK(table(object, scope));
    }
    // Both arms of a recursive expression see its name, and so does what follows a materialised one.
    Scope inner{scope, ""};
    if (!expression && (type == "RECURSIVE_CTE_NODE" || type == "CTE_NODE"))
      inner.name = folded(text_of(object, "cte_name"));
    for (const auto& member : object) {
      if (member.key() == "cte_map") continue;
      const bool sees = !inner.name.empty() && (type == "RECURSIVE_CTE_NODE" || member.key() == "child");
      FAIRLEAD_CHECK(value(member.value(), sees ? &inner : scope));
    }
    return {};
  }

  Result<void> table(const bj::object& object, const Scope* scope) {
    const std::string name = folded(text_of(object, "table_name"));
    const bool qualified = !text_of(object, "schema_name").empty() || !text_of(object, "catalog_name").empty();
    if (!qualified && (std::ranges::find(tables_, name) != tables_.end() || (scope != nullptr && scope->holds(name))))
      return {};
    std::string message = "There is no table `";
    if (qualified) message.append(text_of(object, "schema_name")).append(".");
    message.append(text_of(object, "table_name"))
        .append("`.")
        .append(did_you_mean(name, tables_))
        .append(" The tables are");
    for (const auto& table : tables_) message.append(" `").append(table).append("`");
    return refuse(message + ".");
  }

  Result<void> table_function(const bj::object& object) {
    const bj::value* call = object.if_contains("function");
    const std::string name =
        call != nullptr && call->is_object() ? folded(text_of(call->get_object(), "function_name")) : "";
    if (among(kTableFunctions, name)) return {};
    return refuse("The table function `" + name + "` is not offered here.");
  }

  Result<void> function(const bj::object& object) {
    const std::string name = folded(text_of(object, "function_name"));
    const bool tells = name.starts_with("pg_") && name != "pg_typeof";
    if (tells || among(kFunctions, name) ||
        std::ranges::any_of(kFunctionPrefixes, [&](std::string_view prefix) { return name.starts_with(prefix); })) {
      return refuse("The function `" + name + "` is not offered here.");
    }
    return {};
  }

  static std::unexpected<Error> unknown() {
    return refuse("This form of statement is not offered here; a plain select is.");
  }

  std::span<const std::string> tables_;
};

}  // namespace

Result<void> check_select(std::string_view tree, std::span<const std::string> tables) {
  auto parsed = json::parse(tree, kDepth);
  if (!parsed || !parsed->is_object()) return refuse("The statement is nested too deeply.");
  const bj::object& root = parsed->get_object();
  const bj::value* error = root.if_contains("error");
  if (error == nullptr || *error != bj::value(false)) {
    if (text_of(root, "error_type") == "not implemented") {
      return refuse("Only queries can be asked here: select, with, from, values, describe, summarize.");
    }
    return refuse(std::string(text_of(root, "error_message")));
  }
  const bj::value* statements = root.if_contains("statements");
  if (statements == nullptr || !statements->is_array() || statements->get_array().size() != 1) {
    return refuse("One statement at a time, please.");
  }
  return Walk(tables).value(*statements, nullptr);
}

}  // namespace fairlead::lake
