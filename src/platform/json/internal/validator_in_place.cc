// Keywords that apply other schemas to the same value.
#include <algorithm>
#include <set>

#include "platform/json/internal/validator.h"

namespace fairlead::json::internal {

namespace bj = boost::json;

bool Validator::check_in_place(const Node& node, const bj::value& value, Seen* seen) {
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

const Node* Validator::dynamic_target(const Node& node) const {
  if (!node.dynamic_anchor.empty()) {
    for (const Resource* resource : scope_) {
      const auto found = resource->dynamic_nodes.find(node.dynamic_anchor);
      if (found != resource->dynamic_nodes.end()) return found->second;
    }
  }
  return node.dynamic_ref;
}

bool Validator::check_any(const Node& node, const bj::value& value, Seen* seen) {
  bool any = false;
  for (const Node* branch : node.any_of) {
    any |= apply_silently(*branch, value, seen);
    if (any && !seen) return true;
  }
  return any || explain(node.any_of, value, "anyOf");
}

bool Validator::check_one(const Node& node, const bj::value& value, Seen* seen) {
  const Node* first = nullptr;
  for (const Node* branch : node.one_of) {
    if (!apply_silently(*branch, value, seen)) continue;
    if (first) return fault("oneOf", "must be only one of " + describe(*first) + " and " + describe(*branch));
    first = branch;
  }
  return first || explain(node.one_of, value, "oneOf");
}

bool Validator::explain(const std::vector<const Node*>& branches, const bj::value& value, std::string_view keyword) {
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

std::size_t Validator::depth_of_step() const {
  std::size_t depth = 0;
  for (const Step* step = step_; step; step = step->up) ++depth;
  return depth;
}

}  // namespace fairlead::json::internal
