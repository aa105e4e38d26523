#include "platform/expr/type.h"

#include <algorithm>

#include "platform/expr/internal/lexer.h"

namespace fairlead::expr {

struct Type::Parts {
  Type first, second;
  std::vector<std::pair<std::string, Type>> fields;
};

Type Type::list(Type items) {
  Type out(Kind::kList);
  out.parts_ = std::make_shared<const Parts>(Parts{std::move(items), {}, {}});
  return out;
}

Type Type::map(Type keys, Type values) {
  Type out(Kind::kMap);
  out.parts_ = std::make_shared<const Parts>(Parts{std::move(keys), std::move(values), {}});
  return out;
}

Type Type::object(std::vector<std::pair<std::string, Type>> fields) {
  Type out(Kind::kMap);
  out.parts_ = std::make_shared<const Parts>(Parts{Kind::kString, {}, std::move(fields)});
  return out;
}

Type Type::items() const {
  return is(Kind::kList) && parts_ ? parts_->first : Type();
}

Type Type::keys() const {
  return is(Kind::kMap) && parts_ ? parts_->first : Type();
}

Type Type::values() const {
  return is(Kind::kMap) && parts_ ? parts_->second : Type();
}

const std::vector<std::pair<std::string, Type>>* Type::fields() const {
  return is(Kind::kMap) && parts_ && !parts_->fields.empty() ? &parts_->fields : nullptr;
}

Numbers Type::numbers() const {
  if (is(Kind::kDouble)) return Numbers::kDouble;
  if (is(Kind::kUint)) return Numbers::kUint;
  if (is(Kind::kList)) return items().dynamic() ? Numbers::kAsWritten : items().numbers();
  if (is(Kind::kMap)) return values().dynamic() ? Numbers::kAsWritten : values().numbers();
  return Numbers::kAsWritten;
}

std::string Type::text() const {
  if (dynamic()) return "dyn";
  switch (*kind_) {
    case Kind::kNull:
      return "null";
    case Kind::kTimestamp:
      return "timestamp";
    case Kind::kDuration:
      return "duration";
    case Kind::kList:
      return parts_ ? "list(" + parts_->first.text() + ")" : "list";
    case Kind::kMap:
      if (fields() != nullptr) return "object";
      return parts_ ? "map(" + parts_->first.text() + ", " + parts_->second.text() + ")" : "map";
    default:
      return std::string(kind_name(*kind_));
  }
}

bool compatible(const Type& a, const Type& b) {
  if (a.dynamic() || b.dynamic()) return true;
  if (a.kind() != b.kind()) return false;
  if (a.is(Kind::kList)) return compatible(a.items(), b.items());
  if (a.is(Kind::kMap)) return compatible(a.keys(), b.keys()) && compatible(a.values(), b.values());
  return true;
}

Type joined(const Type& a, const Type& b) {
  if (a.dynamic() || b.dynamic() || a.kind() != b.kind()) return {};
  if (a.is(Kind::kList)) return Type::list(joined(a.items(), b.items()));
  if (a.is(Kind::kMap)) {
    return a.fields() != nullptr && a.fields() == b.fields()
               ? a
               : Type::map(joined(a.keys(), b.keys()), joined(a.values(), b.values()));
  }
  return a;
}

bool Environment::declare(std::string name, Type type) {
  for (std::string_view rest = name;;) {
    const std::size_t dot = rest.find('.');
    if (!internal::is_identifier(rest.substr(0, dot))) return false;
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  if (find(name)) return false;
  variables_.push_back({std::move(name), std::move(type)});
  return true;
}

std::optional<std::uint32_t> Environment::find(std::string_view name) const {
  const auto found = std::ranges::find(variables_, name, &Variable::name);
  if (found == variables_.end()) return std::nullopt;
  return static_cast<std::uint32_t>(found - variables_.begin());
}

std::vector<std::string> Environment::names() const {
  std::vector<std::string> out;
  out.reserve(variables_.size());
  for (const Variable& one : variables_) out.push_back(one.name);
  return out;
}

}  // namespace fairlead::expr
