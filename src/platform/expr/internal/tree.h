// The syntax tree: nodes in one array, children before their parents.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "platform/expr/value.h"

namespace fairlead::expr::internal {

using NodeId = std::uint32_t;
inline constexpr NodeId kNone = ~NodeId{0};

enum class NodeKind : std::uint8_t {
  kConstant,   // a: place in constants
  kName,       // a: place in names; op 1: with a dot in front
  kField,      // a: operand, b: name
  kHas,        // a: operand, b: name
  kIndex,      // a: operand, b: subscript
  kCall,       // a: target or kNone, b: name, c: arguments
  kList,       // c: items
  kMap,        // c: keys and values in turn
  kNot,        // a
  kNegate,     // a
  kAnd,        // a, b
  kOr,         // a, b
  kBinary,     // op, a, b
  kCondition,  // a ? b : c
  kMacro,      // op, a: range, b: the variable's name, c: arguments after it
};

enum class BinaryOp : std::uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kIn,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
};
std::string_view sign_of(BinaryOp op);

enum class MacroOp : std::uint8_t { kAll, kExists, kExistsOne, kMap, kFilter };

struct Node {
  NodeKind kind = NodeKind::kConstant;
  std::uint8_t op = 0;
  std::uint16_t depth = 1;
  std::uint32_t start = 0, end = 0;  // in the source
  std::uint32_t at = 0;              // where a fault of it is shown
  std::uint32_t a = kNone, b = kNone, c = kNone;
};

struct Tree {
  std::vector<Node> nodes;
  std::vector<std::uint32_t> lists;  // each: how many, then the nodes
  std::vector<std::string> names;
  std::vector<Value> constants;
  std::deque<std::string> texts;  // that constants view
  NodeId root = kNone;

  std::vector<NodeId> list(std::uint32_t place) const {
    if (place == kNone) return {};
    const auto first = lists.begin() + place + 1;
    return {first, first + lists[place]};
  }
};

}  // namespace fairlead::expr::internal
