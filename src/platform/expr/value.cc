#include "platform/expr/value.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace fairlead::expr {

std::string_view kind_name(Kind kind) {
  static constexpr std::string_view kNames[] = {"null_type",
                                                "bool",
                                                "int",
                                                "uint",
                                                "double",
                                                "string",
                                                "bytes",
                                                "list",
                                                "map",
                                                "google.protobuf.Timestamp",
                                                "google.protobuf.Duration",
                                                "type",
                                                "error"};
  return kNames[static_cast<std::size_t>(kind)];
}

Value Value::boolean(bool value) {
  Value out;
  out.kind_ = Kind::kBool;
  out.data_.boolean = value;
  return out;
}

Value Value::integer(std::int64_t value) {
  Value out;
  out.kind_ = Kind::kInt;
  out.data_.integer = value;
  return out;
}

Value Value::unsigned_integer(std::uint64_t value) {
  Value out;
  out.kind_ = Kind::kUint;
  out.data_.unsigned_integer = value;
  return out;
}

Value Value::number(double value) {
  Value out;
  out.kind_ = Kind::kDouble;
  out.data_.number = value;
  return out;
}

Value Value::string(std::string_view text) {
  Value out;
  out.kind_ = Kind::kString;
  out.size_ = static_cast<std::uint32_t>(text.size());
  out.data_.text = text.data();
  return out;
}

Value Value::bytes(std::string_view bytes) {
  Value out = string(bytes);
  out.kind_ = Kind::kBytes;
  return out;
}

Value Value::list(std::span<const Value> items) {
  Value out;
  out.kind_ = Kind::kList;
  out.size_ = static_cast<std::uint32_t>(items.size());
  out.data_.items = items.data();
  return out;
}

Value Value::map(std::span<const Entry> entries) {
  Value out;
  out.kind_ = Kind::kMap;
  out.size_ = static_cast<std::uint32_t>(entries.size());
  out.data_.entries = entries.data();
  return out;
}

Value Value::type(Kind kind) {
  Value out;
  out.kind_ = Kind::kType;
  out.size_ = static_cast<std::uint32_t>(kind);
  return out;
}

Value Value::timestamp(std::int64_t seconds, std::uint32_t nanos) {
  Value out = integer(seconds);
  out.kind_ = Kind::kTimestamp;
  out.size_ = nanos;
  return out;
}

Value Value::duration(std::int64_t nanos) {
  Value out = integer(nanos);
  out.kind_ = Kind::kDuration;
  return out;
}

Value Value::error(ErrorCode code, std::uint32_t node, const ErrorDetail* detail) {
  Value out;
  out.kind_ = Kind::kError;
  out.form_ = static_cast<std::uint8_t>(code);
  out.size_ = node;
  out.data_.detail = detail;
  return out;
}

Value Value::json(const boost::json::object& object, Numbers numbers) {
  Value out;
  out.kind_ = Kind::kMap;
  out.form_ = static_cast<std::uint8_t>(kJson + static_cast<std::uint8_t>(numbers));
  out.data_.object = &object;
  return out;
}

Value Value::json(const boost::json::value& value, Numbers numbers) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return {};
    case boost::json::kind::bool_:
      return boolean(*value.if_bool());
    case boost::json::kind::int64: {
      const std::int64_t integer_value = *value.if_int64();
      if (numbers == Numbers::kDouble) return number(static_cast<double>(integer_value));
      if (numbers == Numbers::kUint && integer_value >= 0)
        return unsigned_integer(static_cast<std::uint64_t>(integer_value));
      return integer(integer_value);
    }
    case boost::json::kind::uint64: {
      const std::uint64_t large = *value.if_uint64();
      if (numbers == Numbers::kDouble) return number(static_cast<double>(large));
      const bool fits = large <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
      return numbers == Numbers::kUint || !fits ? unsigned_integer(large) : integer(static_cast<std::int64_t>(large));
    }
    case boost::json::kind::double_:
      return number(*value.if_double());
    case boost::json::kind::string:
      return string(*value.if_string());
    case boost::json::kind::object:
      return json(*value.if_object(), numbers);
    case boost::json::kind::array:
      break;
  }
  Value out;
  out.kind_ = Kind::kList;
  out.form_ = static_cast<std::uint8_t>(kJson + static_cast<std::uint8_t>(numbers));
  out.data_.array = value.if_array();
  return out;
}

std::span<const Entry> Value::entries() const {
  return {data_.entries, size_};
}

std::size_t Value::size() const {
  if (!is_json()) return size_;
  return kind_ == Kind::kList ? data_.array->size() : data_.object->size();
}

Value Value::item(std::size_t place) const {
  return is_json() ? json((*data_.array)[place], numbers()) : data_.items[place];
}

Value Value::key(std::size_t place) const {
  return is_json() ? string((data_.object->begin() + static_cast<std::ptrdiff_t>(place))->key())
                   : data_.entries[place].key;
}

Value Value::entry_value(std::size_t place) const {
  return is_json() ? json((data_.object->begin() + static_cast<std::ptrdiff_t>(place))->value(), numbers())
                   : data_.entries[place].value;
}

bool Value::find(std::string_view key, Value& out, std::uint64_t& steps) const {
  if (is_json()) {
    const boost::json::value* const found = data_.object->if_contains(key);
    if (found != nullptr) out = json(*found, numbers());
    return found != nullptr;
  }
  steps += size_ / 4;
  const std::span<const Entry> all = entries();
  const auto found = std::ranges::find_if(
      all, [&](const Entry& one) { return one.key.is(Kind::kString) && one.key.as_text() == key; });
  if (found != all.end()) out = found->value;
  return found != all.end();
}

}  // namespace fairlead::expr
