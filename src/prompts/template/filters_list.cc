// Filters over lists, mappings and whatever else can be iterated over.
#include <algorithm>

#include "prompts/template/compare.h"
#include "prompts/template/describe.h"
#include "prompts/template/functions.h"
#include "prompts/template/text.h"

namespace fairlead::prompts::jinja {
namespace {

using Names = const std::string_view[];

Value count(Context& context, Value subject, const Arguments& arguments) {
  if (!take_arguments(context, "length", arguments, {}, 0, {})) return Value::error();
  const auto size = length(context, subject);
  return size ? Value::of(*size) : Value::error();
}

Value list(Context& context, Value subject, const Arguments& arguments) {
  if (!take_arguments(context, "list", arguments, {}, 0, {})) return Value::error();
  const Value items = to_list(context, subject);
  return items.failed() ? items : context.list(std::span(items.list->items, items.list->size));
}

Value first(Context& context, Value subject, const Arguments& arguments) {
  if (!take_arguments(context, "first", arguments, {}, 0, {})) return Value::error();
  if (subject.is(Tag::kRange))
    return subject.range->size > 0 ? Value::of(subject.range->at(0)) : context.undefined("first", subject, true);
  const Value items = to_list(context, subject);
  if (items.failed()) return items;
  return items.list->size > 0 ? items.list->items[0] : context.undefined("first", subject, true);
}

Value last(Context& context, Value subject, const Arguments& arguments) {
  if (!take_arguments(context, "last", arguments, {}, 0, {})) return Value::error();
  if (subject.is(Tag::kRange) && subject.range->size > 0) return Value::of(subject.range->at(subject.range->size - 1));
  const Value items = to_list(context, subject);
  if (items.failed()) return items;
  return items.list->size > 0 ? items.list->items[items.list->size - 1] : context.undefined("last", subject, true);
}

Value join(Context& context, Value subject, const Arguments& arguments) {
  static constexpr Names kNames = {"d", "attribute"};
  Value given[2];
  if (!take_arguments(context, "join", arguments, kNames, 0, given)) return Value::error();
  const Value items = to_list(context, subject);
  const Value separator = given[0].absent() ? Value::of("") : to_text(context, given[0]);
  if (items.failed() || separator.failed()) return Value::error();
  const bool by_attribute = !given[1].absent() && !given[1].is(Tag::kNone);
  Text out(context);
  for (std::uint32_t i = 0; i < items.list->size; ++i) {
    const Value item = by_attribute ? path_of(context, items.list->items[i], given[1]) : items.list->items[i];
    if (item.failed() || !context.spend(1)) return Value::error();
    if ((i > 0 && !out.append(separator.text())) || !write_text(context, out, item)) return Value::error();
  }
  return out.finish();
}

Value reverse(Context& context, Value subject, const Arguments& arguments) {
  if (!take_arguments(context, "reverse", arguments, {}, 0, {})) return Value::error();
  const Value items = to_list(context, subject);
  if (items.failed()) return items;
  Items turned(context);
  Text text(context);
  for (std::uint32_t i = items.list->size; i > 0; --i) {
    const Value item = items.list->items[i - 1];
    if (subject.is_string() ? !text.append(item.text()) : !turned.push(item)) return Value::error();
  }
  return subject.is_string() ? text.finish() : turned.finish();
}

// A filter's optional `fill_with`: absent or none, nothing is filled.
bool fills(Value fill) {
  return !fill.absent() && !fill.is(Tag::kNone);
}

Value batch(Context& context, Value subject, const Arguments& arguments) {
  static constexpr Names kNames = {"linecount", "fill_with"};
  Value given[2];
  std::int64_t size = 0;
  if (!take_arguments(context, "batch", arguments, kNames, 1, given) ||
      !get_integer(context, "batch", "linecount", given[0], size))
    return Value::error();
  if (size < 1) return context.fail(Fault::kValue, "`batch` wants a size of 1 or more.");
  const Value items = to_list(context, subject);
  if (items.failed()) return items;
  Items batches(context);
  for (std::int64_t at = 0; at < items.list->size; at += std::min<std::int64_t>(size, items.list->size)) {
    Items one(context);
    for (std::int64_t i = 0; i < size && at + i < items.list->size; ++i) {
      if (!one.push(items.list->items[at + i])) return Value::error();
    }
    while (fills(given[1]) && static_cast<std::int64_t>(one.values().size()) < size) {
      if (!one.push(given[1])) return Value::error();
    }
    if (!batches.push(one.finish())) return Value::error();
  }
  return batches.finish();
}

Value slices(Context& context, Value subject, const Arguments& arguments) {
  static constexpr Names kNames = {"slices", "fill_with"};
  Value given[2];
  std::int64_t number = 0;
  if (!take_arguments(context, "slice", arguments, kNames, 1, given) ||
      !get_integer(context, "slice", "slices", given[0], number))
    return Value::error();
  if (number < 1) return context.fail(Fault::kValue, "`slice` wants 1 slice or more.");
  const Value items = to_list(context, subject);
  if (items.failed()) return items;
  const std::int64_t size = items.list->size, each = size / number, longer = size % number;
  Items all(context);
  std::int64_t at = 0;
  for (std::int64_t i = 0; i < number; ++i) {
    Items one(context);
    for (const std::int64_t end = at + each + (i < longer); at < end; ++at) {
      if (!one.push(items.list->items[at])) return Value::error();
    }
    if (fills(given[1]) && i >= longer && !one.push(given[1])) return Value::error();
    if (!all.push(one.finish())) return Value::error();
  }
  return all.finish();
}

Value items(Context& context, Value subject, const Arguments& arguments) {
  if (!take_arguments(context, "items", arguments, {}, 0, {})) return Value::error();
  Items pairs(context);
  if (subject.is(Tag::kUndefined)) return pairs.finish();
  if (!subject.is(Tag::kDict))
    return context.fail(Fault::kType, "`items` wants a mapping, not " + std::string(type_name(subject)) + ".");
  for (const Entry& entry : *subject.dict) {
    if (!pairs.push(context.pair(entry.key, entry.value))) return Value::error();
  }
  return pairs.finish();
}

// Sorting.

struct Keyed {
  Value key, item;
};

Value folded(Context& context, Value value, bool case_sensitive) {
  if (case_sensitive || !value.is_string()) return value;
  if (!context.spend(value.size / 8)) return Value::error();
  return context.copy(to_lower(value.text()));
}

// The key that an item is compared by: itself, an attribute of it, or ("a,b") several, as a list.
Value key_of(Context& context, Value item, Value attribute, bool case_sensitive) {
  if (attribute.absent() || attribute.is(Tag::kNone)) return folded(context, item, case_sensitive);
  if (!attribute.is_string() || attribute.text().find(',') == std::string_view::npos) {
    const Value found = path_of(context, item, attribute);
    return found.failed() ? found : folded(context, found, case_sensitive);
  }
  Items keys(context);
  for (std::string_view rest = attribute.text();;) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const Value found = path_of(context, item, Value::of(rest.substr(0, comma)));
    if (!keys.push(found.failed() ? found : folded(context, found, case_sensitive))) return Value::error();
    if (comma == rest.size()) return keys.finish();
    rest.remove_prefix(comma + 1);
  }
}

bool sort_keyed(Context& context, std::vector<Keyed>& keyed, bool reverse) {
  if (!context.charge(keyed.size() * sizeof(Keyed) * 2)) return false;
  // A failed comparison says "no" ever after, which ends the sort in bounded time.
  std::ranges::stable_sort(keyed, [&](const Keyed& a, const Keyed& b) {
    if (context.failed()) return false;
    const auto result = reverse ? order(context, b.key, a.key) : order(context, a.key, b.key);
    return result && *result == -1;
  });
  context.release(keyed.size() * sizeof(Keyed) * 2);
  return !context.failed();
}

bool keyed_items(Context& context, Value subject, Value attribute, bool case_sensitive, std::vector<Keyed>& out) {
  const Value items = to_list(context, subject);
  if (items.failed() || !context.charge(items.list->size * sizeof(Keyed))) return false;
  for (const Value& item : *items.list) {
    const Value key = key_of(context, item, attribute, case_sensitive);
    if (key.failed() || !context.spend(1)) return false;
    out.push_back({key, item});
  }
  return true;
}

Value items_of(Context& context, const std::vector<Keyed>& keyed) {
  Items items(context);
  for (const Keyed& one : keyed) {
    if (!items.push(one.item)) return Value::error();
  }
  return items.finish();
}

Value sort(Context& context, Value subject, const Arguments& arguments) {
  static constexpr Names kNames = {"reverse", "case_sensitive", "attribute"};
  Value given[3];
  bool reverse = false, case_sensitive = false;
  std::vector<Keyed> keyed;
  if (!take_arguments(context, "sort", arguments, kNames, 0, given) || !get_flag(context, given[0], reverse) ||
      !get_flag(context, given[1], case_sensitive) || !keyed_items(context, subject, given[2], case_sensitive, keyed) ||
      !sort_keyed(context, keyed, reverse)) {
    return Value::error();
  }
  return items_of(context, keyed);
}

Value dictsort(Context& context, Value subject, const Arguments& arguments) {
  static constexpr Names kNames = {"case_sensitive", "by", "reverse"};
  Value given[3];
  bool reverse = false, case_sensitive = false;
  std::string_view by = "key";
  if (!take_arguments(context, "dictsort", arguments, kNames, 0, given) ||
      !get_flag(context, given[0], case_sensitive) || !get_text(context, "dictsort", "by", given[1], by) ||
      !get_flag(context, given[2], reverse)) {
    return Value::error();
  }
  if (by != "key" && by != "value") return context.fail(Fault::kValue, "`dictsort` sorts by \"key\" or by \"value\".");
  const Value pairs = items(context, subject, {});
  std::vector<Keyed> keyed;
  if (pairs.failed() || !keyed_items(context, pairs, Value::of(std::int64_t{by == "value"}), case_sensitive, keyed) ||
      !sort_keyed(context, keyed, reverse)) {
    return Value::error();
  }
  return items_of(context, keyed);
}

Value unique(Context& context, Value subject, const Arguments& arguments) {
  static constexpr Names kNames = {"case_sensitive", "attribute"};
  Value given[2];
  bool case_sensitive = false;
  std::vector<Keyed> keyed;
  if (!take_arguments(context, "unique", arguments, kNames, 0, given) || !get_flag(context, given[0], case_sensitive) ||
      !keyed_items(context, subject, given[1], case_sensitive, keyed)) {
    return Value::error();
  }
  Dict* seen = make_dict(context);
  Items kept(context);
  for (const Keyed& one : keyed) {
    const std::uint32_t before = seen->size;
    if (!dict_put(context, *seen, one.key, Value::none())) return Value::error();
    if (seen->size > before && !kept.push(one.item)) return Value::error();
  }
  return kept.finish();
}

Value extreme(Context& context, std::string_view function, int wanted, Value subject, const Arguments& arguments) {
  static constexpr Names kNames = {"case_sensitive", "attribute"};
  Value given[2];
  bool case_sensitive = false;
  std::vector<Keyed> keyed;
  if (!take_arguments(context, function, arguments, kNames, 0, given) || !get_flag(context, given[0], case_sensitive) ||
      !keyed_items(context, subject, given[1], case_sensitive, keyed)) {
    return Value::error();
  }
  if (keyed.empty()) return context.undefined(function, subject, true);
  const Keyed* best = &keyed.front();
  for (const Keyed& one : keyed) {
    const auto result = order(context, one.key, best->key);
    if (!result) return Value::error();
    if (*result == wanted) best = &one;
  }
  return best->item;
}

Value min(Context& context, Value subject, const Arguments& arguments) {
  return extreme(context, "min", -1, subject, arguments);
}
Value max(Context& context, Value subject, const Arguments& arguments) {
  return extreme(context, "max", 1, subject, arguments);
}

Value groupby(Context& context, Value subject, const Arguments& arguments) {
  static constexpr Names kNames = {"attribute", "default", "case_sensitive"};
  Value given[3];
  bool case_sensitive = false;
  if (!take_arguments(context, "groupby", arguments, kNames, 1, given) || !get_flag(context, given[2], case_sensitive))
    return Value::error();
  const Value items = to_list(context, subject);
  if (items.failed() || !context.charge(items.list->size * 2 * sizeof(Keyed))) return Value::error();
  // The item of each is a pair: the group's name as it is written, and the item.
  std::vector<Keyed> keyed;
  for (const Value& item : *items.list) {
    Value name = path_of(context, item, given[0]);
    if (name.is(Tag::kUndefined) && fills(given[1])) name = given[1];
    const Value key = name.failed() ? name : folded(context, name, case_sensitive);
    const Value both = context.pair(name, item);
    if (key.failed() || both.failed() || !context.spend(1)) return Value::error();
    keyed.push_back({key, both});
  }
  if (!sort_keyed(context, keyed, false)) return Value::error();
  Items groups(context);
  for (std::size_t at = 0; at < keyed.size();) {
    Items members(context);
    const Keyed& start = keyed[at];
    for (; at < keyed.size(); ++at) {
      const auto same = equal(context, start.key, keyed[at].key);
      if (!same) return Value::error();
      if (!*same) break;
      if (!members.push(keyed[at].item.list->items[1])) return Value::error();
    }
    const Value list = members.finish();
    if (list.failed() || !groups.push(context.pair(start.item.list->items[0], list, List::Form::kGroup)))
      return Value::error();
  }
  return groups.finish();
}

constexpr Filter kFilters[] = {
    {"length", count},      {"count", count},       {"list", list},       {"first", first},
    {"last", last},         {"join", join},         {"batch", batch},     {"slice", slices},
    {"items", items, true}, {"dictsort", dictsort}, {"sort", sort},       {"unique", unique},
    {"min", min},           {"max", max},           {"groupby", groupby}, {"reverse", reverse},
};

}  // namespace

std::span<const Filter> list_filters() {
  return kFilters;
}

}  // namespace fairlead::prompts::jinja
