// Values of expressions: sixteen bytes, copied freely; text, lists and maps are viewed where they are.
#pragma once
#include <boost/json/value.hpp>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace fairlead::expr {

enum class Kind : std::uint8_t {
  kNull,
  kBool,
  kInt,
  kUint,
  kDouble,
  kString,
  kBytes,
  kList,
  kMap,
  kTimestamp,
  kDuration,
  kType,
  kError,  // the result of a sub-expression that failed; never a result of an evaluation
};
// "int", "google.protobuf.Timestamp", …: what type(x) gives.
std::string_view kind_name(Kind kind);

// What the numbers in a JSON container are taken for: by what the number is, or by the variable's declared type.
enum class Numbers : std::uint8_t { kAsWritten, kUint, kDouble };

enum class ErrorCode : std::uint8_t {
  kNoSuchOverload,
  kNoSuchKey,
  kNoValue,  // a variable that is declared and not set
  kWrongType,
  kOutOfBounds,
  kDivisionByZero,
  kOverflow,
  kRange,
  kInvalidArgument,
  kDuplicateKey,
  kUnknownName,
  kNotBool,
};

struct Entry;
struct ErrorDetail;

// A view: whoever made the text, the items or the JSON keeps them alive while the value is used. Values made during an
// evaluation live in its Evaluation, constants in their Expression. Immutable; safe to read from any thread.
class Value {
 public:
  static constexpr std::size_t kMaxSize = std::numeric_limits<std::uint32_t>::max();

  Value() = default;  // null
  static Value boolean(bool value);
  static Value integer(std::int64_t value);
  static Value unsigned_integer(std::uint64_t value);
  static Value number(double value);
  // At most kMaxSize bytes, of well-formed UTF-8.
  static Value string(std::string_view text);
  static Value bytes(std::string_view bytes);
  static Value list(std::span<const Value> items);
  // Keys are bool, int, uint or string, each once.
  static Value map(std::span<const Entry> entries);
  static Value type(Kind kind);
  // From year 1 to 9999; nanos from 0 to 999,999,999.
  static Value timestamp(std::int64_t seconds, std::uint32_t nanos);
  static Value duration(std::int64_t nanos);
  // Containers are viewed, not copied.
  static Value json(const boost::json::value& value, Numbers numbers = Numbers::kAsWritten);
  static Value json(const boost::json::object& object, Numbers numbers = Numbers::kAsWritten);
  static Value error(ErrorCode code, std::uint32_t node, const ErrorDetail* detail = nullptr);

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_error() const { return kind_ == Kind::kError; }
  bool is_true() const { return kind_ == Kind::kBool && data_.boolean; }
  bool is_false() const { return kind_ == Kind::kBool && !data_.boolean; }
  bool is_number() const { return kind_ == Kind::kInt || kind_ == Kind::kUint || kind_ == Kind::kDouble; }

  // Each for a value of that kind only.
  bool as_bool() const { return data_.boolean; }
  std::int64_t as_int() const { return data_.integer; }
  std::uint64_t as_uint() const { return data_.unsigned_integer; }
  double as_double() const { return data_.number; }
  std::string_view as_text() const { return {data_.text, size_}; }  // of strings and bytes
  Kind as_type() const { return static_cast<Kind>(size_); }
  std::int64_t seconds() const { return data_.integer; }  // of timestamps
  std::uint32_t nanos() const { return size_; }
  std::int64_t as_duration() const { return data_.integer; }  // nanoseconds
  ErrorCode error_code() const { return static_cast<ErrorCode>(form_); }
  std::uint32_t error_node() const { return size_; }
  const ErrorDetail* error_detail() const { return data_.detail; }

  // Lists and maps.
  std::size_t size() const;
  Value item(std::size_t place) const;  // of a list
  Value key(std::size_t place) const;   // of a map, in its order
  Value entry_value(std::size_t place) const;
  // The member with that text as its key; false if there is none. `steps` grows by what the search took.
  bool find(std::string_view key, Value& out, std::uint64_t& steps) const;
  bool is_json() const { return form_ >= kJson; }
  std::span<const Value> items() const { return {data_.items, size_}; }  // of a list that is not JSON
  std::span<const Entry> entries() const;

 private:
  static constexpr std::uint8_t kNative = 0, kJson = 1;  // form_ of containers: kJson + Numbers
  Numbers numbers() const { return static_cast<Numbers>(form_ - kJson); }

  Kind kind_ = Kind::kNull;
  std::uint8_t form_ = kNative;
  std::uint32_t size_ = 0;
  union {
    bool boolean;
    std::int64_t integer = 0;
    std::uint64_t unsigned_integer;
    double number;
    const char* text;
    const Value* items;
    const Entry* entries;
    const boost::json::array* array;
    const boost::json::object* object;
    const ErrorDetail* detail;
  } data_;
};
static_assert(sizeof(Value) == 16);

struct Entry {
  Value key, value;
};

// What a message about an error needs.
struct ErrorDetail {
  std::string_view text;
  Value first, second;
};

}  // namespace fairlead::expr
