// Values with expressions in them: `${{ … }}` (docs/reference/chains.md, "Values").
#pragma once
#include <boost/json/value.hpp>
#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "platform/expr/expression.h"
#include "resources/kind.h"

namespace fairlead::chains::internal {

using Faults = std::vector<resources::SpecError>;

// A fault in an expression, with what the author wrote.
resources::SpecError fault_of(const expr::Fault& fault, std::string_view source, const std::string& pointer);

// Immutable once compiled.
class Template {
 public:
  // Of any JSON value; what is wrong with its expressions is added to `faults`, with pointers below `pointer`.
  static Template compile(const boost::json::value& source, const std::string& pointer,
                          const expr::Environment& environment, Faults& faults);
  // The value. Errors: kInvalid expression_error, expression_limit, with what was evaluated.
  Result<boost::json::value> make(const expr::Activation& variables, expr::Evaluation& memory) const;
  expr::Type type() const;
  // As it was written, for comparing.
  std::string source() const;
  // The variables that its expressions use.
  void add_variables(std::set<std::string>& names) const;

 private:
  struct Text {  // pieces of text and expressions in turn; a lone expression gives its own value
    std::vector<std::variant<std::string, std::shared_ptr<const expr::Expression>>> parts;
    bool is_lone() const { return parts.size() == 1 && parts[0].index() == 1; }
  };
  struct List {
    std::vector<Template> items;
  };
  struct Object {
    std::vector<std::pair<std::string, Template>> members;
  };
  static Text compile_text(std::string_view source, const std::string& pointer, const expr::Environment& environment,
                           Faults& faults);
  static Result<boost::json::value> make_text(const Text& text, const expr::Activation& variables,
                                              expr::Evaluation& memory);
  std::variant<boost::json::value, Text, List, Object> form_;
};

// An expression that stands for itself: `when`, `until`; with or without `${{ }}` around it. Null after a fault.
std::shared_ptr<const expr::Expression> compile_condition(const boost::json::value& source, const std::string& pointer,
                                                          const expr::Environment& environment, Faults& faults);

}  // namespace fairlead::chains::internal
