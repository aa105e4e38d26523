#include "chains/internal/template.h"

#include <utility>

#include "platform/expr/json.h"
#include "platform/json/member.h"
#include "platform/json/text.h"

namespace fairlead::chains::internal {
namespace {

namespace bj = boost::json;

constexpr std::string_view kOpen = "${{", kClose = "}}";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// Where the expression that begins at `from` ends: a `}}` within quotes or after an open brace is its own.
std::size_t end_of_expression(std::string_view text, std::size_t from) {
  int braces = 0;
  for (std::size_t i = from; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\'' || c == '"') {
      const bool raw = i > from && (text[i - 1] == 'r' || text[i - 1] == 'R');
      for (++i; i < text.size() && text[i] != c; ++i)
        if (text[i] == '\\' && !raw) ++i;
    } else if (c == '{') {
      ++braces;
    } else if (c == '}' && braces > 0) {
      --braces;
    } else if (text.substr(i).starts_with(kClose)) {
      return i;
    }
  }
  return text.npos;
}

// As it stands in a text: a string as it is, anything else as JSON.
std::string text_of(const bj::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json::to_text(value);
}

Result<bj::value> evaluate(const expr::Expression& expression, const expr::Activation& variables,
                           expr::Evaluation& memory) {
  auto value = expression.evaluate(variables, memory);
  if (value) return expr::to_json(*value);
  Error error = value.error().error();
  error.message = "`" + expression.source() + "`: " + value.error().message;
  return fail(std::move(error));
}

std::shared_ptr<const expr::Expression> compile_expression(std::string_view source, const std::string& pointer,
                                                           const expr::Environment& environment, Faults& faults) {
  auto compiled = expr::Expression::compile(source, environment);
  if (compiled) return std::make_shared<const expr::Expression>(std::move(*compiled));
  faults.push_back(fault_of(compiled.error(), source, pointer));
  return nullptr;
}

}  // namespace

resources::SpecError fault_of(const expr::Fault& fault, std::string_view source, const std::string& pointer) {
  constexpr std::size_t kShown = 120;
  std::string shown(source.substr(0, kShown));
  if (source.size() > kShown) shown += "…";
  const std::string place = fault.line > 1 ? "line " + std::to_string(fault.line) + ", " : "";
  return {pointer, place + "column " + std::to_string(fault.column) + " of `" + shown + "`: " + fault.message};
}

Template Template::compile(const bj::value& source, const std::string& pointer, const expr::Environment& environment,
                           Faults& faults) {
  Template out;
  if (source.is_string()) {
    Text text = compile_text(source.get_string(), pointer, environment, faults);
    if (text.parts.empty())
      out.form_ = bj::value("");
    else if (text.parts.size() == 1 && text.parts[0].index() == 0)
      out.form_ = bj::value(std::get<std::string>(text.parts[0]));
    else
      out.form_ = std::move(text);
  } else if (source.is_array()) {
    List list;
    std::size_t place = 0;
    for (const bj::value& item : source.get_array())
      list.items.push_back(compile(item, pointer + "/" + std::to_string(place++), environment, faults));
    out.form_ = std::move(list);
  } else if (source.is_object()) {
    Object object;
    for (const auto& [name, value] : source.get_object())
      object.members.emplace_back(name, compile(value, pointer + "/" + json::pointer_token(name), environment, faults));
    out.form_ = std::move(object);
  } else {
    out.form_ = source;
  }
  return out;
}

Template::Text Template::compile_text(std::string_view source, const std::string& pointer,
                                      const expr::Environment& environment, Faults& faults) {
  Text text;
  std::string plain;
  while (!source.empty()) {
    const std::size_t open = source.find(kOpen);
    plain += source.substr(0, open);
    if (open == source.npos) break;
    if (open > 0 && source[open - 1] == '$') {  // `$${{` is `${{`
      plain += kOpen.substr(1);
      source.remove_prefix(open + kOpen.size());
      continue;
    }
    const std::size_t end = end_of_expression(source, open + kOpen.size());
    if (end == source.npos) {
      faults.push_back({pointer, "`${{` without `}}`."});
      return {};
    }
    const std::string_view inside = trimmed(source.substr(open + kOpen.size(), end - open - kOpen.size()));
    auto expression = compile_expression(inside, pointer, environment, faults);
    if (!expression) return {};
    if (!plain.empty()) text.parts.emplace_back(std::exchange(plain, {}));
    text.parts.emplace_back(std::move(expression));
    source.remove_prefix(end + kClose.size());
  }
  if (!plain.empty()) text.parts.emplace_back(std::move(plain));
  return text;
}

