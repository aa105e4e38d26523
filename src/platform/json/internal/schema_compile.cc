#include "platform/json/internal/schema_compile.h"

#include <algorithm>
#include <charconv>

#include "base/suggest.h"
#include "platform/json/internal/uri.h"

namespace fairlead::json::internal {
namespace {

namespace bj = boost::json;

const std::vector<std::string> kTypes = {"null", "boolean", "integer", "number", "string", "array", "object"};

class Compiler {
 public:
  Compiler(SchemaDocument& document, std::span<const NamedSchema> others) : document_(document), others_(others) {}

  Result<void> run(const bj::value& schema) {
    document_.values.push_back(schema);
    FAIRLEAD_CHECK(index_schema(document_, places_, document_.values.back(), std::string(kNameless)));
    FAIRLEAD_TRY(document_.root, compile(document_.values.front()));
    // A $dynamicRef may end at any dynamic anchor; compiling one may bring more documents, so until nothing is new.
    for (bool again = true; again && dynamic_refs_;) {
      again = false;
      for (auto& [uri, resource] : document_.resources) {
        for (const auto& [name, value] : resource.dynamic_values) {
          if (resource.dynamic_nodes.contains(name)) continue;
          FAIRLEAD_TRY(resource.dynamic_nodes[name], compile(*value));
          again = true;
        }
        if (again) break;  // the map may have grown
      }
    }
    return {};
  }

 private:
  using NodeResult = Result<const Node*>;

  static std::unexpected<Error> invalid(const std::string& pointer, std::string message) {
    return fail(ErrorKind::kInvalid, "invalid_schema",
                "Invalid schema at " + (pointer.empty() ? "its root" : pointer) + ": " + message, pointer);
  }

  NodeResult compile(const bj::value& schema) {
    if (const auto known = compiled_.find(&schema); known != compiled_.end()) return known->second;
    const Place& place = places_.at(&schema);
    Node& node = document_.nodes.emplace_back();
    compiled_.emplace(&schema, &node);
    node.resource = place.resource;
    node.source = &schema;
    if (schema.is_bool()) {
      node.always = schema.get_bool();
      return &node;
    }
    if (!schema.is_object()) return invalid(place.pointer, "a schema is an object, true or false.");
    const std::string pointer = place.pointer;
    for (const bj::key_value_pair& member : schema.get_object()) {
      const std::string_view keyword = member.key();
      const std::string at = pointer + "/" + pointer_escaped(keyword);
      FAIRLEAD_CHECK(assertion(node, keyword, member.value(), at));
      FAIRLEAD_CHECK(applicator(node, keyword, member.value(), at));
    }
    return &node;
  }

  // Keywords that say something of the value itself.
  Result<void> assertion(Node& node, std::string_view keyword, const bj::value& value, const std::string& at) {
    if (keyword == "type") return types(node, value, at);
    if (keyword == "const") node.constant = &value;
    if (keyword == "enum") {
      if (!value.is_array()) return invalid(at, "`enum` must be an array.");
      node.choices = &value.get_array();
    }
    if (keyword == "minimum") return number(node.minimum, value, at);
    if (keyword == "maximum") return number(node.maximum, value, at);
    if (keyword == "exclusiveMinimum") return number(node.exclusive_minimum, value, at);
    if (keyword == "exclusiveMaximum") return number(node.exclusive_maximum, value, at);
    if (keyword == "multipleOf") {
      FAIRLEAD_CHECK(number(node.multiple_of, value, at));
      if (as_number(value) <= 0) return invalid(at, "`multipleOf` must be more than 0.");
    }
    if (keyword == "minLength") return count(node.min_length, value, at);
    if (keyword == "maxLength") return count(node.max_length, value, at);
    if (keyword == "minItems") return count(node.min_items, value, at);
    if (keyword == "maxItems") return count(node.max_items, value, at);
    if (keyword == "minProperties") return count(node.min_properties, value, at);
    if (keyword == "maxProperties") return count(node.max_properties, value, at);
    if (keyword == "maxContains") return count(node.max_contains, value, at);
    if (keyword == "minContains") {
      std::optional<std::uint64_t> least;
      FAIRLEAD_CHECK(count(least, value, at));
      node.min_contains = *least;
    }
    if (keyword == "uniqueItems") {
      if (!value.is_bool()) return invalid(at, "`uniqueItems` must be true or false.");
      node.unique_items = value.get_bool();
    }
    if (keyword == "pattern") {
      if (!value.is_string()) return invalid(at, "`pattern` must be a string.");
      FAIRLEAD_TRY(node.pattern, pattern(std::string_view(value.get_string()), at));
      node.pattern_text = std::string(value.get_string());
    }
    if (keyword == "required") return names(node.required, value, at);
    if (keyword == "dependentRequired") {
      if (!value.is_object()) return invalid(at, "`dependentRequired` must be an object.");
      for (const bj::key_value_pair& member : value.get_object()) {
        auto& [name, needed] = node.dependent_required.emplace_back();
        name = std::string(member.key());
        FAIRLEAD_CHECK(names(needed, member.value(), at + "/" + pointer_escaped(member.key())));
      }
    }
    return {};
  }

