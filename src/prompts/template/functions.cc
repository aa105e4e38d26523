#include "prompts/template/functions.h"

#include <algorithm>

#include "base/suggest.h"
#include "prompts/template/compare.h"
#include "prompts/template/describe.h"
#include "prompts/template/program.h"
#include "prompts/template/text.h"

namespace fairlead::prompts::jinja {

static const std::vector<Filter>& filters() {
  static const std::vector<Filter> kFilters = [] {
    std::vector<Filter> all;
    for (const auto table : {text_filters(), list_filters(), choice_filters(), number_filters()})
      all.insert(all.end(), table.begin(), table.end());
    std::ranges::sort(all, {}, &Filter::name);
    return all;
  }();
  return kFilters;
}

static const std::vector<Method>& methods() {
  static const std::vector<Method> kMethods = [] {
    std::vector<Method> all;
    for (const auto table : {string_methods(), container_methods()}) all.insert(all.end(), table.begin(), table.end());
    std::ranges::sort(all, {}, &Method::name);
    return all;
  }();
  return kMethods;
}

template <class Table>
static int place_in(const Table& table, std::string_view name) {
  const auto found = std::ranges::lower_bound(table, name, {}, [](const auto& entry) { return entry.name; });
  return found != table.end() && found->name == name ? static_cast<int>(found - table.begin()) : -1;
}

template <class Table>
static std::vector<std::string> names_of(const Table& table) {
  std::vector<std::string> names;
  for (const auto& entry : table) names.emplace_back(entry.name);
  return names;
}

int find_filter(std::string_view name) {
  return place_in(filters(), name);
}
int find_test(std::string_view name) {
  return place_in(tests(), name);
}
int find_method(std::string_view name) {
  return place_in(methods(), name);
}

std::vector<std::string> filter_names() {
  return names_of(filters());
}
std::vector<std::string> test_names() {
  return names_of(tests());
}

const Method* method_of(std::size_t place, Tag owner) {
  const auto& all = methods();
  for (std::size_t i = place; i < all.size() && all[i].name == all[place].name; ++i) {
    if (all[i].owner == owner) return &all[i];
  }
  return nullptr;
}

Value run_filter(Context& context, std::size_t place, Value subject, const Arguments& arguments) {
  const Filter& filter = filters()[place];
  if (subject.is(Tag::kUndefined) && !subject.lenient && !filter.takes_undefined)
    return context.fail_undefined(subject);
  return filter.run(context, subject, arguments);
}

Value run_test(Context& context, std::size_t place, Value subject, const Arguments& arguments) {
  const Test& test = tests()[place];
  if (subject.is(Tag::kUndefined) && !subject.lenient && !test.takes_undefined) return context.fail_undefined(subject);
  return test.run(context, subject, arguments);
}

bool take_arguments(Context& context, std::string_view function, const Arguments& arguments,
                    std::span<const std::string_view> names, std::size_t required, std::span<Value> out) {
  const std::string called = "`" + std::string(function) + "`";
  if (arguments.positional.size() > names.size()) {
    context.fail(Fault::kType, called + " takes at most " + std::to_string(names.size()) + " arguments, and " +
                                   std::to_string(arguments.positional.size()) + " are given.");
    return false;
  }
  std::ranges::copy(arguments.positional, out.begin());
  for (const Keyword& keyword : arguments.keywords) {
    const auto found = std::ranges::find(names, keyword.name);
    if (found == names.end()) {
      const std::vector<std::string> known(names.begin(), names.end());
      context.fail(Fault::kType, called + " takes no argument `" + std::string(keyword.name) + "`." +
                                     did_you_mean(keyword.name, known));
      return false;
    }
    Value& slot = out[static_cast<std::size_t>(found - names.begin())];
    if (!slot.absent()) {
      context.fail(Fault::kType, called + " gets the argument `" + std::string(keyword.name) + "` twice.");
      return false;
    }
    slot = keyword.value;
  }
  for (std::size_t i = 0; i < required; ++i) {
    if (!out[i].absent()) continue;
    context.fail(Fault::kType, called + " needs the argument `" + std::string(names[i]) + "`.");
    return false;
  }
  return true;
}

static bool wrong_type(Context& context, std::string_view function, std::string_view name, std::string_view wanted,
                       Value value) {
  if (value.is(Tag::kUndefined)) context.fail_undefined(value);
  context.fail(Fault::kType, "`" + std::string(function) + "` wants " + std::string(wanted) + " as `" +
                                 std::string(name) + "`, not " + std::string(type_name(value)) + ".");
  return false;
}

bool get_integer(Context& context, std::string_view function, std::string_view name, Value value, std::int64_t& out) {
  if (value.absent()) return true;
  if (!value.is_integral()) return wrong_type(context, function, name, "an integer", value);
  out = value.as_integer();
  return true;
}

bool get_text(Context& context, std::string_view function, std::string_view name, Value value, std::string_view& out) {
  if (value.absent()) return true;
  if (!value.is_string()) return wrong_type(context, function, name, "a string", value);
  out = value.text();
  return true;
}

bool get_flag(Context& context, Value value, bool& out) {
  if (value.absent()) return true;
  const auto yes = truth(context, value);
  if (yes) out = *yes;
  return yes.has_value();
}

// Global functions.

static Value range(Context& context, Value, const Arguments& arguments) {
  static constexpr std::string_view kNames[] = {"start", "stop", "step"};
  Value given[3];
  if (!arguments.keywords.empty()) return context.fail(Fault::kType, "`range` takes no named arguments.");
  if (!take_arguments(context, "range", arguments, kNames, 1, given)) return Value::error();
  std::int64_t start = 0, stop = 0, step = 1;
  if (given[1].absent()) std::swap(given[0], given[1]);
  for (const auto& [value, out] :
       {std::pair(given[0], &start), std::pair(given[1], &stop), std::pair(given[2], &step)}) {
    if (!get_integer(context, "range", "bounds", value, *out)) return Value::error();
  }
  if (step == 0) return context.fail(Fault::kValue, "the step of a range cannot be 0.");
  constexpr std::int64_t kBound = std::int64_t{1} << 61;
  if (std::max({start, stop, step}) > kBound || std::min({start, stop, step}) < -kBound) {
    return context.fail(Fault::kValue, "the bounds of this range are too large.");
  }
  const std::int64_t span = step > 0 ? stop - start : start - stop, stride = step > 0 ? step : -step;
  Value value;
  value.tag = Tag::kRange;
  value.range = context.make(Range{start, step, span > 0 ? (span - 1) / stride + 1 : 0});
  return value;
}

// dict(other, a=1) and namespace(other, a=1).
static Dict* members_from(Context& context, std::string_view function, const Arguments& arguments) {
  Dict* dict = make_dict(context);
  if (arguments.positional.size() > 1) {
    context.fail(Fault::kType, "`" + std::string(function) + "` takes one mapping and named arguments.");
    return nullptr;
  }
  for (const Value& other : arguments.positional) {
    if (other.is(Tag::kDict)) {
      for (const Entry& entry : *other.dict) {
        if (!dict_put(context, *dict, entry.key, entry.value)) return nullptr;
      }
      continue;
    }
    const Value pairs = to_list(context, other);
    if (pairs.failed()) return nullptr;
    for (const Value& pair : *pairs.list) {
      if (!pair.is_list() || pair.list->size != 2) {
        context.fail(Fault::kType, "`" + std::string(function) + "` wants a mapping, or a list of pairs.");
        return nullptr;
      }
      if (!dict_put(context, *dict, pair.list->items[0], pair.list->items[1])) return nullptr;
    }
  }
  for (const Keyword& keyword : arguments.keywords) {
    if (!dict_put(context, *dict, Value::of(keyword.name), keyword.value)) return nullptr;
  }
  return dict;
}

static Value dict(Context& context, Value, const Arguments& arguments) {
  Dict* members = members_from(context, "dict", arguments);
  return members ? Value::of(members) : Value::error();
}

static Value make_namespace(Context& context, Value, const Arguments& arguments) {
  Dict* members = members_from(context, "namespace", arguments);
  if (!members) return Value::error();
  Value value;
  value.tag = Tag::kNamespace;
  value.space = context.make(Namespace{members});
  return value;
}

static constexpr Bound kGlobals[] = {{"range", {}, range}, {"dict", {}, dict}, {"namespace", {}, make_namespace}};

bool is_global(std::string_view name) {
  return std::ranges::find(kGlobals, name, &Bound::name) != std::end(kGlobals);
}

Value global(std::string_view name) {
  Value value;
  if (const auto found = std::ranges::find(kGlobals, name, &Bound::name); found != std::end(kGlobals)) {
    value.tag = Tag::kBound;
    value.bound = &*found;
  }
  return value;
}

// Members.

static Value loop_attribute(Context& context, Value object, std::string_view name) {
  const Loop& loop = *object.loop;
  const auto at = [&](std::int64_t place) {
    return loop.items.is(Tag::kRange) ? Value::of(loop.items.range->at(place)) : loop.items.list->items[place];
  };
  if (name == "index") return Value::of(loop.place + 1);
  if (name == "index0") return Value::of(loop.place);
  if (name == "first") return Value::of(loop.place == 0);
  if (name == "last") return Value::of(loop.place == loop.size - 1);
  if (name == "length") return Value::of(loop.size);
  if (name == "revindex") return Value::of(loop.size - loop.place);
  if (name == "revindex0") return Value::of(loop.size - loop.place - 1);
  if (name == "depth") return Value::of(std::int64_t{1});  // only recursive loops, which are not offered, go deeper
  if (name == "depth0") return Value::of(std::int64_t{0});
  if (name == "previtem") return loop.place > 0 ? at(loop.place - 1) : context.undefined(name, object);
  if (name == "nextitem") return loop.place + 1 < loop.size ? at(loop.place + 1) : context.undefined(name, object);
  return context.undefined(name, object);
}

Value attribute_of(Context& context, Value object, std::string_view name, std::uint32_t method) {
  if (method != kNone) {
    if (const Method* found = method_of(method, object.tag)) {
      Value value;
      value.tag = Tag::kBound;
      value.bound = context.make(Bound{found->name, object, found->run});
      return value;
    }
  }
  switch (object.tag) {
    case Tag::kUndefined:
      return context.fail_undefined(object);
    case Tag::kLoop:
      return loop_attribute(context, object, name);
    case Tag::kList:
      if (object.list->form == List::Form::kGroup && name == "grouper") return object.list->items[0];
      if (object.list->form == List::Form::kGroup && name == "list") return object.list->items[1];
      break;
    case Tag::kDict:
    case Tag::kNamespace: {
      const Dict& members = object.is(Tag::kDict) ? *object.dict : *object.space->members;
      if (const Value* found = dict_find(context, members, Value::of(name))) return *found;
      if (context.failed()) return Value::error();
      break;
    }
    default:
      break;
  }
  return context.undefined(name, object);
}

Value item_of(Context& context, Value object, Value subscript) {
  if (object.is(Tag::kUndefined)) return context.fail_undefined(object);
  if (subscript.is(Tag::kUndefined)) return context.fail_undefined(subscript);
  const bool sequence = object.is_list() || object.is_string() || object.is(Tag::kRange);
  if (sequence && subscript.is_integral()) {
    const auto size = length(context, object);
    if (!size) return Value::error();
    std::int64_t place = subscript.as_integer();
    if (place < 0) place += *size;
    if (place >= 0 && place < *size) {
      if (object.is_list()) return object.list->items[place];
      if (object.is(Tag::kRange)) return Value::of(object.range->at(place));
      const std::string_view rest = object.text().substr(byte_of(object.text(), static_cast<std::size_t>(place)));
      return Value::of(rest.substr(0, first_code_point(rest).bytes));
    }
  } else if (object.is(Tag::kDict)) {
    if (const Value* found = dict_find(context, *object.dict, subscript)) return *found;
    if (context.failed()) return Value::error();
  } else if (subscript.is_string()) {
    return attribute_of(context, object, subscript.text(), kNone);
  }
  const Value name = to_text(context, subscript);
  return name.failed() ? name : context.undefined(name.text(), object, true);
}

Value path_of(Context& context, Value object, Value path) {
  if (path.is_integral()) return item_of(context, object, path);
  if (!path.is_string()) return context.fail(Fault::kType, "an attribute is named by a string or an integer.");
  std::string_view rest = path.text();
  while (!object.failed()) {
    const std::size_t dot = std::min(rest.find('.'), rest.size());
    const std::string_view part = rest.substr(0, dot);
    if (!context.spend(1)) return Value::error();
    const bool number =
        !part.empty() && part.size() < 10 && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
    object = item_of(context, object, number ? Value::of(std::int64_t{std::stoi(std::string(part))}) : Value::of(part));
    if (dot == rest.size()) break;
    rest.remove_prefix(dot + 1);
  }
  return object;
}

}  // namespace fairlead::prompts::jinja
