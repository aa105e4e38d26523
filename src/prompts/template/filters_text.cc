// Filters that make text.
#include <algorithm>
#include <cstdlib>

#include "prompts/template/compare.h"
#include "prompts/template/describe.h"
#include "prompts/template/functions.h"
#include "prompts/template/text.h"

namespace fairlead::prompts::jinja {
namespace {

using Names = const std::string_view[];

// The subject as text, then `make`, which returns a std::string.
template <class Make>
Value mapped(Context& context, std::string_view name, Value subject, const Arguments& arguments, Make make) {
  if (!take_arguments(context, name, arguments, {}, 0, {})) return Value::error();
  const Value text = to_text(context, subject);
  if (text.failed() || !context.spend(text.size / 8)) return Value::error();
  return context.copy(make(text.text()));
}

Value upper(Context& context, Value subject, const Arguments& arguments) {
  return mapped(context, "upper", subject, arguments, to_upper);
}
Value lower(Context& context, Value subject, const Arguments& arguments) {
  return mapped(context, "lower", subject, arguments, to_lower);
}
Value capitalize(Context& context, Value subject, const Arguments& arguments) {
  return mapped(context, "capitalize", subject, arguments, capitalized);
}

// Each word's first letter in upper case, the rest in lower; words end at white space, - ( { [ <.
std::string title_words(std::string_view text) {
  std::string out;
  std::size_t start = 0;
  const auto word = [&](std::size_t end) {
    if (end == start) return;
    const std::string_view piece = text.substr(start, end - start);
    const CodePoint first = first_code_point(piece);
    append_upper(out, first.value);
    out += to_lower(piece.substr(first.bytes));
  };
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = first_code_point(text.substr(at));
    if (is_space(c.value) || std::u32string_view(U"-({[<").find(c.value) != std::u32string_view::npos) {
      word(at);
      out += text.substr(at, c.bytes);
      start = at + c.bytes;
    }
    at += c.bytes;
  }
  word(text.size());
  return out;
}
Value title(Context& context, Value subject, const Arguments& arguments) {
  return mapped(context, "title", subject, arguments, title_words);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}
Value escape(Context& context, Value subject, const Arguments& arguments) {
  return mapped(context, "escape", subject, arguments, escaped);
}

Value string(Context& context, Value subject, const Arguments& arguments) {
  return take_arguments(context, "string", arguments, {}, 0, {}) ? to_text(context, subject) : Value::error();
}

std::string url_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) || std::string_view("_.-~/").find(c) != std::string_view::npos) {
      out += c;
    } else {
      static constexpr char kHex[] = "0123456789ABCDEF";
      out += {'%', kHex[static_cast<unsigned char>(c) >> 4], kHex[c & 15]};
    }
  }
  return out;
}
Value urlencode(Context& context, Value subject, const Arguments& arguments) {
  if (!subject.is(Tag::kDict)) return mapped(context, "urlencode", subject, arguments, url_encoded);
  Text out(context);
  for (const Entry& entry : *subject.dict) {
    const Value key = to_text(context, entry.key), value = to_text(context, entry.value);
    if (key.failed() || value.failed()) return Value::error();
    const auto in_query = [](std::string_view text) {
      const std::string encoded = url_encoded(text);
      std::string query;
      for (std::size_t i = 0; i < encoded.size(); ++i) {
        if (encoded[i] == '/') {
          query += "%2F";
        } else if (encoded.compare(i, 3, "%20") == 0) {
          query += '+';
          i += 2;
        } else {
          query += encoded[i];
        }
      }
      return query;
    };
    if (!out.view().empty() && !out.append("&")) return Value::error();
    if (!out.append(in_query(key.text()) + "=" + in_query(value.text()))) return Value::error();
  }
  return out.finish();
}

