// Calls and operators: which forms fit the types.
#include <algorithm>
#include <optional>

#include "base/result.h"
#include "base/suggest.h"
#include "platform/expr/internal/compiler.h"
#include "platform/expr/internal/functions.h"

namespace fairlead::expr::internal {
namespace {

bool number(const Type& type) {
  return type.is(Kind::kInt) || type.is(Kind::kUint) || type.is(Kind::kDouble);
}
bool ordered(const Type& type) {
  return type.dynamic() || number(type) || type.is(Kind::kBool) || type.is(Kind::kString) || type.is(Kind::kBytes) ||
         type.is(Kind::kTimestamp) || type.is(Kind::kDuration);
}

struct Arithmetic {
  BinaryOp op;
  Kind left, right, result;
};
constexpr Arithmetic kTimeArithmetic[] = {
    {BinaryOp::kAdd, Kind::kTimestamp, Kind::kDuration, Kind::kTimestamp},
    {BinaryOp::kAdd, Kind::kDuration, Kind::kTimestamp, Kind::kTimestamp},
    {BinaryOp::kAdd, Kind::kDuration, Kind::kDuration, Kind::kDuration},
    {BinaryOp::kSubtract, Kind::kTimestamp, Kind::kDuration, Kind::kTimestamp},
    {BinaryOp::kSubtract, Kind::kTimestamp, Kind::kTimestamp, Kind::kDuration},
    {BinaryOp::kSubtract, Kind::kDuration, Kind::kDuration, Kind::kDuration},
};

std::string hint_for(const Type& left, const Type& right) {
  if (number(left) && number(right) && left.kind() != right.kind())
    return " Convert one: `double(x)`, `int(x)`, `uint(x)`.";
  if ((left.is(Kind::kString) && number(right)) || (number(left) && right.is(Kind::kString)))
    return " Convert one: `string(x)`, `int(x)`.";
  if (left.is(Kind::kString) && (right.is(Kind::kTimestamp) || right.is(Kind::kDuration)))
    return " Convert one: `timestamp(x)`, `duration(x)`.";
  return "";
}

}  // namespace

Tried<Type> Compiler::binary_type(const Node& node, BinaryOp op, const Type& left, const Type& right) {
  const auto refuse = [&]() -> Tried<Type> {
    if (!checked()) return Type();
    return type_failure(node.at, "`" + std::string(sign_of(op)) + "` has no meaning between " + left.text() + " and " +
                                     right.text() + "." + hint_for(left, right));
  };
  switch (op) {
    case BinaryOp::kEqual:
    case BinaryOp::kNotEqual: {
      const bool null = left.is(Kind::kNull) || right.is(Kind::kNull);
      if (null || compatible(left, right) || (number(left) && number(right))) return Kind::kBool;
      if (!checked()) return Kind::kBool;
      return type_failure(node.at, left.text() + " and " + right.text() + " are never equal." + hint_for(left, right));
    }
    case BinaryOp::kLess:
    case BinaryOp::kLessOrEqual:
    case BinaryOp::kGreater:
    case BinaryOp::kGreaterOrEqual:
      if (ordered(left) && ordered(right) && (compatible(left, right) || (number(left) && number(right))))
        return Kind::kBool;
      if (!checked()) return Kind::kBool;
      return refuse();
    case BinaryOp::kIn: {
      if (right.dynamic()) return Kind::kBool;
      const Type inside = right.is(Kind::kList) ? right.items() : right.keys();
      const bool container = right.is(Kind::kList) || right.is(Kind::kMap);
      if (container && (compatible(left, inside) || (number(left) && number(inside)))) return Kind::kBool;
      if (!checked()) return Kind::kBool;
      if (right.is(Kind::kString))
        return type_failure(node.at, "`in` asks a list or a map; for a part of a string write text.contains(part).");
      return refuse();
    }
    default:
      return arithmetic_type(node, op, left, right);
  }
}

Tried<Type> Compiler::arithmetic_type(const Node& node, BinaryOp op, const Type& left, const Type& right) {
  std::vector<Type> results;
  const auto allow = [&](Kind a, Kind b, const Type& result) {
    if ((left.dynamic() || left.is(a)) && (right.dynamic() || right.is(b))) results.push_back(result);
  };
  allow(Kind::kInt, Kind::kInt, Kind::kInt);
  allow(Kind::kUint, Kind::kUint, Kind::kUint);
  if (op != BinaryOp::kModulo) allow(Kind::kDouble, Kind::kDouble, Kind::kDouble);
  if (op == BinaryOp::kAdd) {
    allow(Kind::kString, Kind::kString, Kind::kString);
    allow(Kind::kBytes, Kind::kBytes, Kind::kBytes);
    const bool both = left.is(Kind::kList) && right.is(Kind::kList);
    if (!both || !checked() || compatible(left, right))
      allow(Kind::kList, Kind::kList, both ? joined(left, right) : Type(Kind::kList));
  }
  for (const Arithmetic& one : kTimeArithmetic)
    if (one.op == op) allow(one.left, one.right, one.result);
  if (results.size() == 1) return results[0];
  if (!results.empty() || !checked()) return Type();
  return type_failure(node.at, "`" + std::string(sign_of(op)) + "` has no meaning between " + left.text() + " and " +
                                   right.text() + "." + hint_for(left, right));
}

// What CEL's extensions have and this subset does not (docs/reference/expressions.md).
Tried<void> Compiler::refuse_extension(const Node& node, std::string_view name, std::size_t operands) const {
  static constexpr std::string_view kLibraries[] = {"math",     "cel",  "base64", "strings",
                                                    "optional", "sets", "lists",  "proto"};
  static constexpr std::string_view kFunctions[] = {"format", "transformList", "transformMap", "transformMapEntry",
                                                    "optMap", "optFlatMap",    "orValue",      "hasValue"};
  static constexpr std::string_view kMacros[] = {"all", "exists", "exists_one", "existsOne"};
  const auto refuse = [&](std::string message) {
    return std::unexpected(Failure{node.at, std::move(message), Failure::Sort::kUnsupported});
  };
  if (std::ranges::find(kMacros, name) != std::end(kMacros) && operands == 4)
    return refuse("macros of two variables are not supported: go through the keys, and write map[key].");
  if (std::ranges::find(kFunctions, name) != std::end(kFunctions))
    return refuse("`" + std::string(name) + "` is not supported: it is of an extension of CEL.");
  const Node* const target = node.a == kNone ? nullptr : &tree_.nodes[node.a];
  if (target == nullptr || target->kind != NodeKind::kName) return {};
  const std::string& library = program_.names[target->a];
  if (std::ranges::find(kLibraries, library) != std::end(kLibraries) && !environment_.find(library) &&
      !is_local(library))
    return refuse("`" + library + "." + std::string(name) + "` is not supported: it is of an extension of CEL.");
  return {};
}

Tried<Compiler::Emitted> Compiler::emit_call(NodeId id, const Node& node) {
  const std::string name = program_.names[node.b];
  const bool member = node.a != kNone;
  std::vector<NodeId> operands = tree_.list(node.c);
  if (member) operands.insert(operands.begin(), node.a);
  const auto range = find_overloads(name, member);
  if (!range) FAIRLEAD_CHECK(refuse_extension(node, name, operands.size()));
  if (!range && checked()) {
    const std::string suggestion = did_you_mean(name, function_names(member));
    const bool other = find_overloads(name, !member).has_value();
    return type_failure(node.at, "unknown function `" + name + "`." + suggestion +
                                     (other && member ? " It is written " + name + "(x)." : "") +
                                     (other && !member ? " It is written x." + name + "(…)." : ""));
  }
  std::vector<Type> types;
  bool constant = true;
  bool last_constant = false;
  std::uint32_t zone = 0;
  for (const NodeId operand : operands) {
    FAIRLEAD_TRY(Emitted one, emit(operand));
    constant = constant && one.constant;
    last_constant = one.constant;
    types.push_back(std::move(one.type));
  }
  const auto count = static_cast<std::uint8_t>(std::min<std::size_t>(operands.size(), 255));
  const int grows = 1 - static_cast<int>(operands.size());
  if (operands.size() > 8) return failure(node.at, "no function takes so many arguments.");
  if (!range) {
    put({.op = Op::kUnknownCall, .small = count, .a = node.b, .node = id}, grows);
    return Emitted{};
  }
  const auto all = overloads().subspan(range->first, range->count);
  std::vector<const Overload*> fitting;
  for (const Overload& one : all) {
    bool fits = one.arguments.size() == operands.size();
    for (std::size_t i = 0; fits && i < operands.size(); ++i) fits = accepts(one.arguments[i], types[i]);
    if (fits) fitting.push_back(&one);
  }
  FAIRLEAD_TRY(Type type, call_type(node, name, fitting, types, all));
  if (!constant && last_constant && operands.size() == 2) {
    FAIRLEAD_TRY(const bool done, emit_prepared(id, node, name, zone));
    if (done) return Emitted{Kind::kBool, false};
  }
  put({.op = Op::kCall, .small = count, .a = range->first, .b = range->count, .c = zone, .node = id}, grows);
  return Emitted{std::move(type), constant};
}

// A literal pattern or time zone is prepared once. True: the call has been emitted.
Tried<bool> Compiler::emit_prepared(NodeId id, const Node& node, std::string_view name, std::uint32_t& zone) {
  const Instruction& last = program_.code.back();
  if (last.op != Op::kConstant || !program_.constants[last.a].is(Kind::kString)) return false;
  const std::string_view text = program_.constants[last.a].as_text();
  if (name == "matches") {
    std::string why;
    auto pattern = compile_pattern(text, 1024 * 1024, why);
    if (pattern == nullptr && checked())
      return type_failure(tree_.nodes[tree_.list(node.c).back()].start,
                          "this is no regular expression of RE2: " + why + ".");
    if (pattern == nullptr) return false;
    program_.patterns.push_back(std::move(pattern));
    program_.code.pop_back();
    --height_;
    put({.op = Op::kMatches, .a = static_cast<std::uint32_t>(program_.patterns.size() - 1), .node = id}, 0);
    return true;
  }
  if (!name.starts_with("get")) return false;
  auto found = Zone::find(text);
  if (!found && checked())
    return type_failure(tree_.nodes[tree_.list(node.c).back()].start, "there is no time zone `" + std::string(text) +
                                                                          "`; write one of the IANA database "
                                                                          "(Europe/Berlin) or an offset (+02:00).");
  if (!found) return false;
  program_.zones.push_back(std::move(*found));
  zone = static_cast<std::uint32_t>(program_.zones.size());
  return false;
}

Tried<Type> Compiler::call_type(const Node& node, std::string_view name, std::span<const Overload* const> fitting,
                                std::span<const Type> types, std::span<const Overload> all) {
  if (fitting.empty()) {
    if (!checked()) return Type();
    std::string given;
    for (std::size_t i = 0; i < types.size(); ++i) given += (i == 0 ? "" : ", ") + types[i].text();
    std::string forms;
    for (const Overload& one : all) forms += (forms.empty() ? "" : ", ") + signature(one);
    return type_failure(node.at,
                        "`" + std::string(name) + "` is not there for (" + given + "); there is " + forms + ".");
  }
  const char result = fitting[0]->result;
  const bool all_same = std::ranges::all_of(fitting, [&](const Overload* one) { return one->result == result; });
  return all_same ? type_of(result) : Type();
}

}  // namespace fairlead::expr::internal
