// The evaluator's statements.
#include <algorithm>

#include "prompts/template/compare.h"
#include "prompts/template/describe.h"
#include "prompts/template/evaluator.h"
#include "prompts/template/functions.h"

namespace fairlead::prompts::jinja {

bool Evaluator::put_out(std::string_view text) {
  if (!out_->append(text)) return false;
  if (out_ == &main_ && main_.view().size() > limits().output_bytes) {
    fail(Fault::kLimit,
         "the text is longer than the " + std::to_string(limits().output_bytes) + " bytes that a render may give.");
    return false;
  }
  return true;
}

bool Evaluator::execute(NodeId id) {
  const Node& node = program_.nodes[id];
  Deeper deeper(*this);
  if (deeper && spend(1) && execute_node(node)) return true;
  if (position_ == kNone) position_ = node.position;
  return false;
}

bool Evaluator::execute_node(const Node& node) {
  switch (node.op) {
    case Op::kText:
      return put_out(program_.constants[node.a].text());
    case Op::kOutput: {
      const Value value = evaluate(node.a);
      if (value.is_string()) return put_out(value.text());
      if (value.failed()) return false;
      if (!write_text(*this, *out_, value)) {
        if (position_ == kNone) position_ = program_.nodes[node.a].position;
        return false;
      }
      return put_out({});
    }
    case Op::kBlock:
      return std::ranges::all_of(numbers(node.a), [this](NodeId id) { return execute(id); });
    case Op::kIf:
      return execute_if(node);
    case Op::kFor:
      return execute_for(program_.loops[node.a]);
    case Op::kSet:
      return assign(node.a, evaluate(node.b));
    case Op::kSetBlock:
    case Op::kFilterBlock:
      return execute_set_block(node);
    case Op::kWith:
      return execute_with(node);
    case Op::kMacro:
      return execute_macro(node);
    case Op::kCallBlock:
      return execute_call_block(node);
    default:
      return false;
  }
}

bool Evaluator::execute_if(const Node& node) {
  const auto branches = numbers(node.a);
  for (std::size_t i = 0; i < branches.size(); i += 2) {
    const auto yes = truth(*this, evaluate(branches[i]));
    if (!yes) {
      if (position_ == kNone) position_ = program_.nodes[branches[i]].position;
      return false;
    }
    if (*yes) return execute(branches[i + 1]);
  }
  return node.b == kNone || execute(node.b);
}

// What of the items the loop's condition lets through.
bool Evaluator::filter_items(const ForLoop& loop, Value& items) {
  Items kept(*this);
  const bool is_range = items.is(Tag::kRange);
  const std::int64_t size = is_range ? items.range->size : items.list->size;
  for (std::int64_t i = 0; i < size; ++i) {
    const Value item = is_range ? Value::of(items.range->at(i)) : items.list->items[i];
    if (!spend(1) || !assign(loop.target, item)) return false;
    const auto yes = truth(*this, evaluate(loop.condition));
    if (!yes || (*yes && !kept.push(item))) return false;
  }
  items = kept.finish();
  return !items.failed();
}

bool Evaluator::execute_for(const ForLoop& loop) {
  Value items = evaluate(loop.iterable);
  if (!items.is(Tag::kRange)) {
    items = to_list(*this, items);
    if (items.failed()) {
      if (position_ == kNone) position_ = program_.nodes[loop.iterable].position;
      return false;
    }
  }
  Value* const slots = slots_->values;
  const auto reset = [&] { std::fill(slots + loop.slots.first, slots + loop.slots.end, Value()); };
  if (loop.condition != kNone) {
    reset();
    if (!filter_items(loop, items)) return false;
  }
  const bool is_range = items.is(Tag::kRange);
  Loop* state = make(Loop{});
  state->items = items;
  state->size = is_range ? items.range->size : items.list->size;
  Value loop_value;
  loop_value.tag = Tag::kLoop;
  loop_value.loop = state;
  for (; state->place < state->size; ++state->place) {
    if (!spend(1)) return false;
    reset();
    if (!assign(loop.target, is_range ? Value::of(items.range->at(state->place)) : items.list->items[state->place]))
      return false;
    if (loop.loop_slot != kNone) slots[loop.loop_slot] = loop_value;
    if (!execute(loop.body)) return false;
  }
  return state->size > 0 || loop.otherwise == kNone || execute(loop.otherwise);
}

Value Evaluator::capture(NodeId body) {
  Text text(*this);
  Text* const outside = out_;
  out_ = &text;
  const bool done = execute(body);
  out_ = outside;
  return done ? text.finish() : Value::error();
}

bool Evaluator::execute_set_block(const Node& node) {
  captured_ = capture(node.c);
  if (captured_.failed()) return false;
  const Value value = evaluate(node.b);
  if (node.op == Op::kSetBlock) return assign(node.a, value);
  return !value.failed() && write_text(*this, *out_, value) && put_out({});
}

bool Evaluator::execute_with(const Node& node) {
  const auto pairs = numbers(node.a);
  std::vector<Value> values;
  for (std::size_t i = 1; i < pairs.size(); i += 2) {
    values.push_back(evaluate(pairs[i]));
    if (values.back().failed()) return false;
  }
  const ScopeSlots& scope = program_.scopes[node.c];
  std::fill(slots_->values + scope.first, slots_->values + scope.end, Value());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!assign(pairs[2 * i], values[i])) return false;
  }
  return execute(node.b);
}

bool Evaluator::execute_macro(const Node& node) {
  const MacroCode& code = program_.macros[node.a];
  Value value;
  value.tag = Tag::kMacro;
  value.macro = make(Macro{&code, program_.names[code.name], slots_});
  slots_->values[code.slot] = value;
  return true;
}

bool Evaluator::execute_call_block(const Node& node) {
  Keyword caller{"caller", {}};
  caller.value.tag = Tag::kMacro;
  caller.value.macro = make(Macro{&program_.macros[node.b], "caller", slots_});
  const Value value = call_node(program_.nodes[node.a], &caller);
  return !value.failed() && write_text(*this, *out_, value) && put_out({});
}

bool Evaluator::assign(NodeId target, Value value) {
  if (value.failed()) return false;
  const Node& node = program_.nodes[target];
  switch (node.op) {
    case Op::kTargetName:
      slots_->values[node.a] = value;
      return true;
    case Op::kTargetTuple:
      return unpack(node, value);
    default:
      break;
  }
  const Value object = evaluate(node.a);
  if (object.failed()) return false;
  if (object.is(Tag::kNamespace))
    return dict_put(*this, *object.space->members, Value::of(std::string_view(program_.names[node.b])), value);
  if (object.is(Tag::kUndefined)) return fail_undefined(object), false;
  fail(Fault::kValue, "only members of a namespace() can be set, and this is " + std::string(type_name(object)) + ".");
  return false;
}

bool Evaluator::unpack(const Node& target, Value value) {
  const auto targets = numbers(target.a);
  const Value items = to_list(*this, value);
  if (items.failed()) return false;
  if (items.list->size != targets.size()) {
    fail(Fault::kValue,
         "there are " + std::to_string(items.list->size) + " values for " + std::to_string(targets.size()) + " names.");
    if (position_ == kNone) position_ = target.position;
    return false;
  }
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (!assign(targets[i], items.list->items[i])) return false;
  }
  return true;
}

}  // namespace fairlead::prompts::jinja
