// What an expression is compiled to: instructions for a machine with a stack.
#pragma once
#include <re2/re2.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "platform/expr/internal/arena.h"
#include "platform/expr/internal/tree.h"
#include "platform/expr/internal/zone.h"
#include "platform/expr/type.h"

namespace fairlead::expr::internal {

enum class Op : std::uint8_t {
  kConstant,  // a: place in constants
  kVariable,  // a: place in variables
  kLocal,     // a: slot
  kExpect,    // a: place in types; the value has to be of it
  kUnknown,   // a: name; the error of a name that nobody declared
  kField,     // a: name; small 1: a kExpect of the same node follows
  kHas,       // a: name
  kIndex,
  kNot,
  kNegate,
  kSkipIfFalse,  // a: where to; the value stays
  kSkipIfTrue,
  kAnd,
  kOr,
  kBranch,       // a: where the other branch is, b: the end
  kJump,         // a: where to
  kBinary,       // small: BinaryOp
  kList,         // a: items
  kMap,          // a: entries
  kCall,         // a: first overload, b: how many overloads, small: arguments, c: zone + 1
  kMatches,      // a: place in patterns
  kUnknownCall,  // a: name, small: arguments
  kLoop,         // takes the range; small: MacroOp, a: slot, b: after the loop
  kTest,         // takes the condition of a map: a: slot, b: the loop's start, c: after it
  kStep,         // takes the body's value; small: MacroOp, a: slot, b: the loop's start
};

struct Instruction {
  Op op = Op::kConstant;
  std::uint8_t small = 0;
  std::uint32_t a = 0, b = 0, c = 0;
  std::uint32_t node = 0;
};

struct VariableUse {
  std::uint32_t place = 0;
  std::string name;
  Type type;
};

// Where a node stands, for messages.
struct Span {
  std::uint32_t start = 0, end = 0, at = 0;
};

struct Program {
  std::string source;
  Type type;
  std::vector<Instruction> code;
  std::vector<Value> constants;
  std::vector<std::string> names;
  std::vector<Type> types;
  std::vector<VariableUse> variables;
  std::vector<std::unique_ptr<const RE2>> patterns;
  std::vector<Zone> zones;
  std::vector<Span> spans;        // by node
  std::vector<bool> literal;      // by node
  std::uint32_t stack = 0;        // values at most
  std::uint32_t loops = 0;        // inside one another at most
  std::deque<std::string> texts;  // that constants view
  Arena arena;                    // of constants made when compiled
};

}  // namespace fairlead::expr::internal
