// Runs a program: one object a render.
#pragma once
#include <boost/json/object.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "prompts/template/context.h"
#include "prompts/template/program.h"

namespace fairlead::prompts::jinja {

// The slots of the main text or of one run of a macro. Lives as long as the render: macros made in it may be kept.
struct Slots {
  Value* values;
  Slots* outer;
};

struct Macro {
  const MacroCode* code;
  std::string_view name;
  Slots* outer;
};

class Evaluator final : public Context {
 public:
  // All outlive the evaluator.
  Evaluator(const Program& program, const boost::json::object& variables, const Limits& limits);
  Result<std::string> run();

  Value call(Value callee, const Arguments& arguments) override;

 private:
  // Storage for the arguments of one call; the usual few without a heap allocation.
  struct ArgumentValues {
    Value few[4];
    std::vector<Value> many;
    std::vector<Keyword> keywords;
    std::size_t count = 0;
    Arguments view() const { return {{count <= 4 ? few : many.data(), count}, keywords}; }
  };

  bool execute(NodeId id);
  bool execute_node(const Node& node);
  bool execute_if(const Node& node);
  bool execute_for(const ForLoop& loop);
  bool filter_items(const ForLoop& loop, Value& items);
  bool execute_set_block(const Node& node);
  bool execute_with(const Node& node);
  bool execute_macro(const Node& node);
  bool execute_call_block(const Node& node);
  bool assign(NodeId target, Value value);
  bool unpack(const Node& target, Value value);
  bool put_out(std::string_view text);

  Value evaluate(NodeId id);
  Value evaluate_node(const Node& node);
  Value name(const Node& node);
  Value variable(std::uint32_t place);
  Value list(const Node& node, List::Form form);
  Value dict(const Node& node);
  Value item(const Node& node);
  Value slice_of(const Node& node);
  Value call_node(const Node& node, const Keyword* extra);
  Value filter(const Node& node);
  Value test(const Node& node);
  Value logic(const Node& node);
  Value compare(const Node& node);
  std::optional<bool> compare_two(Operator op, Value a, Value b);
  Value concatenate(const Node& node);
  bool evaluate_arguments(std::uint32_t place, ArgumentValues& out, const Keyword* extra);
  Value call_macro(const Macro& macro, const Arguments& arguments);
  bool bind_macro(const Macro& macro, const Arguments& arguments);
  Value capture(NodeId body);

  Value* make_slots(std::size_t count);
  std::span<const std::uint32_t> numbers(std::uint32_t list) const {
    return std::span(program_.numbers).subspan(list + 1, program_.numbers[list]);
  }

  const Program& program_;
  const boost::json::object& input_;
  Value* variables_ = nullptr;  // those that have been looked up
  Slots* slots_ = nullptr;      // of what runs now
  Text main_;
  Text* out_;
  Value captured_;
  std::uint32_t position_ = kNone;  // of the node that failed
};

// JSON as a value. Text is viewed, not copied.
Value from_json(Context& context, const boost::json::value& json);

}  // namespace fairlead::prompts::jinja
