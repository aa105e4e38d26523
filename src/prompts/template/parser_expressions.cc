#include <algorithm>
#include <charconv>

#include "base/suggest.h"
#include "prompts/template/functions.h"
#include "prompts/template/parser.h"
#include "prompts/template/text.h"

namespace fairlead::prompts::jinja {

bool Parser::take_operator(std::string_view text) {
  if (!is_operator(text)) return false;
  ++at_;
  return true;
}

bool Parser::take_name(std::string_view text) {
  if (!is_name(text)) return false;
  ++at_;
  return true;
}

std::unexpected<Error> Parser::unexpected(std::string_view wanted) const {
  const Token& found = token();
  std::string what = "`" + std::string(found.text) + "`";
  if (found.type == TokenType::kEnd) what = "the end of the template";
  if (found.type == TokenType::kBlockEnd || found.type == TokenType::kOutputEnd) what = "the end of the tag";
  if (found.type == TokenType::kString) what = "a string";
  return error("expected " + std::string(wanted) + ", found " + what + ".");
}

Result<void> Parser::expect_operator(std::string_view text) {
  if (!take_operator(text)) return unexpected("`" + std::string(text) + "`");
  return {};
}

Result<void> Parser::expect_block_end() {
  if (token().type != TokenType::kBlockEnd) return unexpected("`%}`");
  ++at_;
  return {};
}

bool Parser::reserved(std::string_view name) {
  static constexpr std::string_view kWords[] = {"true", "false", "none", "True", "False", "None", "and",
                                                "or",   "not",   "if",   "else", "elif",  "in",   "is"};
  return std::ranges::find(kWords, name) != std::end(kWords);
}

Result<std::string_view> Parser::expect_name(std::string_view what) {
  if (token().type != TokenType::kName || reserved(token().text)) return unexpected(what);
  return tokens_[at_++].text;
}

Result<NodeId> Parser::add(Node node, std::span<const NodeId> children) {
  int depth = 1;
  for (const NodeId child : children) depth = std::max(depth, depths_[child] + 1);
  if (depth > kMaxDepth) return error_at(node.position, "nested too deeply.");
  program_.nodes.push_back(node);
  depths_.push_back(static_cast<std::uint16_t>(depth));
  return static_cast<NodeId>(program_.nodes.size() - 1);
}

std::uint32_t Parser::add_numbers(std::span<const std::uint32_t> numbers) {
  const auto place = static_cast<std::uint32_t>(program_.numbers.size());
  program_.numbers.push_back(static_cast<std::uint32_t>(numbers.size()));
  program_.numbers.insert(program_.numbers.end(), numbers.begin(), numbers.end());
  return place;
}

std::uint32_t Parser::add_name(std::string_view name) {
  const auto [found, added] = name_places_.try_emplace(name, static_cast<std::uint32_t>(program_.names.size()));
  if (added) program_.names.emplace_back(name);
  return found->second;
}

Result<NodeId> Parser::add_constant(Value value, std::uint32_t position) {
  program_.constants.push_back(value);
  return add({Op::kConstant, 0, position, static_cast<std::uint32_t>(program_.constants.size() - 1)});
}

Result<NodeId> Parser::add_list(Op op, std::span<const NodeId> items, std::uint32_t position) {
  return add({op, 0, position, add_numbers(items)}, items);
}

// `a, b`, or one expression. In brackets, `()` is the empty tuple.
Result<NodeId> Parser::tuple(bool with_condition, bool parenthesised) {
  const std::uint32_t position = token().position;
  const auto at_end = [&] {
    return token().type == TokenType::kOutputEnd || token().type == TokenType::kBlockEnd ||
           token().type == TokenType::kEnd || is_operator(")");
  };
  if (parenthesised && is_operator(")")) return add_list(Op::kTuple, {}, position);
  FAIRLEAD_TRY(NodeId first, expression(with_condition));
  if (!is_operator(",")) return first;
  std::vector<NodeId> items{first};
  while (take_operator(",") && !at_end()) {
    FAIRLEAD_TRY(NodeId item, expression(with_condition));
    items.push_back(item);
  }
  return add_list(Op::kTuple, items, position);
}

Result<NodeId> Parser::expression(bool with_condition) {
  if (++nesting_ > kMaxNesting) return error("expressions are nested too deeply.");
  FAIRLEAD_TRY(NodeId result, or_expression());
  while (with_condition && is_name("if")) {
    const std::uint32_t position = token().position;
    ++at_;
    FAIRLEAD_TRY(NodeId test, or_expression());
    NodeId otherwise = kNone;
    if (take_name("else")) {
      FAIRLEAD_TRY(otherwise, expression());
      FAIRLEAD_TRY(result, add({Op::kCondition, 0, position, test, result, otherwise}, {test, result, otherwise}));
    } else {
      FAIRLEAD_TRY(result, add({Op::kCondition, 0, position, test, result, kNone}, {test, result}));
    }
  }
  --nesting_;
  return result;
}

Result<NodeId> Parser::or_expression() {
  FAIRLEAD_TRY(NodeId left, and_expression());
  while (is_name("or")) {
    const std::uint32_t position = tokens_[at_++].position;
    FAIRLEAD_TRY(NodeId right, and_expression());
    FAIRLEAD_TRY(left, add({Op::kOr, 0, position, left, right}, {left, right}));
  }
  return left;
}

Result<NodeId> Parser::and_expression() {
  FAIRLEAD_TRY(NodeId left, not_expression());
  while (is_name("and")) {
    const std::uint32_t position = tokens_[at_++].position;
    FAIRLEAD_TRY(NodeId right, not_expression());
    FAIRLEAD_TRY(left, add({Op::kAnd, 0, position, left, right}, {left, right}));
  }
  return left;
}

Result<NodeId> Parser::not_expression() {
  if (!is_name("not")) return comparison();
  const std::uint32_t position = tokens_[at_++].position;
  if (++nesting_ > kMaxNesting) return error("expressions are nested too deeply.");
  FAIRLEAD_TRY(NodeId operand, not_expression());
  --nesting_;
  return add({Op::kNot, 0, position, operand}, {operand});
}

Result<NodeId> Parser::comparison() {
  static constexpr std::pair<std::string_view, Operator> kSigns[] = {
      {"==", Operator::kEqual},       {"!=", Operator::kNotEqual}, {"<", Operator::kLess},
      {"<=", Operator::kLessOrEqual}, {">", Operator::kGreater},   {">=", Operator::kGreaterOrEqual}};
  const std::uint32_t position = token().position;
  FAIRLEAD_TRY(NodeId first, sum());
  std::vector<std::uint32_t> rest;
  std::vector<NodeId> children{first};
  while (true) {
    std::uint32_t sign = kNone;
    for (const auto& [text, candidate] : kSigns) {
      if (is_operator(text)) sign = static_cast<std::uint32_t>(candidate);
    }
    if (is_name("in")) sign = static_cast<std::uint32_t>(Operator::kIn);
    if (is_name("not") && ahead(1).type == TokenType::kName && ahead(1).text == "in") {
      sign = static_cast<std::uint32_t>(Operator::kNotIn);
      ++at_;
    }
    if (sign == kNone) break;
    ++at_;
    FAIRLEAD_TRY(NodeId operand, sum());
    rest.push_back(sign);
    rest.push_back(operand);
    children.push_back(operand);
  }
  if (rest.empty()) return first;
  return add({Op::kCompare, 0, position, first, add_numbers(rest)}, children);
}

Result<NodeId> Parser::sum() {
  FAIRLEAD_TRY(NodeId left, concatenation());
  while (is_operator("+") || is_operator("-")) {
    const Token& sign = tokens_[at_++];
    const Operator op = sign.text == "+" ? Operator::kAdd : Operator::kSubtract;
    FAIRLEAD_TRY(NodeId right, concatenation());
    FAIRLEAD_TRY(left, add({Op::kBinary, static_cast<std::uint8_t>(op), sign.position, left, right}, {left, right}));
  }
  return left;
}

Result<NodeId> Parser::concatenation() {
  const std::uint32_t position = token().position;
  FAIRLEAD_TRY(NodeId first, product());
  if (!is_operator("~")) return first;
  std::vector<NodeId> items{first};
  while (take_operator("~")) {
    FAIRLEAD_TRY(NodeId item, product());
    items.push_back(item);
  }
  return add_list(Op::kConcat, items, position);
}

Result<NodeId> Parser::product() {
  static constexpr std::pair<std::string_view, Operator> kSigns[] = {
      {"*", Operator::kMultiply}, {"/", Operator::kDivide}, {"//", Operator::kFloorDivide}, {"%", Operator::kModulo}};
  FAIRLEAD_TRY(NodeId left, power());
  while (token().type == TokenType::kOperator) {
    const auto sign = std::ranges::find(kSigns, token().text, [](const auto& pair) { return pair.first; });
    if (sign == std::end(kSigns)) break;
    const std::uint32_t position = tokens_[at_++].position;
    FAIRLEAD_TRY(NodeId right, power());
    FAIRLEAD_TRY(left,
                 add({Op::kBinary, static_cast<std::uint8_t>(sign->second), position, left, right}, {left, right}));
  }
  return left;
}

Result<NodeId> Parser::power() {
  FAIRLEAD_TRY(NodeId left, unary(true));
  while (is_operator("**")) {
    const std::uint32_t position = tokens_[at_++].position;
    FAIRLEAD_TRY(NodeId right, unary(true));
    FAIRLEAD_TRY(left,
                 add({Op::kBinary, static_cast<std::uint8_t>(Operator::kPower), position, left, right}, {left, right}));
  }
  return left;
}

Result<NodeId> Parser::unary(bool with_filters) {
  const std::uint32_t position = token().position;
  NodeId node = kNone;
  if (is_operator("-") || is_operator("+")) {
    const Op op = is_operator("-") ? Op::kNegative : Op::kPositive;
    ++at_;
    if (++nesting_ > kMaxNesting) return error("expressions are nested too deeply.");
    FAIRLEAD_TRY(NodeId operand, unary(false));
    --nesting_;
    FAIRLEAD_TRY(node, add({op, 0, position, operand}, {operand}));
  } else {
    FAIRLEAD_TRY(node, primary());
  }
  FAIRLEAD_TRY(node, postfix(node));
  if (!with_filters) return node;
  return filters(node);
}

Result<NodeId> Parser::primary() {
  const Token& first = token();
  switch (first.type) {
    case TokenType::kName: {
      if (first.text == "true" || first.text == "True") return ++at_, add_constant(Value::of(true), first.position);
      if (first.text == "false" || first.text == "False") return ++at_, add_constant(Value::of(false), first.position);
      if (first.text == "none" || first.text == "None") return ++at_, add_constant(Value::none(), first.position);
      if (reserved(first.text)) return unexpected("a value");
      ++at_;
      return add({Op::kName, 0, first.position, add_name(first.text)});
    }
    case TokenType::kString:
      return string_literal();
    case TokenType::kInteger:
      return integer_literal();
    case TokenType::kFloat:
      return float_literal();
    default:
      break;
  }
  if (is_operator("[")) return list_literal();
  if (is_operator("{")) return dict_literal();
  if (!take_operator("(")) return unexpected("a value");
  FAIRLEAD_TRY(NodeId inner, tuple(true, true));
  FAIRLEAD_CHECK(expect_operator(")"));
  return inner;
}

Result<NodeId> Parser::postfix(NodeId subject) {
  while (true) {
    if (is_operator(".")) {
      FAIRLEAD_TRY(subject, attribute(subject));
    } else if (is_operator("[")) {
      FAIRLEAD_TRY(subject, subscript(subject));
    } else if (is_operator("(")) {
      const std::uint32_t position = program_.nodes[subject].position;
      FAIRLEAD_TRY(ArgumentList list, arguments());
      list.nodes.push_back(subject);
      FAIRLEAD_TRY(subject, add({Op::kCall, 0, position, subject, list.place}, list.nodes));
    } else {
      return subject;
    }
  }
}

Result<NodeId> Parser::attribute(NodeId subject) {
  ++at_;
  const Token& member = token();
  if (member.type == TokenType::kInteger) {
    FAIRLEAD_TRY(NodeId place, integer_literal());
    return add({Op::kItem, 0, member.position, subject, place}, {subject, place});
  }
  if (member.type != TokenType::kName) return unexpected("the name of an attribute");
  ++at_;
  const int method = find_method(member.text);
  return add({Op::kAttribute, 0, member.position, subject, add_name(member.text),
              method < 0 ? kNone : static_cast<std::uint32_t>(method)},
             {subject});
}

Result<NodeId> Parser::subscript(NodeId subject) {
  const std::uint32_t position = tokens_[at_++].position;
  std::uint32_t parts[3] = {kNone, kNone, kNone};
  std::vector<NodeId> children{subject};
  int colons = 0;
  while (!is_operator("]")) {
    if (is_operator(":") && colons < 2) {
      ++colons;
      ++at_;
      continue;
    }
    if (parts[colons] != kNone) return unexpected("`]`");
    FAIRLEAD_TRY(parts[colons], expression());
    children.push_back(parts[colons]);
  }
  ++at_;
  if (colons > 0) return add({Op::kSlice, 0, position, subject, add_numbers(parts)}, children);
  if (parts[0] == kNone) return error_at(position, "an empty subscript.");
  return add({Op::kItem, 0, position, subject, parts[0]}, children);
}

Result<Parser::ArgumentList> Parser::arguments() {
  FAIRLEAD_CHECK(expect_operator("("));
  std::vector<std::uint32_t> positional, keywords;
  ArgumentList list;
  while (!is_operator(")")) {
    if (!list.nodes.empty()) FAIRLEAD_CHECK(expect_operator(","));
    if (is_operator(")")) break;
    if (is_operator("*") || is_operator("**"))
      return error("arguments from a list or a mapping (`*`, `**`) are not offered.");
    std::uint32_t name = kNone;
    if (token().type == TokenType::kName && ahead(1).type == TokenType::kOperator && ahead(1).text == "=") {
      name = add_name(token().text);
      for (std::size_t i = 0; i < keywords.size(); i += 2) {
        if (keywords[i] == name) return error("the argument `" + std::string(token().text) + "` is there twice.");
      }
      at_ += 2;
    } else if (!keywords.empty()) {
      return error("an argument without a name follows one that has one.");
    }
    FAIRLEAD_TRY(NodeId value, expression());
    list.nodes.push_back(value);
    if (name == kNone) {
      positional.push_back(value);
    } else {
      keywords.push_back(name);
      keywords.push_back(value);
    }
  }
  ++at_;
  if (positional.size() > 1000 || keywords.size() > 1000) return error("too many arguments.");
  auto& numbers = program_.numbers;
  list.place = static_cast<std::uint32_t>(numbers.size());
  numbers.push_back(static_cast<std::uint32_t>(positional.size()));
  numbers.push_back(static_cast<std::uint32_t>(keywords.size() / 2));
  numbers.insert(numbers.end(), positional.begin(), positional.end());
  numbers.insert(numbers.end(), keywords.begin(), keywords.end());
  return list;
}

Result<NodeId> Parser::filters(NodeId subject) {
  while (true) {
    if (take_operator("|")) {
      FAIRLEAD_TRY(subject, filter(subject));
    } else if (is_name("is")) {
      FAIRLEAD_TRY(subject, test(subject));
    } else if (is_operator("(")) {  // a call of what a filter gave
      FAIRLEAD_TRY(subject, postfix(subject));
    } else {
      return subject;
    }
  }
}

Result<NodeId> Parser::filter(NodeId subject) {
  const Token& name = token();
  if (name.type != TokenType::kName) return unexpected("the name of a filter");
  const int found = find_filter(name.text);
  if (found < 0) {
    const std::string text(name.text);
    return error("unknown filter `" + text + "`." + did_you_mean(text, filter_names()));
  }
  ++at_;
  ArgumentList list;
  if (is_operator("(")) {
    FAIRLEAD_TRY(list, arguments());
  }
  list.nodes.push_back(subject);
  return add({Op::kFilter, 0, name.position, subject, list.place, static_cast<std::uint32_t>(found)}, list.nodes);
}

Result<NodeId> Parser::test(NodeId subject) {
  ++at_;
  const bool negated = take_name("not");
  const Token& name = token();
  if (name.type != TokenType::kName) return unexpected("the name of a test");
  const int found = find_test(name.text);
  if (found < 0) {
    const std::string text(name.text);
    return error("unknown test `" + text + "`." + did_you_mean(text, test_names()));
  }
  ++at_;
  ArgumentList list;
  const bool bare_argument = token().type == TokenType::kString || token().type == TokenType::kInteger ||
                             token().type == TokenType::kFloat || is_operator("[") || is_operator("{") ||
                             (token().type == TokenType::kName && !is_name("else") && !is_name("or") &&
                              !is_name("and") && !is_name("is") && !is_name("if") && !is_name("in") && !is_name("not"));
  if (is_operator("(")) {
    FAIRLEAD_TRY(list, arguments());
  } else if (bare_argument) {
    FAIRLEAD_TRY(NodeId argument, primary());
    FAIRLEAD_TRY(argument, postfix(argument));
    list.nodes.push_back(argument);
    list.place = static_cast<std::uint32_t>(program_.numbers.size());
    program_.numbers.insert(program_.numbers.end(), {1, 0, argument});
  }
  list.nodes.push_back(subject);
  return add({Op::kTest, negated, name.position, subject, list.place, static_cast<std::uint32_t>(found)}, list.nodes);
}

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
