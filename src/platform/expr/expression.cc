#include "platform/expr/expression.h"

#include <algorithm>

#include "platform/expr/internal/compiler.h"
#include "platform/expr/internal/machine.h"
#include "platform/expr/internal/parser.h"
#include "platform/json/text.h"

namespace fairlead::expr {

using internal::Machine;
using internal::Program;

namespace {

Fault fault_at(std::string_view source, std::uint32_t offset, std::string code, std::string message) {
  Fault out{.code = std::move(code), .message = std::move(message), .offset = offset};
  const std::string_view before = source.substr(0, offset);
  out.line = static_cast<std::uint32_t>(1 + std::ranges::count(before, '\n'));
  const std::size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
  out.column = static_cast<std::uint32_t>(1 + json::count_characters(before.substr(start)));
  return out;
}

Fault limit_fault(const Program& program, const Machine& machine, const Limits& limits) {
  const bool steps = machine.stopped() == Machine::Stop::kSteps;
  return fault_at(program.source, program.spans[machine.stopped_at()].at, "expression_limit",
                  steps ? "the evaluation took more than " + std::to_string(limits.steps) + " steps."
                        : "the evaluation made more than " + std::to_string(limits.memory_bytes) + " bytes of values.");
}

}  // namespace

Error Fault::error() const {
  return {ErrorKind::kInvalid,
          code,
          "line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + message,
          "",
          nullptr,
          0};
}

std::string Fault::shown(std::string_view source) const {
  const std::size_t at = std::min<std::size_t>(offset, source.size());
  const std::size_t start = source.substr(0, at).rfind('\n') + 1;
  const std::size_t end = std::min(source.find('\n', at), source.size());
  std::string text(source.substr(start, end - start));
  std::ranges::replace(text, '\t', ' ');
  std::ranges::replace(text, '\r', ' ');
  return "  " + text + "\n  " + std::string(column - 1, ' ') + "^\n" + std::to_string(line) + ":" +
         std::to_string(column) + ": " + message + "\n";
}

bool JsonVariables::variable(std::uint32_t, std::string_view name, Value& out) const {
  const boost::json::value* const found = object_.if_contains(name);
  if (found == nullptr) return false;
  out = Value::json(*found);
  return true;
}

Evaluation::Evaluation() : arena_(std::make_unique<internal::Arena>()) {}
Evaluation::Evaluation(Evaluation&&) noexcept = default;
Evaluation& Evaluation::operator=(Evaluation&&) noexcept = default;
Evaluation::~Evaluation() = default;

Expression::Expression(std::unique_ptr<const Program> program) : program_(std::move(program)) {}
Expression::Expression(Expression&&) noexcept = default;
Expression& Expression::operator=(Expression&&) noexcept = default;
Expression::~Expression() = default;

std::expected<Expression, Fault> Expression::compile(std::string_view source, const Environment& environment,
                                                     Checking checking) {
  if (source.size() > kMaxSourceBytes)
    return std::unexpected(fault_at({}, 0, "expression_syntax",
                                    "the expression is longer than " + std::to_string(kMaxSourceBytes) + " bytes."));
  if (const std::size_t valid = json::valid_utf8_prefix(source); valid != source.size())
    return std::unexpected(fault_at(source, static_cast<std::uint32_t>(valid), "expression_syntax",
                                    "the text is no well-formed UTF-8 from here on."));
  auto program = std::make_unique<Program>();
  program->source = source;
  const auto fault = [&](const internal::Failure& failure) {
    static constexpr const char* kCodes[] = {"expression_syntax", "expression_type", "expression_unsupported"};
    return std::unexpected(
        fault_at(source, failure.offset, kCodes[static_cast<std::size_t>(failure.sort)], failure.message));
  };
  auto tree = internal::Parser(program->source).run();
  if (!tree) return fault(tree.error());
  internal::Compiler compiler(*std::move(tree), environment, checking, *program);
  if (auto done = compiler.run(); !done) return fault(done.error());
  return Expression(std::move(program));
}

const std::string& Expression::source() const {
  return program_->source;
}

const Type& Expression::type() const {
  return program_->type;
}

std::vector<std::string> Expression::variables() const {
  std::vector<std::string> out;
  for (const internal::VariableUse& one : program_->variables) out.push_back(one.name);
  return out;
}

namespace {

std::expected<Value, Fault> outcome(const Program& program, const Machine& machine, Value value, const Limits& limits) {
  if (machine.stopped() != Machine::Stop::kNone) return std::unexpected(limit_fault(program, machine, limits));
  if (!value.is_error()) return value;
  return std::unexpected(
      fault_at(program.source, program.spans[value.error_node()].at, "expression_error", internal::message_of(value)));
}

}  // namespace

std::expected<Value, Fault> Expression::evaluate(const Activation& activation, Evaluation& evaluation,
                                                 const Limits& limits) const {
  Machine machine(*program_, activation, evaluation, limits);
  const Value value = machine.run(0, {});
  if (machine.stopped() == Machine::Stop::kNone && !value.is_error()) return value;
  return outcome(*program_, machine, value, limits);
}

std::expected<Value, Fault> Expression::explain(const Activation& activation, Evaluation& evaluation,
                                                std::vector<Finding>& findings, const Limits& limits) const {
  findings.clear();
  std::vector<internal::Counts> counts(program_->spans.size());
  Machine machine(*program_, activation, evaluation, limits);
  const Value value = machine.run(0, counts);
  // The parents stand after their children in the program, and before them in the source.
  for (std::size_t node = counts.size(); node-- > 0;) {
    const internal::Counts& one = counts[node];
    if (program_->literal[node] || one.times_true + one.times_false + one.times_failed == 0) continue;
    const internal::Span& span = program_->spans[node];
    findings.push_back({.offset = span.start,
                        .size = span.end - span.start,
                        .times_true = one.times_true,
                        .times_false = one.times_false,
                        .times_failed = one.times_failed,
                        .message = one.times_failed > 0 ? internal::message_of(one.first_error) : ""});
  }
  std::ranges::stable_sort(findings, [](const Finding& a, const Finding& b) {
    return a.offset != b.offset ? a.offset < b.offset : a.size > b.size;
  });
  std::vector<std::uint32_t> ends;
  for (Finding& one : findings) {
    while (!ends.empty() && ends.back() <= one.offset) ends.pop_back();
    one.depth = static_cast<int>(ends.size());
    ends.push_back(one.offset + one.size);
  }
  return outcome(*program_, machine, value, limits);
}

}  // namespace fairlead::expr
