#include <algorithm>

#include "base/suggest.h"
#include "prompts/template/functions.h"
#include "prompts/template/parser.h"

namespace fairlead::prompts::jinja {

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

}  // namespace fairlead::prompts::jinja
