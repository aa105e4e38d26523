// "%s" % … and "{}".format(…): https://docs.python.org/3/library/string.html#format-specification-mini-language
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "prompts/template/compare.h"
#include "prompts/template/describe.h"
#include "prompts/template/functions.h"
#include "prompts/template/operators.h"
#include "prompts/template/program.h"

namespace fairlead::prompts::jinja {
namespace {

constexpr std::int64_t kMaxWidth = 10'000;
constexpr std::int64_t kMaxPrecision = 100;

struct Spec {
  std::string_view fill = " ";
  char align = 0;  // < > ^ =
  char sign = '-';
  bool alternate = false, zero = false;
  char group = 0;
  std::int64_t width = 0, precision = -1;
  char type = 0;
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Reads digits off the front.
std::int64_t take_number(std::string_view& rest) {
  std::int64_t number = 0;
  for (; !rest.empty() && is_digit(rest[0]); rest.remove_prefix(1))
    number = std::min<std::int64_t>(number * 10 + (rest[0] - '0'), 1'000'000'000);
  return number;
}

bool check(Context& context, const Spec& spec) {
  if (spec.width <= kMaxWidth && spec.precision <= kMaxPrecision) return true;
  context.fail(Fault::kValue, "a format's width goes up to 10000, its precision up to 100.");
  return false;
}

std::string grouped(std::string digits, char group) {
  if (group == 0) return digits;
  std::size_t end = 0;
  while (end < digits.size() && is_digit(digits[end])) ++end;
  for (std::size_t at = end; at > 3;) digits.insert(at -= 3, 1, group);
  return digits;
}

std::string printed(const char* form, int precision, double number) {
  char buffer[512];
  std::snprintf(buffer, sizeof buffer, form, precision, number);
  return buffer;
}

// The digits of |number| for a type of e, f, g, %, or 0 for the shortest.
std::string float_digits(const Spec& spec, double number) {
  const int precision = spec.precision < 0 ? 6 : static_cast<int>(spec.precision);
  number = std::fabs(number);
  const bool capital = spec.type >= 'A' && spec.type <= 'Z';
  if (!std::isfinite(number)) return std::isnan(number) ? (capital ? "NAN" : "nan") : (capital ? "INF" : "inf");
  switch (spec.type) {
    case 'f':
    case 'F':
      return printed("%.*f", precision, number);
    case 'e':
      return printed("%.*e", precision, number);
    case 'E':
      return printed("%.*E", precision, number);
    case 'g':
    case 'G':
      return printed(capital ? "%.*G" : "%.*g", std::max(precision, 1), number);
    case '%':
      return printed("%.*f", precision, number * 100) + "%";
    default:
      break;
  }
  if (spec.precision < 0) return float_text(number);
  std::string digits = printed("%.*g", std::max(precision, 1), number);
  if (digits.find_first_of(".e") == digits.npos) digits += ".0";
  return digits;
}

std::string integer_digits(const Spec& spec, std::int64_t number) {
  const std::uint64_t size = number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
  const int base = spec.type == 'x' || spec.type == 'X' ? 16 : spec.type == 'o' ? 8 : spec.type == 'b' ? 2 : 10;
  // A view, because GCC 12 under UBSan reads the wrong element of a literal chosen by a condition.
  const std::string_view alphabet = spec.type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string digits;
  for (std::uint64_t rest = size; rest > 0 || digits.empty(); rest /= static_cast<std::uint64_t>(base)) {
    digits += alphabet[rest % static_cast<std::uint64_t>(base)];
  }
  std::ranges::reverse(digits);
  if (spec.alternate && base != 10)
    digits.insert(0, base == 16 ? (spec.type == 'X' ? "0X" : "0x") : base == 8 ? "0o" : "0b");
  return digits;
}

bool put_padded(Text& out, const Spec& spec, std::string_view sign, std::string_view body, char usual_align) {
  const char align = spec.align ? spec.align : spec.zero ? '=' : usual_align;
  const std::string_view fill = spec.zero && !spec.align ? "0" : spec.fill;
  const auto missing =
      std::max<std::int64_t>(0, spec.width - static_cast<std::int64_t>(code_points(sign) + code_points(body)));
  const std::int64_t left = align == '>' || align == '=' ? missing : align == '^' ? missing / 2 : 0;
  const auto pad = [&](std::int64_t count) { return out.append(static_cast<std::size_t>(count), fill); };
  if (align == '=') return out.append(sign) && pad(missing) && out.append(body);
  return pad(left) && out.append(sign) && out.append(body) && pad(missing - left);
}

bool put_number(Context& context, Text& out, const Spec& spec, Value value) {
  const bool as_float = value.is(Tag::kFloat) ||
                        (spec.type != 0 && std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos);
  if (!as_float && spec.precision >= 0 && spec.type != 'd') {
    context.fail(Fault::kValue, "an integer's format has no precision.");
    return false;
  }
  const bool minus = as_float ? std::signbit(value.as_double()) : value.as_integer() < 0;
  std::string digits = as_float ? float_digits(spec, value.as_double()) : integer_digits(spec, value.as_integer());
  if (!as_float && spec.precision > static_cast<std::int64_t>(digits.size()))
    digits.insert(0, static_cast<std::size_t>(spec.precision) - digits.size(), '0');
  const std::string_view sign = minus ? "-" : spec.sign == '+' ? "+" : spec.sign == ' ' ? " " : "";
  return put_padded(out, spec, sign, grouped(std::move(digits), spec.group), '>');
}

bool put_text(Text& out, const Spec& spec, std::string_view text) {
  if (spec.precision >= 0) text = text.substr(0, byte_of(text, static_cast<std::size_t>(spec.precision)));
  return put_padded(out, spec, "", text, '<');
}

bool bad_format(Context& context, std::string message) {
  context.fail(Fault::kValue, std::move(message));
  return false;
}

// One %… of a format, behind its sign and key.
bool put_percent(Context& context, Text& out, Spec spec, Value value) {
  if (value.is(Tag::kUndefined)) return context.fail_undefined(value), false;
  switch (spec.type) {
    case 's':
    case 'r': {
      Text text(context);
      spec.zero = false;
      const bool written = spec.type == 's' ? write_text(context, text, value) : write_repr(context, text, value);
      if (!spec.align) spec.align = '>';
      return written && put_text(out, spec, text.view());
    }
    case 'c':
      if (value.is_string() && code_points(value.text()) == 1) return put_text(out, spec, value.text());
      break;
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
      if (!value.is_number()) break;
      if (value.is(Tag::kFloat)) {
        if (!(std::fabs(value.number) < 9e18) || spec.type == 'x' || spec.type == 'X' || spec.type == 'o') break;
        value = Value::of(static_cast<std::int64_t>(value.number));
      }
      if (spec.type == 'i' || spec.type == 'u') spec.type = 'd';
      return put_number(context, out, spec, value);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
      if (!value.is_number()) break;
      return put_number(context, out, spec, value);
    default:
      return bad_format(context, std::string("`%") + spec.type + "` is not a format.");
  }
  context.fail(Fault::kType, std::string("`%") + spec.type + "` cannot show " + std::string(type_name(value)) + ".");
  return false;
}

// {}-style: fill, align, sign, #, 0, width, grouping, precision, type.
bool parse_spec(Context& context, std::string_view rest, Spec& spec) {
  const auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
  if (!rest.empty()) {
    const std::size_t bytes = first_code_point(rest).bytes;
    if (rest.size() > bytes && is_align(rest[bytes])) {
      spec.fill = rest.substr(0, bytes);
      spec.align = rest[bytes];
      rest.remove_prefix(bytes + 1);
    } else if (is_align(rest[0])) {
      spec.align = rest[0];
      rest.remove_prefix(1);
    }
  }
  const auto take = [&](std::string_view set) {
    if (rest.empty() || set.find(rest[0]) == set.npos) return '\0';
    const char c = rest[0];
    rest.remove_prefix(1);
    return c;
  };
  if (const char sign = take("+- ")) spec.sign = sign;
  spec.alternate = take("#") != 0;
  spec.zero = take("0") != 0;
  spec.width = take_number(rest);
  spec.group = take(",_");
  if (take(".")) {
    if (rest.empty() || !is_digit(rest[0])) return bad_format(context, "a format's precision is missing.");
    spec.precision = take_number(rest);
  }
  if (!rest.empty()) {
    spec.type = rest[0];
    rest.remove_prefix(1);
  }
  if (!rest.empty()) return bad_format(context, "this is not a format specification.");
  return check(context, spec);
}

bool put_braces(Context& context, Text& out, std::string_view spec_text, Value value) {
  Spec spec;
  if (!parse_spec(context, spec_text, spec)) return false;
  if (value.is(Tag::kUndefined)) return context.fail_undefined(value), false;
  const bool numeric_type = spec.type != 0 && spec.type != 's';
  if (value.is_number() && (!value.is(Tag::kBool) || numeric_type) && spec.type != 's') {
    static constexpr std::string_view kIntegers = "dxXobn", kFloats = "eEfFgGn%";
    const bool known = spec.type == 0 || kFloats.find(spec.type) != kFloats.npos ||
                       (value.is_integral() && kIntegers.find(spec.type) != kIntegers.npos);
    if (!known)
      return bad_format(context,
                        std::string("`") + spec.type + "` is no format for " + std::string(type_name(value)) + ".");
    return put_number(context, out, spec, value);
  }
  if (numeric_type || (spec.type == 's' && !value.is_string())) {
    return bad_format(context,
                      std::string("`") + spec.type + "` is no format for " + std::string(type_name(value)) + ".");
  }
  Text text(context);
  return write_text(context, text, value) && put_text(out, spec, text.view());
}

class Braces {
 public:
  Braces(Context& context, const Arguments& arguments) : context_(context), arguments_(arguments) {}

  bool write(Text& out, std::string_view format) {
    for (std::size_t at = 0; at < format.size();) {
      const std::size_t brace = std::min(format.find_first_of("{}", at), format.size());
      if (!context_.spend(1) || !out.append(format.substr(at, brace - at))) return false;
      if (brace == format.size()) return true;
      at = brace + 1;
      if (at < format.size() && format[at] == format[brace]) {
        if (!out.append(format.substr(at++, 1))) return false;
        continue;
      }
      const std::size_t end = format.find_first_of("{}", at);
      if (format[brace] == '}' || end == format.npos || format[end] == '{') {
        return bad_format(context_, "a brace in a format stands alone: write `{{` or `}}` for the character itself.");
      }
      if (!field(out, format.substr(at, end - at))) return false;
      at = end + 1;
    }
    return true;
  }

 private:
  bool field(Text& out, std::string_view text) {
    const std::size_t colon = std::min(text.find(':'), text.size());
    std::string_view name = text.substr(0, colon);
    const std::string_view spec = colon == text.size() ? "" : text.substr(colon + 1);
    char conversion = 0;
    if (name.size() >= 2 && name[name.size() - 2] == '!') {
      conversion = name.back();
      name.remove_suffix(2);
    }
    Value value = look_up(name);
    if (value.failed()) return false;
    if (conversion != 0 && conversion != 's' && conversion != 'r')
      return bad_format(context_, "a format's conversion is `!s` or `!r`.");
    if (conversion != 0) {
      Text converted(context_);
      if (!(conversion == 's' ? write_text(context_, converted, value) : write_repr(context_, converted, value)))
        return false;
      value = converted.finish();
    }
    return put_braces(context_, out, spec, value);
  }

  Value look_up(std::string_view name) {
    std::size_t end = std::min(name.find_first_of(".["), name.size());
    const std::string_view first = name.substr(0, end);
    Value value;
    if (first.empty() || is_digit(first[0])) {
      std::string_view digits = first;
      const auto place = static_cast<std::size_t>(first.empty() ? next_++ : take_number(digits));
      if (!digits.empty() || place >= arguments_.positional.size())
        return context_.fail(Fault::kValue, "a format asks for an argument that is not given.");
      value = arguments_.positional[place];
    } else {
      const auto found = std::ranges::find(arguments_.keywords, first, &Keyword::name);
      if (found == arguments_.keywords.end())
        return context_.fail(Fault::kValue,
                             "a format asks for `" + std::string(first.substr(0, 64)) + "`, which is not given.");
      value = found->value;
    }
    while (end < name.size() && !value.failed()) {
      const bool item = name[end] == '[';
      const std::size_t stop = item ? name.find(']', end) : std::min(name.find_first_of(".[", end + 1), name.size());
      if (stop == name.npos) return context_.fail(Fault::kValue, "a format's `[` has no `]`.");
      std::string_view part = name.substr(end + 1, stop - end - 1);
      if (item && !part.empty() && std::ranges::all_of(part, is_digit)) {
        value = item_of(context_, value, Value::of(take_number(part)));
      } else {
        value = item ? item_of(context_, value, Value::of(part)) : attribute_of(context_, value, part, kNone);
      }
      end = stop + item;
    }
    return value;
  }

  Context& context_;
  const Arguments& arguments_;
  std::int64_t next_ = 0;
};

}  // namespace

Value format_braces(Context& context, std::string_view format, const Arguments& arguments) {
  Text out(context);
  return Braces(context, arguments).write(out, format) ? out.finish() : Value::error();
}

Value format_percent(Context& context, std::string_view format, const Arguments& arguments) {
  if (!arguments.positional.empty() && !arguments.keywords.empty()) {
    return context.fail(Fault::kValue, "a format takes its values in order or by name, not both.");
  }
  const bool mapping = arguments.positional.size() == 1 && arguments.positional[0].is(Tag::kDict);
  std::size_t next = 0;
  Text out(context);
  for (std::size_t at = 0; at < format.size();) {
    const std::size_t sign = std::min(format.find('%', at), format.size());
    if (!context.spend(1) || !out.append(format.substr(at, sign - at))) return Value::error();
    std::string_view rest = format.substr(std::min(sign + 1, format.size()));
    if (sign == format.size()) break;
    Spec spec;
    Value value;
    if (rest.starts_with('(')) {
      const std::size_t end = rest.find(')');
      if (end == rest.npos) return context.fail(Fault::kValue, "a format's `%(` has no `)`.");
      const std::string_view key = rest.substr(1, end - 1);
      if (!mapping && arguments.keywords.empty())
        return context.fail(Fault::kType, "a format that names its values wants a mapping.");
      const Value* found = nullptr;
      if (mapping) {
        found = dict_find(context, *arguments.positional[0].dict, Value::of(key));
      } else if (const auto keyword = std::ranges::find(arguments.keywords, key, &Keyword::name);
                 keyword != arguments.keywords.end()) {
        found = &keyword->value;
      }
      if (!found)
        return context.fail(Fault::kValue,
                            "a format asks for `" + std::string(key.substr(0, 64)) + "`, which is not given.");
      value = *found;
      rest.remove_prefix(end + 1);
    }
    for (; !rest.empty() && std::string_view("-0+ #").find(rest[0]) != std::string_view::npos; rest.remove_prefix(1)) {
      if (rest[0] == '-') spec.align = '<';
      if (rest[0] == '0') spec.zero = true;
      if (rest[0] == '+' || (rest[0] == ' ' && spec.sign != '+')) spec.sign = rest[0];
      if (rest[0] == '#') spec.alternate = true;
    }
    spec.width = take_number(rest);
    if (rest.starts_with('.')) {
      rest.remove_prefix(1);
      spec.precision = take_number(rest);
    }
    if (rest.empty()) return context.fail(Fault::kValue, "a format ends within a `%`.");
    spec.type = rest[0];
    rest.remove_prefix(1);
    at = format.size() - rest.size();
    if (!check(context, spec)) return Value::error();
    if (spec.type == '%') {
      if (!out.append("%")) return Value::error();
      continue;
    }
    if (value.absent()) {
      if (next >= arguments.positional.size())
        return context.fail(Fault::kType, "a format has more places than values.");
      value = arguments.positional[next++];
    }
    if (!put_percent(context, out, spec, value)) return Value::error();
  }
  if (!mapping && next < arguments.positional.size())
    return context.fail(Fault::kType, "a format has fewer places than values.");
  return out.finish();
}

}  // namespace fairlead::prompts::jinja