  // Keywords that hold schemas.
  Result<void> applicator(Node& node, std::string_view keyword, const bj::value& value, const std::string& at) {
    static constexpr struct {
      std::string_view keyword;
      const Node* Node::*field;
    } kOne[] = {{"additionalProperties", &Node::additional_properties},
                {"contains", &Node::contains},
                {"else", &Node::else_},
                {"if", &Node::if_},
                {"items", &Node::items},
                {"not", &Node::not_},
                {"propertyNames", &Node::property_names},
                {"then", &Node::then},
                {"unevaluatedItems", &Node::unevaluated_items},
                {"unevaluatedProperties", &Node::unevaluated_properties}};
    for (const auto& [name, field] : kOne) {
      if (keyword != name) continue;
      if (!value.is_object() && !value.is_bool()) return invalid(at, "a schema is an object, true or false.");
      FAIRLEAD_TRY(node.*field, compile(value));
      return {};
    }
    static constexpr struct {
      std::string_view keyword;
      std::vector<const Node*> Node::*field;
    } kList[] = {{"allOf", &Node::all_of},
                 {"anyOf", &Node::any_of},
                 {"oneOf", &Node::one_of},
                 {"prefixItems", &Node::prefix_items}};
    for (const auto& [name, field] : kList) {
      if (keyword != name) continue;
      if (!value.is_array() || value.get_array().empty())
        return invalid(at, "`" + std::string(name) + "` must be an array with a schema or more.");
      for (const bj::value& item : value.get_array()) {
        FAIRLEAD_TRY(const Node* const compiled, compile(item));
        (node.*field).push_back(compiled);
      }
      return {};
    }
    const bool properties = keyword == "properties", patterns = keyword == "patternProperties";
    if (properties || patterns || keyword == "dependentSchemas" || keyword == "$defs") {
      if (!value.is_object()) return invalid(at, "`" + std::string(keyword) + "` must be an object.");
      for (const bj::key_value_pair& member : value.get_object()) {
        FAIRLEAD_TRY(const Node* const compiled, compile(member.value()));
        if (properties) {
          node.properties.emplace(member.key(), compiled);
          node.property_names_in_order.emplace_back(member.key());
        } else if (patterns) {
          FAIRLEAD_TRY(Pattern name, pattern(std::string_view(member.key()), at + "/" + pointer_escaped(member.key())));
          node.pattern_properties.push_back({std::move(name), compiled});
        } else if (keyword == "dependentSchemas") {
          node.dependent_schemas.emplace_back(member.key(), compiled);
        }
      }
      return {};
    }
    if (keyword == "$ref" || keyword == "$dynamicRef") {
      if (!value.is_string()) return invalid(at, "`" + std::string(keyword) + "` must be a string.");
      FAIRLEAD_TRY(const bj::value* const target, find(*node.resource, std::string_view(value.get_string()), at));
      FAIRLEAD_TRY(const Node* const compiled, compile(*target));
      if (keyword == "$ref") {
        node.ref = compiled;
      } else {
        node.dynamic_ref = compiled;
        dynamic_refs_ = true;
        // It is dynamic only where it would end at a $dynamicAnchor anyway ("bookending").
        const std::string anchor(split_fragment(std::string_view(value.get_string())).fragment);
        const auto& dynamic = compiled->resource->dynamic_values;
        if (const auto found = dynamic.find(anchor); found != dynamic.end() && found->second == target)
          node.dynamic_anchor = anchor;
      }
    }
    return {};
  }

