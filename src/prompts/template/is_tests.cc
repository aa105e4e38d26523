// What can stand behind `is`.
#include <algorithm>

#include "prompts/template/compare.h"
#include "prompts/template/describe.h"
#include "prompts/template/functions.h"
#include "prompts/template/operators.h"
#include "prompts/template/text.h"

namespace fairlead::prompts::jinja {
namespace {

bool none_given(Context& context, const Arguments& arguments) {
  return take_arguments(context, "this test", arguments, {}, 0, {});
}

bool one_given(Context& context, const Arguments& arguments, Value& out) {
  static constexpr std::string_view kNames[] = {"other"};
  return take_arguments(context, "this test", arguments, kNames, 1, std::span(&out, 1));
}

// Tests of what kind of thing a value is.
template <bool (*Is)(Value)>
Value kind(Context& context, Value subject, const Arguments& arguments) {
  return none_given(context, arguments) ? Value::of(Is(subject)) : Value::error();
}

bool is_defined(Value v) {
  return !v.is(Tag::kUndefined);
}
bool is_undefined(Value v) {
  return v.is(Tag::kUndefined);
}
bool is_none(Value v) {
  return v.is(Tag::kNone);
}
bool is_boolean(Value v) {
  return v.is(Tag::kBool);
}
bool is_true(Value v) {
  return v.is(Tag::kBool) && v.boolean;
}
bool is_false(Value v) {
  return v.is(Tag::kBool) && !v.boolean;
}
bool is_integer(Value v) {
  return v.is(Tag::kInt);
}
bool is_float(Value v) {
  return v.is(Tag::kFloat);
}
bool is_number(Value v) {
  return v.is_number();
}
bool is_string(Value v) {
  return v.is_string();
}
bool is_mapping(Value v) {
  return v.is(Tag::kDict);
}
bool is_sequence(Value v) {
  return v.is_string() || v.is_list() || v.is(Tag::kDict) || v.is(Tag::kRange);
}
bool is_callable(Value v) {
  return v.is(Tag::kMacro) || v.is(Tag::kBound);
}

template <int (*Find)(std::string_view)>
bool is_known(Value v) {
  return v.is_string() && Find(v.text()) >= 0;
}

template <bool Upper>
Value is_case(Context& context, Value subject, const Arguments& arguments) {
  const Value text = none_given(context, arguments) ? to_text(context, subject) : Value::error();
  if (text.failed() || !context.spend(text.size / 8)) return Value::error();
  return Value::of(has_case(text.text(), Upper));
}

Value remainder(Context& context, Value subject, Value divisor, std::int64_t wanted) {
  const Value rest = arithmetic(context, Operator::kModulo, subject, divisor);
  if (rest.failed()) return rest;
  const auto same = equal(context, rest, Value::of(wanted));
  return same ? Value::of(*same) : Value::error();
}

Value even(Context& context, Value subject, const Arguments& arguments) {
  return none_given(context, arguments) ? remainder(context, subject, Value::of(std::int64_t{2}), 0) : Value::error();
}
Value odd(Context& context, Value subject, const Arguments& arguments) {
  return none_given(context, arguments) ? remainder(context, subject, Value::of(std::int64_t{2}), 1) : Value::error();
}
Value divisibleby(Context& context, Value subject, const Arguments& arguments) {
  Value divisor;
  return one_given(context, arguments, divisor) ? remainder(context, subject, divisor, 0) : Value::error();
}

Value in(Context& context, Value subject, const Arguments& arguments) {
  Value container;
  if (!one_given(context, arguments, container)) return Value::error();
  const auto inside = contains(context, container, subject);
  return inside ? Value::of(*inside) : Value::error();
}

template <bool Wanted>
Value equals(Context& context, Value subject, const Arguments& arguments) {
  Value other;
  if (!one_given(context, arguments, other)) return Value::error();
  const auto same = equal(context, subject, other);
  return same ? Value::of(*same == Wanted) : Value::error();
}

// Low and High: which of -1, 0, 1 pass.
template <int Low, int High>
Value ordered(Context& context, Value subject, const Arguments& arguments) {
  Value other;
  if (!one_given(context, arguments, other)) return Value::error();
  const auto result = order(context, subject, other);
  return result ? Value::of(*result >= Low && *result <= High) : Value::error();
}

Value sameas(Context& context, Value subject, const Arguments& arguments) {
  Value other;
  if (!one_given(context, arguments, other)) return Value::error();
  if (subject.tag != other.tag) return Value::of(false);
  const bool plain = subject.is_number() || subject.is_string() || subject.is(Tag::kNone);
  if (!plain) return Value::of(subject.loop == other.loop);
  const auto same = equal(context, subject, other);
  return same ? Value::of(*same) : Value::error();
}

constexpr Test kTests[] = {
    {"!=", equals<false>},
    {"<", ordered<-1, -1>},
    {"<=", ordered<-1, 0>},
    {"==", equals<true>},
    {">", ordered<1, 1>},
    {">=", ordered<0, 1>},
    {"boolean", kind<is_boolean>, true},
    {"callable", kind<is_callable>, true},
    {"defined", kind<is_defined>, true},
    {"divisibleby", divisibleby},
    {"eq", equals<true>},
    {"equalto", equals<true>},
    {"even", even},
    {"false", kind<is_false>, true},
    {"filter", kind<is_known<find_filter>>, true},
    {"float", kind<is_float>, true},
    {"ge", ordered<0, 1>},
    {"greaterthan", ordered<1, 1>},
    {"gt", ordered<1, 1>},
    {"in", in},
    {"integer", kind<is_integer>, true},
    {"iterable", kind<is_sequence>},
    {"le", ordered<-1, 0>},
    {"lessthan", ordered<-1, -1>},
    {"lower", is_case<false>},
    {"lt", ordered<-1, -1>},
    {"mapping", kind<is_mapping>, true},
    {"ne", equals<false>},
    {"none", kind<is_none>, true},
    {"number", kind<is_number>, true},
    {"odd", odd},
    {"sameas", sameas, true},
    {"sequence", kind<is_sequence>, true},
    {"string", kind<is_string>, true},
    {"test", kind<is_known<find_test>>, true},
    {"true", kind<is_true>, true},
    {"undefined", kind<is_undefined>, true},
    {"upper", is_case<true>},
};
static_assert(std::ranges::is_sorted(kTests, {}, &Test::name));

}  // namespace

std::span<const Test> tests() {
  return kTests;
}

}  // namespace fairlead::prompts::jinja
