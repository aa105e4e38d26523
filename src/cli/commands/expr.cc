#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>

#include "cli/internal/command.h"
#include "cli/internal/variables.h"
#include "platform/expr/cases.h"
#include "platform/expr/expression.h"
#include "platform/expr/json.h"

namespace fairlead::cli {
namespace {

struct ExprWords {
  std::string expression, variables, cases;
  bool explain = false;
};

Result<std::string> file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  if (in) text << in.rdbuf();
  if (!in) return fail(ErrorKind::kInvalid, "no_such_file", path + " cannot be read.");
  return text.str();
}

Result<boost::json::object> given_variables(const std::string& path) {
  if (path.empty()) return boost::json::object{};
  return read_variables(path);
}

expr::Type type_of(const boost::json::value& value) {
  using expr::Kind;
  switch (value.kind()) {
    case boost::json::kind::null:
      return {};
    case boost::json::kind::bool_:
      return Kind::kBool;
    case boost::json::kind::int64:
      return Kind::kInt;
    case boost::json::kind::uint64:
      return Kind::kUint;
    case boost::json::kind::double_:
      return Kind::kDouble;
    case boost::json::kind::string:
      return Kind::kString;
    case boost::json::kind::array:
      return expr::Type::list({});
    case boost::json::kind::object:
      break;
  }
  return expr::Type::map(Kind::kString, {});
}

// "true   locale == 'ru'", indented by what stands around it.
std::string shown(const expr::Finding& finding, std::string_view source, bool colours) {
  std::string text(source.substr(finding.offset, finding.size));
  std::ranges::replace(text, '\n', ' ');
  const std::uint32_t times = finding.times_true + finding.times_false + finding.times_failed;
  std::string what = finding.times_failed > 0 ? "error" : (finding.times_true > 0 ? "true" : "false");
  Colour colour = finding.times_failed > 0 ? Colour::kRed : (finding.times_true > 0 ? Colour::kGreen : Colour::kYellow);
  if (finding.times_true > 0 && finding.times_true < times)
    what = fmt::format("true {}/{}", finding.times_true, times), colour = Colour::kDim;
  return painted(fmt::format("{:<10}", what), colour, colours) +
         std::string(2 * static_cast<std::size_t>(finding.depth), ' ') + text +
         (finding.message.empty() ? "" : "   (" + finding.message + ")") + "\n";
}

boost::json::object as_json(const expr::Finding& finding, std::string_view source) {
  boost::json::object out{{"expression", source.substr(finding.offset, finding.size)},
                          {"offset", finding.offset},
                          {"true", finding.times_true},
                          {"false", finding.times_false},
                          {"errors", finding.times_failed}};
  if (!finding.message.empty()) out["error"] = finding.message;
  return out;
}

void show_fault(Context& context, const expr::Fault& fault, const std::string& source) {
  Error error = fault.error();
  error.message = fault.shown(source);
  error.message.pop_back();
  context.fail_with(error);
}

void evaluate(Context& context, const ExprWords& words) {
  auto variables = given_variables(words.variables);
  if (!variables) return context.fail_with(variables.error());
  expr::Environment environment;
  for (const auto& [name, value] : *variables) environment.declare(std::string(name), type_of(value));
  const auto compiled = expr::Expression::compile(words.expression, environment);
  if (!compiled) return show_fault(context, compiled.error(), words.expression);
  expr::Evaluation evaluation;
  std::vector<expr::Finding> findings;
  const expr::JsonVariables activation(*variables);
  const auto result =
      words.explain ? compiled->explain(activation, evaluation, findings) : compiled->evaluate(activation, evaluation);
  if (context.as_json && result) {
    boost::json::object out{{"value", expr::to_json(*result)}, {"type", expr::kind_name(result->kind())}};
    boost::json::array found;
    for (const expr::Finding& one : findings) found.push_back(as_json(one, words.expression));
    if (words.explain) out["explanation"] = std::move(found);
    std::printf("%s\n", json::to_pretty_text(out).c_str());
    return;
  }
  for (const expr::Finding& one : findings) std::fputs(shown(one, words.expression, context.colours()).c_str(), stdout);
  if (!result) return show_fault(context, result.error(), words.expression);
  std::printf("%s\n", json::to_text(expr::to_json(*result)).c_str());
}

void test(Context& context, const ExprWords& words) {
  const auto text = file(words.cases);
  if (!text) return context.fail_with(text.error());
  auto report = expr::run_cases(*text);
  if (!report) return context.fail_with(with_context(std::move(report).error(), words.cases));
  context.exit_status = report->failed.empty() ? kDone : kFailed;
  std::size_t unsupported = 0;
  for (const auto& [why, count] : report->unsupported) unsupported += count;
  if (context.as_json) {
    boost::json::array failed;
    for (const expr::FailedCase& one : report->failed)
      failed.push_back({{"name", one.name}, {"expression", one.expression}, {"what", one.what}});
    boost::json::object reasons;
    for (const auto& [why, count] : report->unsupported) reasons[why] = count;
    const boost::json::object out{
        {"passed", report->passed}, {"failed", std::move(failed)}, {"not_supported", std::move(reasons)}};
    std::printf("%s\n", json::to_pretty_text(out).c_str());
    return;
  }
  for (const expr::FailedCase& one : report->failed)
    std::printf("%s: %s\n  %s\n", painted(one.name, Colour::kRed, context.colours()).c_str(), one.expression.c_str(),
                one.what.c_str());
  if (unsupported > 0) std::printf("%zu not supported (docs/reference/expressions.md):\n", unsupported);
  for (const auto& [why, count] : report->unsupported) std::printf("  %zu  %s\n", count, why.c_str());
  std::printf("%zu passed, %zu failed\n", report->passed, report->failed.size());
}

}  // namespace

void add_expr(CLI::App& app, Context& context) {
  const auto words = std::make_shared<ExprWords>();
  CLI::App* const noun = app.add_subcommand("expr", "Expressions of CEL, as conditions are written in");
  noun->require_subcommand(1);
  CLI::App* const eval = noun->add_subcommand("eval", "Evaluate an expression");
  eval->add_option("expression", words->expression, "The expression")->required();
  eval->add_option("--vars", words->variables, "JSON file whose members are the variables")->type_name("FILE");
  eval->add_flag("--explain", words->explain, "Say which parts were true, false or an error");
  eval->add_flag("--json", context.as_json, "Print JSON");
  eval->footer(
      "Example:\n  fairlead expr eval \"locale == 'ru' && tier in ['gold', 'platinum']\" --vars vars.json --explain\n"
      "An expression that starts with a sign stands after --: fairlead expr eval -- '-2 + 1'");
  eval->callback([&context, words] { evaluate(context, *words); });
  CLI::App* const cases = noun->add_subcommand("test", "Run cases of the form of CEL's conformance suite");
  cases->add_option("file", words->cases, "JSON lines: expr, bindings, value or error")->required()->type_name("FILE");
  cases->add_flag("--json", context.as_json, "Print JSON");
  cases->footer("Example:\n  fairlead expr test cases.jsonl");
  cases->callback([&context, words] { test(context, *words); });
}

}  // namespace fairlead::cli
