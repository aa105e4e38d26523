#include "platform/json/internal/schema_node.h"
#include "platform/json/internal/uri.h"

namespace fairlead::json::internal {
namespace {

namespace bj = boost::json;

constexpr int kDeepestSchema = 256;

// Where keywords hold schemas.
constexpr std::string_view kOne[] = {"additionalProperties",
                                     "contains",
                                     "contentSchema",
                                     "else",
                                     "if",
                                     "items",
                                     "not",
                                     "propertyNames",
                                     "then",
                                     "unevaluatedItems",
                                     "unevaluatedProperties"};
constexpr std::string_view kList[] = {"allOf", "anyOf", "oneOf", "prefixItems"};
constexpr std::string_view kNamed[] = {"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"};

std::unexpected<Error> invalid(const std::string& pointer, std::string message) {
  return fail(ErrorKind::kInvalid, "invalid_schema", std::move(message), pointer);
}

bj::string_view text_of(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

Result<void> index_subschema(SchemaDocument& document, Places& places, const bj::value& schema, Place place,
                             int depth) {
  if (depth > kDeepestSchema) return invalid(place.pointer, "The schema is nested too deep.");
  const bj::object* object = schema.if_object();
  if (!object) {
    places.emplace(&schema, std::move(place));
    return {};  // a boolean; anything else is refused when it is compiled
  }
  if (const bj::value* id = object->if_contains("$id")) {
    if (!id->is_string()) return invalid(place.pointer + "/$id", "`$id` must be a string.");
    const std::string uri = resolve_uri(place.resource->uri, std::string_view(id->get_string()));
    const std::string own(split_fragment(uri).document);
    const auto [found, fresh] = document.resources.try_emplace(own);
    if (!fresh && found->second.root != &schema) {
      return invalid(place.pointer + "/$id", "Two schemas have the `$id` " + own + ".");
    }
    found->second.uri = own;
    found->second.root = &schema;
    place.resource = &found->second;
  }
  for (const std::string_view keyword : {"$anchor", "$dynamicAnchor"}) {
    const bj::value* anchor = object->if_contains(text_of(keyword));
    if (!anchor) continue;
    if (!anchor->is_string()) return invalid(place.pointer + "/" + std::string(keyword), "An anchor must be a string.");
    const std::string name(anchor->get_string());
    if (!place.resource->anchors.emplace(name, &schema).second && place.resource->anchors[name] != &schema) {
      return invalid(place.pointer + "/" + std::string(keyword), "Two schemas have the anchor `" + name + "`.");
    }
    if (keyword == "$dynamicAnchor") place.resource->dynamic_values.emplace(name, &schema);
  }
  const Place here = place;
  places.emplace(&schema, std::move(place));
  const auto below = [&](const bj::value& value, std::string pointer) {
    return index_subschema(document, places, value, {here.resource, std::move(pointer)}, depth + 1);
  };
  for (const std::string_view keyword : kOne) {
    const bj::value* value = object->if_contains(text_of(keyword));
    if (value) FAIRLEAD_CHECK(below(*value, here.pointer + "/" + std::string(keyword)));
  }
  for (const std::string_view keyword : kList) {
    const bj::value* value = object->if_contains(text_of(keyword));
    if (!value || !value->is_array()) continue;
    for (std::size_t i = 0; i < value->get_array().size(); ++i) {
      FAIRLEAD_CHECK(below(value->get_array()[i], here.pointer + "/" + std::string(keyword) + "/" + std::to_string(i)));
    }
  }
  for (const std::string_view keyword : kNamed) {
    const bj::value* value = object->if_contains(text_of(keyword));
    if (!value || !value->is_object()) continue;
    for (const bj::key_value_pair& member : value->get_object()) {
      FAIRLEAD_CHECK(
          below(member.value(), here.pointer + "/" + std::string(keyword) + "/" + pointer_escaped(member.key())));
    }
  }
  return {};
}

Result<void> index_schema(SchemaDocument& document, Places& places, const bj::value& schema, std::string base_uri) {
  Resource& resource = document.resources[base_uri];
  resource.uri = std::move(base_uri);
  resource.root = &schema;
  return index_subschema(document, places, schema, {&resource, ""}, 0);
}

}  // namespace fairlead::json::internal
