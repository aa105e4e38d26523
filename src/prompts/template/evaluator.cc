// The evaluator's expressions.
#include "prompts/template/evaluator.h"

#include <algorithm>
#include <boost/json/value.hpp>

#include "prompts/template/compare.h"
#include "prompts/template/describe.h"
#include "prompts/template/functions.h"
#include "prompts/template/lexer.h"
#include "prompts/template/operators.h"

namespace fairlead::prompts::jinja {

Evaluator::Evaluator(const Program& program, const boost::json::object& variables, const Limits& limits)
    : Context(limits), program_(program), input_(variables), main_(*this), out_(&main_) {}

Value* Evaluator::make_slots(std::size_t count) {
  if (!charge(count * sizeof(Value))) return nullptr;
  auto* slots = static_cast<Value*>(allocate(std::max<std::size_t>(count, 1) * sizeof(Value)));
  std::uninitialized_fill_n(slots, count, Value());
  return slots;
}

static std::string_view code_of(Fault fault) {
  switch (fault) {
    case Fault::kUndefined:
      return "template_undefined";
    case Fault::kType:
      return "template_type_error";
    case Fault::kValue:
      return "template_value_error";
    case Fault::kLimit:
      break;
  }
  return "template_limit";
}

Result<std::string> Evaluator::run() {
  variables_ = make_slots(program_.variables.size());
  Slots main{make_slots(program_.slot_count), nullptr};
  slots_ = &main;
  if (variables_ && main.values && execute(program_.root)) return main_.take();
  const std::string place = position_ == kNone ? "" : place_prefix(program_.source, position_);
  return fairlead::fail(ErrorKind::kInvalid, std::string(code_of(fault())), place + message());
}

Value Evaluator::evaluate(NodeId id) {
  const Node& node = program_.nodes[id];
  Deeper deeper(*this);
  Value value = deeper && spend(1) ? evaluate_node(node) : Value::error();
  if (value.failed() && position_ == kNone) position_ = node.position;
  return value;
}

Value Evaluator::evaluate_node(const Node& node) {
  switch (node.op) {
    case Op::kConstant:
      return program_.constants[node.a];
    case Op::kName:
      return name(node);
    case Op::kList:
      return list(node, List::Form::kList);
    case Op::kTuple:
      return list(node, List::Form::kTuple);
    case Op::kDict:
      return dict(node);
    case Op::kAttribute: {
      const Value object = evaluate(node.a);
      return object.failed() ? object : attribute_of(*this, object, program_.names[node.b], node.c);
    }
    case Op::kItem:
      return item(node);
    case Op::kSlice:
      return slice_of(node);
    case Op::kCall:
      return call_node(node, nullptr);
    case Op::kFilter:
      return filter(node);
    case Op::kTest:
      return test(node);
    case Op::kNot: {
      const auto yes = truth(*this, evaluate(node.a));
      return yes ? Value::of(!*yes) : Value::error();
    }
    case Op::kNegative: {
      const Value operand = evaluate(node.a);
      return operand.failed() ? operand : negative(*this, operand);
    }
    case Op::kPositive: {
      const Value operand = evaluate(node.a);
      if (operand.failed() || operand.is(Tag::kInt) || operand.is(Tag::kFloat)) return operand;
      if (operand.is(Tag::kBool)) return Value::of(operand.as_integer());
      if (operand.is(Tag::kUndefined)) return fail_undefined(operand);
      return fail(Fault::kType, "`+` does not work with " + std::string(type_name(operand)) + ".");
    }
    case Op::kAnd:
    case Op::kOr:
      return logic(node);
    case Op::kBinary: {
      const Value a = evaluate(node.a);
      if (a.failed()) return a;
      const Value b = evaluate(node.b);
      return b.failed() ? b : arithmetic(*this, static_cast<Operator>(node.flag), a, b);
    }
    case Op::kCompare:
      return compare(node);
    case Op::kConcat:
      return concatenate(node);
    case Op::kCondition: {
      const auto yes = truth(*this, evaluate(node.a));
      if (!yes) return Value::error();
      if (*yes) return evaluate(node.b);
      return node.c == kNone ? lenient_undefined() : evaluate(node.c);
    }
    case Op::kCaptured:
      return captured_;
    default:
      return Value::error();
  }
}

Value Evaluator::name(const Node& node) {
  for (std::uint32_t at = node.a; at != kNone;) {
    const Reference& reference = program_.references[at];
    if (reference.slot == kNone) return variable(reference.variable);
    const Slots* slots = slots_;
    for (std::uint32_t i = 0; i < reference.frame; ++i) slots = slots->outer;
    const Value& value = slots->values[reference.slot];
    if (!value.absent()) return value;
    if (reference.next == kNone) break;
    at = reference.next;
  }
  return undefined(program_.names[node.b]);
}

Value Evaluator::variable(std::uint32_t place) {
  Value& value = variables_[place];
  if (!value.absent()) return value;
  const std::string& name = program_.variables[place];
  if (const auto* found = input_.if_contains(name)) {
    value = from_json(*this, *found);
  } else {
    value = global(name);
    if (value.absent()) value = undefined(name);
  }
  return value;
}

Value from_json(Context& context, const boost::json::value& json) {
  Context::Deeper deeper(context);
  if (!deeper || !context.spend(1)) return Value::error();
  switch (json.kind()) {
    case boost::json::kind::null:
      return Value::none();
    case boost::json::kind::bool_:
      return Value::of(json.get_bool());
    case boost::json::kind::int64:
      return Value::of(json.get_int64());
    case boost::json::kind::uint64:
      if (json.get_uint64() > INT64_MAX)
        return context.fail(Fault::kValue, "a variable holds an integer of more than 64 bits.");
      return Value::of(static_cast<std::int64_t>(json.get_uint64()));
    case boost::json::kind::double_:
      return Value::of(json.get_double());
    case boost::json::kind::string:
      return Value::of(std::string_view(json.get_string()));
    case boost::json::kind::array: {
      Items items(context);
      for (const auto& element : json.get_array()) {
        if (!items.push(from_json(context, element))) return Value::error();
      }
      return items.finish();
    }
    case boost::json::kind::object: {
      Dict* dict = make_dict(context);
      for (const auto& member : json.get_object()) {
        if (!dict_put(context, *dict, Value::of(std::string_view(member.key())), from_json(context, member.value())))
          return Value::error();
      }
      return Value::of(dict);
    }
  }
  return Value::none();
}

Value Evaluator::list(const Node& node, List::Form form) {
  Items items(*this);
  for (const NodeId id : numbers(node.a)) {
    if (!items.push(evaluate(id))) return Value::error();
  }
  return items.finish(form);
}

Value Evaluator::dict(const Node& node) {
  Dict* dict = make_dict(*this);
  const auto pairs = numbers(node.a);
  for (std::size_t i = 0; i < pairs.size(); i += 2) {
    const Value key = evaluate(pairs[i]);
    if (key.failed() || !dict_put(*this, *dict, key, evaluate(pairs[i + 1]))) return Value::error();
  }
  return Value::of(dict);
}

Value Evaluator::item(const Node& node) {
  const Value object = evaluate(node.a);
  if (object.failed()) return object;
  const Value subscript = evaluate(node.b);
  return subscript.failed() ? subscript : item_of(*this, object, subscript);
}

Value Evaluator::slice_of(const Node& node) {
  const Value object = evaluate(node.a);
  if (object.failed()) return object;
  Value parts[3];
  const auto ids = numbers(node.b);
  for (std::size_t i = 0; i < 3; ++i) {
    if (ids[i] != kNone) parts[i] = evaluate(ids[i]);
    if (parts[i].failed()) return parts[i];
  }
  return slice(*this, object, parts[0], parts[1], parts[2]);
}

Value Evaluator::filter(const Node& node) {
  const Value subject = evaluate(node.a);
  if (subject.failed()) return subject;
  ArgumentValues arguments;
  if (!evaluate_arguments(node.b, arguments, nullptr)) return Value::error();
  return run_filter(*this, node.c, subject, arguments.view());
}

Value Evaluator::test(const Node& node) {
  const Value subject = evaluate(node.a);
  if (subject.failed()) return subject;
  ArgumentValues arguments;
  if (!evaluate_arguments(node.b, arguments, nullptr)) return Value::error();
  const Value answer = run_test(*this, node.c, subject, arguments.view());
  return answer.failed() ? answer : Value::of(answer.boolean != (node.flag != 0));
}

Value Evaluator::logic(const Node& node) {
  const Value left = evaluate(node.a);
  const auto yes = truth(*this, left);
  if (!yes) return Value::error();
  return *yes == (node.op == Op::kOr) ? left : evaluate(node.b);
}

std::optional<bool> Evaluator::compare_two(Operator op, Value a, Value b) {
  switch (op) {
    case Operator::kEqual:
      return equal(*this, a, b);
    case Operator::kNotEqual: {
      const auto same = equal(*this, a, b);
      return same ? std::optional(!*same) : same;
    }
    case Operator::kIn:
      return contains(*this, b, a);
    case Operator::kNotIn: {
      const auto inside = contains(*this, b, a);
      return inside ? std::optional(!*inside) : inside;
    }
    default:
      break;
  }
  const std::string_view sign = op == Operator::kLess          ? "<"
                                : op == Operator::kLessOrEqual ? "<="
                                : op == Operator::kGreater     ? ">"
                                                               : ">=";
  const auto result = order(*this, a, b, sign);
  if (!result) return std::nullopt;
  if (*result == 2) return false;
  switch (op) {
    case Operator::kLess:
      return *result < 0;
    case Operator::kLessOrEqual:
      return *result <= 0;
    case Operator::kGreater:
      return *result > 0;
    default:
      return *result >= 0;
  }
}

Value Evaluator::compare(const Node& node) {
  Value left = evaluate(node.a);
  if (left.failed()) return left;
  const auto rest = numbers(node.b);
  for (std::size_t i = 0; i < rest.size(); i += 2) {
    const Value right = evaluate(rest[i + 1]);
    if (right.failed()) return right;
    const auto yes = compare_two(static_cast<Operator>(rest[i]), left, right);
    if (!yes) return Value::error();
    if (!*yes) return Value::of(false);
    left = right;
  }
  return Value::of(true);
}

Value Evaluator::concatenate(const Node& node) {
  Text text(*this);
  for (const NodeId id : numbers(node.a)) {
    const Value value = evaluate(id);
    if (value.failed() || !write_text(*this, text, value)) return Value::error();
  }
  return text.finish();
}

}  // namespace fairlead::prompts::jinja
