// The functions of the language, by name and types.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/expr/internal/machine.h"
#include "platform/expr/type.h"

namespace fairlead::expr::internal {

// One form of a function. Arguments and result by letters: b bool, i int, u uint, d double, s string, y bytes, l list,
// m map, t timestamp, r duration, T type, S list(string), * anything. A member's first argument is what stands before
// the dot.
struct Overload {
  std::string_view name;
  bool member;
  std::string_view arguments;
  char result;
  Value (*run)(Machine& machine, std::span<const Value> arguments);
};

// All, those of one name and form beside one another.
std::span<const Overload> overloads();
// The first of that name and form, and how many; nothing: no such function.
struct OverloadRange {
  std::uint32_t first = 0, count = 0;
};
std::optional<OverloadRange> find_overloads(std::string_view name, bool member);
std::vector<std::string> function_names(bool member);

bool accepts(char letter, Value value);
bool accepts(char letter, const Type& type);
Type type_of(char letter);
// "string.contains(string)"
std::string signature(const Overload& overload);

// The tables, by the file that has them.
std::span<const Overload> conversion_overloads();
std::span<const Overload> text_overloads();
std::span<const Overload> time_overloads();

// Shared by the files.
inline constexpr std::size_t kMaxPatternBytes = 1024;
std::unique_ptr<const RE2> compile_pattern(std::string_view pattern, std::size_t memory_bytes, std::string& why);
std::optional<Value> parse_timestamp(std::string_view text);
std::optional<Value> parse_duration(std::string_view text);
std::string timestamp_text(Value timestamp);
std::string duration_text(Value duration);
std::string double_text(double value);
// What a timestamp may be: the years 1 to 9999.
bool in_range(std::int64_t seconds);

}  // namespace fairlead::expr::internal
