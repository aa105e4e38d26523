#include "chains/values.h"

#include "chains/internal/template.h"

namespace fairlead::chains {

Values Values::compile(const boost::json::value& source, const std::string& pointer,
                       const expr::Environment& environment, std::vector<resources::SpecError>& faults) {
  return Values(
      std::make_shared<const internal::Template>(internal::Template::compile(source, pointer, environment, faults)));
}

Result<boost::json::value> Values::make(const expr::Activation& variables) const {
  expr::Evaluation memory;
  return template_->make(variables, memory);
}

}  // namespace fairlead::chains
