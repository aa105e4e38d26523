// Values with expressions in them (docs/reference/chains.md, "Values"), for the rooms that start chains.
#pragma once
#include <boost/json/value.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "platform/expr/expression.h"
#include "platform/expr/type.h"
#include "resources/kind.h"

namespace fairlead::chains {

namespace internal {
class Template;
}

// Immutable; copied cheaply.
class Values {
 public:
  // What is wrong with its expressions is added to `faults`, with pointers below `pointer`.
  static Values compile(const boost::json::value& source, const std::string& pointer,
                        const expr::Environment& environment, std::vector<resources::SpecError>& faults);
  // Errors: kInvalid expression_error, expression_limit, with what was evaluated.
  Result<boost::json::value> make(const expr::Activation& variables) const;

 private:
  explicit Values(std::shared_ptr<const internal::Template> made) : template_(std::move(made)) {}
  std::shared_ptr<const internal::Template> template_;
};

}  // namespace fairlead::chains
