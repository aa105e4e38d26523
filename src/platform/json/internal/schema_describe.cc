// What values are called and how they compare.
#include <charconv>
#include <cmath>

#include "platform/json/internal/schema_node.h"
#include "platform/json/text.h"

namespace fairlead::json::internal {
namespace {

namespace bj = boost::json;

// A number as mantissa · 10^exponent, from its shortest decimal form: what its author wrote.
struct Decimal {
  unsigned __int128 mantissa = 0;
  int exponent = 0;
};

Decimal decimal(const bj::value& value) {
  if (const std::int64_t* i = value.if_int64()) {
    return {static_cast<unsigned __int128>(*i < 0 ? -static_cast<__int128>(*i) : static_cast<__int128>(*i)), 0};
  }
  if (const std::uint64_t* u = value.if_uint64()) return {*u, 0};
  char buffer[32];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, std::fabs(value.get_double()), std::chars_format::scientific).ptr;
  Decimal out;
  int after_point = 0;
  bool point = false;
  const char* at = buffer;
  for (; at < end && *at != 'e'; ++at) {
    if (*at == '.') {
      point = true;
    } else {
      out.mantissa = out.mantissa * 10 + static_cast<unsigned>(*at - '0');
      after_point += point ? 1 : 0;
    }
  }
  ++at;
  std::from_chars(*at == '+' ? at + 1 : at, end, out.exponent);
  out.exponent -= after_point;
  return out;
}

constexpr struct {
  TypeBit bit;
  std::string_view name;
} kTypeNames[] = {{kNull, "null"},       {kBoolean, "a boolean"}, {kInteger, "an integer"}, {kNumber, "a number"},
                  {kString, "a string"}, {kArray, "an array"},    {kObject, "an object"}};

}  // namespace

std::string_view type_name(const bj::value& value) {
  switch (value.kind()) {
    case bj::kind::null:
      return "null";
    case bj::kind::bool_:
      return "a boolean";
    case bj::kind::int64:
    case bj::kind::uint64:
    case bj::kind::double_:
      return "a number";
    case bj::kind::string:
      return "a string";
    case bj::kind::array:
      return "an array";
    case bj::kind::object:
      return "an object";
  }
  return "a value";
}

std::string type_names(std::uint8_t types) {
  std::vector<std::string_view> names;
  for (const auto& [bit, name] : kTypeNames) {
    if (types & bit) names.push_back(name);
  }
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " or " : ", ";
    out += names[i];
  }
  return out;
}

std::string counted(std::uint64_t n, std::string_view what) {
  return std::to_string(n) + " " + std::string(what) + (n == 1 ? "" : "s");
}

std::string describe(const Node& node) {
  if (node.always) return *node.always ? "anything" : "nothing";
  if (const bj::object* object = node.source ? node.source->if_object() : nullptr) {
    if (const bj::value* title = object->if_contains("title"); title && title->is_string()) {
      return std::string(title->get_string());
    }
  }
  if (node.constant) return brief(*node.constant);
  if (node.ref) return describe(*node.ref);
  if (node.choices) {
    std::string out;
    for (const bj::value& choice : *node.choices) (out += out.empty() ? "" : ", ") += brief(choice);
    return "one of " + out;
  }
  std::string out = node.types ? type_names(node.types) : "a value";
  if (!node.required.empty()) {
    out += " with ";
    for (std::size_t i = 0; i < node.required.size(); ++i) (out += i ? ", `" : "`") += node.required[i] + "`";
  }
  return out;
}

std::string brief(const bj::value& value) {
  constexpr std::size_t kLongest = 60;
  std::string text = value.is_string() ? std::string(value.get_string()) : to_text(value);
  if (value.is_string() && (text.empty() || text.find_first_of(" \t\n,`\"") != std::string::npos)) text = quoted(text);
  if (text.size() <= kLongest) return text;
  std::size_t cut = kLongest;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return text.substr(0, cut) + "…";
}

bool equal_values(const bj::value& a, const bj::value& b) {
  if (a.is_number() && b.is_number()) return as_number(a) == as_number(b);
  if (a.kind() != b.kind()) return false;
  if (const bj::array* x = a.if_array()) {
    const bj::array& y = b.get_array();
    if (x->size() != y.size()) return false;
    for (std::size_t i = 0; i < x->size(); ++i) {
      if (!equal_values((*x)[i], y[i])) return false;
    }
    return true;
  }
  if (const bj::object* x = a.if_object()) {
    const bj::object& y = b.get_object();
    if (x->size() != y.size()) return false;
    for (const bj::key_value_pair& member : *x) {
      const bj::value* other = y.if_contains(member.key());
      if (!other || !equal_values(member.value(), *other)) return false;
    }
    return true;
  }
  return a == b;
}

bool is_integer(const bj::value& value) {
  if (const double* d = value.if_double()) return std::isfinite(*d) && std::trunc(*d) == *d;
  return value.is_int64() || value.is_uint64();
}

long double as_number(const bj::value& value) {
  static_assert(std::numeric_limits<long double>::digits >= 64);
  if (const std::int64_t* i = value.if_int64()) return *i;
  if (const std::uint64_t* u = value.if_uint64()) return static_cast<long double>(*u);
  return value.get_double();
}

bool is_multiple(const bj::value& value, const bj::value& of) {
  const Decimal a = decimal(value);
  Decimal b = decimal(of);
  if (a.mantissa == 0) return true;
  int shift = a.exponent - b.exponent;
  for (; shift < 0; ++shift) {  // a · 10^shift must be whole multiples of b: scale b up until the exponents agree
    if (b.mantissa > a.mantissa) return false;
    b.mantissa *= 10;
  }
  unsigned __int128 rest = a.mantissa % b.mantissa;  // both below 10^20: the product below stays under 2^128
  for (; shift > 0 && rest != 0; --shift) rest = rest * 10 % b.mantissa;
  return rest == 0;
}

}  // namespace fairlead::json::internal