Value trim(Context& context, Value subject, const Arguments& arguments) {
  static constexpr Names kNames = {"chars"};
  Value given[1];
  std::string_view characters;
  if (!take_arguments(context, "trim", arguments, kNames, 0, given)) return Value::error();
  if (given[0].is(Tag::kNone)) given[0] = {};
  const Value text = to_text(context, subject);
  if (text.failed() || !context.spend_on(text.size) || !get_text(context, "trim", "chars", given[0], characters))
    return Value::error();
  return Value::of(given[0].absent() ? stripped(text.text()) : stripped(text.text(), Side::kBoth, characters));
}

Value replace(Context& context, Value subject, const Arguments& arguments) {
  static constexpr Names kNames = {"old", "new", "count"};
  Value given[3];
  std::int64_t count = -1;
  if (!take_arguments(context, "replace", arguments, kNames, 2, given)) return Value::error();
  if (given[2].is(Tag::kNone)) given[2] = {};
  const Value text = to_text(context, subject), before = to_text(context, given[0]), after = to_text(context, given[1]);
  if (text.failed() || before.failed() || after.failed() || !get_integer(context, "replace", "count", given[2], count))
    return Value::error();
  return replaced(context, text.text(), before.text(), after.text(), count);
}

Value indent(Context& context, Value subject, const Arguments& arguments) {
  static constexpr Names kNames = {"width", "first", "blank"};
  Value given[3];
  bool first = false, blank = false;
  std::string_view margin = "    ";
  std::string spaces;
  if (!take_arguments(context, "indent", arguments, kNames, 0, given)) return Value::error();
  if (given[0].is_integral()) {
    const std::int64_t width = std::max<std::int64_t>(given[0].as_integer(), 0);
    if (width > 1000) return context.fail(Fault::kValue, "`indent` goes up to a width of 1000.");
    margin = spaces = std::string(static_cast<std::size_t>(width), ' ');
  } else if (!get_text(context, "indent", "width", given[0], margin)) {
    return Value::error();
  }
  if (!get_flag(context, given[1], first) || !get_flag(context, given[2], blank)) return Value::error();
  const Value text = to_text(context, subject);
  if (text.failed()) return text;
  Text out(context);
  std::string_view rest = text.text();
  for (bool at_first = true;; at_first = false) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    const bool has_margin = at_first ? first : blank || !line.empty();
    if (!context.spend(1) || (has_margin && !out.append(margin)) || !out.append(line)) return Value::error();
    if (end == rest.size()) return out.finish();
    if (!out.append("\n")) return Value::error();
    rest.remove_prefix(end + 1);
  }
}

Value truncate(Context& context, Value subject, const Arguments& arguments) {
  static constexpr Names kNames = {"length", "killwords", "end", "leeway"};
  Value given[4];
  std::int64_t length = 255, leeway = 5;
  bool cut_words = false;
  std::string_view end = "...";
  if (!take_arguments(context, "truncate", arguments, kNames, 0, given)) return Value::error();
  if (given[3].is(Tag::kNone)) given[3] = {};
  if (!get_integer(context, "truncate", "length", given[0], length) || !get_flag(context, given[1], cut_words) ||
      !get_text(context, "truncate", "end", given[2], end) ||
      !get_integer(context, "truncate", "leeway", given[3], leeway)) {
    return Value::error();
  }
  const auto end_size = static_cast<std::int64_t>(code_points(end));
  if (length < end_size || leeway < 0)
    return context.fail(Fault::kValue,
                        "`truncate` wants a length that its `end` fits into, and a leeway of 0 or more.");
  const Value text = to_text(context, subject);
  if (text.failed() || !context.spend_on(text.size)) return Value::error();
  if (static_cast<std::int64_t>(code_points(text.text())) - leeway <= length) return text;
  std::string_view kept = text.text().substr(0, byte_of(text.text(), static_cast<std::size_t>(length - end_size)));
  if (!cut_words) kept = kept.substr(0, std::min(kept.rfind(' '), kept.size()));
  Text out(context);
  return out.append(kept) && out.append(end) ? out.finish() : Value::error();
}

