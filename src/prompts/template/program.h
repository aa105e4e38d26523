// A compiled template: a flat tree. Nodes refer to one another, to constants and to lists of numbers by index.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "prompts/template/value.h"

namespace fairlead::prompts::jinja {

using NodeId = std::uint32_t;
inline constexpr NodeId kNone = 0xFFFFFFFF;  // no node, no reference

// `list` is an index into Program::numbers: how many, then that many. `name` is one into Program::names.
enum class Op : std::uint8_t {
  // Expressions.
  kConstant,   // a: into constants
  kName,       // a: name; once resolved, into references, and b: name
  kList,       // a: list of nodes
  kTuple,      // a: list of nodes
  kDict,       // a: list of key, value, key, value
  kAttribute,  // a: object, b: name, c: methods' place of that name, or kNone
  kItem,       // a: object, b: subscript
  kSlice,      // a: object, b: list of start, stop, step (or kNone)
  kCall,       // a: callee, b: arguments
  kFilter,     // a: subject, b: arguments, c: into the filters
  kTest,       // a: subject, b: arguments, c: into the tests; flag: negated
  kNot,        // a
  kNegative,   // a
  kPositive,   // a
  kAnd,        // a, b
  kOr,         // a, b
  kBinary,     // a, b, flag: Operator
  kCompare,    // a, b: list of Operator, node, Operator, node
  kConcat,     // a: list of nodes
  kCondition,  // a: test, b: then, c: else or kNone
  kCaptured,   // the text that a filter block or a block set caught
  // Statements.
  kText,         // a: into constants
  kOutput,       // a: expression
  kBlock,        // a: list of statements
  kIf,           // a: list of test, block, test, block; b: else or kNone
  kFor,          // a: into loops
  kSet,          // a: target, b: expression
  kSetBlock,     // a: target, b: expression over kCaptured, c: block
  kFilterBlock,  // b: expression over kCaptured, c: block
  kWith,         // a: list of target, expression, …; b: block; c: into scopes
  kMacro,        // a: into macros
  kCallBlock,    // a: call, b: into macros
  // Targets.
  kTargetName,    // a: name; once resolved, a slot of the frame
  kTargetTuple,   // a: list of targets
  kTargetMember,  // a: object (a name), b: name
};

enum class Operator : std::uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kIn,
  kNotIn,
};

struct Node {
  Op op;
  std::uint8_t flag = 0;
  std::uint32_t position = 0;
  std::uint32_t a = kNone, b = kNone, c = kNone;
};

// Where a name's value may be, the nearest first: a slot of the frame so many levels out; where that is not set,
// `next`; at the end, one of the caller's variables.
struct Reference {
  std::uint32_t frame = 0;
  std::uint32_t slot = kNone;      // kNone: `variable`
  std::uint32_t variable = kNone;  // into variables
  std::uint32_t next = kNone;
};

// Slots that are empty again whenever the scope is entered.
struct ScopeSlots {
  std::uint32_t first = 0, end = 0;
};

struct ForLoop {
  NodeId target = kNone, iterable = kNone, condition = kNone, body = kNone, otherwise = kNone;
  std::uint32_t loop_slot = kNone;  // of `loop`; kNone where the body does not use it
  ScopeSlots slots;
};

struct Parameter {
  std::uint32_t name = 0;
  NodeId fallback = kNone;
  std::uint32_t slot = 0;
};

struct MacroCode {
  std::uint32_t name = kNone;  // kNone: the caller of a call block
  std::uint32_t slot = kNone;  // where the macro itself is put
  std::vector<Parameter> parameters;
  NodeId body = kNone;
  std::uint32_t slot_count = 0;
  std::uint32_t varargs = kNone, kwargs = kNone, caller = kNone;  // slots, where the body uses them
};

struct Program {
  std::string source;
  std::deque<std::string> texts;  // decoded string literals; constants view them
  std::vector<Node> nodes;
  std::vector<std::uint32_t> numbers;
  std::vector<Value> constants;
  std::vector<std::string> names;
  std::vector<Reference> references;
  std::vector<std::string> variables;  // read from the caller; with the globals of the language
  std::vector<std::string> free;       // of these, what the caller has to give: sorted
  std::vector<ForLoop> loops;
  std::vector<ScopeSlots> scopes;
  std::vector<MacroCode> macros;
  NodeId root = kNone;
  std::uint32_t slot_count = 0;
};

}  // namespace fairlead::prompts::jinja
