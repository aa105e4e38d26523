// Filters that make numbers.
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "prompts/template/compare.h"
#include "prompts/template/describe.h"
#include "prompts/template/functions.h"
#include "prompts/template/operators.h"
#include "prompts/template/text.h"

namespace fairlead::prompts::jinja {
namespace {

using Names = const std::string_view[];

// As Python's int() reads text: white space around, a sign, underscores between digits, a prefix that goes with the
// base.
bool parse_integer(std::string_view text, std::int64_t base, std::int64_t& out) {
  std::string digits(stripped(text));
  bool minus = false;
  if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) minus = digits[0] == '-', digits.erase(0, 1);
  if (digits.size() > 2 && digits[0] == '0') {
    const char letter = static_cast<char>(digits[1] | 32);
    if ((base == 16 && letter == 'x') || (base == 8 && letter == 'o') || (base == 2 && letter == 'b'))
      digits.erase(0, 2);
  }
  if (digits.empty() || digits.front() == '_' || digits.back() == '_' || digits.find("__") != digits.npos) return false;
  std::erase(digits, '_');
  std::uint64_t value = 0;
  const auto [end, fault] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, static_cast<int>(base));
  if (fault != std::errc() || end != digits.data() + digits.size()) return false;
  if (value > static_cast<std::uint64_t>(INT64_MAX) + minus) return false;
  out = static_cast<std::int64_t>(minus ? 0 - value : value);
  return true;
}

bool parse_float(std::string_view text, double& out) {
  std::string digits(stripped(text));
  if (digits.empty() || digits.size() > 400 || digits.find_first_of("xXpP") != digits.npos) return false;
  std::erase(digits, '_');
  char* end = nullptr;
  out = std::strtod(digits.c_str(), &end);
  return end == digits.c_str() + digits.size() && digits.find('(') == digits.npos;
}

bool from_double(double number, std::int64_t& out) {
  if (!(number >= -9223372036854775808.0 && number < 9223372036854775808.0)) return false;
  out = static_cast<std::int64_t>(number);
  return true;
}

Value to_int(Context& context, Value subject, const Arguments& arguments) {
  static constexpr Names kNames = {"default", "base"};
  Value given[2];
  std::int64_t base = 10, result = 0;
  if (!take_arguments(context, "int", arguments, kNames, 0, given) ||
      !get_integer(context, "int", "base", given[1], base))
    return Value::error();
  if (base < 2 || base > 36) return context.fail(Fault::kValue, "`int` wants a base from 2 to 36.");
  const Value fallback = given[0].absent() ? Value::of(std::int64_t{0}) : given[0];
  if (subject.is_integral()) return Value::of(subject.as_integer());
  if (subject.is(Tag::kFloat)) return from_double(subject.number, result) ? Value::of(result) : fallback;
  if (!subject.is_string()) return fallback;
  double real = 0;
  if (parse_integer(subject.text(), base, result)) return Value::of(result);
  return parse_float(subject.text(), real) && from_double(real, result) ? Value::of(result) : fallback;
}

Value to_float(Context& context, Value subject, const Arguments& arguments) {
  static constexpr Names kNames = {"default"};
  Value given[1];
  double result = 0;
  if (!take_arguments(context, "float", arguments, kNames, 0, given)) return Value::error();
  if (subject.is_number()) return Value::of(subject.as_double());
  if (subject.is_string() && parse_float(subject.text(), result)) return Value::of(result);
  return given[0].absent() ? Value::of(0.0) : given[0];
}

// Python's round(): exact ties go to the even digit, decided on the exact decimal value.
double rounded(double number, std::int64_t precision) {
  if (!std::isfinite(number) || precision > 300) return number;
  if (precision >= 0) {
    char buffer[800];
    std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(precision), number);
    return std::strtod(buffer, nullptr);
  }
  if (precision < -308) return std::copysign(0.0, number);
  const double unit = std::pow(10.0, static_cast<double>(-precision));
  return std::nearbyint(number / unit) * unit;
}

Value rounded_integer(Context& context, std::int64_t number, std::int64_t precision) {
  if (precision >= 0) return Value::of(number);
  if (precision < -18) return Value::of(std::int64_t{0});
  std::int64_t unit = 1;
  for (; precision < 0; ++precision) unit *= 10;
  std::int64_t quotient = number / unit, rest = number % unit;
  if (rest < 0) rest += unit, --quotient;
  if (rest > unit / 2 || (rest == unit / 2 && quotient % 2 != 0)) ++quotient;
  return arithmetic(context, Operator::kMultiply, Value::of(quotient), Value::of(unit));
}

Value round(Context& context, Value subject, const Arguments& arguments) {
  static constexpr Names kNames = {"precision", "method"};
  Value given[2];
  std::int64_t precision = 0;
  std::string_view method = "common";
  if (!take_arguments(context, "round", arguments, kNames, 0, given) ||
      !get_integer(context, "round", "precision", given[0], precision) ||
      !get_text(context, "round", "method", given[1], method)) {
    return Value::error();
  }
  if (!subject.is_number())
    return context.fail(Fault::kType, "`round` wants a number, not " + std::string(type_name(subject)) + ".");
  if (method == "common") {
    return subject.is_integral() ? rounded_integer(context, subject.as_integer(), precision)
                                 : Value::of(rounded(subject.number, precision));
  }
  if (method != "ceil" && method != "floor")
    return context.fail(Fault::kValue, "`round` has the methods common, ceil and floor.");
  const double unit = std::pow(10.0, static_cast<double>(precision));
  const double scaled = subject.as_double() * unit;
  if (!std::isfinite(scaled) || unit == 0)
    return context.fail(Fault::kValue, "`round` cannot round to that precision.");
  return Value::of((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / unit);
}

Value absolute(Context& context, Value subject, const Arguments& arguments) {
  if (!take_arguments(context, "abs", arguments, {}, 0, {})) return Value::error();
  if (subject.is(Tag::kFloat)) return Value::of(std::fabs(subject.number));
  if (!subject.is_integral())
    return context.fail(Fault::kType, "`abs` wants a number, not " + std::string(type_name(subject)) + ".");
  return subject.as_integer() < 0 ? negative(context, subject) : Value::of(subject.as_integer());
}

Value sum(Context& context, Value subject, const Arguments& arguments) {
  static constexpr Names kNames = {"attribute", "start"};
  Value given[2];
  if (!take_arguments(context, "sum", arguments, kNames, 0, given)) return Value::error();
  const Value items = to_list(context, subject);
  if (items.failed()) return items;
  Value total = given[1].absent() ? Value::of(std::int64_t{0}) : given[1];
  const bool by_attribute = !given[0].absent() && !given[0].is(Tag::kNone);
  for (const Value& item : *items.list) {
    const Value part = by_attribute ? path_of(context, item, given[0]) : item;
    if (part.failed()) return part;
    if (total.is_string()) return context.fail(Fault::kType, "`sum` does not join strings: use `join`.");
    total = add(context, total, part);
    if (total.failed() || !context.spend(1)) return Value::error();
  }
  return total;
}

constexpr Filter kFilters[] = {{"int", to_int}, {"float", to_float}, {"round", round}, {"abs", absolute}, {"sum", sum}};

}  // namespace

std::span<const Filter> number_filters() {
  return kFilters;
}

}  // namespace fairlead::prompts::jinja
