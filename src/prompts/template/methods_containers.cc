// Methods of lists, mappings and the loop.
#include "prompts/template/compare.h"
#include "prompts/template/describe.h"
#include "prompts/template/functions.h"

namespace fairlead::prompts::jinja {
namespace {

using Names = const std::string_view[];

Value list_index(Context& context, Value self, const Arguments& arguments) {
  static constexpr Names kNames = {"value"};
  Value given[1];
  if (!take_arguments(context, "index", arguments, kNames, 1, given)) return Value::error();
  for (std::uint32_t i = 0; i < self.list->size; ++i) {
    const auto same = equal(context, self.list->items[i], given[0]);
    if (!same) return Value::error();
    if (*same) return Value::of(std::int64_t{i});
  }
  return context.fail(Fault::kValue, "`index`: the value is not in the list.");
}

Value list_count(Context& context, Value self, const Arguments& arguments) {
  static constexpr Names kNames = {"value"};
  Value given[1];
  std::int64_t count = 0;
  if (!take_arguments(context, "count", arguments, kNames, 1, given)) return Value::error();
  for (const Value& item : *self.list) {
    const auto same = equal(context, item, given[0]);
    if (!same) return Value::error();
    count += *same;
  }
  return Value::of(count);
}

Value keys(Context& context, Value self, const Arguments& arguments) {
  return take_arguments(context, "keys", arguments, {}, 0, {}) ? to_list(context, self) : Value::error();
}

Value values(Context& context, Value self, const Arguments& arguments) {
  if (!take_arguments(context, "values", arguments, {}, 0, {})) return Value::error();
  Items out(context);
  for (const Entry& entry : *self.dict) {
    if (!out.push(entry.value)) return Value::error();
  }
  return out.finish();
}

Value items(Context& context, Value self, const Arguments& arguments) {
  if (!take_arguments(context, "items", arguments, {}, 0, {})) return Value::error();
  Items out(context);
  for (const Entry& entry : *self.dict) {
    if (!out.push(context.pair(entry.key, entry.value))) return Value::error();
  }
  return out.finish();
}

Value get(Context& context, Value self, const Arguments& arguments) {
  static constexpr Names kNames = {"key", "default"};
  Value given[2];
  if (!take_arguments(context, "get", arguments, kNames, 1, given)) return Value::error();
  const Value* found = dict_find(context, *self.dict, given[0]);
  if (context.failed()) return Value::error();
  return found ? *found : given[1].absent() ? Value::none() : given[1];
}

Value copy(Context& context, Value self, const Arguments& arguments) {
  return take_arguments(context, "copy", arguments, {}, 0, {}) ? self : Value::error();  // nothing can change it
}

Value cycle(Context& context, Value self, const Arguments& arguments) {
  if (arguments.positional.empty()) return context.fail(Fault::kType, "`loop.cycle` needs something to cycle through.");
  return arguments.positional[static_cast<std::size_t>(self.loop->place) % arguments.positional.size()];
}

Value changed(Context& context, Value self, const Arguments& arguments) {
  const Value now = context.list(arguments.positional, List::Form::kTuple);
  if (now.failed()) return now;
  if (!self.loop->changed.absent()) {
    const auto same = equal(context, self.loop->changed, now);
    if (!same) return Value::error();
    if (*same) return Value::of(false);
  }
  self.loop->changed = now;
  return Value::of(true);
}

constexpr Method kMethods[] = {
    {"index", Tag::kList, list_index}, {"count", Tag::kList, list_count}, {"keys", Tag::kDict, keys},
    {"values", Tag::kDict, values},    {"items", Tag::kDict, items},      {"get", Tag::kDict, get},
    {"copy", Tag::kDict, copy},        {"copy", Tag::kList, copy},        {"cycle", Tag::kLoop, cycle},
    {"changed", Tag::kLoop, changed},
};

}  // namespace

std::span<const Method> container_methods() {
  return kMethods;
}

}  // namespace fairlead::prompts::jinja
