// Members and items.
#include <algorithm>
#include <unordered_set>

#include "base/suggest.h"
#include "platform/json/internal/validator.h"
#include "platform/json/text.h"

namespace fairlead::json::internal {
namespace {

namespace bj = boost::json;

bool refused(const Node& node) {
  return node.always && !*node.always;
}

std::string brief_name(std::string_view name) {
  return name.size() <= 60 ? std::string(name) : brief(bj::value(bj::string_view(name)));
}

}  // namespace

bool Validator::check_array(const Node& node, const bj::array& array, Seen* seen) {
  bool valid = true;
  if (node.min_items && array.size() < *node.min_items) {
    valid = fault("minItems", *node.min_items == 1 ? "must not be empty"
                                                   : "must have at least " + counted(*node.min_items, "item") +
                                                         ", not " + std::to_string(array.size()));
  }
  if (node.max_items && array.size() > *node.max_items) {
    valid = fault("maxItems",
                  "must have at most " + counted(*node.max_items, "item") + ", not " + std::to_string(array.size()));
  }
  if (node.unique_items) {
    std::unordered_set<std::string> found;
    for (std::size_t i = 0; i < array.size() && going(valid); ++i) {
      ++steps_;
      if (!found.insert(canonical(array[i])).second)
        valid = fault("uniqueItems", "item " + std::to_string(i + 1) + " is there twice: " + brief(array[i]));
    }
  }
  const std::size_t prefix = std::min(node.prefix_items.size(), array.size());
  for (std::size_t i = 0; i < prefix && going(valid); ++i) {
    valid &= check_item(*node.prefix_items[i], array, i);
    if (seen) seen->parts[i] = true;
  }
  for (std::size_t i = prefix; node.items && i < array.size() && going(valid); ++i) {
    valid &= check_item(*node.items, array, i);
    if (seen) seen->parts[i] = true;
  }
  if (node.contains) valid &= check_contains(node, array, seen);
  return valid;
}

bool Validator::check_contains(const Node& node, const bj::array& array, Seen* seen) {
  std::uint64_t matches = 0;
  std::vector<SchemaError>* const faults = std::exchange(faults_, nullptr);
  for (std::size_t i = 0; i < array.size(); ++i) {
    if (!check_item(*node.contains, array, i)) continue;
    ++matches;
    if (seen) seen->parts[i] = true;
  }
  faults_ = faults;
  if (matches < node.min_contains) {
    return fault("contains",
                 "must have at least " + counted(node.min_contains, "item") + " that is " + describe(*node.contains));
  }
  if (node.max_contains && matches > *node.max_contains) {
    return fault("maxContains",
                 "must have at most " + counted(*node.max_contains, "item") + " that is " + describe(*node.contains));
  }
  return true;
}

bool Validator::check_object(const Node& node, const bj::object& object, const bj::value& value, Seen* seen) {
  bool valid = true;
  for (const std::string& name : node.required) {
    if (!object.contains(name)) valid = fault("required", "`" + name + "` is missing");
  }
  for (const auto& [name, needed] : node.dependent_required) {
    if (!object.contains(name)) continue;
    for (const std::string& other : needed) {
      if (!object.contains(other))
        valid = fault("dependentRequired", "`" + other + "` is missing; `" + name + "` needs it");
    }
  }
  if (node.min_properties && object.size() < *node.min_properties) {
    valid = fault("minProperties", *node.min_properties == 1
                                       ? "must not be empty"
                                       : "must have at least " + counted(*node.min_properties, "member"));
  }
  if (node.max_properties && object.size() > *node.max_properties) {
    valid = fault("maxProperties", "must have at most " + counted(*node.max_properties, "member") + ", not " +
                                       std::to_string(object.size()));
  }
  std::size_t index = 0;
  for (const bj::key_value_pair& member : object) {
    if (!going(valid)) break;
    valid &= check_one_member(node, member, seen, index++);
  }
  for (const auto& [name, needed] : node.dependent_schemas) {
    if (object.contains(name) && going(valid)) valid &= apply(*needed, value, seen);
  }
  return valid;
}

bool Validator::check_one_member(const Node& node, const bj::key_value_pair& member, Seen* seen, std::size_t index) {
  bool valid = true, matched = false;
  const std::string_view name = member.key();
  if (const auto known = node.properties.find(name); known != node.properties.end()) {
    matched = true;
    valid &= check_member(*known->second, member);
  }
  for (const PatternNode& pattern : node.pattern_properties) {
    if (!pattern.pattern.found_in(name)) continue;
    matched = true;
    valid &= check_member(*pattern.node, member);
  }
  if (!matched && node.additional_properties) {
    matched = true;
    valid &= refused(*node.additional_properties) ? unknown(node, member, "additionalProperties")
                                                  : check_member(*node.additional_properties, member);
  }
  if (seen && matched) seen->parts[index] = true;
  if (node.property_names) {
    const bj::value as_value(member.key());
    const Step step{step_, name.empty() ? std::string_view("") : name, 0};
    std::vector<SchemaError> faults;
    std::vector<SchemaError>* const outer = std::exchange(faults_, faults_ ? &faults : nullptr);
    const bool allowed = check(*node.property_names, as_value, nullptr);
    faults_ = outer;
    step_ = &step;
    if (!allowed)
      valid = fault("propertyNames",
                    "the name " + (faults.empty() ? std::string("is not allowed") : faults.front().message));
    step_ = step.up;
  }
  return valid;
}

bool Validator::unknown(const Node& node, const bj::key_value_pair& member, std::string_view keyword) {
  if (!faults_) return false;
  const std::vector<std::string>& known = node.property_names_in_order;
  std::string message = "unknown member `" + brief_name(member.key()) + "`";
  if (const std::string_view near = nearest(std::string_view(member.key()), known); !near.empty()) {
    message += "; did you mean `" + std::string(near) + "`?";
  } else if (!known.empty() && known.size() <= 24) {
    message += "; known:";
    for (std::size_t i = 0; i < known.size(); ++i) message += (i ? ", " : " ") + known[i];
  }
  const Step step{step_, member.key().empty() ? std::string_view("") : std::string_view(member.key()), 0};
  step_ = &step;
  fault(keyword, std::move(message));
  step_ = step.up;
  return false;
}

bool Validator::check_unevaluated(const Node& node, const bj::value& value, Seen& seen) {
  bool valid = true;
  if (const bj::object* object = node.unevaluated_properties ? value.if_object() : nullptr) {
    std::size_t index = 0;
    for (const bj::key_value_pair& member : *object) {
      const std::size_t i = index++;
      if (seen.parts[i] || !going(valid)) continue;
      valid &= refused(*node.unevaluated_properties) ? unknown(node, member, "unevaluatedProperties")
                                                     : check_member(*node.unevaluated_properties, member);
      seen.parts[i] = true;
    }
  }
  if (const bj::array* array = node.unevaluated_items ? value.if_array() : nullptr) {
    for (std::size_t i = 0; i < array->size() && going(valid); ++i) {
      if (seen.parts[i]) continue;
      valid &= check_item(*node.unevaluated_items, *array, i);
      seen.parts[i] = true;
    }
  }
  return valid;
}

}  // namespace fairlead::json::internal
