#include "platform/expr/internal/compiler.h"

#include <algorithm>
#include <optional>

#include "base/result.h"
#include "base/suggest.h"
#include "platform/expr/internal/functions.h"

namespace fairlead::expr::internal {
namespace {

// The names of types, which are values: type(x) == int.
std::optional<Kind> type_named(std::string_view name) {
  for (const Kind kind : {Kind::kNull, Kind::kBool, Kind::kInt, Kind::kUint, Kind::kDouble, Kind::kString, Kind::kBytes,
                          Kind::kList, Kind::kMap, Kind::kTimestamp, Kind::kDuration, Kind::kType})
    if (kind_name(kind) == name) return kind;
  return std::nullopt;
}

std::string quoted(std::string_view text) {
  return "`" + std::string(text) + "`";
}

std::string joined_names(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

}  // namespace

Tried<void> Compiler::run() {
  program_.spans.reserve(tree_.nodes.size());
  for (const Node& node : tree_.nodes) {
    program_.spans.push_back({node.start, node.end, node.at});
    program_.literal.push_back(node.kind == NodeKind::kConstant);
  }
  program_.names = std::move(tree_.names);
  program_.texts = std::move(tree_.texts);
  FAIRLEAD_TRY(const Emitted all, emit(tree_.root));
  program_.type = all.type;
  return {};
}

std::size_t Compiler::put(Instruction instruction, int grows) {
  program_.code.push_back(instruction);
  height_ = static_cast<std::uint32_t>(static_cast<int>(height_) + grows);
  program_.stack = std::max(program_.stack, height_);
  return program_.code.size() - 1;
}

void Compiler::load(Value value, NodeId id) {
  program_.constants.push_back(value);
  put({.op = Op::kConstant, .a = static_cast<std::uint32_t>(program_.constants.size() - 1), .node = id}, 1);
}

std::uint32_t Compiler::add_type(const Type& type) {
  program_.types.push_back(type);
  return static_cast<std::uint32_t>(program_.types.size() - 1);
}

Tried<Compiler::Emitted> Compiler::emit(NodeId id) {
  const std::size_t first = program_.code.size();
  const Node& node = tree_.nodes[id];
  FAIRLEAD_TRY(Emitted out, emit_node(id, node));
  const bool worth_it = node.kind != NodeKind::kConstant && node.kind != NodeKind::kName;
  if (out.constant && worth_it) FAIRLEAD_CHECK(fold(id, first));
  return out;
}

// Runs what was emitted since `first`; if it has a value, that takes its place.
Tried<void> Compiler::fold(NodeId id, std::size_t first) {
  constexpr Limits kLimits{.steps = 10'000, .memory_bytes = 64 * 1024};
  std::vector<Value> stack(program_.stack);
  Machine machine(program_, program_.arena, stack, kLimits);
  const Value value = machine.run(first, {});
  if (machine.stopped() != Machine::Stop::kNone) return {};
  if (value.is_error()) {
    // A literal time, pattern or zone that cannot be read is a slip, which is better shown now.
    const Node& node = tree_.nodes[id];
    const bool unreadable = value.error_code() == ErrorCode::kInvalidArgument && value.error_node() == id;
    if (checked() && unreadable && node.kind == NodeKind::kCall && !type_named(program_.names[node.b]))
      return type_failure(node.at, message_of(value));
    return {};
  }
  program_.code.resize(first);
  --height_;
  load(value, id);
  return {};
}

Tried<Compiler::Emitted> Compiler::emit_node(NodeId id, const Node& node) {
  switch (node.kind) {
    case NodeKind::kConstant: {
      const Value value = tree_.constants[node.a];
      load(value, id);
      return Emitted{value.kind(), true};
    }
    case NodeKind::kName:
      return emit_name(id, node);
    case NodeKind::kField:
    case NodeKind::kHas:
      return emit_field(id, node);
    case NodeKind::kIndex:
      return emit_index(id, node);
    case NodeKind::kCall:
      return emit_call(id, node);
    case NodeKind::kList:
      return emit_list(id, node);
    case NodeKind::kMap:
      return emit_map(id, node);
    case NodeKind::kAnd:
    case NodeKind::kOr:
      return emit_logic(id, node);
    case NodeKind::kBinary:
      return emit_binary(id, node);
    case NodeKind::kCondition:
      return emit_condition(id, node);
    case NodeKind::kMacro:
      return emit_macro(id, node);
    case NodeKind::kNot: {
      FAIRLEAD_TRY(const Emitted operand, emit(node.a));
      FAIRLEAD_CHECK(want_bool(node.a, operand.type, "`!`"));
      put({.op = Op::kNot, .node = id}, 0);
      return Emitted{Kind::kBool, operand.constant};
    }
    case NodeKind::kNegate:
      break;
  }
  FAIRLEAD_TRY(const Emitted operand, emit(node.a));
  const Type& type = operand.type;
  if (checked() && !type.dynamic() && !type.is(Kind::kInt) && !type.is(Kind::kDouble))
    return type_failure(node.at, "`-` stands before an int or a double, and this is of type " + type.text() + ".");
  put({.op = Op::kNegate, .node = id}, 0);
  return Emitted{type, operand.constant};
}

Tried<void> Compiler::want_bool(NodeId id, const Type& type, std::string_view what) {
  if (!checked() || type.dynamic() || type.is(Kind::kBool)) return {};
  std::string hint = type.is(Kind::kString) ? "; compare it: `… == \"…\"` or `… != \"\"`" : "";
  if (type.is(Kind::kInt) || type.is(Kind::kUint) || type.is(Kind::kDouble)) hint = "; compare it: `… != 0`";
  if (type.is(Kind::kList) || type.is(Kind::kMap)) hint = "; ask for its size: `size(…) > 0`";
  return type_failure(tree_.nodes[id].start,
                      std::string(what) + " wants a bool, and this is of type " + type.text() + hint + ".");
}

Tried<Compiler::Emitted> Compiler::emit_name(NodeId id, const Node& node) {
  const std::string& name = program_.names[node.a];
  if (node.op == 0) {
    for (std::size_t i = locals_.size(); i-- > 0;) {
      if (locals_[i].name != name) continue;
      put({.op = Op::kLocal, .a = locals_[i].slot, .node = id}, 1);
      return Emitted{locals_[i].type, false};
    }
  }
  if (const auto place = environment_.find(name)) return emit_variable(id, *place);
  if (const auto kind = type_named(name)) {
    load(Value::type(*kind), id);
    return Emitted{Kind::kType, true};
  }
  if (checked()) {
    const std::vector<std::string> names = environment_.names();
    const std::string suggestion = did_you_mean(name, names);
    return type_failure(
        node.at, "unknown variable " + quoted(name) + "." + suggestion +
                     (names.empty() ? " No variables are declared here." : " Declared: " + joined_names(names) + "."));
  }
  put({.op = Op::kUnknown, .a = node.a, .node = id}, 1);
  return Emitted{};
}

Compiler::Emitted Compiler::emit_variable(NodeId id, std::uint32_t place) {
  auto used = std::ranges::find(program_.variables, place, &VariableUse::place);
  if (used == program_.variables.end()) {
    const Environment::Variable& variable = environment_.variables()[place];
    program_.variables.push_back({place, variable.name, variable.type});
    used = program_.variables.end() - 1;
  }
  put({.op = Op::kVariable, .a = static_cast<std::uint32_t>(used - program_.variables.begin()), .node = id}, 1);
  return {used->type, false};
}

bool Compiler::is_local(std::string_view name) const {
  return std::ranges::find(locals_, name, &Local::name) != locals_.end();
}

// "google.protobuf.Timestamp" of a chain of fields on a name that no macro has set, else "".
std::string Compiler::qualified_name(NodeId id) const {
  const Node& node = tree_.nodes[id];
  if (node.kind == NodeKind::kName)
    return node.op == 0 && is_local(program_.names[node.a]) ? "" : program_.names[node.a];
  if (node.kind != NodeKind::kField) return "";
  const std::string before = qualified_name(node.a);
  return before.empty() ? "" : before + "." + program_.names[node.b];
}

Tried<Compiler::Emitted> Compiler::emit_field(NodeId id, const Node& node) {
  const std::string& name = program_.names[node.b];
  if (const std::string qualified = node.kind == NodeKind::kField ? qualified_name(id) : ""; !qualified.empty()) {
    if (const auto place = environment_.find(qualified)) return emit_variable(id, *place);
    if (const auto kind = type_named(qualified); kind && !environment_.find("google")) {
      load(Value::type(*kind), id);
      return Emitted{Kind::kType, true};
    }
  }
  FAIRLEAD_TRY(const Emitted operand, emit(node.a));
  const bool has = node.kind == NodeKind::kHas;
  if (checked() && !operand.type.dynamic() && !operand.type.is(Kind::kMap))
    return type_failure(node.at, "a value of type " + operand.type.text() + " has no field " + quoted(name) +
                                     ": only maps have fields.");
  Type type = operand.type.values();
  bool declared = false;
  if (const auto* const fields = operand.type.fields()) {
    const auto found =
        std::ranges::find(*fields, name, [](const auto& field) -> const std::string& { return field.first; });
    declared = found != fields->end();
    if (declared) type = found->second;
    if (!declared && checked()) {
      std::vector<std::string> names;
      for (const auto& [field, unused] : *fields) names.push_back(field);
      return type_failure(node.at, "unknown field " + quoted(name) + "." + did_you_mean(name, names) +
                                       " Declared: " + joined_names(names) + ".");
    }
  }
  const bool expects = declared && !has && !type.dynamic();
  put({.op = has ? Op::kHas : Op::kField, .small = static_cast<std::uint8_t>(expects ? 1 : 0), .a = node.b, .node = id},
      0);
  if (expects) put({.op = Op::kExpect, .a = add_type(type), .node = id}, 0);
  return Emitted{has ? Type(Kind::kBool) : type, operand.constant};
}

Tried<Compiler::Emitted> Compiler::emit_index(NodeId id, const Node& node) {
  FAIRLEAD_TRY(const Emitted container, emit(node.a));
  FAIRLEAD_TRY(const Emitted subscript, emit(node.b));
  Type type;
  if (container.type.is(Kind::kList)) type = container.type.items();
  if (container.type.is(Kind::kMap)) type = container.type.values();
  if (checked() && !container.type.dynamic()) {
    if (!container.type.is(Kind::kList) && !container.type.is(Kind::kMap))
      return type_failure(node.at,
                          "`[…]` wants a list or a map before it, and this is of type " + container.type.text() +
                              (container.type.is(Kind::kString) ? "; a character of a string is s.charAt(0)." : "."));
    const Type& by = subscript.type;
    if (container.type.is(Kind::kList) && !by.dynamic() && !by.is(Kind::kInt) && !by.is(Kind::kUint))
      return type_failure(tree_.nodes[node.b].start,
                          "a list's subscript is an int, and this is of type " + by.text() + ".");
    if (container.type.is(Kind::kMap) && !compatible(container.type.keys(), by))
      return type_failure(tree_.nodes[node.b].start, "the keys of this map are of type " +
                                                         container.type.keys().text() + ", and this is of type " +
                                                         by.text() + ".");
  }
  put({.op = Op::kIndex, .node = id}, -1);
  return Emitted{type, container.constant && subscript.constant};
}

Tried<Compiler::Emitted> Compiler::emit_logic(NodeId id, const Node& node) {
  const bool is_and = node.kind == NodeKind::kAnd;
  FAIRLEAD_TRY(const Emitted left, emit(node.a));
  FAIRLEAD_CHECK(want_bool(node.a, left.type, is_and ? "`&&`" : "`||`"));
  const std::size_t skip = put({.op = is_and ? Op::kSkipIfFalse : Op::kSkipIfTrue, .node = id}, 0);
  FAIRLEAD_TRY(const Emitted right, emit(node.b));
  FAIRLEAD_CHECK(want_bool(node.b, right.type, is_and ? "`&&`" : "`||`"));
  put({.op = is_and ? Op::kAnd : Op::kOr, .node = id}, -1);
  program_.code[skip].a = next_place();
  return Emitted{Kind::kBool, left.constant && right.constant};
}

Tried<Compiler::Emitted> Compiler::emit_condition(NodeId id, const Node& node) {
  FAIRLEAD_TRY(const Emitted test, emit(node.a));
  FAIRLEAD_CHECK(want_bool(node.a, test.type, "`? :`"));
  const std::size_t branch = put({.op = Op::kBranch, .node = id}, -1);
  FAIRLEAD_TRY(const Emitted yes, emit(node.b));
  const std::size_t jump = put({.op = Op::kJump, .node = id}, -1);
  program_.code[branch].a = next_place();
  FAIRLEAD_TRY(const Emitted otherwise, emit(node.c));
  program_.code[branch].b = program_.code[jump].a = next_place();
  const bool null = yes.type.is(Kind::kNull) || otherwise.type.is(Kind::kNull);
  if (checked() && !null && !compatible(yes.type, otherwise.type))
    return type_failure(node.at, "both branches of `? :` have to be of one type, and these are of " + yes.type.text() +
                                     " and " + otherwise.type.text() + "; dyn(…) around one allows it.");
  return Emitted{joined(yes.type, otherwise.type), test.constant && yes.constant && otherwise.constant};
}

Tried<Compiler::Emitted> Compiler::emit_binary(NodeId id, const Node& node) {
  FAIRLEAD_TRY(const Emitted left, emit(node.a));
  FAIRLEAD_TRY(const Emitted right, emit(node.b));
  FAIRLEAD_TRY(Type type, binary_type(node, static_cast<BinaryOp>(node.op), left.type, right.type));
  put({.op = Op::kBinary, .small = node.op, .node = id}, -1);
  return Emitted{std::move(type), left.constant && right.constant};
}

Tried<Compiler::Emitted> Compiler::emit_list(NodeId id, const Node& node) {
  const std::vector<NodeId> items = tree_.list(node.c);
  Type type;
  bool constant = true;
  for (std::size_t i = 0; i < items.size(); ++i) {
    FAIRLEAD_TRY(const Emitted item, emit(items[i]));
    type = i == 0 ? item.type : joined(type, item.type);
    constant = constant && item.constant;
  }
  put({.op = Op::kList, .a = static_cast<std::uint32_t>(items.size()), .node = id}, 1 - static_cast<int>(items.size()));
  return Emitted{Type::list(type), constant};
}

Tried<Compiler::Emitted> Compiler::emit_map(NodeId id, const Node& node) {
  const std::vector<NodeId> items = tree_.list(node.c);
  Type keys;
  Type values;
  bool constant = true;
  for (std::size_t i = 0; i < items.size(); ++i) {
    FAIRLEAD_TRY(const Emitted item, emit(items[i]));
    Type& type = i % 2 == 0 ? keys : values;
    if (i % 2 == 0 && checked() && !item.type.dynamic() && !item.type.is(Kind::kString) && !item.type.is(Kind::kInt) &&
        !item.type.is(Kind::kUint) && !item.type.is(Kind::kBool))
      return type_failure(tree_.nodes[items[i]].start,
                          "a key is a string, an int, a uint or a bool, and this is of type " + item.type.text() + ".");
    type = i < 2 ? item.type : joined(type, item.type);
    constant = constant && item.constant;
  }
  put({.op = Op::kMap, .a = static_cast<std::uint32_t>(items.size() / 2), .node = id},
      1 - static_cast<int>(items.size()));
  return Emitted{Type::map(keys, values), constant};
}

Tried<Type> Compiler::item_type(const Node& node, std::string_view macro, const Type& range) {
  if (range.is(Kind::kList)) return range.items();
  if (range.is(Kind::kMap)) return range.keys();
  if (checked() && !range.dynamic())
    return type_failure(
        node.at, std::string(macro) + "() goes through a list or a map, and this is of type " + range.text() + ".");
  return Type();
}

// range; Loop; body…; Step back to the body. The body's value is what Step takes.
Tried<Compiler::Emitted> Compiler::emit_macro(NodeId id, const Node& node) {
  static constexpr std::string_view kNames[] = {"all", "exists", "exists_one", "map", "filter"};
  const std::string_view name = kNames[node.op];
  const auto op = static_cast<MacroOp>(node.op);
  FAIRLEAD_TRY(const Emitted range, emit(node.a));
  FAIRLEAD_TRY(Type item, item_type(node, name, range.type));
  const auto slot = static_cast<std::uint32_t>(locals_.size());
  if (slot >= kMaxLoops)
    return failure(node.at, "at most " + std::to_string(kMaxLoops) + " macros may stand inside one another.");
  locals_.push_back({program_.names[node.b], item, slot});
  program_.loops = std::max(program_.loops, slot + 1);
  const std::size_t loop = put({.op = Op::kLoop, .small = node.op, .a = slot, .node = id}, -1);
  const std::uint32_t start = next_place();
  const std::vector<NodeId> arguments = tree_.list(node.c);
  std::size_t test = 0;
  if (arguments.size() == 2) {
    FAIRLEAD_TRY(const Emitted condition, emit(arguments[0]));
    FAIRLEAD_CHECK(want_bool(arguments[0], condition.type, "the condition of map()"));
    test = put({.op = Op::kTest, .a = slot, .b = start, .node = id}, -1);
  }
  FAIRLEAD_TRY(const Emitted body, emit(arguments.back()));
  if (op != MacroOp::kMap) FAIRLEAD_CHECK(want_bool(arguments.back(), body.type, std::string(name) + "()"));
  put({.op = Op::kStep, .small = node.op, .a = slot, .b = start, .node = id}, 0);
  program_.code[loop].b = next_place();
  if (test != 0) program_.code[test].c = next_place();
  locals_.pop_back();
  if (op == MacroOp::kMap) return Emitted{Type::list(body.type), false};
  if (op == MacroOp::kFilter) return Emitted{Type::list(item), false};
  return Emitted{Kind::kBool, false};
}

}  // namespace fairlead::expr::internal
