// Runs a program. One object an evaluation, on one thread.
#pragma once
#include <array>
#include <span>
#include <string>
#include <string_view>

#include "platform/expr/expression.h"
#include "platform/expr/internal/program.h"

namespace fairlead::expr::internal {

// What explain() counts, by node.
struct Counts {
  std::uint32_t times_true = 0, times_false = 0, times_failed = 0;
  Value first_error;
};

class Machine {
 public:
  enum class Stop : std::uint8_t { kNone, kSteps, kMemory };

  // All outlive the machine.
  Machine(const Program& program, const Activation& activation, Evaluation& evaluation, const Limits& limits);
  // For constants, while the program is being made: memory is the program's own.
  Machine(const Program& program, Arena& arena, std::span<Value> stack, const Limits& limits);

  // The value, which may be an error. If stopped(), it means nothing. `counts`: by node, or empty.
  Value run(std::size_t first, std::span<Counts> counts);
  Stop stopped() const { return stop_; }
  std::uint32_t stopped_at() const { return node_; }

  // For functions: what can fail gives an error value.
  Value error(ErrorCode code, std::string_view text = {}, Value first = {}, Value second = {});
  Value no_overload(std::string_view what, Value first, Value second = {});
  void spend(std::uint64_t steps) {
    if (steps > fuel_)
      stop(Stop::kSteps);
    else
      fuel_ -= steps;
  }
  void spend_on(std::size_t bytes) { spend(bytes / 64); }
  // Null, after stop(), when there is no more memory.
  char* text(std::size_t bytes);
  template <class T>
  T* array(std::size_t count) {
    T* const out = arena_.array<T>(count);
    if (out == nullptr) stop(Stop::kMemory);
    return out;
  }
  Value copied(std::string_view text);
  const Zone* zone() const { return zone_; }  // prepared for the call that runs, or null

  Value matches(std::string_view subject, const RE2& pattern);
  // -1, 0, 1; 2: not comparable numbers (NaN); 3: no overload.
  int order(Value a, Value b);
  bool same(Value a, Value b, int depth = 0);

 private:
  struct Loop {
    Value range;
    std::uint32_t place = 0, size = 0;
    Value current;
    Value first_error;
    std::uint32_t matches = 0;
    Value* items = nullptr;  // of what is made
    std::uint32_t count = 0, capacity = 0;
  };

  template <bool kCounting>
  Value loop(std::size_t at, std::span<Counts> counts);
  void stop(Stop why) {
    if (stop_ == Stop::kNone) stop_ = why;
    fuel_ = 0;
  }
  void count(std::span<Counts> counts, std::uint32_t node, Value value);
  Value field(Value operand, std::string_view name);
  Value has(Value operand, std::string_view name);
  Value index(Value container, Value subscript);
  Value map_at(Value map, Value key, bool& found);
  Value contains(Value item, Value container);
  Value both(Value left, Value right, bool is_and);
  Value negated(Value value);
  Value binary(BinaryOp op, Value left, Value right);
  Value arithmetic(BinaryOp op, Value left, Value right);
  template <class Integer>
  Value integers(BinaryOp op, Integer left, Integer right);
  Value times(BinaryOp op, Value left, Value right, bool& known);
  Value joined(Value left, Value right);
  Value list_of(std::span<const Value> values);
  Value map_of(std::span<const Value> values);
  Value call(const Instruction& instruction, std::span<const Value> arguments);
  Value expected(const Type& type, Value value);
  bool enter(const Instruction& instruction, Value range, Value& result);
  // Whether the loop goes on; if not, `result` is its value.
  bool step(const Instruction& instruction, Value value, Value& result);
  Value finish(MacroOp op, const Loop& loop);
  bool push(Loop& loop, Value value);

  const Program& program_;
  const Activation* activation_ = nullptr;
  Arena& arena_;
  std::span<Value> stack_;
  Loop* loops_ = nullptr;
  std::uint64_t fuel_;
  std::uint32_t node_ = 0;
  const Zone* zone_ = nullptr;
  Stop stop_ = Stop::kNone;
};

// The sentence of an error value.
std::string message_of(Value error);

}  // namespace fairlead::expr::internal
