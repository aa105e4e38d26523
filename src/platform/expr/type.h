// Types of expressions, and the variables that an expression may use.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/expr/value.h"

namespace fairlead::expr {

// A static type: of a kind of value, with types of members for lists and maps; or dyn, known when evaluated. Immutable;
// copied cheaply; safe to share between threads.
class Type {
 public:
  Type() = default;  // dyn
  Type(Kind kind) : kind_(kind) {}
  static Type list(Type items);
  static Type map(Type keys, Type values);
  // A map whose keys are strings and known: another key is refused when compiled.
  static Type object(std::vector<std::pair<std::string, Type>> fields);

  bool dynamic() const { return !kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  std::optional<Kind> kind() const { return kind_; }
  Type items() const;  // of a list; dyn if not known
  Type keys() const;   // of a map
  Type values() const;
  // The fields of an object, else null.
  const std::vector<std::pair<std::string, Type>>* fields() const;
  // What numbers in JSON are taken for under this type.
  Numbers numbers() const;

  // "list(int)"
  std::string text() const;

 private:
  struct Parts;
  std::optional<Kind> kind_;
  std::shared_ptr<const Parts> parts_;
};

// Whether a value of one type may be one of the other: dyn may be anything, also inside.
bool compatible(const Type& a, const Type& b);
// The type of what may be of either.
Type joined(const Type& a, const Type& b);

// What expressions may refer to. A variable's place in the order of declaration is how activations are asked for it.
class Environment {
 public:
  // A name is a letter or `_`, then letters, digits and `_`, and no word of the language; or several with dots between
  // (`request.time`). False: it is not, or is there already.
  bool declare(std::string name, Type type);

  struct Variable {
    std::string name;
    Type type;
  };
  const std::vector<Variable>& variables() const { return variables_; }
  std::optional<std::uint32_t> find(std::string_view name) const;
  std::vector<std::string> names() const;

 private:
  std::vector<Variable> variables_;
};

}  // namespace fairlead::expr
