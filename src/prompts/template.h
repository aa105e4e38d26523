// Jinja templates, as people write them in prompts: compiled once, rendered often, bounded in everything.
// What of the language is there, and where it differs from Python's jinja2: docs/reference/templates.md.
#pragma once
#include <boost/json/object.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fairlead::prompts {

// What one render may use. A render that reaches a limit ends with template_limit.
struct Limits {
  std::uint64_t steps = 200'000;  // nodes evaluated, elements visited, and one for each 64 bytes of text handled
  std::size_t output_bytes = 4 * 1024 * 1024;
  std::size_t memory_bytes = 16 * 1024 * 1024;  // values, beside the output
  int depth = 400;                              // nested evaluation: macros that call themselves, values inside values
};

namespace jinja {
struct Program;
}

// A compiled template. Immutable; any number of threads may render it at a time.
class Template {
 public:
  static constexpr std::size_t kMaxSourceBytes = 1024 * 1024;

  // Error: template_syntax, with line and column (in characters, from 1) and a suggestion for unknown filters and tests
  // in the message. Ends for any input: the source's size and its nesting are bounded.
  static Result<Template> compile(std::string_view source);

  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;
  ~Template();

  // The text for these variables. They are data: nothing in them is ever read as a template. Errors are kInvalid and
  // say line and column:
  //   template_undefined    a variable, attribute or item that does not exist was used
  //   template_type_error   an operation that its operands do not have ("a" + 1)
  //   template_value_error  one that these values do not have (1 / 0, integers beyond 64 bits)
  //   template_limit        see Limits
  // The same variables give the same text: there is no clock, no randomness, no file, no network.
  Result<std::string> render(const boost::json::object& variables, const Limits& limits = {}) const;

  // The names that the template reads and does not set itself, sorted.
  std::vector<std::string> free_variables() const;

  // Whether the template is plain text, the same for all variables.
  bool constant() const;

 private:
  explicit Template(std::unique_ptr<const jinja::Program> program);
  std::unique_ptr<const jinja::Program> program_;
};

}  // namespace fairlead::prompts
