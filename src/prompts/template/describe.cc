#include "prompts/template/describe.h"

#include <cmath>
#include <vector>

#include "base/suggest.h"
#include "platform/json/text.h"
#include "prompts/template/text.h"

namespace fairlead::prompts::jinja {

std::string_view type_name(Value value) {
  switch (value.tag) {
    case Tag::kNone:
      return "none";
    case Tag::kBool:
      return "a boolean";
    case Tag::kInt:
      return "an integer";
    case Tag::kFloat:
      return "a float";
    case Tag::kString:
      return "a string";
    case Tag::kList:
      return value.list->form == List::Form::kList ? "a list" : "a tuple";
    case Tag::kDict:
      return "a mapping";
    case Tag::kRange:
      return "a range";
    case Tag::kNamespace:
      return "a namespace";
    case Tag::kLoop:
      return "the loop";
    case Tag::kMacro:
      return "a macro";
    case Tag::kBound:
      return "a function";
    case Tag::kUndefined:
    case Tag::kAbsent:
    case Tag::kError:
      break;
  }
  return "an undefined value";
}

std::string suggestion_for(Value of, std::string_view member) {
  const Dict* dict = of.is(Tag::kDict) ? of.dict : of.is(Tag::kNamespace) ? of.space->members : nullptr;
  if (!dict || member.size() > 64) return {};
  std::vector<std::string> names;
  for (const Entry& entry : *dict) {
    if (entry.key.is_string() && entry.key.size <= 64) names.emplace_back(entry.key.text());
    if (names.size() == 100) break;
  }
  return did_you_mean(member, names);
}

static std::string number_text(Value value) {
  return value.is(Tag::kInt) ? std::to_string(value.integer) : float_text(value.number);
}

bool write_text(Context& context, Text& out, Value value) {
  switch (value.tag) {
    case Tag::kString:
      return out.append(value.text());
    case Tag::kUndefined:
      return value.lenient || (context.fail_undefined(value), false);
    default:
      return write_repr(context, out, value);
  }
}

Value to_text(Context& context, Value value) {
  if (value.is_string()) return value;
  Text out(context);
  return write_text(context, out, value) ? out.finish() : Value::error();
}

static bool write_quoted(Text& out, std::string_view text) {
  const bool double_quotes = text.find('\'') != text.npos && text.find('"') == text.npos;
  const char quote = double_quotes ? '"' : '\'';
  std::string quoted(1, quote);
  while (!text.empty()) {
    const CodePoint c = first_code_point(text);
    char escape[16];
    if (c.value == static_cast<unsigned char>(quote) || c.value == '\\') {
      quoted += '\\';
      quoted += text[0];
    } else if (c.value == '\n') {
      quoted += "\\n";
    } else if (c.value == '\r') {
      quoted += "\\r";
    } else if (c.value == '\t') {
      quoted += "\\t";
    } else if (is_printable(c.value)) {
      quoted += text.substr(0, c.bytes);
    } else {
      const char* form = c.value < 0x100 ? "\\x%02x" : c.value < 0x10000 ? "\\u%04x" : "\\U%08x";
      std::snprintf(escape, sizeof escape, form, static_cast<unsigned>(c.value));
      quoted += escape;
    }
    text.remove_prefix(c.bytes);
  }
  quoted += quote;
  return out.append(quoted);
}

static bool write_list(Context& context, Text& out, const List& list) {
  const bool tuple = list.form != List::Form::kList;
  if (!out.append(tuple ? "(" : "[")) return false;
  for (std::uint32_t i = 0; i < list.size; ++i) {
    if (i > 0 && !out.append(", ")) return false;
    if (!write_repr(context, out, list.items[i])) return false;
  }
  return out.append(tuple ? (list.size == 1 ? ",)" : ")") : "]");
}

static bool write_dict(Context& context, Text& out, const Dict& dict) {
  bool first = true;
  if (!out.append("{")) return false;
  for (const Entry& entry : dict) {
    if (!first && !out.append(", ")) return false;
    first = false;
    if (!write_repr(context, out, entry.key) || !out.append(": ") || !write_repr(context, out, entry.value))
      return false;
  }
  return out.append("}");
}

bool write_repr(Context& context, Text& out, Value value) {
  Context::Deeper deeper(context);
  if (!deeper || !context.spend(1)) return false;
  switch (value.tag) {
    case Tag::kNone:
      return out.append("None");
    case Tag::kBool:
      return out.append(value.boolean ? "True" : "False");
    case Tag::kInt:
    case Tag::kFloat:
      return out.append(number_text(value));
    case Tag::kString:
      return write_quoted(out, value.text());
    case Tag::kList:
      return write_list(context, out, *value.list);
    case Tag::kDict:
      return write_dict(context, out, *value.dict);
    case Tag::kNamespace:
      return out.append("<Namespace ") && write_dict(context, out, *value.space->members) && out.append(">");
    case Tag::kRange: {
      const Range& range = *value.range;
      const std::string step = range.step == 1 ? "" : ", " + std::to_string(range.step);
      return out.append("range(" + std::to_string(range.start) + ", " + std::to_string(range.at(range.size)) + step +
                        ")");
    }
    case Tag::kUndefined:
      return out.append("Undefined");
    case Tag::kLoop:
      return out.append("<loop>");
    case Tag::kMacro:
      return out.append("<macro>");
    case Tag::kBound:
      return out.append("<function>");
    case Tag::kAbsent:
    case Tag::kError:
      break;
  }
  return false;
}

static bool write_line(Text& out, int indent, int level) {
  return indent < 0 ||
         (out.append("\n") && out.append(static_cast<std::size_t>(indent) * static_cast<std::size_t>(level), " "));
}

static bool write_json_key(Context& context, Text& out, Value key) {
  switch (key.tag) {
    case Tag::kString:
      return write_json(context, out, key, -1);
    case Tag::kNone:
      return out.append("\"null\"");
    case Tag::kBool:
      return out.append(key.boolean ? "\"true\"" : "\"false\"");
    case Tag::kInt:
    case Tag::kFloat:
      return out.append("\"" + number_text(key) + "\"");
    default:
      context.fail(Fault::kType, std::string(type_name(key)) + " cannot be a member's name in JSON.");
      return false;
  }
}

static bool write_json_list(Context& context, Text& out, const List& list, int indent, int level) {
  if (list.size == 0) return out.append("[]");
  if (!out.append("[")) return false;
  for (std::uint32_t i = 0; i < list.size; ++i) {
    if (i > 0 && !out.append(indent < 0 ? ", " : ",")) return false;
    if (!write_line(out, indent, level + 1) || !write_json(context, out, list.items[i], indent, level + 1))
      return false;
  }
  return write_line(out, indent, level) && out.append("]");
}

static bool write_json_dict(Context& context, Text& out, const Dict& dict, int indent, int level) {
  if (dict.size == 0) return out.append("{}");
  bool first = true;
  if (!out.append("{")) return false;
  for (const Entry& entry : dict) {
    if (!first && !out.append(indent < 0 ? ", " : ",")) return false;
    first = false;
    if (!write_line(out, indent, level + 1) || !write_json_key(context, out, entry.key) || !out.append(": ") ||
        !write_json(context, out, entry.value, indent, level + 1)) {
      return false;
    }
  }
  return write_line(out, indent, level) && out.append("}");
}

bool write_json(Context& context, Text& out, Value value, int indent, int level) {
  Context::Deeper deeper(context);
  if (!deeper || !context.spend(1)) return false;
  switch (value.tag) {
    case Tag::kNone:
      return out.append("null");
    case Tag::kBool:
      return out.append(value.boolean ? "true" : "false");
    case Tag::kInt:
      return out.append(number_text(value));
    case Tag::kFloat:
      if (std::isfinite(value.number)) return out.append(number_text(value));
      context.fail(Fault::kValue, number_text(value) + " has no form in JSON.");
      return false;
    case Tag::kString:
      return context.charge(value.size) && (context.release(value.size), out.append(json::quoted(value.text())));
    case Tag::kList:
      return write_json_list(context, out, *value.list, indent, level);
    case Tag::kDict:
      return write_json_dict(context, out, *value.dict, indent, level);
    case Tag::kUndefined:
      context.fail_undefined(value);
      return false;
    default:
      context.fail(Fault::kType, std::string(type_name(value)) + " has no form in JSON.");
      return false;
  }
}

}  // namespace fairlead::prompts::jinja
