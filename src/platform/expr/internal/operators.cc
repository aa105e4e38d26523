// The operators, equality and order of the machine (cel-spec, doc/langdef.md, Arithmetic, Equality, Ordering).
#include <algorithm>
#include <cmath>
#include <compare>
#include <limits>
#include <type_traits>

#include "platform/expr/internal/functions.h"
#include "platform/expr/internal/machine.h"

namespace fairlead::expr::internal {
namespace {

constexpr int kNotComparable = 2, kNoOverload = 3;
constexpr int kMaxValueDepth = 200;

int sign(std::strong_ordering order) {
  return order < 0 ? -1 : (order > 0 ? 1 : 0);
}
int sign(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return kNotComparable;
  return a < b ? -1 : (a > b ? 1 : 0);
}
double as_double(Value value) {
  if (value.is(Kind::kInt)) return static_cast<double>(value.as_int());
  if (value.is(Kind::kUint)) return static_cast<double>(value.as_uint());
  return value.as_double();
}

// Integers are compared exactly; beside a double, as doubles: what the conformance suite asks for.
int compare_numbers(Value a, Value b) {
  if (a.is(Kind::kDouble) || b.is(Kind::kDouble)) return sign(as_double(a), as_double(b));
  if (a.is(Kind::kInt) && b.is(Kind::kInt)) return sign(a.as_int() <=> b.as_int());
  if (a.is(Kind::kUint) && b.is(Kind::kUint)) return sign(a.as_uint() <=> b.as_uint());
  if (a.is(Kind::kInt)) return a.as_int() < 0 ? -1 : sign(static_cast<std::uint64_t>(a.as_int()) <=> b.as_uint());
  return b.as_int() < 0 ? 1 : sign(a.as_uint() <=> static_cast<std::uint64_t>(b.as_int()));
}

}  // namespace

int Machine::order(Value a, Value b) {
  if (a.is_number() && b.is_number()) return compare_numbers(a, b);
  if (a.kind() != b.kind()) return kNoOverload;
  switch (a.kind()) {
    case Kind::kBool:
      return sign(a.as_bool() <=> b.as_bool());
    case Kind::kString:
    case Kind::kBytes:
      spend_on(std::min(a.as_text().size(), b.as_text().size()));
      return sign(a.as_text() <=> b.as_text());
    case Kind::kDuration:
      return sign(a.as_duration() <=> b.as_duration());
    case Kind::kTimestamp:
      return a.seconds() == b.seconds() ? sign(a.nanos() <=> b.nanos()) : sign(a.seconds() <=> b.seconds());
    default:
      return kNoOverload;
  }
}

bool Machine::same(Value a, Value b, int depth) {
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kNull:
      return true;
    case Kind::kType:
      return a.as_type() == b.as_type();
    case Kind::kString:
    case Kind::kBytes:
      spend_on(a.as_text().size());
      return a.as_text() == b.as_text();
    case Kind::kList:
    case Kind::kMap:
      break;
    default:
      return order(a, b) == 0;
  }
  const std::size_t size = a.size();
  if (size != b.size()) return false;
  if (depth > kMaxValueDepth) {
    stop(Stop::kSteps);
    return false;
  }
  for (std::size_t i = 0; i < size; ++i) {
    spend(1);
    if (stop_ != Stop::kNone) return false;
    if (a.is(Kind::kList)) {
      if (!same(a.item(i), b.item(i), depth + 1)) return false;
      continue;
    }
    bool found = false;
    const Value other = map_at(b, a.key(i), found);
    if (!found || !same(a.entry_value(i), other, depth + 1)) return false;
  }
  return true;
}

// A key of any kind; not there: found stays false.
Value Machine::map_at(Value map, Value key, bool& found) {
  Value out;
  if (key.is(Kind::kString)) {
    std::uint64_t steps = 0;
    found = map.find(key.as_text(), out, steps);
    spend(steps);
    return out;
  }
  if (map.is_json()) return out;
  spend(map.size() / 4);
  for (const Entry& entry : map.entries()) {
    const bool comparable = entry.key.kind() == key.kind() || (entry.key.is_number() && key.is_number());
    if (!comparable || !same(entry.key, key)) continue;
    found = true;
    return entry.value;
  }
  return out;
}

Value Machine::field(Value operand, std::string_view name) {
  if (operand.is_error()) return operand;
  if (!operand.is(Kind::kMap)) return no_overload(".", operand);
  Value out;
  std::uint64_t steps = 0;
  if (!operand.find(name, out, steps)) out = error(ErrorCode::kNoSuchKey, {}, Value::string(name), operand);
  spend(steps);
  return out;
}

