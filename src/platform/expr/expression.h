// Expressions of CEL, the Common Expression Language: compiled once against declared variables, evaluated often,
// bounded in everything. What of the language is there: docs/reference/expressions.md.
#pragma once
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "platform/expr/type.h"
#include "platform/expr/value.h"

namespace fairlead::expr {

namespace internal {
struct Program;
class Arena;
class Machine;
}  // namespace internal

// What one evaluation may use. One that reaches a limit ends with expression_limit, whatever stands around it.
struct Limits {
  std::uint64_t steps = 100'000;           // instructions, elements visited, and one for each 64 bytes of text handled
  std::size_t memory_bytes = 1024 * 1024;  // text and lists that are made
};

// What went wrong, and where. Lines and columns are from 1, columns in characters.
struct Fault {
  // expression_syntax, expression_type, expression_unsupported; expression_error, expression_limit when evaluated.
  std::string code;
  std::string message;
  std::uint32_t offset = 0, line = 1, column = 1;  // the offset in bytes

  // kInvalid, "line 1, column 5: …".
  Error error() const;
  // The line of the source with a caret under the place, and the message below; every line ends with a newline.
  std::string shown(std::string_view source) const;
};

// Where an evaluation finds its variables. Asked while it runs, on its thread, once each time that a variable is used.
class Activation {
 public:
  virtual ~Activation() = default;
  // The value of the variable; false if it has none. `place` is its place in the environment that the expression was
  // compiled with. What the value views must live until the evaluation's result has been used.
  virtual bool variable(std::uint32_t place, std::string_view name, Value& out) const = 0;
};

// Variables from the members of a JSON object, by name. A view.
class JsonVariables final : public Activation {
 public:
  explicit JsonVariables(const boost::json::object& object) : object_(object) {}
  bool variable(std::uint32_t place, std::string_view name, Value& out) const override;

 private:
  const boost::json::object& object_;
};

// The memory of evaluations, one at a time. Kept between them, it makes them free of heap allocation. Not for two
// threads at once.
class Evaluation {
 public:
  Evaluation();
  Evaluation(Evaluation&&) noexcept;
  Evaluation& operator=(Evaluation&&) noexcept;
  ~Evaluation();

 private:
  friend class Expression;
  friend class internal::Machine;
  std::unique_ptr<internal::Arena> arena_;
  std::vector<Value> stack_;
};

// What became of one sub-expression.
struct Finding {
  std::uint32_t offset = 0, size = 0;                               // its place in the source
  int depth = 0;                                                    // how many findings stand around it
  std::uint32_t times_true = 0, times_false = 0, times_failed = 0;  // more than once within a macro
  std::string message;                                              // of the first failure
};

enum class Checking : std::uint8_t { kTypes, kNone };

// A compiled expression. Immutable; any number of threads may evaluate it at a time.
class Expression {
 public:
  static constexpr std::size_t kMaxSourceBytes = 32 * 1024;

  // Ends for any input. Faults: expression_syntax, expression_type, expression_unsupported. With Checking::kNone,
  // unknown names and types that do not fit are left to the evaluation: for tests of the language.
  static std::expected<Expression, Fault> compile(std::string_view source, const Environment& environment,
                                                  Checking checking = Checking::kTypes);
  Expression(Expression&&) noexcept;
  Expression& operator=(Expression&&) noexcept;
  ~Expression();

  const std::string& source() const;
  const Type& type() const;
  // The names of the variables that it uses, in the order of their first use.
  std::vector<std::string> variables() const;

  // The result may view the expression, the evaluation's memory (until its next use) and what the activation gave.
  // The same variables give the same result: there is no clock, no randomness, no file. Faults: expression_error,
  // expression_limit.
  std::expected<Value, Fault> evaluate(const Activation& activation, Evaluation& evaluation,
                                       const Limits& limits = {}) const;

  // The same, and what each sub-expression that was true, false or an error came to, in the order of the source; what
  // was not reached is not there. Literals are left out. For people: it allocates.
  std::expected<Value, Fault> explain(const Activation& activation, Evaluation& evaluation,
                                      std::vector<Finding>& findings, const Limits& limits = {}) const;

 private:
  explicit Expression(std::unique_ptr<const internal::Program> program);
  std::unique_ptr<const internal::Program> program_;
};

}  // namespace fairlead::expr
