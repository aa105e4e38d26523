// What stands for a value of its own: lists, mappings, numbers, strings.
#include <charconv>
#include <cstdlib>

#include "prompts/template/parser.h"
#include "prompts/template/text.h"

namespace fairlead::prompts::jinja {

Result<NodeId> Parser::list_literal() {
  const std::uint32_t position = tokens_[at_++].position;
  std::vector<NodeId> items;
  while (!is_operator("]")) {
    if (!items.empty()) FAIRLEAD_CHECK(expect_operator(","));
    if (is_operator("]")) break;
    FAIRLEAD_TRY(NodeId item, expression());
    items.push_back(item);
  }
  ++at_;
  return add_list(Op::kList, items, position);
}

Result<NodeId> Parser::dict_literal() {
  const std::uint32_t position = tokens_[at_++].position;
  std::vector<NodeId> items;
  while (!is_operator("}")) {
    if (!items.empty()) FAIRLEAD_CHECK(expect_operator(","));
    if (is_operator("}")) break;
    FAIRLEAD_TRY(NodeId key, expression());
    FAIRLEAD_CHECK(expect_operator(":"));
    FAIRLEAD_TRY(NodeId value, expression());
    items.push_back(key);
    items.push_back(value);
  }
  ++at_;
  return add_list(Op::kDict, items, position);
}

Result<NodeId> Parser::integer_literal() {
  const Token& literal = tokens_[at_++];
  std::string digits(literal.text);
  std::erase(digits, '_');
  int base = 10;
  if (digits.size() > 2 && digits[0] == '0' && !(digits[1] >= '0' && digits[1] <= '9')) {
    base = (digits[1] | 32) == 'x' ? 16 : (digits[1] | 32) == 'o' ? 8 : 2;
    digits.erase(0, 2);
  }
  std::int64_t value = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (fault == std::errc::result_out_of_range) return error_at(literal.position, "this integer has more than 64 bits.");
  const bool leading_zero = base == 10 && digits[0] == '0' && value != 0;
  if (fault != std::errc() || end != digits.data() + digits.size() || leading_zero) {
    return error_at(literal.position, "`" + std::string(literal.text) + "` is not an integer.");
  }
  return add_constant(Value::of(value), literal.position);
}

Result<NodeId> Parser::float_literal() {
  const Token& literal = tokens_[at_++];
  std::string digits(literal.text);
  std::erase(digits, '_');
  double value = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc())
    value = std::strtod(digits.c_str(), nullptr);
  return add_constant(Value::of(value), literal.position);
}

// The text of a literal, escapes decoded as Python's unicode-escape does. False: an escape that makes no character.
static bool decode_escapes(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    static constexpr std::string_view kFrom = "ntrabfv\\'\"", kTo = "\n\t\r\a\b\f\v\\'\"";
    if (const auto simple = kFrom.find(c); simple != kFrom.npos) {
      out += kTo[simple];
    } else if (c == '\n') {
    } else if (c == 'x' || c == 'u' || c == 'U') {
      const std::size_t count = c == 'x' ? 2 : c == 'u' ? 4 : 8;
      if (text.size() - i - 1 < count) return false;
      std::uint32_t value = 0;
      const char* digits = text.data() + i + 1;
      if (std::from_chars(digits, digits + count, value, 16).ptr != digits + count) return false;
      if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return false;
      append_code_point(out, value);
      i += count;
    } else if (c >= '0' && c <= '7') {
      std::uint32_t value = 0;
      std::size_t digits = 0;
      for (; digits < 3 && i + digits < text.size() && text[i + digits] >= '0' && text[i + digits] <= '7'; ++digits) {
        value = value * 8 + static_cast<std::uint32_t>(text[i + digits] - '0');
      }
      append_code_point(out, value);
      i += digits - 1;
    } else if (c == 'N') {
      return false;
    } else {
      out += '\\';
      out += c;
    }
  }
  return true;
}

Result<NodeId> Parser::string_literal() {
  const Token& first = token();
  std::string joined;
  bool plain = true;
  std::size_t count = 0;
  for (; token().type == TokenType::kString; ++at_, ++count) {
    plain = plain && token().text.find('\\') == std::string_view::npos;
    if (!decode_escapes(token().text, joined)) return error("this string has an escape that makes no character.");
  }
  if (plain && count == 1) return add_constant(Value::of(first.text), first.position);
  program_.texts.push_back(std::move(joined));
  return add_constant(Value::of(std::string_view(program_.texts.back())), first.position);
}

}  // namespace fairlead::prompts::jinja
