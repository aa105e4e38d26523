// The table of functions, and how types are written in it.
#include "platform/expr/internal/functions.h"

#include <algorithm>

namespace fairlead::expr::internal {
namespace {

std::vector<Overload> all_overloads() {
  std::vector<Overload> out;
  for (const auto table : {conversion_overloads(), text_overloads(), time_overloads()})
    out.insert(out.end(), table.begin(), table.end());
  std::ranges::stable_sort(
      out, [](const Overload& a, const Overload& b) { return a.member != b.member ? a.member : a.name < b.name; });
  return out;
}

std::optional<Kind> kind_of(char letter) {
  switch (letter) {
    case 'b':
      return Kind::kBool;
    case 'i':
      return Kind::kInt;
    case 'u':
      return Kind::kUint;
    case 'd':
      return Kind::kDouble;
    case 's':
      return Kind::kString;
    case 'y':
      return Kind::kBytes;
    case 'l':
    case 'S':
      return Kind::kList;
    case 'm':
      return Kind::kMap;
    case 't':
      return Kind::kTimestamp;
    case 'r':
      return Kind::kDuration;
    case 'T':
      return Kind::kType;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::span<const Overload> overloads() {
  static const std::vector<Overload> all = all_overloads();
  return all;
}

std::optional<OverloadRange> find_overloads(std::string_view name, bool member) {
  const auto all = overloads();
  const auto fits = [&](const Overload& one) { return one.name == name && one.member == member; };
  const auto first = std::ranges::find_if(all, fits);
  if (first == all.end()) return std::nullopt;
  const auto last = std::find_if_not(first, all.end(), fits);
  return OverloadRange{static_cast<std::uint32_t>(first - all.begin()), static_cast<std::uint32_t>(last - first)};
}

std::vector<std::string> function_names(bool member) {
  std::vector<std::string> out;
  for (const Overload& one : overloads())
    if (one.member == member && (out.empty() || out.back() != one.name)) out.emplace_back(one.name);
  return out;
}

bool accepts(char letter, Value value) {
  const auto kind = kind_of(letter);
  return !kind || value.is(*kind);
}

bool accepts(char letter, const Type& type) {
  return compatible(type_of(letter), type);
}

Type type_of(char letter) {
  if (letter == 'S') return Type::list(Kind::kString);
  const auto kind = kind_of(letter);
  return kind ? Type(*kind) : Type();
}

std::string signature(const Overload& overload) {
  std::string out;
  std::string_view arguments = overload.arguments;
  if (overload.member) {
    out = type_of(arguments[0]).text() + ".";
    arguments.remove_prefix(1);
  }
  out += std::string(overload.name) + "(";
  for (std::size_t i = 0; i < arguments.size(); ++i) out += (i == 0 ? "" : ", ") + type_of(arguments[i]).text();
  return out + ")";
}

}  // namespace fairlead::expr::internal
