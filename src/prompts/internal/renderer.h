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

struct Rendered {
  std::string messages;  // a JSON array without its last bracket
  std::size_t count = 0;
};

// Immutable, thread-safe.
class Renderer {
 public:
  Renderer(std::string prompt, Specification specification);
  const Specification& specification() const { return specification_; }

  // As internal::complete().
  Result<Variables> complete(boost::json::object given) const;

  Chosen choose(const Variables& variables, const Situation& situation) const;

  // For complete variables, and messages of the caller's own in `request`. Errors: template_*.
  Result<Rendered> render(const Form& form, const boost::json::object& variables,
                          const llm::ChatRequest& request) const;

 private:
  std::string prompt_;
  Specification specification_;
};

}  // namespace fairlead::prompts::internal
