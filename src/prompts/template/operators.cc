#include "prompts/template/operators.h"

#include <cmath>
#include <string>
#include <vector>

#include "prompts/template/compare.h"
#include "prompts/template/describe.h"
#include "prompts/template/functions.h"
#include "prompts/template/text.h"

namespace fairlead::prompts::jinja {

static std::string_view sign_of(Operator op) {
  switch (op) {
    case Operator::kAdd:
      return "+";
    case Operator::kSubtract:
      return "-";
    case Operator::kMultiply:
      return "*";
    case Operator::kDivide:
      return "/";
    case Operator::kFloorDivide:
      return "//";
    case Operator::kModulo:
      return "%";
    default:
      return "**";
  }
}

static Value mismatch(Context& context, Operator op, Value a, Value b) {
  if (a.is(Tag::kUndefined)) return context.fail_undefined(a);
  if (b.is(Tag::kUndefined)) return context.fail_undefined(b);
  const bool text = op == Operator::kAdd && (a.is_string() || b.is_string());
  return context.fail(Fault::kType, "`" + std::string(sign_of(op)) + "` does not work with " +
                                        std::string(type_name(a)) + " and " + std::string(type_name(b)) + "." +
                                        (text ? " To join text, use `~`." : ""));
}

static Value overflow(Context& context) {
  return context.fail(Fault::kValue, "the result has more than 64 bits.");
}
static Value zero_division(Context& context) {
  return context.fail(Fault::kValue, "division by zero.");
}

static Value integer_arithmetic(Context& context, Operator op, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  switch (op) {
    case Operator::kAdd:
      return __builtin_add_overflow(a, b, &result) ? overflow(context) : Value::of(result);
    case Operator::kSubtract:
      return __builtin_sub_overflow(a, b, &result) ? overflow(context) : Value::of(result);
    case Operator::kMultiply:
      return __builtin_mul_overflow(a, b, &result) ? overflow(context) : Value::of(result);
    case Operator::kDivide:
      return b == 0 ? zero_division(context) : Value::of(static_cast<double>(a) / static_cast<double>(b));
    case Operator::kFloorDivide:
    case Operator::kModulo: {
      if (b == 0) return zero_division(context);
      if (b == -1) return op == Operator::kModulo ? Value::of(std::int64_t{0}) : negative(context, Value::of(a));
      const std::int64_t quotient = a / b, rest = a % b;
      const bool down = rest != 0 && (rest < 0) != (b < 0);
      return Value::of(op == Operator::kFloorDivide ? quotient - down : rest + (down ? b : 0));
    }
    default:
      break;
  }
  if (b < 0)
    return a == 0 ? zero_division(context) : Value::of(std::pow(static_cast<double>(a), static_cast<double>(b)));
  result = 1;
  for (std::int64_t base = a; b > 0; b >>= 1) {
    if ((b & 1) && __builtin_mul_overflow(result, base, &result)) return overflow(context);
    if (b > 1 && __builtin_mul_overflow(base, base, &base)) return overflow(context);
  }
  return Value::of(result);
}

static Value float_arithmetic(Context& context, Operator op, double a, double b) {
  switch (op) {
    case Operator::kAdd:
      return Value::of(a + b);
    case Operator::kSubtract:
      return Value::of(a - b);
    case Operator::kMultiply:
      return Value::of(a * b);
    case Operator::kDivide:
      return b == 0 ? zero_division(context) : Value::of(a / b);
    case Operator::kFloorDivide:
    case Operator::kModulo: {
      if (b == 0) return zero_division(context);
      double rest = std::fmod(a, b);
      if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
      if (op == Operator::kModulo) return Value::of(rest == 0 ? std::copysign(0.0, b) : rest);
      const double quotient = (a - rest) / b, floor = std::floor(quotient);
      return Value::of(quotient - floor > 0.5 ? floor + 1 : floor);
    }
    default:
      break;
  }
  if (a == 0 && b < 0) return zero_division(context);
  const double result = std::pow(a, b);
  if (std::isnan(result) && !std::isnan(a) && !std::isnan(b))
    return context.fail(Fault::kValue, "the result is not a real number.");
  if (std::isinf(result) && !std::isinf(a) && !std::isinf(b))
    return context.fail(Fault::kValue, "the result is too large.");
  return Value::of(result);
}

static Value join_lists(Context& context, const List& a, const List& b) {
  Items items(context);
  for (const List* list : {&a, &b}) {
    for (const Value& item : *list) {
      if (!items.push(item)) return Value::error();
    }
  }
  return items.finish(a.form == List::Form::kList ? List::Form::kList : List::Form::kTuple);
}

Value add(Context& context, Value a, Value b) {
  return arithmetic(context, Operator::kAdd, a, b);
}

static Value repeat(Context& context, Value what, std::int64_t times) {
  const auto count = static_cast<std::size_t>(std::max<std::int64_t>(times, 0));
  if (what.is_string()) {
    Text text(context);
    return text.append(count, what.text()) ? text.finish() : Value::error();
  }
  Items items(context);
  for (std::size_t i = 0; i < count && what.list->size > 0; ++i) {
    for (const Value& item : *what.list) {
      if (!items.push(item)) return Value::error();
    }
  }
  return items.finish(what.list->form);
}

Value arithmetic(Context& context, Operator op, Value a, Value b) {
  if (a.is_integral() && b.is_integral()) return integer_arithmetic(context, op, a.as_integer(), b.as_integer());
  if (a.is_number() && b.is_number()) return float_arithmetic(context, op, a.as_double(), b.as_double());
  if (op == Operator::kAdd && a.is_string() && b.is_string()) {
    Text text(context);
    return text.append(a.text()) && text.append(b.text()) ? text.finish() : Value::error();
  }
  if (op == Operator::kAdd && a.is_list() && b.is_list() &&
      (a.list->form == List::Form::kList) == (b.list->form == List::Form::kList)) {
    return join_lists(context, *a.list, *b.list);
  }
  if (op == Operator::kMultiply && (a.is_string() || a.is_list()) && b.is_integral())
    return repeat(context, a, b.as_integer());
  if (op == Operator::kMultiply && (b.is_string() || b.is_list()) && a.is_integral())
    return repeat(context, b, a.as_integer());
  if (op == Operator::kModulo && a.is_string() && !b.is(Tag::kUndefined)) {
    const bool tuple = b.is_list() && b.list->form != List::Form::kList;
    return format_percent(context, a.text(), {tuple ? std::span(b.list->items, b.list->size) : std::span(&b, 1), {}});
  }
  return mismatch(context, op, a, b);
}

Value negative(Context& context, Value a) {
  if (a.is(Tag::kFloat)) return Value::of(-a.number);
  if (a.is_integral()) {
    return a.as_integer() == INT64_MIN ? overflow(context) : Value::of(-a.as_integer());
  }
  if (a.is(Tag::kUndefined)) return context.fail_undefined(a);
  return context.fail(Fault::kType, "`-` does not work with " + std::string(type_name(a)) + ".");
}

// An index as Python's slices read it: from the end if negative, kept within [low, high].
static bool slice_index(Context& context, Value value, std::int64_t size, std::int64_t low, std::int64_t high,
                        std::int64_t& out) {
  if (value.absent() || value.is(Tag::kNone)) return true;
  if (!value.is_integral()) {
    if (value.is(Tag::kUndefined)) context.fail_undefined(value);
    context.fail(Fault::kType, "a slice needs integers, not " + std::string(type_name(value)) + ".");
    return false;
  }
  out = value.as_integer();
  if (out < 0) out = out < -size ? -1 : out + size;
  out = std::clamp(out, low, high);
  return true;
}

Value slice(Context& context, Value object, Value start, Value stop, Value step_value) {
  if (object.is(Tag::kUndefined)) return context.fail_undefined(object);
  if (!object.is_string() && !object.is_list() && !object.is(Tag::kRange)) {
    return context.fail(Fault::kType, std::string(type_name(object)) + " has no slices.");
  }
  const auto size = length(context, object);
  if (!size) return Value::error();
  std::int64_t step = 1;
  if (!slice_index(context, step_value, 0, INT64_MIN, INT64_MAX, step)) return Value::error();
  if (step_value.is_integral()) step = step_value.as_integer();
  if (step == 0) return context.fail(Fault::kValue, "the step of a slice cannot be 0.");
  step = std::clamp<std::int64_t>(step, -(std::int64_t{1} << 40), std::int64_t{1} << 40);
  const std::int64_t low = step > 0 ? 0 : -1, high = step > 0 ? *size : *size - 1;
  std::int64_t from = step > 0 ? low : high, to = step > 0 ? high : low;
  if (!slice_index(context, start, *size, low, high, from) || !slice_index(context, stop, *size, low, high, to))
    return Value::error();

  if (object.is_string() && step == 1) {
    const std::string_view text = object.text();
    if (from >= to) return Value::of("");
    const std::size_t first = byte_of(text, static_cast<std::size_t>(from));
    return Value::of(text.substr(first, byte_of(text.substr(first), static_cast<std::size_t>(to - from))));
  }
  const Value all = to_list(context, object);
  if (all.failed()) return all;
  Items items(context);
  for (std::int64_t at = from; step > 0 ? at < to : at > to; at += step) {
    if (!items.push(all.list->items[at])) return Value::error();
  }
  if (!object.is_string())
    return items.finish(object.is(Tag::kRange) || object.list->form == List::Form::kList ? List::Form::kList
                                                                                         : List::Form::kTuple);
  Text text(context);
  for (const Value& character : items.values()) {
    if (!text.append(character.text())) return Value::error();
  }
  return text.finish();
}

}  // namespace fairlead::prompts::jinja
