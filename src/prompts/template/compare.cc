#include "prompts/template/compare.h"

#include <cmath>
#include <functional>

#include "prompts/template/describe.h"
#include "prompts/template/text.h"

namespace fairlead::prompts::jinja {

std::optional<bool> truth(Context& context, Value value) {
  switch (value.tag) {
    case Tag::kNone:
      return false;
    case Tag::kBool:
      return value.boolean;
    case Tag::kInt:
      return value.integer != 0;
    case Tag::kFloat:
      return value.number != 0;
    case Tag::kString:
      return value.size != 0;
    case Tag::kList:
      return value.list->size != 0;
    case Tag::kDict:
      return value.dict->size != 0;
    case Tag::kRange:
      return value.range->size != 0;
    case Tag::kUndefined:
      if (value.lenient) return false;
      context.fail_undefined(value);
      return std::nullopt;
    case Tag::kError:
      return std::nullopt;
    default:
      return true;
  }
}

// Exact for every int64 and double: long double has 64 bits of mantissa here.
static int compare_numbers(Value a, Value b) {
  if (a.is_integral() && b.is_integral()) return a.as_integer() < b.as_integer() ? -1 : a.as_integer() > b.as_integer();
  const auto wide = [](Value v) {
    return v.is(Tag::kFloat) ? static_cast<long double>(v.number) : static_cast<long double>(v.as_integer());
  };
  const long double x = wide(a), y = wide(b);
  if (std::isnan(x) || std::isnan(y)) return 2;
  return x < y ? -1 : x > y;
}

static std::optional<bool> equal_lists(Context& context, const List& a, const List& b) {
  if (a.size != b.size || (a.form == List::Form::kList) != (b.form == List::Form::kList)) return false;
  for (std::uint32_t i = 0; i < a.size; ++i) {
    const auto same = equal(context, a.items[i], b.items[i]);
    if (!same || !*same) return same;
  }
  return true;
}

static std::optional<bool> equal_dicts(Context& context, const Dict& a, const Dict& b) {
  if (a.size != b.size) return false;
  for (const Entry& entry : a) {
    const Value* other = dict_find(context, b, entry.key);
    if (!other) return context.failed() ? std::optional<bool>() : false;
    const auto same = equal(context, entry.value, *other);
    if (!same || !*same) return same;
  }
  return true;
}

std::optional<bool> equal(Context& context, Value a, Value b) {
  Context::Deeper deeper(context);
  if (!deeper || !context.spend(1)) return std::nullopt;
  if (a.is(Tag::kUndefined) || b.is(Tag::kUndefined)) {
    if (a.is(Tag::kUndefined) && !a.lenient) return context.fail_undefined(a), std::nullopt;
    if (b.is(Tag::kUndefined) && !b.lenient) return context.fail_undefined(b), std::nullopt;
    return a.tag == b.tag;
  }
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == 0;
  if (a.tag != b.tag) return false;
  switch (a.tag) {
    case Tag::kNone:
      return true;
    case Tag::kString:
      if (!context.spend_on(a.size)) return std::nullopt;
      return a.text() == b.text();
    case Tag::kList:
      return equal_lists(context, *a.list, *b.list);
    case Tag::kDict:
      return equal_dicts(context, *a.dict, *b.dict);
    case Tag::kRange:
      return a.range->size == b.range->size &&
             (a.range->size == 0 ||
              (a.range->start == b.range->start && (a.range->size == 1 || a.range->step == b.range->step)));
    default:
      return a.loop == b.loop;  // the same object
  }
}

std::optional<int> order(Context& context, Value a, Value b, std::string_view sign) {
  Context::Deeper deeper(context);
  if (!deeper || !context.spend(1)) return std::nullopt;
  if (a.is(Tag::kUndefined)) return context.fail_undefined(a), std::nullopt;
  if (b.is(Tag::kUndefined)) return context.fail_undefined(b), std::nullopt;
  if (a.is_number() && b.is_number()) return compare_numbers(a, b);
  if (a.is_string() && b.is_string()) {
    // The order of UTF-8 bytes is that of code points.
    if (!context.spend_on(std::min(a.size, b.size))) return std::nullopt;
    const int result = a.text().compare(b.text());
    return result < 0 ? -1 : result > 0;
  }
  if (a.is_list() && b.is_list() && (a.list->form == List::Form::kList) == (b.list->form == List::Form::kList)) {
    for (std::uint32_t i = 0; i < a.list->size && i < b.list->size; ++i) {
      const auto same = equal(context, a.list->items[i], b.list->items[i]);
      if (!same) return std::nullopt;
      if (!*same) return order(context, a.list->items[i], b.list->items[i], sign);
    }
    return a.list->size < b.list->size ? -1 : a.list->size > b.list->size;
  }
  context.fail(Fault::kType, std::string(type_name(a)) + " and " + std::string(type_name(b)) + " have no order: `" +
                                 std::string(sign) + "` cannot compare them.");
  return std::nullopt;
}

std::optional<bool> contains(Context& context, Value container, Value item) {
  switch (container.tag) {
    case Tag::kString:
      if (item.is(Tag::kUndefined)) return context.fail_undefined(item), std::nullopt;
      if (!item.is_string()) break;
      if (!context.spend_on(container.size)) return std::nullopt;
      return find(container.text(), item.text()) != std::string_view::npos;
    case Tag::kList:
      for (const Value& candidate : *container.list) {
        const auto same = equal(context, candidate, item);
        if (!same || *same) return same;
      }
      return false;
    case Tag::kDict: {
      const Value* found = dict_find(context, *container.dict, item);
      if (context.failed()) return std::nullopt;
      return found != nullptr;
    }
    case Tag::kRange: {
      if (!item.is_number() || item.as_double() != std::floor(item.as_double())) return false;
      const Range& range = *container.range;
      const auto offset =
          static_cast<__int128>(item.is(Tag::kFloat) ? static_cast<__int128>(item.number) : item.as_integer()) -
          range.start;
      return offset % range.step == 0 && offset / range.step >= 0 && offset / range.step < range.size;
    }
    case Tag::kUndefined:
      if (container.lenient) return false;
      return context.fail_undefined(container), std::nullopt;
    default:
      break;
  }
  context.fail(Fault::kType, "`in` cannot look for " + std::string(type_name(item)) + " in " +
                                 std::string(type_name(container)) + ".");
  return std::nullopt;
}

std::optional<std::int64_t> length(Context& context, Value value) {
  switch (value.tag) {
    case Tag::kString:
      if (!context.spend_on(value.size)) return std::nullopt;
      return static_cast<std::int64_t>(code_points(value.text()));
    case Tag::kList:
      return value.list->size;
    case Tag::kDict:
      return value.dict->size;
    case Tag::kRange:
      return value.range->size;
    case Tag::kLoop:
      return value.loop->size;
    case Tag::kUndefined:
      if (value.lenient) return 0;
      return context.fail_undefined(value), std::nullopt;
    default:
      break;
  }
  context.fail(Fault::kType, std::string(type_name(value)) + " has no length.");
  return std::nullopt;
}

Value to_list(Context& context, Value value) {
  Items items(context);
  switch (value.tag) {
    case Tag::kList:
      return value;
    case Tag::kDict:
      for (const Entry& entry : *value.dict) {
        if (!items.push(entry.key)) return Value::error();
      }
      return items.finish();
    case Tag::kRange:
      for (std::int64_t i = 0; i < value.range->size; ++i) {
        if (!items.push(Value::of(value.range->at(i)))) return Value::error();
      }
      return items.finish();
    case Tag::kString:
      for (std::string_view rest = value.text(); !rest.empty();) {
        const std::size_t bytes = first_code_point(rest).bytes;
        if (!items.push(Value::of(rest.substr(0, bytes)))) return Value::error();
        rest.remove_prefix(bytes);
      }
      return items.finish();
    case Tag::kUndefined:
      return value.lenient ? items.finish() : context.fail_undefined(value);
    case Tag::kError:
      return value;
    default:
      return context.fail(Fault::kType, std::string(type_name(value)) + " cannot be iterated over.");
  }
}

Dict* make_dict(Context& context) {
  return context.make(Dict{});
}

// Tuples inside tuples may be keys, up to a depth.
static bool hashable(Value key, int depth = 0) {
  if (key.is_list()) {
    if (key.list->form == List::Form::kList || depth > 16) return false;
    for (const Value& item : *key.list) {
      if (!hashable(item, depth + 1)) return false;
    }
    return true;
  }
  return !key.is(Tag::kDict) && !key.is(Tag::kUndefined);
}

static std::size_t hash_of(Value key) {
  switch (key.tag) {
    case Tag::kString:
      return std::hash<std::string_view>()(key.text());
    case Tag::kBool:
    case Tag::kInt:
    case Tag::kFloat:
      return std::hash<double>()(key.as_double());  // 1, 1.0 and true are one key
    case Tag::kList: {
      std::size_t hash = key.list->size;
      for (const Value& item : *key.list) hash = hash * 31 + hash_of(item);
      return hash;
    }
    case Tag::kNone:
      return 7;
    default:
      return std::hash<const void*>()(key.loop);
  }
}

// The place of the key in `entries`, or size. Nothing: the context has failed.
static std::optional<std::uint32_t> place_of(Context& context, const Dict& dict, Value key) {
  if (!dict.index) {
    for (std::uint32_t i = 0; i < dict.size; ++i) {
      const Value& candidate = dict.entries[i].key;
      if (candidate.is_string() && key.is_string()) {
        if (candidate.text() == key.text()) return i;
        continue;
      }
      const auto same = equal(context, candidate, key);
      if (!same) return std::nullopt;
      if (*same) return i;
    }
    return dict.size;
  }
  const std::uint32_t mask = dict.index_size - 1;
  for (std::size_t at = hash_of(key) & mask;; at = (at + 1) & mask) {
    if (!context.spend(1)) return std::nullopt;
    if (dict.index[at] == 0) return dict.size;
    const auto same = equal(context, dict.entries[dict.index[at] - 1].key, key);
    if (!same) return std::nullopt;
    if (*same) return dict.index[at] - 1;
  }
}

static bool grow(Context& context, Dict& dict) {
  const std::uint32_t capacity = dict.capacity == 0 ? 8 : dict.capacity * 2;
  const std::uint32_t index_size = capacity * 2;
  if (!context.charge(capacity * sizeof(Entry) + index_size * sizeof(std::uint32_t))) return false;
  auto* entries = static_cast<Entry*>(context.allocate(capacity * sizeof(Entry)));
  std::uninitialized_copy(dict.begin(), dict.end(), entries);
  dict.entries = entries;
  dict.capacity = capacity;
  if (capacity == 8) return true;
  dict.index = static_cast<std::uint32_t*>(context.allocate(index_size * sizeof(std::uint32_t)));
  dict.index_size = index_size;
  std::fill_n(dict.index, index_size, 0);
  for (std::uint32_t i = 0; i < dict.size; ++i) {
    std::size_t at = hash_of(entries[i].key) & (index_size - 1);
    while (dict.index[at] != 0) at = (at + 1) & (index_size - 1);
    dict.index[at] = i + 1;
  }
  return true;
}

bool dict_put(Context& context, Dict& dict, Value key, Value value) {
  if (key.failed() || value.failed()) return false;
  if (!hashable(key)) {
    if (key.is(Tag::kUndefined)) context.fail_undefined(key);
    context.fail(Fault::kType, std::string(type_name(key)) + " cannot be a key of a mapping.");
    return false;
  }
  const auto place = place_of(context, dict, key);
  if (!place) return false;
  if (*place < dict.size) {
    dict.entries[*place].value = value;
    return true;
  }
  if (!context.spend(1) || (dict.size == dict.capacity && !grow(context, dict))) return false;
  std::construct_at(dict.entries + dict.size, Entry{key, value});
  ++dict.size;
  if (dict.index) {
    std::size_t at = hash_of(key) & (dict.index_size - 1);
    while (dict.index[at] != 0) at = (at + 1) & (dict.index_size - 1);
    dict.index[at] = dict.size;
  }
  return true;
}

const Value* dict_find(Context& context, const Dict& dict, Value key) {
  if (!hashable(key)) {
    if (key.is(Tag::kUndefined)) context.fail_undefined(key);
    context.fail(Fault::kType, std::string(type_name(key)) + " cannot be a key of a mapping.");
    return nullptr;
  }
  const auto place = place_of(context, dict, key);
  return place && *place < dict.size ? &dict.entries[*place].value : nullptr;
}

}  // namespace fairlead::prompts::jinja
