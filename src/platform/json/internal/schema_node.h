// A compiled schema: nodes that point at each other.
#pragma once
#include <boost/json/value.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "platform/json/internal/pattern.h"

namespace fairlead::json::internal {

enum TypeBit : std::uint8_t {
  kNull = 1,
  kBoolean = 2,
  kInteger = 4,
  kNumber = 8,
  kString = 16,
  kArray = 32,
  kObject = 64,
};

struct Node;

// A schema with a URI of its own: the whole document, or what has an `$id`. The dynamic scope is a list of these.
struct Resource {
  std::string uri;
  const boost::json::value* root = nullptr;
  std::map<std::string, const boost::json::value*, std::less<>> anchors;  // $anchor and $dynamicAnchor
  std::map<std::string, const boost::json::value*, std::less<>> dynamic_values;
  std::map<std::string, const Node*, std::less<>> dynamic_nodes;
};

struct PatternNode {
  Pattern pattern;
  const Node* node;
};

struct Node {
  const Resource* resource = nullptr;
  const boost::json::value* source = nullptr;  // for messages: title, type
  std::optional<bool> always;                  // the schemas `true` and `false`

  std::uint8_t types = 0;  // TypeBits; 0: any
  const boost::json::value* constant = nullptr;
  const boost::json::array* choices = nullptr;

  const boost::json::value *minimum = nullptr, *maximum = nullptr;
  const boost::json::value *exclusive_minimum = nullptr, *exclusive_maximum = nullptr, *multiple_of = nullptr;

  std::optional<std::uint64_t> min_length, max_length, min_items, max_items, min_properties, max_properties;
  std::optional<Pattern> pattern;
  std::string pattern_text;

  std::vector<const Node*> prefix_items;
  const Node *items = nullptr, *contains = nullptr, *unevaluated_items = nullptr;
  std::uint64_t min_contains = 1;
  std::optional<std::uint64_t> max_contains;
  bool unique_items = false;

  std::unordered_map<std::string_view, const Node*> properties;  // names live in the schema's value
  std::vector<std::string> property_names_in_order;
  std::vector<PatternNode> pattern_properties;
  const Node *additional_properties = nullptr, *property_names = nullptr, *unevaluated_properties = nullptr;
  std::vector<std::string> required;
  std::vector<std::pair<std::string, std::vector<std::string>>> dependent_required;
  std::vector<std::pair<std::string, const Node*>> dependent_schemas;

  std::vector<const Node*> all_of, any_of, one_of;
  const Node *not_ = nullptr, *if_ = nullptr, *then = nullptr, *else_ = nullptr, *ref = nullptr, *dynamic_ref = nullptr;
  std::string dynamic_anchor;  // set when `dynamic_ref` is to be looked for in the dynamic scope
};

struct SchemaDocument {
  std::deque<boost::json::value> values;  // the schema first, then the others; addresses are stable
  std::map<std::string, Resource, std::less<>> resources;
  std::deque<Node> nodes;
  const Node* root = nullptr;
};

// Where every subschema is and what it is called. Filled by index(), read by the compiler.
struct Place {
  Resource* resource;
  std::string pointer;  // from the root of its document
};
using Places = std::unordered_map<const boost::json::value*, Place>;

// Walks `schema` and all its subschemas: notes `$id`, `$anchor`, `$dynamicAnchor`. Error: invalid_schema.
Result<void> index_schema(SchemaDocument& document, Places& places, const boost::json::value& schema,
                          std::string base_uri);
// The same for what is found by a pointer at a place where no keyword has a schema.
Result<void> index_subschema(SchemaDocument& document, Places& places, const boost::json::value& schema, Place place,
                             int depth);

// The URI of a document that has no `$id`.
inline constexpr std::string_view kNameless = "fairlead:schema";

std::string_view type_name(const boost::json::value& value);                  // "a string"
std::string type_names(std::uint8_t types);                                   // "a string or null"
std::string counted(std::uint64_t n, std::string_view what);                  // "1 item", "2 items"
std::string describe(const Node& node);                                       // what a branch of anyOf or oneOf wants
std::string brief(const boost::json::value& value);                           // a value in a message, cut where long
bool equal_values(const boost::json::value& a, const boost::json::value& b);  // 1 equals 1.0
bool is_integer(const boost::json::value& value);                             // 1.0 is one
bool is_multiple(const boost::json::value& value, const boost::json::value& of);
long double as_number(const boost::json::value& value);  // exact for every number that JSON documents hold here

}  // namespace fairlead::json::internal
