#include "platform/json/internal/schema_validate.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "base/suggest.h"
#include "platform/json/internal/uri.h"
#include "platform/json/text.h"

namespace fairlead::json::internal {
namespace {

namespace bj = boost::json;

// Bounds of one validation. No schema that people write comes near; a hostile one ends here.
constexpr std::size_t kMostSteps = 2'000'000;
constexpr int kDeepest = 800;

// Which members or items of one value some keyword has looked at, for the `unevaluated…` keywords.
struct Seen {
  explicit Seen(const bj::value& value)
      : parts(value.is_object()  ? value.get_object().size()
              : value.is_array() ? value.get_array().size()
                                 : 0) {}
  void merge(const Seen& other) {
    for (std::size_t i = 0; i < parts.size(); ++i) parts[i] = parts[i] || other.parts[i];
  }
  std::vector<bool> parts;
};

struct Step {  // of the way from the root of the instance; lives on the stack
  const Step* up;
  std::string_view name;
  std::size_t index;
};

std::string counted(std::uint64_t n, std::string_view what) {
  return std::to_string(n) + " " + std::string(what) + (n == 1 ? "" : "s");
}

class Validator {
 public:
  Validator(std::vector<SchemaError>& faults, std::size_t limit) : faults_(&faults), limit_(limit) {}

  // True if `value` satisfies `node`. Without a list of faults it stops at the first.
  bool check(const Node& node, const bj::value& value, Seen* seen) {
    if (node.always) return *node.always || fault("false", "nothing is allowed here");
    if (++steps_ > kMostSteps || depth_ > kDeepest) {
      exhausted_ = true;
      return false;
    }
    ++depth_;
    const bool enters = scope_.empty() || scope_.back() != node.resource;
    if (enters) scope_.push_back(node.resource);
    std::optional<Seen> own;
    if (!seen && (node.unevaluated_properties || node.unevaluated_items)) seen = &own.emplace(value);
    bool valid = check_itself(node, value);
    if (valid || faults_) {
      if (const bj::object* object = value.if_object()) valid &= check_object(node, *object, value, seen);
      if (const bj::array* array = value.if_array()) valid &= check_array(node, *array, seen);
    }
    if (valid || faults_) valid &= check_in_place(node, value, seen);
    if (seen && (valid || faults_)) valid &= check_unevaluated(node, value, *seen);
    if (enters) scope_.pop_back();
    --depth_;
    return valid;
  }

  bool exhausted() const { return exhausted_; }

 private:
  bool going(bool valid) const { return valid || (faults_ && faults_->size() < limit_); }

  bool fault(std::string_view keyword, std::string message) {
    if (!faults_ || faults_->size() >= limit_) return false;
    std::vector<std::string> tokens;
    for (const Step* step = step_; step; step = step->up) {
      tokens.push_back(step->name.data() ? pointer_escaped(step->name) : std::to_string(step->index));
    }
    std::string pointer;
    for (auto token = tokens.rbegin(); token != tokens.rend(); ++token) (pointer += '/') += *token;
    faults_->push_back({std::move(pointer), std::string(keyword), std::move(message)});
    return false;
  }

  bool check_below(const Node& node, const bj::value& value, std::string_view name, std::size_t index) {
    const Step step{step_, name, index};
    step_ = &step;
    const bool valid = check(node, value, nullptr);
    step_ = step.up;
    return valid;
  }
  bool check_item(const Node& node, const bj::array& array, std::size_t i) {
    return check_below(node, array[i], {}, i);
  }
  bool check_member(const Node& node, const bj::key_value_pair& member) {
    return check_below(node, member.value(),
                       member.key().empty() ? std::string_view("") : std::string_view(member.key()), 0);
  }

  // A keyword on the same value: what it has looked at counts only if it holds.
  bool apply(const Node& node, const bj::value& value, Seen* seen) {
    if (!seen) return check(node, value, nullptr);
    Seen local(value);
    if (!check(node, value, &local)) return false;
    seen->merge(local);
    return true;
  }
  bool apply_silently(const Node& node, const bj::value& value, Seen* seen) {
    std::vector<SchemaError>* const faults = std::exchange(faults_, nullptr);
    const bool valid = apply(node, value, seen);
    faults_ = faults;
    return valid;
  }

