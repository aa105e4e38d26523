// Variables in, messages out, for one version of a prompt.
#pragma once
#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "prompts/internal/specification.h"

namespace fairlead::prompts::internal {

struct Chosen {
  std::size_t form = 0;  // its place among the specification's
  std::string error;     // of conditions that failed; they do not hold
};

// Immutable, thread-safe.
class Renderer {
 public:
  Renderer(std::string prompt, Specification specification);
  const Specification& specification() const { return specification_; }

  // The variables with the defaults of those that are not given. Errors: unknown_variable, missing_required_parameter,
  // invalid_type, invalid_value; `param` names the variable (`fairlead.variables.locale`).
  Result<Variables> complete(boost::json::object given) const;

  Chosen choose(const Variables& variables, const Situation& situation) const;

  // The form's messages as a JSON array without its last bracket, for complete variables. Errors: template_*.
  Result<std::string> render(const Form& form, const boost::json::object& variables) const;

 private:
  Result<void> check_known(std::string_view name) const;
  Result<void> check_value(const Input& input, const boost::json::value& value) const;

  std::string prompt_;
  Specification specification_;
  std::vector<std::string> names_;
};

}  // namespace fairlead::prompts::internal
