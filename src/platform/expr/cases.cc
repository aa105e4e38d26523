#include "platform/expr/cases.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <cmath>
#include <deque>
#include <optional>

#include "platform/expr/expression.h"
#include "platform/expr/json.h"
#include "platform/json/text.h"

namespace fairlead::expr {
namespace {

// Values that say their types, and the memory that they need.
class TypedValues {
 public:
  std::optional<Value> read(const boost::json::value& value) {
    const auto* const object = value.if_object();
    if (object == nullptr || object->size() != 1) return std::nullopt;
    const std::string_view type = object->begin()->key();
    const boost::json::value& content = object->begin()->value();
    if (type == "null") return Value();
    if (type == "bool") return content.is_bool() ? std::optional(Value::boolean(content.get_bool())) : std::nullopt;
    if (const auto* const array = content.if_array()) return read_parts(type, *array);
    const auto* const string = content.if_string();
    if (string == nullptr) return std::nullopt;
    return read_text(type, *string);
  }

 private:
  template <class Number>
  static std::optional<Number> number(std::string_view text) {
    Number out{};
    const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
    return out;
  }

  std::optional<Value> read_text(std::string_view type, std::string_view text) {
    if (type == "string") return Value::string(text);
    if (type == "int") return number<std::int64_t>(text).transform(Value::integer);
    if (type == "uint") return number<std::uint64_t>(text).transform(Value::unsigned_integer);
    if (type == "double") return number<double>(text).transform(Value::number);
    if (type == "bytes") {
      std::string& bytes = texts_.emplace_back();
      for (std::size_t at = 0; at + 1 < text.size(); at += 2) {
        unsigned byte = 0;
        std::from_chars(text.data() + at, text.data() + at + 2, byte, 16);
        bytes.push_back(static_cast<char>(byte));
      }
      return Value::bytes(bytes);
    }
    if (type == "type") {
      for (int kind = 0; kind < static_cast<int>(Kind::kError); ++kind)
        if (kind_name(static_cast<Kind>(kind)) == text) return Value::type(static_cast<Kind>(kind));
    }
    return std::nullopt;
  }

  std::optional<Value> read_parts(std::string_view type, const boost::json::array& parts) {
    if (type == "timestamp" || type == "duration") {
      if (parts.size() != 2 || !parts[0].is_int64() || !parts[1].is_int64()) return std::nullopt;
      const std::int64_t seconds = parts[0].get_int64();
      const std::int64_t nanos = parts[1].get_int64();
      if (type == "timestamp") return Value::timestamp(seconds, static_cast<std::uint32_t>(nanos));
      return Value::duration(seconds * 1'000'000'000 + nanos);
    }
    std::vector<Value> items;
    for (const boost::json::value& part : parts) {
      const auto* const pair = part.if_array();
      if (type == "map" && (pair == nullptr || pair->size() != 2)) return std::nullopt;
      const auto first = read(type == "map" ? (*pair)[0] : part);
      const auto second = type == "map" ? read((*pair)[1]) : Value();
      if (!first || !second) return std::nullopt;
      items.push_back(*first);
      if (type == "map") items.push_back(*second);
    }
    if (type == "list") return Value::list(lists_.emplace_back(std::move(items)));
    std::vector<Entry>& entries = maps_.emplace_back();
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) entries.push_back({items[i], items[i + 1]});
    return Value::map(entries);
  }

