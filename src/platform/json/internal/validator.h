// One validation: a walk of nodes and value together.
#pragma once
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "platform/json/internal/schema_node.h"
#include "platform/json/schema.h"

namespace fairlead::json::internal {

// Which members or items of one value some keyword has looked at, for the `unevaluated…` keywords.
struct Seen {
  explicit Seen(const boost::json::value& value);
  void merge(const Seen& other);
  std::vector<bool> parts;
};

struct Step {  // of the way from the root of the instance; lives on the stack
  const Step* up;
  std::string_view name;  // data() is null for an item of an array
  std::size_t index;
};

// Used once, by one thread.
class Validator {
 public:
  Validator(std::vector<SchemaError>& faults, std::size_t limit) : faults_(&faults), limit_(limit) {}

  // True if `value` satisfies `node`. Without a list of faults it stops at the first. `seen`: null if nobody asks.
  bool check(const Node& node, const boost::json::value& value, Seen* seen);
  // The bounds were reached: what check() said means nothing.
  bool exhausted() const { return exhausted_; }

 private:
  bool going(bool valid) const { return valid || (faults_ && faults_->size() < limit_); }
  bool fault(std::string_view keyword, std::string message);
  bool check_below(const Node& node, const boost::json::value& value, std::string_view name, std::size_t index);
  bool check_item(const Node& node, const boost::json::array& array, std::size_t i) {
    return check_below(node, array[i], {}, i);
  }
  bool check_member(const Node& node, const boost::json::key_value_pair& member) {
    return check_below(node, member.value(), member.key(), 0);
  }

  // A keyword on the same value: what it has looked at counts only if it holds.
  bool apply(const Node& node, const boost::json::value& value, Seen* seen);
  bool apply_silently(const Node& node, const boost::json::value& value, Seen* seen);

  bool check_itself(const Node& node, const boost::json::value& value);
  bool check_choices(const Node& node, const boost::json::value& value);
  bool check_number(const Node& node, const boost::json::value& value);
  bool check_string(const Node& node, std::string_view text);

  bool check_array(const Node& node, const boost::json::array& array, Seen* seen);
  bool check_contains(const Node& node, const boost::json::array& array, Seen* seen);
  bool check_object(const Node& node, const boost::json::object& object, const boost::json::value& value, Seen* seen);
  bool check_one_member(const Node& node, const boost::json::key_value_pair& member, Seen* seen, std::size_t index);
  bool unknown(const Node& node, const boost::json::key_value_pair& member, std::string_view keyword);
  bool check_unevaluated(const Node& node, const boost::json::value& value, Seen& seen);

  bool check_in_place(const Node& node, const boost::json::value& value, Seen* seen);
  const Node* dynamic_target(const Node& node) const;
  bool check_any(const Node& node, const boost::json::value& value, Seen* seen);
  bool check_one(const Node& node, const boost::json::value& value, Seen* seen);
  // Nothing fits: if one branch is of the right type and got further than the others, its faults are what the author
  // wants to hear; else what the branches are.
  bool explain(const std::vector<const Node*>& branches, const boost::json::value& value, std::string_view keyword);
  std::size_t depth_of_step() const;

  std::vector<SchemaError>* faults_;  // null while nobody wants to hear
  std::size_t limit_;
  const Step* step_ = nullptr;
  std::vector<const Resource*> scope_;  // the dynamic scope
  std::size_t steps_ = 0;
  int depth_ = 0;
  bool exhausted_ = false;
};

}  // namespace fairlead::json::internal