  bool check_itself(const Node& node, const bj::value& value) {
    bool valid = true;
    if (node.types && !(node.types & type_bits(value))) {
      return fault("type", "must be " + type_names(node.types) + ", not " + std::string(type_name(value)));
    }
    if (node.constant && !equal_values(value, *node.constant))
      valid = fault("const", "must be " + brief(*node.constant));
    if (node.choices) valid &= check_choices(node, value);
    if (value.is_number()) valid &= check_number(node, value);
    if (value.is_string()) valid &= check_string(node, std::string_view(value.get_string()));
    return valid;
  }

  static std::uint8_t type_bits(const bj::value& value) {
    switch (value.kind()) {
      case bj::kind::null:
        return kNull;
      case bj::kind::bool_:
        return kBoolean;
      case bj::kind::string:
        return kString;
      case bj::kind::array:
        return kArray;
      case bj::kind::object:
        return kObject;
      default:
        return is_integer(value) ? kNumber | kInteger : kNumber;
    }
  }

  bool check_choices(const Node& node, const bj::value& value) {
    steps_ += node.choices->size() / 16;
    for (const bj::value& choice : *node.choices) {
      if (equal_values(value, choice)) return true;
    }
    if (!faults_) return false;
    std::string message = "must be one of ";
    std::vector<std::string> names;
    for (const bj::value& choice : *node.choices) {
      if (!names.empty()) message += ", ";
      if (names.size() == 20) {
        message += "…";
        break;
      }
      names.push_back(brief(choice));
      message += names.back();
    }
    const std::string_view near =
        value.is_string() ? nearest(std::string_view(value.get_string()), names) : std::string_view();
    if (!near.empty()) message += "; did you mean `" + std::string(near) + "`?";
    return fault("enum", std::move(message));
  }

  bool check_number(const Node& node, const bj::value& value) {
    const long double number = as_number(value);
    bool valid = true;
    if (node.minimum && number < as_number(*node.minimum))
      valid = fault("minimum", "must be at least " + brief(*node.minimum));
    if (node.maximum && number > as_number(*node.maximum))
      valid = fault("maximum", "must be at most " + brief(*node.maximum));
    if (node.exclusive_minimum && number <= as_number(*node.exclusive_minimum)) {
      valid = fault("exclusiveMinimum", "must be more than " + brief(*node.exclusive_minimum));
    }
    if (node.exclusive_maximum && number >= as_number(*node.exclusive_maximum)) {
      valid = fault("exclusiveMaximum", "must be less than " + brief(*node.exclusive_maximum));
    }
    if (node.multiple_of && !is_multiple(value, *node.multiple_of)) {
      valid = fault("multipleOf", "must be a multiple of " + brief(*node.multiple_of));
    }
    return valid;
  }

  bool check_string(const Node& node, std::string_view text) {
    bool valid = true;
    steps_ += text.size() / 256;
    if (node.min_length || node.max_length) {
      const std::size_t length = count_characters(text);
      if (node.min_length && length < *node.min_length) {
        valid =
            fault("minLength", *node.min_length == 1 ? "must not be empty"
                                                     : "must have at least " + counted(*node.min_length, "character") +
                                                           ", not " + std::to_string(length));
      }
      if (node.max_length && length > *node.max_length) {
        valid = fault("maxLength", "must have at most " + counted(*node.max_length, "character") + ", not " +
                                       std::to_string(length));
      }
    }
    if (node.pattern && !node.pattern->found_in(text))
      valid = fault("pattern", "must match the pattern `" + node.pattern_text + "`");
    return valid;
  }