Value Machine::has(Value operand, std::string_view name) {
  if (operand.is_error()) return operand;
  if (!operand.is(Kind::kMap)) return no_overload("has", operand);
  Value out;
  std::uint64_t steps = 0;
  const bool found = operand.find(name, out, steps);
  spend(steps);
  return Value::boolean(found);
}

namespace {
bool is_key(Value value) {
  return value.is(Kind::kString) || value.is(Kind::kBool) || value.is_number();
}
}  // namespace

Value Machine::index(Value container, Value subscript) {
  if (container.is_error()) return container;
  if (subscript.is_error()) return subscript;
  if (container.is(Kind::kMap) && is_key(subscript)) {
    bool found = false;
    const Value out = map_at(container, subscript, found);
    return found ? out : error(ErrorCode::kNoSuchKey, {}, subscript, container);
  }
  if (!container.is(Kind::kList) || !subscript.is_number()) return no_overload("[]", container, subscript);
  const double place = as_double(subscript);
  if (std::trunc(place) != place)
    return error(ErrorCode::kInvalidArgument, "a list's subscript is a whole number", subscript);
  const std::size_t size = container.size();
  if (place < 0 || place >= static_cast<double>(size))
    return error(ErrorCode::kOutOfBounds, {}, subscript, Value::integer(static_cast<std::int64_t>(size)));
  return container.item(static_cast<std::size_t>(place));
}

Value Machine::contains(Value item, Value container) {
  if (container.is(Kind::kMap) && is_key(item)) {
    bool found = false;
    map_at(container, item, found);
    return Value::boolean(found);
  }
  if (!container.is(Kind::kList)) return no_overload("in", item, container);
  const std::size_t size = container.size();
  for (std::size_t i = 0; i < size && stop_ == Stop::kNone; ++i) {
    spend(i % 4 == 0 ? 1 : 0);
    if (same(item, container.item(i))) return Value::boolean(true);
  }
  return Value::boolean(false);
}

// The left operand was not enough to decide.
Value Machine::both(Value left, Value right, bool is_and) {
  if (right.is(Kind::kBool) && right.as_bool() != is_and) return right;
  if (left.is_error()) return left;
  if (!left.is(Kind::kBool)) return error(ErrorCode::kNotBool, is_and ? "&&" : "||", left);
  if (right.is(Kind::kBool) || right.is_error()) return right;
  return error(ErrorCode::kNotBool, is_and ? "&&" : "||", right);
}

Value Machine::negated(Value value) {
  if (value.is_error()) return value;
  if (value.is(Kind::kDouble)) return Value::number(-value.as_double());
  if (!value.is(Kind::kInt)) return no_overload("-", value);
  if (value.as_int() == std::numeric_limits<std::int64_t>::min()) return error(ErrorCode::kOverflow, "-");
  return Value::integer(-value.as_int());
}

Value Machine::binary(BinaryOp op, Value left, Value right) {
  switch (op) {
    case BinaryOp::kEqual:
      return Value::boolean(same(left, right));
    case BinaryOp::kNotEqual:
      return Value::boolean(!same(left, right));
    case BinaryOp::kIn:
      return contains(left, right);
    case BinaryOp::kLess:
    case BinaryOp::kLessOrEqual:
    case BinaryOp::kGreater:
    case BinaryOp::kGreaterOrEqual:
      break;
    default:
      return arithmetic(op, left, right);
  }
  const int ordered = order(left, right);
  if (ordered == kNoOverload) return no_overload(sign_of(op), left, right);
  if (ordered == kNotComparable) return Value::boolean(false);
  if (op == BinaryOp::kLess) return Value::boolean(ordered < 0);
  if (op == BinaryOp::kLessOrEqual) return Value::boolean(ordered <= 0);
  if (op == BinaryOp::kGreater) return Value::boolean(ordered > 0);
  return Value::boolean(ordered >= 0);
}

