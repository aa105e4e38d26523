#include "platform/expr/internal/machine.h"

#include <algorithm>
#include <cstring>

#include "platform/expr/internal/functions.h"

namespace fairlead::expr::internal {

Machine::Machine(const Program& program, const Activation& activation, Evaluation& evaluation, const Limits& limits)
    : program_(program), activation_(&activation), arena_(*evaluation.arena_), fuel_(limits.steps) {
  if (evaluation.stack_.size() < program.stack) evaluation.stack_.resize(program.stack);
  stack_ = evaluation.stack_;
  arena_.reset(limits.memory_bytes);
}

Machine::Machine(const Program& program, Arena& arena, std::span<Value> stack, const Limits& limits)
    : program_(program), arena_(arena), stack_(stack), fuel_(limits.steps) {
  arena_.extend(limits.memory_bytes);
}

Value Machine::run(std::size_t first, std::span<Counts> counts) {
  if (program_.loops > 0) {
    loops_ = array<Loop>(program_.loops);
    if (loops_ == nullptr) return {};
  }
  return counts.empty() ? loop<false>(first, counts) : loop<true>(first, counts);
}

void Machine::count(std::span<Counts> counts, std::uint32_t node, Value value) {
  Counts& counted = counts[node];
  if (value.is_true()) ++counted.times_true;
  if (value.is_false()) ++counted.times_false;
  if (!value.is_error()) return;
  if (counted.times_failed == 0) counted.first_error = value;
  ++counted.times_failed;
}

// Each instruction that ends a node leaves its value on top, and is counted if that is asked for.
template <bool kCounting>
Value Machine::loop(std::size_t at, std::span<Counts> counts) {
  const std::span<const Instruction> code = program_.code;
  Value* top = stack_.data();  // the next free place
  while (at < code.size()) {
    const Instruction& instruction = code[at++];
    node_ = instruction.node;
    if (fuel_ == 0) {
      stop(Stop::kSteps);
      return {};
    }
    --fuel_;
    bool counted = kCounting;
    switch (instruction.op) {
      case Op::kConstant:
        *top++ = program_.constants[instruction.a];
        counted = false;
        break;
      case Op::kVariable: {
        const VariableUse& use = program_.variables[instruction.a];
        Value value;
        if (activation_ == nullptr || !activation_->variable(use.place, use.name, value))
          *top++ = error(ErrorCode::kNoValue, use.name);
        else
          *top++ = expected(use.type, value);
        break;
      }
      case Op::kLocal:
        *top++ = loops_[instruction.a].current;
        break;
      case Op::kExpect:
        top[-1] = expected(program_.types[instruction.a], top[-1]);
        break;
      case Op::kUnknown:
        *top++ = error(ErrorCode::kUnknownName, program_.names[instruction.a]);
        break;
      case Op::kField:
        top[-1] = field(top[-1], program_.names[instruction.a]);
        counted = counted && instruction.small == 0;
        break;
      case Op::kHas:
        top[-1] = has(top[-1], program_.names[instruction.a]);
        break;
      case Op::kIndex:
        --top;
        top[-1] = index(top[-1], top[0]);
        break;
      case Op::kNot:
        if (top[-1].is(Kind::kBool))
          top[-1] = Value::boolean(!top[-1].as_bool());
        else if (!top[-1].is_error())
          top[-1] = no_overload("!", top[-1]);
        break;
      case Op::kNegate:
        top[-1] = negated(top[-1]);
        break;
      case Op::kSkipIfFalse:
        counted = counted && top[-1].is_false();
        if (top[-1].is_false()) at = instruction.a;
        break;
      case Op::kSkipIfTrue:
        counted = counted && top[-1].is_true();
        if (top[-1].is_true()) at = instruction.a;
        break;
      case Op::kAnd:
      case Op::kOr:
        --top;
        top[-1] = both(top[-1], top[0], instruction.op == Op::kAnd);
        break;
      case Op::kBranch:
        if (top[-1].is_true()) {
          --top;
          counted = false;
        } else if (top[-1].is_false()) {
          --top;
          at = instruction.a;
          counted = false;
        } else {
          if (!top[-1].is_error()) top[-1] = error(ErrorCode::kNotBool, "?", top[-1]);
          at = instruction.b;
        }
        break;
      case Op::kJump:
        at = instruction.a;
        counted = false;
        break;
      case Op::kBinary:
        --top;
        if (top[-1].is_error()) break;
        top[-1] = top[0].is_error() ? top[0] : binary(static_cast<BinaryOp>(instruction.small), top[-1], top[0]);
        break;
      case Op::kList:
        top -= instruction.a;
        *top = list_of({top, instruction.a});
        ++top;
        break;
      case Op::kMap:
        top -= 2 * instruction.a;
        *top = map_of({top, 2 * instruction.a});
        ++top;
        break;
      case Op::kCall:
        top -= instruction.small;
        *top = call(instruction, {top, instruction.small});
        ++top;
        break;
      case Op::kMatches:
        if (top[-1].is(Kind::kString)) {
          top[-1] = matches(top[-1].as_text(), *program_.patterns[instruction.a]);
        } else if (!top[-1].is_error()) {
          top[-1] = no_overload("matches", top[-1]);
        }
        break;
      case Op::kUnknownCall:
        top -= instruction.small;
        *top++ = error(ErrorCode::kUnknownName, program_.names[instruction.a]);
        break;
      case Op::kLoop: {
        Value result;
        if (enter(instruction, top[-1], result)) {
          --top;
          counted = false;
        } else {
          top[-1] = result;
          at = instruction.b;
        }
        break;
      }
      case Op::kTest: {
        --top;
        counted = false;
        if (top[0].is_true()) break;
        Value result;
        Loop& current = loops_[instruction.a];
        const bool fine = top[0].is_false();
        if (fine && ++current.place < current.size) {
          current.current =
              current.range.is(Kind::kList) ? current.range.item(current.place) : current.range.key(current.place);
          at = instruction.b;
          break;
        }
        if (fine)
          result = finish(MacroOp::kMap, current);
        else
          result = top[0].is_error() ? top[0] : error(ErrorCode::kNotBool, "map", top[0]);
        *top++ = result;
        at = instruction.c;
        counted = kCounting;
        break;
      }
      case Op::kStep: {
        Value result;
        if (step(instruction, top[-1], result)) {
          --top;
          at = instruction.b;
          counted = false;
        } else {
          top[-1] = result;
        }
        break;
      }
    }
    if constexpr (kCounting) {
      if (counted) count(counts, instruction.node, top[-1]);
    }
    if (stop_ != Stop::kNone) return {};
  }
  return stack_[0];
}

Value Machine::error(ErrorCode code, std::string_view text, Value first, Value second) {
  auto* const detail = array<ErrorDetail>(1);
  if (detail == nullptr) return {};
  *detail = {text, first, second};
  return Value::error(code, node_, detail);
}

Value Machine::no_overload(std::string_view what, Value first, Value second) {
  return error(ErrorCode::kNoSuchOverload, what, Value::type(first.kind()), Value::type(second.kind()));
}

char* Machine::text(std::size_t bytes) {
  spend_on(bytes);
  return array<char>(bytes);
}

Value Machine::copied(std::string_view from) {
  char* const to = text(from.size());
  if (to == nullptr) return {};
  std::ranges::copy(from, to);
  return Value::string({to, from.size()});
}

Value Machine::call(const Instruction& instruction, std::span<const Value> arguments) {
  for (const Value& argument : arguments)
    if (argument.is_error()) return argument;
  zone_ = instruction.c == 0 ? nullptr : &program_.zones[instruction.c - 1];
  for (const Overload& one : overloads().subspan(instruction.a, instruction.b)) {
    if (one.arguments.size() != arguments.size()) continue;
    bool fits = true;
    for (std::size_t i = 0; fits && i < arguments.size(); ++i) fits = accepts(one.arguments[i], arguments[i]);
    if (fits) return one.run(*this, arguments);
  }
  return no_overload(overloads()[instruction.a].name, arguments.empty() ? Value() : arguments[0],
                     arguments.size() > 1 ? arguments[1] : Value());
}

// RE2's time is bounded by the text times the pattern's program. Most patterns take far less, but one whose automaton
// outgrows RE2's memory takes that, some nanoseconds for each of the two.
Value Machine::matches(std::string_view subject, const RE2& pattern) {
  spend(subject.size() / 16 + subject.size() * static_cast<std::size_t>(pattern.ProgramSize()) / 32);
  if (stop_ != Stop::kNone) return {};
  return Value::boolean(RE2::PartialMatch(re2::StringPiece(subject.data(), subject.size()), pattern));
}

Value Machine::list_of(std::span<const Value> values) {
  for (const Value& value : values)
    if (value.is_error()) return value;
  auto* const items = array<Value>(values.size());
  if (items == nullptr) return {};
  std::ranges::copy(values, items);
  return Value::list({items, values.size()});
}

Value Machine::map_of(std::span<const Value> values) {
  const std::size_t size = values.size() / 2;
  auto* const entries = array<Entry>(size);
  if (entries == nullptr) return {};
  for (std::size_t i = 0; i < size; ++i) {
    const Value key = values[2 * i];
    if (key.is_error()) return key;
    if (values[2 * i + 1].is_error()) return values[2 * i + 1];
    if (!key.is(Kind::kString) && !key.is(Kind::kInt) && !key.is(Kind::kUint) && !key.is(Kind::kBool))
      return no_overload("{…}", key);
    spend(i / 4);
    for (std::size_t before = 0; before < i; ++before)
      if (same(entries[before].key, key)) return error(ErrorCode::kDuplicateKey, {}, key);
    entries[i] = {key, values[2 * i + 1]};
  }
  return Value::map({entries, size});
}

Value Machine::expected(const Type& type, Value value) {
  if (type.dynamic() || value.is_error() || value.is(Kind::kError)) return value;
  if (type.is(value.kind())) return value;
  if (type.is(Kind::kDouble)) {
    if (value.is(Kind::kInt)) return Value::number(static_cast<double>(value.as_int()));
    if (value.is(Kind::kUint)) return Value::number(static_cast<double>(value.as_uint()));
  }
  if (type.is(Kind::kUint) && value.is(Kind::kInt) && value.as_int() >= 0)
    return Value::unsigned_integer(static_cast<std::uint64_t>(value.as_int()));
  if (value.is(Kind::kString)) {
    std::optional<Value> parsed;
    if (type.is(Kind::kTimestamp)) parsed = parse_timestamp(value.as_text());
    if (type.is(Kind::kDuration)) parsed = parse_duration(value.as_text());
    if (parsed) return *parsed;
  }
  return error(ErrorCode::kWrongType, {}, Value::type(*type.kind()), value);
}

bool Machine::enter(const Instruction& instruction, Value range, Value& result) {
  result = range;
  if (range.is_error()) return false;
  if (!range.is(Kind::kList) && !range.is(Kind::kMap)) {
    result = error(ErrorCode::kNoSuchOverload, "a macro", Value::type(range.kind()));
    return false;
  }
  Loop& loop = loops_[instruction.a] = {};
  loop.range = range;
  loop.size = static_cast<std::uint32_t>(range.size());
  if (loop.size > 0) {
    loop.current = range.is(Kind::kList) ? range.item(0) : range.key(0);
    return true;
  }
  result = finish(static_cast<MacroOp>(instruction.small), loop);
  return false;
}

bool Machine::step(const Instruction& instruction, Value value, Value& result) {
  Loop& loop = loops_[instruction.a];
  const auto op = static_cast<MacroOp>(instruction.small);
  if (op != MacroOp::kMap && !value.is(Kind::kBool) && !value.is_error())
    value = error(ErrorCode::kNotBool, "macro", value);
  const bool quantifier = op == MacroOp::kAll || op == MacroOp::kExists;
  if (value.is_error()) {
    result = value;
    if (!quantifier) return false;
    if (loop.matches++ == 0) loop.first_error = value;
  } else if (quantifier && value.as_bool() == (op == MacroOp::kExists)) {
    result = value;
    return false;
  } else if (op == MacroOp::kExistsOne) {
    loop.matches += value.as_bool() ? 1 : 0;
  } else if (op == MacroOp::kMap || (op == MacroOp::kFilter && value.as_bool())) {
    if (!push(loop, op == MacroOp::kMap ? value : loop.current)) return false;
  }
  if (++loop.place == loop.size) {
    result = finish(op, loop);
    return false;
  }
  loop.current = loop.range.is(Kind::kList) ? loop.range.item(loop.place) : loop.range.key(loop.place);
  return true;
}

// After the last item.
Value Machine::finish(MacroOp op, const Loop& loop) {
  switch (op) {
    case MacroOp::kAll:
      return loop.matches > 0 ? loop.first_error : Value::boolean(true);
    case MacroOp::kExists:
      return loop.matches > 0 ? loop.first_error : Value::boolean(false);
    case MacroOp::kExistsOne:
      return Value::boolean(loop.matches == 1);
    case MacroOp::kMap:
    case MacroOp::kFilter:
      break;
  }
  return Value::list({loop.items, loop.count});
}

bool Machine::push(Loop& loop, Value value) {
  if (loop.count == loop.capacity) {
    const std::uint32_t capacity = std::max<std::uint32_t>(4, loop.capacity * 2);
    auto* const items = array<Value>(capacity);
    if (items == nullptr) return false;
    std::copy(loop.items, loop.items + loop.count, items);
    loop.items = items;
    loop.capacity = capacity;
  }
  loop.items[loop.count++] = value;
  return true;
}

}  // namespace fairlead::expr::internal
