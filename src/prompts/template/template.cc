#include "prompts/template.h"

#include "prompts/template/evaluator.h"
#include "prompts/template/lexer.h"
#include "prompts/template/parser.h"
#include "prompts/template/program.h"
#include "prompts/template/resolver.h"
#include "prompts/template/text.h"

namespace fairlead::prompts {

using jinja::Program;

// One kind of line ending, and none at the end of the last line.
static std::string normalised(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
    } else if (i + 1 == source.size() || source[i + 1] != '\n') {
      out += '\n';
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

Result<Template> Template::compile(std::string_view source) {
  if (source.size() > kMaxSourceBytes) {
    return fail(ErrorKind::kInvalid, "template_syntax",
                "a template may have " + std::to_string(kMaxSourceBytes) + " bytes, and this one has " +
                    std::to_string(source.size()) + ".");
  }
  if (!jinja::is_utf8(source))
    return fail(ErrorKind::kInvalid, "template_syntax", "a template is UTF-8 text, and this one is not.");
  auto program = std::make_unique<Program>();
  program->source = normalised(source);
  FAIRLEAD_TRY(auto tokens, jinja::tokenize(program->source));
  FAIRLEAD_CHECK(jinja::Parser(*program, std::move(tokens)).run());
  jinja::resolve(*program);
  return Template(std::move(program));
}

Template::Template(std::unique_ptr<const Program> program) : program_(std::move(program)) {}
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

Result<std::string> Template::render(const boost::json::object& variables, const Limits& limits) const {
  return jinja::Evaluator(*program_, variables, limits).run();
}

std::vector<std::string> Template::free_variables() const {
  return program_->free;
}

bool Template::constant() const {
  for (const jinja::Node& node : program_->nodes) {
    if (node.op != jinja::Op::kText && node.op != jinja::Op::kBlock) return false;
  }
  return true;
}

}  // namespace fairlead::prompts
