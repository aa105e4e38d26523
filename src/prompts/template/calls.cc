// The evaluator's calls: of methods, functions and macros.
#include <algorithm>

#include "prompts/template/compare.h"
#include "prompts/template/describe.h"
#include "prompts/template/evaluator.h"
#include "prompts/template/functions.h"

namespace fairlead::prompts::jinja {

bool Evaluator::evaluate_arguments(std::uint32_t place, ArgumentValues& out, const Keyword* extra) {
  if (place != kNone) {
    const std::uint32_t* at = program_.numbers.data() + place;
    out.count = at[0];
    const std::uint32_t keyword_count = at[1];
    at += 2;
    if (out.count > 4) out.many.resize(out.count);
    Value* positional = out.count > 4 ? out.many.data() : out.few;
    for (std::size_t i = 0; i < out.count; ++i) {
      positional[i] = evaluate(*at++);
      if (positional[i].failed()) return false;
    }
    for (std::uint32_t i = 0; i < keyword_count; ++i, at += 2) {
      out.keywords.push_back({program_.names[at[0]], evaluate(at[1])});
      if (out.keywords.back().value.failed()) return false;
    }
  }
  if (extra) out.keywords.push_back(*extra);
  return true;
}

Value Evaluator::call_node(const Node& node, const Keyword* extra) {
  const Node& callee = program_.nodes[node.a];
  ArgumentValues arguments;
  if (callee.op == Op::kAttribute && callee.c != kNone) {
    const Value object = evaluate(callee.a);
    if (object.failed()) return object;
    if (const Method* method = method_of(callee.c, object.tag)) {
      if (!evaluate_arguments(node.b, arguments, extra)) return Value::error();
      return method->run(*this, object, arguments.view());
    }
    const Value member = attribute_of(*this, object, program_.names[callee.b], kNone);
    if (member.failed() || !evaluate_arguments(node.b, arguments, extra)) return Value::error();
    return call(member, arguments.view());
  }
  const Value value = evaluate(node.a);
  if (value.failed() || !evaluate_arguments(node.b, arguments, extra)) return Value::error();
  return call(value, arguments.view());
}

Value Evaluator::call(Value callee, const Arguments& arguments) {
  switch (callee.tag) {
    case Tag::kMacro:
      return call_macro(*callee.macro, arguments);
    case Tag::kBound:
      return callee.bound->run(*this, callee.bound->self, arguments);
    case Tag::kUndefined:
      return fail_undefined(callee);
    default:
      return fail(Fault::kType, std::string(type_name(callee)) + " cannot be called.");
  }
}

Value Evaluator::call_macro(const Macro& macro, const Arguments& arguments) {
  Deeper deeper(*this);
  if (!deeper) return Value::error();
  Slots* const outside = slots_;
  Slots* const inside = make(Slots{make_slots(macro.code->slot_count), macro.outer});
  if (!inside->values) return Value::error();
  slots_ = inside;
  const Value result = bind_macro(macro, arguments) ? capture(macro.code->body) : Value::error();
  slots_ = outside;
  return result;
}

// Into the slots of the macro, which are those that run now.
bool Evaluator::bind_macro(const Macro& macro, const Arguments& arguments) {
  const MacroCode& code = *macro.code;
  const std::string name(macro.name);
  Value* const slots = slots_->values;
  const std::size_t given = arguments.positional.size();
  for (std::size_t i = 0; i < std::min(given, code.parameters.size()); ++i)
    slots[code.parameters[i].slot] = arguments.positional[i];
  if (given > code.parameters.size() && code.varargs == kNone) {
    fail(Fault::kType, "`" + name + "` takes " + std::to_string(code.parameters.size()) + " arguments, and " +
                           std::to_string(given) + " are given.");
    return false;
  }
  Dict* others = make_dict(*this);
  for (const Keyword& keyword : arguments.keywords) {
    const auto parameter = std::ranges::find_if(
        code.parameters, [&](const Parameter& p) { return program_.names[p.name] == keyword.name; });
    if (parameter != code.parameters.end()) {
      if (!slots[parameter->slot].absent()) {
        fail(Fault::kType, "`" + name + "` gets the argument `" + std::string(keyword.name) + "` twice.");
        return false;
      }
      slots[parameter->slot] = keyword.value;
    } else if (keyword.name == "caller" && code.caller != kNone) {
      slots[code.caller] = keyword.value;
    } else if (code.kwargs != kNone && keyword.name != "caller") {
      if (!dict_put(*this, *others, Value::of(keyword.name), keyword.value)) return false;
    } else {
      fail(Fault::kType, "`" + name + "` takes no argument `" + std::string(keyword.name) + "`.");
      return false;
    }
  }
  for (const Parameter& parameter : code.parameters) {
    Value& slot = slots[parameter.slot];
    if (!slot.absent()) continue;
    slot = parameter.fallback == kNone ? undefined(program_.names[parameter.name]) : evaluate(parameter.fallback);
    if (slot.failed()) return false;
  }
  if (code.varargs != kNone) {
    const auto rest = arguments.positional.subspan(std::min(given, code.parameters.size()));
    slots[code.varargs] = Context::list(rest, List::Form::kTuple);
    if (slots[code.varargs].failed()) return false;
  }
  if (code.kwargs != kNone) slots[code.kwargs] = Value::of(others);
  if (code.caller != kNone && slots[code.caller].absent()) slots[code.caller] = undefined("caller");
  return true;
}

}  // namespace fairlead::prompts::jinja
