#include "platform/expr/schema.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace fairlead::expr {
namespace {

namespace bj = boost::json;

constexpr int kDepth = 16;  // of a schema that is looked at

Type type_of(const bj::value& schema, int depth);

Type object_type(const bj::object& schema, int depth) {
  const auto says = [&](const char* name) { return schema.if_contains(name); };
  const bj::value* const others = says("additionalProperties");
  const bj::value* const properties = says("properties");
  const bool closed = others == nullptr ? says("patternProperties") == nullptr : *others == false;
  if (!closed || properties == nullptr || !properties->is_object() || properties->get_object().empty())
    return Type::map(Kind::kString, {});
  std::vector<std::pair<std::string, Type>> fields;
  for (const auto& [name, value] : properties->get_object()) fields.emplace_back(name, type_of(value, depth + 1));
  return Type::object(std::move(fields));
}

Type type_of(const bj::value& schema, int depth) {
  if (!schema.is_object() || depth > kDepth) return {};
  const bj::object& object = schema.get_object();
  const bj::value* const type = object.if_contains("type");
  if (type == nullptr || !type->is_string()) {
    const bj::value* const choices = object.if_contains("enum");
    const auto is_text = [](const bj::value& one) { return one.is_string(); };
    if (type == nullptr && choices != nullptr && choices->is_array() &&
        std::ranges::all_of(choices->get_array(), is_text))
      return Kind::kString;
    return {};
  }
  const std::string_view name = type->get_string();
  if (name == "string") return Kind::kString;
  if (name == "integer") return Kind::kInt;
  if (name == "number") return Kind::kDouble;
  if (name == "boolean") return Kind::kBool;
  if (name == "object") return object_type(object, depth);
  if (name != "array") return {};
  const bj::value* const items = object.if_contains("items");
  return Type::list(items != nullptr ? type_of(*items, depth + 1) : Type());
}

}  // namespace

Type type_of_schema(const bj::value& schema) {
  return type_of(schema, 0);
}

}  // namespace fairlead::expr
