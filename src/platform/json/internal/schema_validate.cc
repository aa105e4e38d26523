#include "platform/json/internal/schema_validate.h"

#include <algorithm>
#include <optional>

#include "base/suggest.h"
#include "platform/json/internal/uri.h"
#include "platform/json/internal/validator.h"
#include "platform/json/text.h"

namespace fairlead::json::internal {
namespace {

namespace bj = boost::json;

// Bounds of one validation. No schema that people write comes near; a hostile one ends here.
constexpr std::size_t kMostSteps = 2'000'000;
constexpr int kDeepestDocument = 800;

std::uint8_t type_bits(const bj::value& value) {
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

}  // namespace

Seen::Seen(const bj::value& value)
    : parts(value.is_object()  ? value.get_object().size()
            : value.is_array() ? value.get_array().size()
                               : 0) {}

void Seen::merge(const Seen& other) {
  for (std::size_t i = 0; i < parts.size(); ++i) parts[i] = parts[i] || other.parts[i];
}

bool Validator::check(const Node& node, const bj::value& value, Seen* seen) {
  if (node.always) return *node.always || fault("false", "nothing is allowed here");
  if (++steps_ > kMostSteps || depth_ > kDeepestDocument) {
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

bool Validator::fault(std::string_view keyword, std::string message) {
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

bool Validator::check_below(const Node& node, const bj::value& value, std::string_view name, std::size_t index) {
  const Step step{step_, name, index};
  step_ = &step;
  const bool valid = check(node, value, nullptr);
  step_ = step.up;
  return valid;
}

bool Validator::apply(const Node& node, const bj::value& value, Seen* seen) {
  if (!seen) return check(node, value, nullptr);
  Seen local(value);
  if (!check(node, value, &local)) return false;
  seen->merge(local);
  return true;
}

bool Validator::apply_silently(const Node& node, const bj::value& value, Seen* seen) {
  std::vector<SchemaError>* const faults = std::exchange(faults_, nullptr);
  const bool valid = apply(node, value, seen);
  faults_ = faults;
  return valid;
}

bool Validator::check_itself(const Node& node, const bj::value& value) {
  bool valid = true;
  if (node.types && !(node.types & type_bits(value))) {
    return fault("type", "must be " + type_names(node.types) + ", not " + std::string(type_name(value)));
  }
  if (node.constant && !equal_values(value, *node.constant)) valid = fault("const", "must be " + brief(*node.constant));
  if (node.choices) valid &= check_choices(node, value);
  if (value.is_number()) valid &= check_number(node, value);
  if (value.is_string()) valid &= check_string(node, std::string_view(value.get_string()));
  return valid;
}

bool Validator::check_choices(const Node& node, const bj::value& value) {
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

bool Validator::check_number(const Node& node, const bj::value& value) {
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

bool Validator::check_string(const Node& node, std::string_view text) {
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
      valid = fault("maxLength",
                    "must have at most " + counted(*node.max_length, "character") + ", not " + std::to_string(length));
    }
  }
  if (node.pattern && !node.pattern->found_in(text))
    valid = fault("pattern", "must match the pattern `" + node.pattern_text + "`");
  return valid;
}

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
