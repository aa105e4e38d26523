// Conversions between types (cel-spec, doc/langdef.md, Type Conversion), size, type and dyn.
#include <array>
#include <charconv>
#include <cmath>

#include "platform/expr/internal/functions.h"
#include "platform/json/text.h"

namespace fairlead::expr::internal {

// As Go's strconv.FormatFloat(x, 'g', -1, 64), which CEL's first implementation uses.
std::string double_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 64> buffer{};
  const double size = std::fabs(value);
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e21);
  // Fixed notation of a large number has all its digits; the shortest that reads back, then zeros, is wanted.
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific).ptr;
  const std::string scientific(buffer.data(), end);
  if (!plain) return scientific;
  const std::size_t mark = scientific.find('e');
  std::string digits;
  for (const char c : scientific.substr(0, mark))
    if (c >= '0' && c <= '9') digits.push_back(c);
  const int exponent = std::atoi(scientific.c_str() + mark + 1);
  std::string out = std::signbit(value) ? "-" : "";
  if (exponent < 0) return out + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) return out + digits + std::string(whole - digits.size(), '0');
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

namespace {

using Arguments = std::span<const Value>;

Value identity(Machine&, Arguments arguments) {
  return arguments[0];
}

Value out_of_range(Machine& machine, std::string_view type, Value value) {
  return machine.error(ErrorCode::kRange, type, value);
}

Value not_readable(Machine& machine, std::string_view as, Value value) {
  return machine.error(ErrorCode::kInvalidArgument, as, value);
}

Value int_of_uint(Machine& machine, Arguments arguments) {
  const std::uint64_t value = arguments[0].as_uint();
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return out_of_range(machine, "int", arguments[0]);
  return Value::integer(static_cast<std::int64_t>(value));
}

Value int_of_double(Machine& machine, Arguments arguments) {
  const double value = arguments[0].as_double();
  if (!(value > -0x1p63 && value < 0x1p63)) return out_of_range(machine, "int", arguments[0]);
  return Value::integer(static_cast<std::int64_t>(value));
}

template <class Number>
bool read(std::string_view text, Number& out) {
  const char* const end = text.data() + text.size();
  const auto done = std::from_chars(text.data(), end, out);
  return done.ec == std::errc() && done.ptr == end;
}

Value int_of_string(Machine& machine, Arguments arguments) {
  std::string_view text = arguments[0].as_text();
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  std::int64_t out = 0;
  return read(text, out) ? Value::integer(out) : not_readable(machine, "an int", arguments[0]);
}

Value int_of_timestamp(Machine&, Arguments arguments) {
  return Value::integer(arguments[0].seconds());
}

Value uint_of_int(Machine& machine, Arguments arguments) {
  const std::int64_t value = arguments[0].as_int();
  if (value < 0) return out_of_range(machine, "uint", arguments[0]);
  return Value::unsigned_integer(static_cast<std::uint64_t>(value));
}

Value uint_of_double(Machine& machine, Arguments arguments) {
  const double value = arguments[0].as_double();
  if (!(value >= 0 && value < 0x1p64)) return out_of_range(machine, "uint", arguments[0]);
  return Value::unsigned_integer(static_cast<std::uint64_t>(value));
}

Value uint_of_string(Machine& machine, Arguments arguments) {
  std::uint64_t out = 0;
  return read(arguments[0].as_text(), out) ? Value::unsigned_integer(out)
                                           : not_readable(machine, "a uint", arguments[0]);
}

Value double_of_int(Machine&, Arguments arguments) {
  return Value::number(static_cast<double>(arguments[0].as_int()));
}
Value double_of_uint(Machine&, Arguments arguments) {
  return Value::number(static_cast<double>(arguments[0].as_uint()));
}

Value double_of_string(Machine& machine, Arguments arguments) {
  std::string_view text = arguments[0].as_text();
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  double out = 0;
  return read(text, out) ? Value::number(out) : not_readable(machine, "a double", arguments[0]);
}

Value bool_of_string(Machine& machine, Arguments arguments) {
  const std::string_view text = arguments[0].as_text();
  for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"})
    if (text == yes) return Value::boolean(true);
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"})
    if (text == no) return Value::boolean(false);
  return not_readable(machine, "a bool", arguments[0]);
}

template <class Number>
Value string_of_number(Machine& machine, Number number) {
  std::array<char, 24> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
  return machine.copied({buffer.data(), static_cast<std::size_t>(end - buffer.data())});
}

Value string_of_int(Machine& machine, Arguments arguments) {
  return string_of_number(machine, arguments[0].as_int());
}
Value string_of_uint(Machine& machine, Arguments arguments) {
  return string_of_number(machine, arguments[0].as_uint());
}
Value string_of_double(Machine& machine, Arguments arguments) {
  return machine.copied(double_text(arguments[0].as_double()));
}
Value string_of_bool(Machine&, Arguments arguments) {
  return Value::string(arguments[0].as_bool() ? "true" : "false");
}

Value string_of_bytes(Machine& machine, Arguments arguments) {
  const std::string_view bytes = arguments[0].as_text();
  machine.spend_on(bytes.size());
  if (json::valid_utf8_prefix(bytes) != bytes.size())
    return machine.error(ErrorCode::kInvalidArgument, "UTF-8 text", arguments[0]);
  return Value::string(bytes);
}
Value string_of_timestamp(Machine& machine, Arguments arguments) {
  return machine.copied(timestamp_text(arguments[0]));
}
Value string_of_duration(Machine& machine, Arguments arguments) {
  return machine.copied(duration_text(arguments[0]));
}
Value bytes_of_string(Machine&, Arguments arguments) {
  return Value::bytes(arguments[0].as_text());
}

Value timestamp_of_int(Machine& machine, Arguments arguments) {
  if (!in_range(arguments[0].as_int())) return out_of_range(machine, "timestamp", arguments[0]);
  return Value::timestamp(arguments[0].as_int(), 0);
}
Value timestamp_of_string(Machine& machine, Arguments arguments) {
  const auto out = parse_timestamp(arguments[0].as_text());
  return out ? *out : not_readable(machine, "a timestamp (2026-11-26T14:02:00Z)", arguments[0]);
}
Value duration_of_string(Machine& machine, Arguments arguments) {
  const auto out = parse_duration(arguments[0].as_text());
  return out ? *out : not_readable(machine, "a duration (1h30m, 1.5s, 200ms) of at most 292 years", arguments[0]);
}

Value type_of_value(Machine&, Arguments arguments) {
  return Value::type(arguments[0].kind());
}

Value size_of_text(Machine& machine, Arguments arguments) {
  machine.spend_on(arguments[0].as_text().size());
  return Value::integer(static_cast<std::int64_t>(json::count_characters(arguments[0].as_text())));
}
Value size_of_bytes(Machine&, Arguments arguments) {
  return Value::integer(static_cast<std::int64_t>(arguments[0].as_text().size()));
}
Value size_of_container(Machine&, Arguments arguments) {
  return Value::integer(static_cast<std::int64_t>(arguments[0].size()));
}

constexpr Overload kConversionOverloads[] = {
    {"bool", false, "b", 'b', identity},
    {"bool", false, "s", 'b', bool_of_string},
    {"bytes", false, "y", 'y', identity},
    {"bytes", false, "s", 'y', bytes_of_string},
    {"double", false, "d", 'd', identity},
    {"double", false, "i", 'd', double_of_int},
    {"double", false, "u", 'd', double_of_uint},
    {"double", false, "s", 'd', double_of_string},
    {"duration", false, "r", 'r', identity},
    {"duration", false, "s", 'r', duration_of_string},
    {"dyn", false, "*", '*', identity},
    {"int", false, "i", 'i', identity},
    {"int", false, "u", 'i', int_of_uint},
    {"int", false, "d", 'i', int_of_double},
    {"int", false, "s", 'i', int_of_string},
    {"int", false, "t", 'i', int_of_timestamp},
    {"string", false, "s", 's', identity},
    {"string", false, "i", 's', string_of_int},
    {"string", false, "u", 's', string_of_uint},
    {"string", false, "d", 's', string_of_double},
    {"string", false, "b", 's', string_of_bool},
    {"string", false, "y", 's', string_of_bytes},
    {"string", false, "t", 's', string_of_timestamp},
    {"string", false, "r", 's', string_of_duration},
    {"timestamp", false, "t", 't', identity},
    {"timestamp", false, "s", 't', timestamp_of_string},
    {"timestamp", false, "i", 't', timestamp_of_int},
    {"type", false, "*", 'T', type_of_value},
    {"uint", false, "u", 'u', identity},
    {"uint", false, "i", 'u', uint_of_int},
    {"uint", false, "d", 'u', uint_of_double},
    {"uint", false, "s", 'u', uint_of_string},
    {"size", false, "s", 'i', size_of_text},
    {"size", false, "y", 'i', size_of_bytes},
    {"size", false, "l", 'i', size_of_container},
    {"size", false, "m", 'i', size_of_container},
    {"size", true, "s", 'i', size_of_text},
    {"size", true, "y", 'i', size_of_bytes},
    {"size", true, "l", 'i', size_of_container},
    {"size", true, "m", 'i', size_of_container},
};

}  // namespace

std::span<const Overload> conversion_overloads() {
  return kConversionOverloads;
}

}  // namespace fairlead::expr::internal
