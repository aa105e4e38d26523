#include "platform/expr/internal/parser.h"

#include <algorithm>
#include <optional>

#include "base/result.h"

namespace fairlead::expr::internal {

std::string_view sign_of(BinaryOp op) {
  static constexpr std::string_view kSigns[] = {"==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "%"};
  return kSigns[static_cast<std::size_t>(op)];
}

class Parser::Deeper {
 public:
  explicit Deeper(Parser& parser) : parser_(parser) { ++parser_.nesting_; }
  ~Deeper() { --parser_.nesting_; }
  Deeper(const Deeper&) = delete;
  Deeper& operator=(const Deeper&) = delete;
  explicit operator bool() const { return parser_.nesting_ <= kMaxNesting; }

 private:
  Parser& parser_;
};

bool Parser::take(std::string_view sign) {
  if (!is(sign)) return false;
  ++at_;
  return true;
}

std::unexpected<Failure> Parser::unexpected(std::string_view wanted) const {
  const bool end = token().type == TokenType::kEnd;
  return error("expected " + std::string(wanted) + ", found " +
               (end ? "the end of the expression" : "`" + std::string(token().text) + "`") + ".");
}

std::unexpected<Failure> Parser::too_deep() const {
  return error("nested too deeply: at most " + std::to_string(kMaxNesting) + " brackets, signs and branches.");
}

Tried<void> Parser::expect(std::string_view sign, std::string_view why) {
  if (!take(sign)) return unexpected("`" + std::string(sign) + "` " + std::string(why));
  return {};
}

Tried<Tree> Parser::run() {
  FAIRLEAD_TRY(tokens_, tokens_of(source_));
  if (token().type == TokenType::kEnd) return error("the expression is empty.");
  FAIRLEAD_TRY(tree_.root, expression());
  if (token().type != TokenType::kEnd) return unexpected("an operator or the end of the expression");
  return std::move(tree_);
}

Tried<NodeId> Parser::add(Node node, std::span<const NodeId> children) {
  int depth = 1;
  for (const NodeId child : children) depth = std::max(depth, tree_.nodes[child].depth + 1);
  if (depth > kMaxDepth)
    return failure(node.at,
                   "nested too deeply: at most " + std::to_string(kMaxDepth) +
                       " operators or fields inside one another. Long chains of `||` are lists: `x in [a, b]`.");
  node.depth = static_cast<std::uint16_t>(depth);
  node.end = last_end();
  tree_.nodes.push_back(node);
  return static_cast<NodeId>(tree_.nodes.size() - 1);
}

std::uint32_t Parser::add_list(std::span<const NodeId> nodes) {
  const auto place = static_cast<std::uint32_t>(tree_.lists.size());
  tree_.lists.push_back(static_cast<std::uint32_t>(nodes.size()));
  tree_.lists.insert(tree_.lists.end(), nodes.begin(), nodes.end());
  return place;
}

std::uint32_t Parser::add_name(std::string_view name) {
  const auto found = std::ranges::find(tree_.names, name);
  if (found != tree_.names.end()) return static_cast<std::uint32_t>(found - tree_.names.begin());
  tree_.names.emplace_back(name);
  return static_cast<std::uint32_t>(tree_.names.size() - 1);
}

Tried<NodeId> Parser::add_constant(Value value, std::uint32_t start) {
  tree_.constants.push_back(value);
  const auto place = static_cast<std::uint32_t>(tree_.constants.size() - 1);
  return add({.kind = NodeKind::kConstant, .start = start, .at = start, .a = place}, {});
}

Tried<NodeId> Parser::expression() {
  const Deeper deeper(*this);
  if (!deeper) return too_deep();
  const std::uint32_t start = token().start;
  FAIRLEAD_TRY(NodeId test, operators(1));
  if (!is("?")) return test;
  const std::uint32_t at = token().start;
  ++at_;
  FAIRLEAD_TRY(NodeId yes, operators(1));
  FAIRLEAD_CHECK(expect(":", "and what holds otherwise"));
  FAIRLEAD_TRY(NodeId otherwise, expression());
  return add({.kind = NodeKind::kCondition, .start = start, .at = at, .a = test, .b = yes, .c = otherwise},
             {test, yes, otherwise});
}

namespace {

struct Binary {
  std::string_view sign;
  int strength;
  NodeKind kind;
  BinaryOp op;
};
constexpr Binary kBinary[] = {
    {"||", 1, NodeKind::kOr, {}},
    {"&&", 2, NodeKind::kAnd, {}},
    {"==", 3, NodeKind::kBinary, BinaryOp::kEqual},
    {"!=", 3, NodeKind::kBinary, BinaryOp::kNotEqual},
    {"<", 3, NodeKind::kBinary, BinaryOp::kLess},
    {"<=", 3, NodeKind::kBinary, BinaryOp::kLessOrEqual},
    {">", 3, NodeKind::kBinary, BinaryOp::kGreater},
    {">=", 3, NodeKind::kBinary, BinaryOp::kGreaterOrEqual},
    {"in", 3, NodeKind::kBinary, BinaryOp::kIn},
    {"+", 4, NodeKind::kBinary, BinaryOp::kAdd},
    {"-", 4, NodeKind::kBinary, BinaryOp::kSubtract},
    {"*", 5, NodeKind::kBinary, BinaryOp::kMultiply},
    {"/", 5, NodeKind::kBinary, BinaryOp::kDivide},
    {"%", 5, NodeKind::kBinary, BinaryOp::kModulo},
};

const Binary* binary_of(const Token& token) {
  if (token.type != TokenType::kOperator && token.type != TokenType::kName) return nullptr;
  const auto* const found = std::ranges::find(kBinary, token.text, &Binary::sign);
  return found == std::end(kBinary) ? nullptr : found;
}

}  // namespace

// All are left-associative: operands of `least` strength or more are taken.
Tried<NodeId> Parser::operators(int least) {
  const std::uint32_t start = token().start;
  FAIRLEAD_TRY(NodeId left, unary());
  while (true) {
    const Binary* const binary = binary_of(token());
    if (binary == nullptr || binary->strength < least) return left;
    const std::uint32_t at = token().start;
    ++at_;
    FAIRLEAD_TRY(NodeId right, operators(binary->strength + 1));
    FAIRLEAD_TRY(left, add({.kind = binary->kind,
                            .op = static_cast<std::uint8_t>(binary->op),
                            .start = start,
                            .at = at,
                            .a = left,
                            .b = right},
                           {left, right}));
  }
}

Tried<NodeId> Parser::unary() {
  if (!is("!") && !is("-")) return member();
  const bool negative = is("-");
  std::vector<std::uint32_t> places;
  while (is(negative ? "-" : "!")) {
    // The sign of a number belongs to it, so that the least integer can be written.
    const TokenType next = tokens_[at_ + 1].type;
    if (negative && (next == TokenType::kInt || next == TokenType::kDouble)) break;
    places.push_back(token().start);
    ++at_;
  }
  if (!negative && is("-")) return error("`!` stands before a condition, not before a number.");
  if (negative && is("!")) return error("`-` stands before a number, not before a condition.");
  FAIRLEAD_TRY(NodeId node, member());
  for (std::size_t i = places.size(); i-- > 0;) {
    FAIRLEAD_TRY(
        node,
        add({.kind = negative ? NodeKind::kNegate : NodeKind::kNot, .start = places[i], .at = places[i], .a = node},
            {node}));
  }
  return node;
}

Tried<NodeId> Parser::member() {
  const std::uint32_t start = token().start;
  FAIRLEAD_TRY(NodeId node, primary());
  while (true) {
    if (is(".")) {
      FAIRLEAD_TRY(node, field(node));
    } else if (is("[")) {
      const std::uint32_t at = token().start;
      ++at_;
      if (is("?")) return unsupported("optional values are not supported: ask `has(a.b)` or `key in map` first.");
      FAIRLEAD_TRY(NodeId subscript, expression());
      FAIRLEAD_CHECK(expect("]", "after the subscript"));
      FAIRLEAD_TRY(node, add({.kind = NodeKind::kIndex, .start = start, .at = at, .a = node, .b = subscript},
                             {node, subscript}));
    } else if (is("{")) {
      return unsupported("messages (`Name{…}`) are not supported: there are no protobuf types here; write a map.");
    } else {
      return node;
    }
  }
}

Tried<NodeId> Parser::field(NodeId operand) {
  ++at_;
  const std::uint32_t start = tree_.nodes[operand].start;
  if (is("?")) return unsupported("optional values are not supported: ask `has(a.b)` first.");
  const Token selector = token();
  if (selector.type != TokenType::kName && selector.type != TokenType::kEscapedName)
    return unexpected("the name of a field or a function after `.`");
  if (selector.type == TokenType::kName && is_keyword(selector.text))
    return error("`" + std::string(selector.text) + "` is a word of the language; write [\"" +
                 std::string(selector.text) + "\"] for a field of that name.");
  ++at_;
  if (selector.type == TokenType::kName && take("(")) return call(operand, selector.text, start, selector.start);
  return add(
      {.kind = NodeKind::kField, .start = start, .at = selector.start, .a = operand, .b = add_name(selector.text)},
      {operand});
}

// After the opening bracket, through the closing one.
Tried<std::vector<NodeId>> Parser::items(std::string_view end) {
  std::vector<NodeId> out;
  while (!is(end)) {
    if (end == "]" && is("?")) return unsupported("optional values are not supported in lists.");
    FAIRLEAD_TRY(NodeId item, expression());
    out.push_back(item);
    if (!take(",")) break;
    if (is(end) && end == ")") return error("an argument is missing before `)`.");
  }
  FAIRLEAD_CHECK(expect(end, end == ")" ? "after the arguments" : "or `,` after an item"));
  return out;
}

Tried<NodeId> Parser::call(NodeId target, std::string_view function, std::uint32_t start, std::uint32_t at) {
  FAIRLEAD_TRY(std::vector<NodeId> arguments, items(")"));
  if (target == kNone && function == "has" && arguments.size() == 1) return has(arguments, start, at);
  if (target != kNone) {
    std::optional<MacroOp> op;
    const std::size_t count = arguments.size();
    if (function == "all" && count == 2) op = MacroOp::kAll;
    if (function == "exists" && count == 2) op = MacroOp::kExists;
    if ((function == "exists_one" || function == "existsOne") && count == 2) op = MacroOp::kExistsOne;
    if (function == "map" && (count == 2 || count == 3)) op = MacroOp::kMap;
    if (function == "filter" && count == 2) op = MacroOp::kFilter;
    if (op) return macro(*op, target, arguments, at);
  }
  std::vector<NodeId> children = arguments;
  if (target != kNone) children.push_back(target);
  return add({.kind = NodeKind::kCall,
              .start = start,
              .at = at,
              .a = target,
              .b = add_name(function),
              .c = add_list(arguments)},
             children);
}

Tried<NodeId> Parser::has(std::span<const NodeId> arguments, std::uint32_t start, std::uint32_t at) {
  const Node field = tree_.nodes[arguments[0]];
  if (field.kind != NodeKind::kField)
    return failure(field.start,
                   "has() asks for a field: has(user.tier). For a key that is no name, write \"key\" in map.");
  return add({.kind = NodeKind::kHas, .start = start, .at = at, .a = field.a, .b = field.b}, {field.a});
}

Tried<NodeId> Parser::macro(MacroOp op, NodeId range, std::span<const NodeId> arguments, std::uint32_t at) {
  const Node variable = tree_.nodes[arguments[0]];
  if (variable.kind != NodeKind::kName || variable.op != 0)
    return failure(variable.start,
                   "the first argument names the variable that stands for each item: list.all(x, x > 0).");
  std::vector<NodeId> children(arguments.begin() + 1, arguments.end());
  const std::uint32_t rest = add_list(children);
  children.push_back(range);
  return add({.kind = NodeKind::kMacro,
              .op = static_cast<std::uint8_t>(op),
              .start = tree_.nodes[range].start,
              .at = at,
              .a = range,
              .b = variable.a,
              .c = rest},
             children);
}

Tried<NodeId> Parser::primary() {
  const std::uint32_t start = token().start;
  switch (token().type) {
    case TokenType::kName:
      return name();
    case TokenType::kEscapedName:
      return error("back quotes are for fields after a dot: a.`b-c`.");
    case TokenType::kInt:
    case TokenType::kUint:
    case TokenType::kDouble:
    case TokenType::kString:
    case TokenType::kBytes:
      return literal(false, start);
    case TokenType::kEnd:
      return unexpected("a value");
    case TokenType::kOperator:
      break;
  }
  if (is("-")) {
    ++at_;
    return literal(true, start);
  }
  if (take("(")) {
    FAIRLEAD_TRY(NodeId inner, expression());
    FAIRLEAD_CHECK(expect(")", "to close the bracket"));
    tree_.nodes[inner].start = start;
    tree_.nodes[inner].end = last_end();
    return inner;
  }
  if (take("[")) return list_literal();
  if (take("{")) return map_literal();
  if (is(".")) return name();
  return unexpected("a value");
}

Tried<NodeId> Parser::name() {
  const std::uint32_t start = token().start;
  const bool absolute = take(".");
  if (token().type != TokenType::kName) return unexpected("a name");
  const Token word = token();
  if (!absolute && (word.text == "true" || word.text == "false")) {
    ++at_;
    return add_constant(Value::boolean(word.text == "true"), start);
  }
  if (!absolute && word.text == "null") {
    ++at_;
    return add_constant({}, start);
  }
  if (is_keyword(word.text)) return unexpected("a value");
  if (is_reserved(word.text))
    return error("`" + std::string(word.text) + "` is a reserved word of CEL and cannot be a name.");
  ++at_;
  if (take("(")) return call(kNone, word.text, start, word.start);
  return add({.kind = NodeKind::kName,
              .op = static_cast<std::uint8_t>(absolute ? 1 : 0),
              .start = start,
              .at = start,
              .a = add_name(word.text)},
             {});
}

}  // namespace fairlead::expr::internal