  Result<const bj::value*> find(const Resource& from, std::string_view reference, const std::string& at) {
    const std::string uri = resolve_uri(from.uri, reference);
    const auto [name, fragment] = split_fragment(uri);
    auto found = document_.resources.find(name);
    if (found == document_.resources.end()) {
      const auto other = std::ranges::find(others_, name, &NamedSchema::uri);
      if (other != others_.end()) {
        document_.values.push_back(other->schema);
        FAIRLEAD_CHECK(index_schema(document_, places_, document_.values.back(), std::string(name)));
        found = document_.resources.find(name);
      }
    }
    if (found == document_.resources.end())
      return invalid(at, "there is no schema " + std::string(name) + " here, and none is fetched.");
    Resource& resource = found->second;
    if (fragment.empty()) return resource.root;
    if (!fragment.starts_with('/')) {
      const auto anchor = resource.anchors.find(percent_decoded(fragment));
      if (anchor != resource.anchors.end()) return anchor->second;
      return invalid(at, "there is no anchor `" + std::string(fragment) + "`.");
    }
    return follow(resource, percent_decoded(fragment), at);
  }

  Result<const bj::value*> follow(Resource& resource, const std::string& pointer, const std::string& at) {
    const bj::value* value = resource.root;
    Resource* owner = &resource;
    for (std::size_t begin = 1; begin <= pointer.size();) {
      const std::size_t end = std::min(pointer.find('/', begin), pointer.size());
      const std::string token = pointer_unescaped(std::string_view(pointer).substr(begin, end - begin));
      const bj::value* next = nullptr;
      if (const bj::object* object = value->if_object()) {
        next = object->if_contains(token);
      } else if (const bj::array* array = value->if_array()) {
        std::size_t index = 0;
        const auto read = std::from_chars(token.data(), token.data() + token.size(), index);
        if (read.ec == std::errc() && read.ptr == token.data() + token.size() && index < array->size())
          next = &(*array)[index];
      }
      if (!next) {
        std::vector<std::string> members;
        if (value->is_object()) {
          for (const bj::key_value_pair& member : value->get_object()) members.emplace_back(member.key());
        }
        return invalid(at, "there is nothing at `#" + pointer + "`." + did_you_mean(token, members));
      }
      value = next;
      if (const auto place = places_.find(value); place != places_.end()) owner = place->second.resource;
      begin = end + 1;
    }
    if (!places_.contains(value)) FAIRLEAD_CHECK(index_subschema(document_, places_, *value, {owner, pointer}, 0));
    return value;
  }

  static Result<void> types(Node& node, const bj::value& value, const std::string& at) {
    const auto one = [&](const bj::value& name) -> Result<void> {
      const std::string text = name.is_string() ? std::string(name.get_string()) : "";
      const auto known = std::ranges::find(kTypes, text);
      if (known == kTypes.end()) {
        return invalid(
            at, "a type is one of null, boolean, integer, number, string, array, object." + did_you_mean(text, kTypes));
      }
      node.types |= static_cast<std::uint8_t>(1u << (known - kTypes.begin()));
      return {};
    };
    if (!value.is_array()) return one(value);
    for (const bj::value& name : value.get_array()) FAIRLEAD_CHECK(one(name));
    return {};
  }

  static Result<void> number(const bj::value*& field, const bj::value& value, const std::string& at) {
    if (!value.is_number()) return invalid(at, "must be a number.");
    field = &value;
    return {};
  }

  static Result<void> count(std::optional<std::uint64_t>& field, const bj::value& value, const std::string& at) {
    const long double number = value.is_number() ? as_number(value) : -1;
    if (number < 0 || !is_integer(value)) return invalid(at, "must be a whole number, 0 or more.");
    field = number >= 0x1p63L ? std::uint64_t{1} << 63 : static_cast<std::uint64_t>(number);
    return {};
  }

  static Result<void> names(std::vector<std::string>& field, const bj::value& value, const std::string& at) {
    if (!value.is_array()) return invalid(at, "must be an array of names.");
    for (const bj::value& name : value.get_array()) {
      if (!name.is_string()) return invalid(at, "must be an array of names.");
      field.emplace_back(name.get_string());
    }
    return {};
  }

  static Result<Pattern> pattern(std::string_view text, const std::string& at) {
    auto compiled = Pattern::compile(text);
    if (!compiled) return invalid(at, "the pattern `" + std::string(text) + "`: " + compiled.error().message + ".");
    return compiled;
  }

  SchemaDocument& document_;
  std::span<const NamedSchema> others_;
  Places places_;
  std::unordered_map<const bj::value*, const Node*> compiled_;
  bool dynamic_refs_ = false;
};

}  // namespace

Result<std::unique_ptr<const SchemaDocument>> compile_schema(const bj::value& schema,
                                                             std::span<const NamedSchema> others) {
  auto document = std::make_unique<SchemaDocument>();
  FAIRLEAD_CHECK(Compiler(*document, others).run(schema));
  return document;
}

}  // namespace fairlead::json::internal
