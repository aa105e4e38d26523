// Methods of strings, lists, mappings and the loop: Python's, as far as templates use them. None changes its object.
#include <algorithm>

#include "prompts/template/compare.h"
#include "prompts/template/describe.h"
#include "prompts/template/functions.h"
#include "prompts/template/text.h"

namespace fairlead::prompts::jinja {
namespace {

using Names = const std::string_view[];

template <std::string (*Make)(std::string_view)>
Value mapped(Context& context, Value self, const Arguments& arguments) {
  if (!take_arguments(context, "this method", arguments, {}, 0, {}) || !context.spend(self.size / 8))
    return Value::error();
  return context.copy(Make(self.text()));
}

template <Side Which>
Value strip(Context& context, Value self, const Arguments& arguments) {
  static constexpr Names kNames = {"chars"};
  Value given[1];
  std::string_view characters;
  if (!take_arguments(context, "strip", arguments, kNames, 0, given) || !context.spend_on(self.size))
    return Value::error();
  if (given[0].is(Tag::kNone)) given[0] = {};
  if (!get_text(context, "strip", "chars", given[0], characters)) return Value::error();
  return Value::of(given[0].absent() ? stripped(self.text(), Which) : stripped(self.text(), Which, characters));
}

// Words between white space; at most `most` cuts, from the left or from the right.
Value split_words(Context& context, std::string_view text, std::int64_t most, bool from_right) {
  Items out(context);
  text = stripped(text, from_right ? Side::kRight : Side::kLeft);
  while (!text.empty()) {
    std::size_t cut = std::string_view::npos, bytes = 0;
    if (most != 0) {
      for (std::size_t at = 0; at < text.size();) {
        const CodePoint c = first_code_point(text.substr(at));
        if (is_space(c.value)) {
          cut = at;
          bytes = c.bytes;
          if (!from_right) break;
        }
        at += c.bytes;
      }
    }
    if (!context.spend_on(text.size())) return Value::error();
    if (cut == text.npos) {
      out.push(Value::of(text));
      break;
    }
    const std::string_view left = text.substr(0, cut), right = text.substr(cut + bytes);
    if (!out.push(Value::of(from_right ? right : left))) return Value::error();
    text = from_right ? stripped(left, Side::kRight) : stripped(right, Side::kLeft);
    --most;
  }
  if (from_right) std::ranges::reverse(out.values());
  return out.finish();
}

template <bool FromRight>
Value split(Context& context, Value self, const Arguments& arguments) {
  static constexpr Names kNames = {"sep", "maxsplit"};
  Value given[2];
  std::int64_t most = -1;
  std::string_view separator;
  if (!take_arguments(context, "split", arguments, kNames, 0, given) ||
      !get_integer(context, "split", "maxsplit", given[1], most))
    return Value::error();
  if (given[0].is(Tag::kNone)) given[0] = {};
  if (!get_text(context, "split", "sep", given[0], separator) || !context.spend_on(self.size)) return Value::error();
  std::string_view text = self.text();
  if (given[0].absent()) return split_words(context, text, most, FromRight);
  if (separator.empty()) return context.fail(Fault::kValue, "`split` wants a separator that is not empty.");
  Items out(context);
  for (; most != 0; --most) {
    // From the right, each search is charged for: there is no linear one.
    if (FromRight && !context.spend_on(text.size() * std::min<std::size_t>(separator.size(), 64)))
      return Value::error();
    const std::size_t found = FromRight ? text.rfind(separator) : find(text, separator);
    if (found == text.npos) break;
    const std::string_view left = text.substr(0, found), right = text.substr(found + separator.size());
    if (!out.push(Value::of(FromRight ? right : left))) return Value::error();
    text = FromRight ? left : right;
  }
  if (!out.push(Value::of(text))) return Value::error();
  if (FromRight) std::ranges::reverse(out.values());
  return out.finish();
}

Value splitlines(Context& context, Value self, const Arguments& arguments) {
  static constexpr Names kNames = {"keepends"};
  Value given[1];
  bool keep = false;
  if (!take_arguments(context, "splitlines", arguments, kNames, 0, given) || !get_flag(context, given[0], keep))
    return Value::error();
  Items out(context);
  for (std::string_view text = self.text(); !text.empty();) {
    const std::size_t end = std::min(text.find_first_of("\r\n\v\f\x1c\x1d\x1e"), text.size());
    const std::size_t next = std::min(end + (text.substr(end, 2) == "\r\n" ? 2 : 1), text.size());
    if (!out.push(Value::of(text.substr(0, keep ? next : end)))) return Value::error();
    text.remove_prefix(next);
  }
  return out.finish();
}

Value replace(Context& context, Value self, const Arguments& arguments) {
  static constexpr Names kNames = {"old", "new", "count"};
  Value given[3];
  std::int64_t count = -1;
  std::string_view before, after;
  if (!take_arguments(context, "replace", arguments, kNames, 2, given) ||
      !get_text(context, "replace", "old", given[0], before) || !get_text(context, "replace", "new", given[1], after) ||
      !get_integer(context, "replace", "count", given[2], count)) {
    return Value::error();
  }
  return replaced(context, self.text(), before, after, count);
}

// With one string or a tuple of them.
template <bool Start>
Value has_end(Context& context, Value self, const Arguments& arguments) {
  static constexpr Names kNames = {"affix"};
  Value given[1];
  if (!take_arguments(context, Start ? "startswith" : "endswith", arguments, kNames, 1, given)) return Value::error();
  const bool tuple = given[0].is_list() && given[0].list->form != List::Form::kList;
  for (const Value& affix :
       tuple ? std::span(given[0].list->items, given[0].list->size) : std::span<const Value>(given)) {
    std::string_view text;
    if (!get_text(context, Start ? "startswith" : "endswith", "affix", affix, text) || !context.spend_on(text.size()))
      return Value::error();
    if (Start ? self.text().starts_with(text) : self.text().ends_with(text)) return Value::of(true);
  }
  return Value::of(false);
}

template <bool Start>
Value without_end(Context& context, Value self, const Arguments& arguments) {
  static constexpr Names kNames = {"affix"};
  Value given[1];
  std::string_view affix, text = self.text();
  if (!take_arguments(context, "removeprefix", arguments, kNames, 1, given) ||
      !get_text(context, "removeprefix", "affix", given[0], affix))
    return Value::error();
  if (Start && text.starts_with(affix)) text.remove_prefix(affix.size());
  if (!Start && text.ends_with(affix)) text.remove_suffix(affix.size());
  return Value::of(text);
}

Value find_text(Context& context, Value self, const Arguments& arguments, bool last, bool must) {
  static constexpr Names kNames = {"sub"};
  Value given[1];
  std::string_view part;
  if (!take_arguments(context, "find", arguments, kNames, 1, given) ||
      !get_text(context, "find", "sub", given[0], part))
    return Value::error();
  if (!context.spend_on(self.size * (last ? std::min<std::size_t>(part.size(), 64) + 1 : 1))) return Value::error();
  const std::size_t found = last ? self.text().rfind(part) : find(self.text(), part);
  if (found != std::string_view::npos)
    return Value::of(static_cast<std::int64_t>(code_points(self.text().substr(0, found))));
  return must ? context.fail(Fault::kValue, "`index`: the text is not there.") : Value::of(std::int64_t{-1});
}
Value find_first(Context& context, Value self, const Arguments& arguments) {
  return find_text(context, self, arguments, false, false);
}
Value find_last(Context& context, Value self, const Arguments& arguments) {
  return find_text(context, self, arguments, true, false);
}
Value index(Context& context, Value self, const Arguments& arguments) {
  return find_text(context, self, arguments, false, true);
}

Value count_text(Context& context, Value self, const Arguments& arguments) {
  static constexpr Names kNames = {"sub"};
  Value given[1];
  std::string_view part;
  if (!take_arguments(context, "count", arguments, kNames, 1, given) ||
      !get_text(context, "count", "sub", given[0], part))
    return Value::error();
  if (!context.spend_on(self.size)) return Value::error();
  if (part.empty()) return Value::of(static_cast<std::int64_t>(code_points(self.text())) + 1);
  std::int64_t count = 0;
  for (std::size_t at = 0; (at = find(self.text(), part, at)) != std::string_view::npos; at += part.size()) ++count;
  return Value::of(count);
}

Value join(Context& context, Value self, const Arguments& arguments) {
  static constexpr Names kNames = {"iterable"};
  Value given[1];
  if (!take_arguments(context, "join", arguments, kNames, 1, given)) return Value::error();
  const Value items = to_list(context, given[0]);
  if (items.failed()) return items;
  Text out(context);
  for (std::uint32_t i = 0; i < items.list->size; ++i) {
    std::string_view item;
    if (!context.spend(1) || !get_text(context, "join", "each item", items.list->items[i], item)) return Value::error();
    if ((i > 0 && !out.append(self.text())) || !out.append(item)) return Value::error();
  }
  return out.finish();
}

template <Side FillSide, bool Zero>
Value pad(Context& context, Value self, const Arguments& arguments) {
  static constexpr Names kNames = {"width", "fillchar"};
  Value given[2];
  std::int64_t width = 0;
  std::string_view fill = Zero ? "0" : " ";
  if (!take_arguments(context, "padding", arguments, std::span(kNames).first(Zero ? 1 : 2), 1, given) ||
      !get_integer(context, "padding", "width", given[0], width) ||
      !get_text(context, "padding", "fillchar", given[1], fill)) {
    return Value::error();
  }
  if (code_points(fill) != 1) return context.fail(Fault::kType, "the fill is one character.");
  if (Zero && !self.text().empty() && (self.text()[0] == '-' || self.text()[0] == '+')) {
    const Value digits = padded(context, self.text().substr(1), width - 1, fill, FillSide);
    Text out(context);
    return !digits.failed() && out.append(self.text().substr(0, 1)) && out.append(digits.text()) ? out.finish()
                                                                                                 : Value::error();
  }
  return padded(context, self.text(), width, fill, FillSide);
}

template <bool (*Is)(char32_t)>
Value every(Context& context, Value self, const Arguments& arguments) {
  if (!take_arguments(context, "this method", arguments, {}, 0, {}) || !context.spend_on(self.size))
    return Value::error();
  for (std::string_view rest = self.text(); !rest.empty();) {
    const CodePoint c = first_code_point(rest);
    if (!Is(c.value)) return Value::of(false);
    rest.remove_prefix(c.bytes);
  }
  return Value::of(self.size > 0);
}
bool is_digit(char32_t c) {
  return c >= '0' && c <= '9';
}

template <bool Upper>
Value is_case(Context& context, Value self, const Arguments& arguments) {
  if (!take_arguments(context, "this method", arguments, {}, 0, {}) || !context.spend(self.size / 8))
    return Value::error();
  return Value::of(has_case(self.text(), Upper));
}

template <bool FromRight>
Value partition(Context& context, Value self, const Arguments& arguments) {
  static constexpr Names kNames = {"sep"};
  Value given[1];
  std::string_view separator, text = self.text();
  if (!take_arguments(context, "partition", arguments, kNames, 1, given) ||
      !get_text(context, "partition", "sep", given[0], separator))
    return Value::error();
  if (separator.empty()) return context.fail(Fault::kValue, "`partition` wants a separator that is not empty.");
  if (!context.spend_on(text.size() * (FromRight ? std::min<std::size_t>(separator.size(), 64) : 1)))
    return Value::error();
  const std::size_t found = FromRight ? text.rfind(separator) : find(text, separator);
  if (found == text.npos) {
    const Value none[] = {Value::of(FromRight ? "" : text), Value::of(""), Value::of(FromRight ? text : "")};
    return context.list(none, List::Form::kTuple);
  }
  const Value parts[] = {Value::of(text.substr(0, found)), Value::of(separator),
                         Value::of(text.substr(found + separator.size()))};
  return context.list(parts, List::Form::kTuple);
}

Value format(Context& context, Value self, const Arguments& arguments) {
  return format_braces(context, self.text(), arguments);
}

constexpr Method kStringMethods[] = {
    {"strip", Tag::kString, strip<Side::kBoth>},
    {"lstrip", Tag::kString, strip<Side::kLeft>},
    {"rstrip", Tag::kString, strip<Side::kRight>},
    {"split", Tag::kString, split<false>},
    {"rsplit", Tag::kString, split<true>},
    {"splitlines", Tag::kString, splitlines},
    {"upper", Tag::kString, mapped<to_upper>},
    {"lower", Tag::kString, mapped<to_lower>},
    {"casefold", Tag::kString, mapped<to_lower>},
    {"title", Tag::kString, mapped<titled>},
    {"capitalize", Tag::kString, mapped<capitalized>},
    {"replace", Tag::kString, replace},
    {"startswith", Tag::kString, has_end<true>},
    {"endswith", Tag::kString, has_end<false>},
    {"removeprefix", Tag::kString, without_end<true>},
    {"removesuffix", Tag::kString, without_end<false>},
    {"find", Tag::kString, find_first},
    {"rfind", Tag::kString, find_last},
    {"index", Tag::kString, index},
    {"count", Tag::kString, count_text},
    {"join", Tag::kString, join},
    {"ljust", Tag::kString, pad<Side::kRight, false>},
    {"rjust", Tag::kString, pad<Side::kLeft, false>},
    {"center", Tag::kString, pad<Side::kBoth, false>},
    {"zfill", Tag::kString, pad<Side::kLeft, true>},
    {"isdigit", Tag::kString, every<is_digit>},
    {"isnumeric", Tag::kString, every<is_digit>},
    {"isdecimal", Tag::kString, every<is_digit>},
    {"isalpha", Tag::kString, every<is_alphabetic>},
    {"isalnum", Tag::kString, every<is_alphanumeric>},
    {"isspace", Tag::kString, every<is_space>},
    {"isupper", Tag::kString, is_case<true>},
    {"islower", Tag::kString, is_case<false>},
    {"partition", Tag::kString, partition<false>},
    {"rpartition", Tag::kString, partition<true>},
    {"format", Tag::kString, format},
};

}  // namespace

std::span<const Method> string_methods() {
  return kStringMethods;
}

}  // namespace fairlead::prompts::jinja