Value Machine::arithmetic(BinaryOp op, Value left, Value right) {
  if (left.is(Kind::kInt) && right.is(Kind::kInt)) return integers(op, left.as_int(), right.as_int());
  if (left.is(Kind::kUint) && right.is(Kind::kUint)) return integers(op, left.as_uint(), right.as_uint());
  if (left.is(Kind::kDouble) && right.is(Kind::kDouble)) {
    const double a = left.as_double();
    const double b = right.as_double();
    if (op == BinaryOp::kAdd) return Value::number(a + b);
    if (op == BinaryOp::kSubtract) return Value::number(a - b);
    if (op == BinaryOp::kMultiply) return Value::number(a * b);
    if (op == BinaryOp::kDivide) return Value::number(a / b);
  }
  bool known = false;
  const Value of_times = times(op, left, right, known);
  if (known) return of_times;
  if (op == BinaryOp::kAdd && left.kind() == right.kind() &&
      (left.is(Kind::kString) || left.is(Kind::kBytes) || left.is(Kind::kList)))
    return joined(left, right);
  return no_overload(sign_of(op), left, right);
}

// Of two integers of one type.
template <class Integer>
Value Machine::integers(BinaryOp op, Integer left, Integer right) {
  Integer out = 0;
  bool over = false;
  switch (op) {
    case BinaryOp::kAdd:
      over = __builtin_add_overflow(left, right, &out);
      break;
    case BinaryOp::kSubtract:
      over = __builtin_sub_overflow(left, right, &out);
      break;
    case BinaryOp::kMultiply:
      over = __builtin_mul_overflow(left, right, &out);
      break;
    default:
      if (right == 0) return error(ErrorCode::kDivisionByZero, sign_of(op));
      if constexpr (std::is_signed_v<Integer>) over = left == std::numeric_limits<Integer>::min() && right == -1;
      if (!over) out = op == BinaryOp::kDivide ? left / right : left % right;
  }
  if (over) return error(ErrorCode::kOverflow, sign_of(op));
  if constexpr (std::is_signed_v<Integer>) return Value::integer(out);
  return Value::unsigned_integer(out);
}

// Timestamps and durations. `known`: the operands are of that kind, and this is the value.
Value Machine::times(BinaryOp op, Value left, Value right, bool& known) {
  constexpr std::int64_t kBillion = 1'000'000'000;
  const bool plus = op == BinaryOp::kAdd;
  if (!plus && op != BinaryOp::kSubtract) return {};
  known = true;
  if (plus && left.is(Kind::kDuration) && right.is(Kind::kTimestamp)) std::swap(left, right);
  std::int64_t out = 0;
  if (left.is(Kind::kDuration) && right.is(Kind::kDuration)) {
    const bool over = plus ? __builtin_add_overflow(left.as_duration(), right.as_duration(), &out)
                           : __builtin_sub_overflow(left.as_duration(), right.as_duration(), &out);
    return over ? error(ErrorCode::kOverflow, sign_of(op)) : Value::duration(out);
  }
  if (left.is(Kind::kTimestamp) && right.is(Kind::kDuration)) {
    const std::int64_t by = right.as_duration();
    std::int64_t seconds = left.seconds() + (plus ? by / kBillion : -(by / kBillion));
    std::int64_t nanos = left.nanos() + (plus ? by % kBillion : -(by % kBillion));
    if (nanos < 0) nanos += kBillion, --seconds;
    if (nanos >= kBillion) nanos -= kBillion, ++seconds;
    if (!in_range(seconds)) return error(ErrorCode::kOverflow, sign_of(op));
    return Value::timestamp(seconds, static_cast<std::uint32_t>(nanos));
  }
  if (!plus && left.is(Kind::kTimestamp) && right.is(Kind::kTimestamp)) {
    const std::int64_t nanos = static_cast<std::int64_t>(left.nanos()) - static_cast<std::int64_t>(right.nanos());
    if (__builtin_mul_overflow(left.seconds() - right.seconds(), kBillion, &out) ||
        __builtin_add_overflow(out, nanos, &out))
      return error(ErrorCode::kOverflow, sign_of(op));
    return Value::duration(out);
  }
  known = false;
  return {};
}

Value Machine::joined(Value left, Value right) {
  if (left.is(Kind::kList)) {
    const std::size_t first = left.size();
    const std::size_t size = first + right.size();
    auto* const items = array<Value>(size);
    spend(size / 4);
    if (items == nullptr || stop_ != Stop::kNone) return {};
    for (std::size_t i = 0; i < size; ++i) items[i] = i < first ? left.item(i) : right.item(i - first);
    return Value::list({items, size});
  }
  const std::string_view first = left.as_text();
  const std::string_view second = right.as_text();
  char* const out = text(first.size() + second.size());
  if (out == nullptr) return {};
  std::ranges::copy(second, std::ranges::copy(first, out).out);
  const std::string_view all(out, first.size() + second.size());
  return left.is(Kind::kString) ? Value::string(all) : Value::bytes(all);
}

}  // namespace fairlead::expr::internal