Value center(Context& context, Value subject, const Arguments& arguments) {
  static constexpr Names kNames = {"width"};
  Value given[1];
  std::int64_t width = 80;
  if (!take_arguments(context, "center", arguments, kNames, 0, given) ||
      !get_integer(context, "center", "width", given[0], width))
    return Value::error();
  const Value text = to_text(context, subject);
  return text.failed() ? text : padded(context, text.text(), width, " ", Side::kBoth);
}

Value wordcount(Context& context, Value subject, const Arguments& arguments) {
  if (!take_arguments(context, "wordcount", arguments, {}, 0, {})) return Value::error();
  const Value text = to_text(context, subject);
  if (text.failed() || !context.spend_on(text.size)) return Value::error();
  std::int64_t words = 0;
  bool inside = false;
  for (std::string_view rest = text.text(); !rest.empty();) {
    const CodePoint c = first_code_point(rest);
    const bool part = c.value == '_' || is_alphanumeric(c.value);
    words += part && !inside;
    inside = part;
    rest.remove_prefix(c.bytes);
  }
  return Value::of(words);
}

Value tojson(Context& context, Value subject, const Arguments& arguments) {
  static constexpr Names kNames = {"indent"};
  Value given[1];
  std::int64_t width = -1;
  if (!take_arguments(context, "tojson", arguments, kNames, 0, given)) return Value::error();
  if (given[0].is(Tag::kNone)) given[0] = {};
  if (!get_integer(context, "tojson", "indent", given[0], width)) return Value::error();
  if (width > 16) return context.fail(Fault::kValue, "`tojson` indents by at most 16.");
  Text out(context);
  return write_json(context, out, subject, static_cast<int>(std::max<std::int64_t>(width, given[0].absent() ? -1 : 0)))
             ? out.finish()
             : Value::error();
}

Value format(Context& context, Value subject, const Arguments& arguments) {
  const Value text = to_text(context, subject);
  return text.failed() ? text : format_percent(context, text.text(), arguments);
}

constexpr Filter kFilters[] = {
    {"upper", upper},         {"lower", lower},   {"capitalize", capitalize},
    {"title", title},         {"escape", escape}, {"e", escape},
    {"forceescape", escape},  {"string", string}, {"safe", string},
    {"urlencode", urlencode}, {"trim", trim},     {"replace", replace},
    {"indent", indent},       {"center", center}, {"truncate", truncate},
    {"wordcount", wordcount}, {"tojson", tojson}, {"format", format},
};

}  // namespace

std::span<const Filter> text_filters() {
  return kFilters;
}

Value replaced(Context& context, std::string_view text, std::string_view before, std::string_view after,
               std::int64_t count) {
  Text out(context);
  std::uint64_t left = count < 0 ? UINT64_MAX : static_cast<std::uint64_t>(count);
  std::size_t at = 0;
  while (left > 0) {
    const std::size_t found = find(text, before, at);
    if (found == text.npos || !context.spend(1)) break;
    // An empty `before` is found before each character and at the end.
    if (!out.append(text.substr(at, found - at)) || !out.append(after)) return Value::error();
    --left;
    at = found + before.size();
    if (before.empty()) {
      if (at >= text.size()) return out.finish();
      const std::size_t bytes = first_code_point(text.substr(at)).bytes;
      if (!out.append(text.substr(at, bytes))) return Value::error();
      at += bytes;
    }
  }
  return out.append(text.substr(at)) ? out.finish() : Value::error();
}

Value padded(Context& context, std::string_view text, std::int64_t width, std::string_view fill, Side side) {
  const std::int64_t missing = width - static_cast<std::int64_t>(code_points(text));
  if (missing <= 0) return context.copy(text);
  std::int64_t left = side == Side::kLeft ? missing : side == Side::kRight ? 0 : missing / 2;
  if (side == Side::kBoth && missing % 2 == 1 && width % 2 == 1) ++left;  // as CPython's str.center
  Text out(context);
  return out.append(static_cast<std::size_t>(left), fill) && out.append(text) &&
                 out.append(static_cast<std::size_t>(missing - left), fill)
             ? out.finish()
             : Value::error();
}

}  // namespace fairlead::prompts::jinja