  std::deque<std::string> texts_;
  std::deque<std::vector<Value>> lists_;
  std::deque<std::vector<Entry>> maps_;
};

// Of the same types throughout, which `==` does not ask for; NaN is NaN.
bool identical(Value a, Value b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kNull:
    case Kind::kError:
      return true;
    case Kind::kBool:
      return a.as_bool() == b.as_bool();
    case Kind::kInt:
    case Kind::kDuration:
      return a.as_int() == b.as_int();
    case Kind::kUint:
      return a.as_uint() == b.as_uint();
    case Kind::kDouble:
      return a.as_double() == b.as_double() || (std::isnan(a.as_double()) && std::isnan(b.as_double()));
    case Kind::kString:
    case Kind::kBytes:
      return a.as_text() == b.as_text();
    case Kind::kTimestamp:
      return a.seconds() == b.seconds() && a.nanos() == b.nanos();
    case Kind::kType:
      return a.as_type() == b.as_type();
    case Kind::kList:
    case Kind::kMap:
      break;
  }
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a.is(Kind::kList)) {
      if (!identical(a.item(i), b.item(i))) return false;
      continue;
    }
    bool found = false;
    for (std::size_t j = 0; j < b.size() && !found; ++j)
      found = identical(a.key(i), b.key(j)) && identical(a.entry_value(i), b.entry_value(j));
    if (!found) return false;
  }
  return true;
}

std::string shown(Value value) {
  return std::string(kind_name(value.kind())) + " " + json::to_text(to_json(value));
}

class Bindings final : public Activation {
 public:
  std::vector<Value> values;
  bool variable(std::uint32_t place, std::string_view, Value& out) const override {
    out = values[place];
    return true;
  }
};

std::string member(const boost::json::object& one, std::string_view name) {
  const auto* const found = one.if_contains(name);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : "";
}

bool is_true(const boost::json::object& one, std::string_view name) {
  const auto* const found = one.if_contains(name);
  return found != nullptr && found->is_bool() && found->get_bool();
}

// False: the case is not of the form.
bool run_case(const boost::json::object& one, CaseReport& report) {
  TypedValues typed;
  Environment environment;
  Bindings bindings;
  if (const auto* const given = one.if_contains("bindings")) {
    if (!given->is_object()) return false;
    for (const auto& [name, value] : given->get_object()) {
      const auto read = typed.read(value);
      if (!read) return false;
      // A name that is no identifier (true, null) cannot be referred to.
      if (environment.declare(std::string(name), {})) bindings.values.push_back(*read);
    }
  }
  if (one.contains("container")) {
    ++report.unsupported["containers are not supported"];
    return true;
  }
  std::optional<Value> wanted;
  const bool error = is_true(one, "error");
  if (const auto* const value = one.if_contains("value")) wanted = typed.read(*value);
  if (!wanted && !error) return false;

  const std::string source = member(one, "expr");
  const std::string name = member(one, "file") + "/" + member(one, "section") + "/" + member(one, "name");
  const auto fail = [&](const std::string& got) {
    report.failed.push_back({name, source, "got " + got + ", not " + (wanted ? shown(*wanted) : "an error")});
  };
  const auto compiled =
      Expression::compile(source, environment, is_true(one, "disable_check") ? Checking::kNone : Checking::kTypes);
  if (!compiled && compiled.error().code == "expression_unsupported") {
    const std::string& message = compiled.error().message;
    ++report.unsupported[message.substr(0, message.find(':'))];
    return true;
  }
  if (!compiled) {
    if (error)
      ++report.passed;
    else
      fail("an error (" + compiled.error().message + ")");
    return true;
  }
  Evaluation evaluation;
  const auto result = compiled->evaluate(bindings, evaluation);
  if (result ? wanted && identical(*result, *wanted) : error)
    ++report.passed;
  else
    fail(result ? shown(*result) : "an error (" + result.error().message + ")");
  return true;
}

}  // namespace

Result<CaseReport> run_cases(std::string_view lines) {
  CaseReport report;
  std::size_t number = 0;
  while (!lines.empty()) {
    ++number;
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto parsed = json::parse(line);
    const auto* const one = parsed ? parsed->if_object() : nullptr;
    if (one == nullptr || !one->contains("expr") || !run_case(*one, report))
      return fail(
          ErrorKind::kInvalid, "invalid_cases",
          "line " + std::to_string(number) + ": " +
              (parsed ? "not a case: an object with `expr`, and `value` or `error`, whose values say their types."
                      : parsed.error().message));
  }
  return report;
}

}  // namespace fairlead::expr