  bool check_array(const Node& node, const bj::array& array, Seen* seen) {
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

  bool check_contains(const Node& node, const bj::array& array, Seen* seen) {
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

  bool check_object(const Node& node, const bj::object& object, const bj::value& value, Seen* seen) {
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

  bool check_one_member(const Node& node, const bj::key_value_pair& member, Seen* seen, std::size_t index) {
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

  static bool refused(const Node& node) { return node.always && !*node.always; }

  bool unknown(const Node& node, const bj::key_value_pair& member, std::string_view keyword) {
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

  static std::string brief_name(std::string_view name) {
    return name.size() <= 60 ? std::string(name) : brief(bj::value(bj::string_view(name)));
  }

  bool check_in_place(const Node& node, const bj::value& value, Seen* seen) {
    bool valid = true;
    if (node.ref) valid &= apply(*node.ref, value, seen);
    if (node.dynamic_ref && going(valid)) valid &= apply(*dynamic_target(node), value, seen);
    for (const Node* part : node.all_of) {
      if (going(valid)) valid &= apply(*part, value, seen);
    }
    if (!node.any_of.empty() && going(valid)) valid &= check_any(node, value, seen);
    if (!node.one_of.empty() && going(valid)) valid &= check_one(node, value, seen);
    if (node.not_ && going(valid) && apply_silently(*node.not_, value, nullptr)) {
      valid = fault("not", "must not be " + describe(*node.not_));
    }
    if (node.if_ && going(valid)) {
      const Node* const then = apply_silently(*node.if_, value, seen) ? node.then : node.else_;
      if (then) valid &= apply(*then, value, seen);
    }
    return valid;
  }

  const Node* dynamic_target(const Node& node) const {
    if (!node.dynamic_anchor.empty()) {
      for (const Resource* resource : scope_) {
        const auto found = resource->dynamic_nodes.find(node.dynamic_anchor);
        if (found != resource->dynamic_nodes.end()) return found->second;
      }
    }
    return node.dynamic_ref;
  }

  bool check_any(const Node& node, const bj::value& value, Seen* seen) {
    bool any = false;
    for (const Node* branch : node.any_of) {
      any |= apply_silently(*branch, value, seen);
      if (any && !seen) return true;
    }
    return any || explain(node.any_of, value, "anyOf");
  }

  bool check_one(const Node& node, const bj::value& value, Seen* seen) {
    const Node* first = nullptr;
    for (const Node* branch : node.one_of) {
      if (!apply_silently(*branch, value, seen)) continue;
      if (first) return fault("oneOf", "must be only one of " + describe(*first) + " and " + describe(*branch));
      first = branch;
    }
    return first || explain(node.one_of, value, "oneOf");
  }

  // Nothing fits: if one branch is of the right type and got further than the others, its faults are what the author
  // wants to hear; else what the branches are.
  bool explain(const std::vector<const Node*>& branches, const bj::value& value, std::string_view keyword) {
    if (!faults_) return false;
    const std::size_t here = depth_of_step();
    std::vector<std::vector<SchemaError>> near;
    for (const Node* branch : branches) {
      std::vector<SchemaError> faults;
      std::vector<SchemaError>* const outer = std::exchange(faults_, &faults);
      check(*branch, value, nullptr);
      faults_ = outer;
      const bool other_kind = std::ranges::any_of(faults, [&](const SchemaError& fault) {
        return (fault.keyword == "type" || fault.keyword == "const" || fault.keyword == "false") &&
               static_cast<std::size_t>(std::ranges::count(fault.pointer, '/')) <=
                   here + (fault.keyword == "const" ? 1 : 0);
      });
      if (!other_kind && !faults.empty()) near.push_back(std::move(faults));
    }
    if (near.size() == 1) {
      for (SchemaError& fault : near.front()) {
        if (faults_->size() < limit_) faults_->push_back(std::move(fault));
      }
      return false;
    }
    std::set<std::string> said;
    std::string message;
    for (const Node* branch : branches) {
      std::string what = describe(*branch);
      if (!said.insert(what).second) continue;
      message += (message.empty() ? "must be " : ", or ") + what;
    }
    return fault(keyword, std::move(message));
  }

  std::size_t depth_of_step() const {
    std::size_t depth = 0;
    for (const Step* step = step_; step; step = step->up) ++depth;
    return depth;
  }

  bool check_unevaluated(const Node& node, const bj::value& value, Seen& seen) {
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

  std::vector<SchemaError>* faults_;
  std::size_t limit_;
  const Step* step_ = nullptr;
  std::vector<const Resource*> scope_;
  std::size_t steps_ = 0;
  int depth_ = 0;
  bool exhausted_ = false;
};

}  // namespace

std::vector<SchemaError> validate_schema(const SchemaDocument& document, const bj::value& instance, std::size_t limit) {
  std::vector<SchemaError> faults;
  limit = std::max<std::size_t>(limit, 1);
  Validator validator(faults, limit);
  const bool valid = validator.check(*document.root, instance, nullptr);
  if (validator.exhausted()) {
    faults.resize(std::min(faults.size(), limit - 1));
    faults.push_back(
        {"", "$schema",
         "cannot be checked within bounds: the schema or the value is too large or refers to itself without end"});
  } else if (!valid && faults.empty()) {
    faults.push_back({"", "$schema", "does not fit the schema"});
  }
  return faults;
}

}  // namespace fairlead::json::internal