Result<bj::value> Template::make_text(const Text& text, const expr::Activation& variables, expr::Evaluation& memory) {
  if (text.is_lone()) return evaluate(*std::get<1>(text.parts[0]), variables, memory);
  std::string out;
  for (const auto& part : text.parts) {
    if (const auto* plain = std::get_if<std::string>(&part)) {
      out += *plain;
    } else {
      FAIRLEAD_TRY(const bj::value value, evaluate(*std::get<1>(part), variables, memory));
      out += text_of(value);
    }
  }
  return bj::value(out);
}

Result<bj::value> Template::make(const expr::Activation& variables, expr::Evaluation& memory) const {
  if (const auto* text = std::get_if<Text>(&form_)) return make_text(*text, variables, memory);
  if (const auto* list = std::get_if<List>(&form_)) {
    bj::array out;
    for (const Template& item : list->items) {
      FAIRLEAD_TRY(bj::value value, item.make(variables, memory));
      out.push_back(std::move(value));
    }
    return bj::value(std::move(out));
  }
  if (const auto* object = std::get_if<Object>(&form_)) {
    bj::object out;
    for (const auto& [name, member] : object->members) {
      FAIRLEAD_TRY(bj::value value, member.make(variables, memory));
      out.insert_or_assign(name, std::move(value));
    }
    return bj::value(std::move(out));
  }
  return std::get<bj::value>(form_);
}

expr::Type Template::type() const {
  if (const auto* text = std::get_if<Text>(&form_))
    return text->is_lone() ? std::get<1>(text->parts[0])->type() : expr::Type(expr::Kind::kString);
  if (const auto* list = std::get_if<List>(&form_)) {
    if (list->items.empty()) return expr::Type::list({});
    expr::Type items = list->items.front().type();
    for (const Template& item : list->items) items = expr::joined(items, item.type());
    return expr::Type::list(items);
  }
  if (const auto* object = std::get_if<Object>(&form_)) {
    if (object->members.empty()) return expr::Type::map(expr::Kind::kString, {});
    std::vector<std::pair<std::string, expr::Type>> fields;
    for (const auto& [name, member] : object->members) fields.emplace_back(name, member.type());
    return expr::Type::object(std::move(fields));
  }
  const bj::value& value = std::get<bj::value>(form_);
  if (value.is_string()) return expr::Kind::kString;
  if (value.is_bool()) return expr::Kind::kBool;
  if (value.is_int64()) return expr::Kind::kInt;
  if (value.is_double()) return expr::Kind::kDouble;
  return {};
}

std::string Template::source() const {
  std::string out;
  if (const auto* text = std::get_if<Text>(&form_)) {
    for (const auto& part : text->parts) {
      const auto* const plain = std::get_if<std::string>(&part);
      out += plain != nullptr ? json::quoted(*plain) : "${{" + std::get<1>(part)->source() + "}}";
    }
  } else if (const auto* list = std::get_if<List>(&form_)) {
    for (const Template& item : list->items) out += "," + item.source();
    out = "[" + out + "]";
  } else if (const auto* object = std::get_if<Object>(&form_)) {
    for (const auto& [name, member] : object->members) out += "," + json::quoted(name) + ":" + member.source();
    out = "{" + out + "}";
  } else {
    out = json::to_text(std::get<bj::value>(form_));
  }
  return out;
}

void Template::add_variables(std::set<std::string>& names) const {
  if (const auto* text = std::get_if<Text>(&form_)) {
    for (const auto& part : text->parts) {
      if (const auto* expression = std::get_if<1>(&part))
        for (std::string& name : (*expression)->variables()) names.insert(std::move(name));
    }
  } else if (const auto* list = std::get_if<List>(&form_)) {
    for (const Template& item : list->items) item.add_variables(names);
  } else if (const auto* object = std::get_if<Object>(&form_)) {
    for (const auto& [name, member] : object->members) member.add_variables(names);
  }
}

std::shared_ptr<const expr::Expression> compile_condition(const bj::value& source, const std::string& pointer,
                                                          const expr::Environment& environment, Faults& faults) {
  if (!source.is_string()) return nullptr;  // the schema says so
  std::string_view text = trimmed(source.get_string());
  if (text.starts_with(kOpen) && text.ends_with(kClose))
    text = trimmed(text.substr(kOpen.size(), text.size() - kOpen.size() - kClose.size()));
  auto expression = compile_expression(text, pointer, environment, faults);
  if (expression && !expression->type().dynamic() && !expression->type().is(expr::Kind::kBool)) {
    faults.push_back({pointer, "`" + std::string(text) + "` is of type " + expression->type().text() +
                                   "; a condition is true or false."});
    return nullptr;
  }
  return expression;
}

}  // namespace fairlead::chains::internal
