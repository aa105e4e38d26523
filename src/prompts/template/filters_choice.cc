// Filters that choose, and those that apply another filter or test to each item.
#include "base/suggest.h"
#include "prompts/template/compare.h"
#include "prompts/template/functions.h"

namespace fairlead::prompts::jinja {
namespace {

using Names = const std::string_view[];

Value fallback(Context& context, Value subject, const Arguments& arguments) {
  static constexpr Names kNames = {"default_value", "boolean"};
  Value given[2];
  bool boolean = false;
  if (!take_arguments(context, "default", arguments, kNames, 0, given) || !get_flag(context, given[1], boolean))
    return Value::error();
  const Value other = given[0].absent() ? Value::of("") : given[0];
  if (subject.is(Tag::kUndefined)) return other;
  if (!boolean) return subject;
  const auto yes = truth(context, subject);
  if (!yes) return Value::error();
  return *yes ? subject : other;
}

// The name that the first argument gives; empty, with the error set, if it gives none.
std::string_view named(Context& context, std::string_view function, const Arguments& arguments) {
  std::string_view name;
  if (arguments.positional.empty()) {
    context.fail(Fault::kType, "`" + std::string(function) + "` wants a name as its first argument.");
  } else if (get_text(context, function, "name", arguments.positional[0], name) && name.empty()) {
    context.fail(Fault::kValue, "`" + std::string(function) + "` wants a name as its first argument.");
  }
  return name;
}

Value unknown(Context& context, std::string_view what, std::string_view name, const std::vector<std::string>& known) {
  return context.fail(Fault::kValue, "unknown " + std::string(what) + " `" + std::string(name.substr(0, 64)) + "`." +
                                         did_you_mean(name.substr(0, 64), known));
}

Value map_attribute(Context& context, Value subject, const Arguments& arguments) {
  static constexpr Names kNames = {"attribute", "default"};
  Value given[2];
  if (!take_arguments(context, "map", arguments, kNames, 1, given)) return Value::error();
  const Value items = to_list(context, subject);
  if (items.failed()) return items;
  Items out(context);
  for (const Value& item : *items.list) {
    Value found = path_of(context, item, given[0]);
    if (found.is(Tag::kUndefined) && !given[1].absent() && !given[1].is(Tag::kNone)) found = given[1];
    if (!out.push(found)) return Value::error();
  }
  return out.finish();
}

Value map(Context& context, Value subject, const Arguments& arguments) {
  if (arguments.positional.empty()) return map_attribute(context, subject, arguments);
  const std::string_view name = named(context, "map", arguments);
  if (name.empty()) return Value::error();
  const int filter = find_filter(name);
  if (filter < 0) return unknown(context, "filter", name, filter_names());
  const Value items = to_list(context, subject);
  if (items.failed()) return items;
  const Arguments rest{arguments.positional.subspan(1), arguments.keywords};
  Items out(context);
  Context::Deeper deeper(context);
  if (!deeper) return Value::error();
  for (const Value& item : *items.list) {
    if (!out.push(run_filter(context, static_cast<std::size_t>(filter), item, rest))) return Value::error();
  }
  return out.finish();
}

struct Choice {
  std::string_view function;
  bool keep;          // those that pass, or those that do not
  bool by_attribute;  // the first argument names what is tested
};

Value choose(Context& context, const Choice& choice, Value subject, const Arguments& arguments) {
  Arguments rest = arguments;
  Value attribute;
  if (choice.by_attribute) {
    if (rest.positional.empty())
      return context.fail(Fault::kType, "`" + std::string(choice.function) + "` needs the attribute's name.");
    attribute = rest.positional[0];
    rest.positional = rest.positional.subspan(1);
  }
  int test = -1;
  if (!rest.positional.empty()) {
    const std::string_view name = named(context, choice.function, rest);
    if (name.empty()) return Value::error();
    test = find_test(name);
    if (test < 0) return unknown(context, "test", name, test_names());
    rest.positional = rest.positional.subspan(1);
  }
  const Value items = to_list(context, subject);
  if (items.failed()) return items;
  Items out(context);
  for (const Value& item : *items.list) {
    if (!context.spend(1)) return Value::error();
    const Value tested = choice.by_attribute ? path_of(context, item, attribute) : item;
    if (tested.failed()) return tested;
    bool passes = false;
    if (test < 0) {
      const auto yes = truth(context, tested);
      if (!yes) return Value::error();
      passes = *yes;
    } else {
      const Value answer = run_test(context, static_cast<std::size_t>(test), tested, rest);
      if (answer.failed()) return answer;
      passes = answer.boolean;
    }
    if (passes == choice.keep && !out.push(item)) return Value::error();
  }
  return out.finish();
}

Value select(Context& context, Value subject, const Arguments& arguments) {
  return choose(context, {"select", true, false}, subject, arguments);
}
Value reject(Context& context, Value subject, const Arguments& arguments) {
  return choose(context, {"reject", false, false}, subject, arguments);
}
Value selectattr(Context& context, Value subject, const Arguments& arguments) {
  return choose(context, {"selectattr", true, true}, subject, arguments);
}
Value rejectattr(Context& context, Value subject, const Arguments& arguments) {
  return choose(context, {"rejectattr", false, true}, subject, arguments);
}

constexpr Filter kFilters[] = {
    {"default", fallback, true}, {"d", fallback, true},      {"map", map}, {"select", select}, {"reject", reject},
    {"selectattr", selectattr},  {"rejectattr", rejectattr},
};

}  // namespace

std::span<const Filter> choice_filters() {
  return kFilters;
}

}  // namespace fairlead::prompts::jinja
