// Tokens to a tree, by CEL's grammar (cel-spec, doc/langdef.md, Syntax). Macros are recognised here.
#pragma once
#include <initializer_list>
#include <span>
#include <vector>

#include "platform/expr/internal/lexer.h"
#include "platform/expr/internal/tree.h"

namespace fairlead::expr::internal {

class Parser {
 public:
  static constexpr int kMaxNesting = 100;  // brackets, operators in front, branches inside one another
  static constexpr int kMaxDepth = 250;    // of the tree: also of chains of operators and fields

  // The source outlives the parser.
  explicit Parser(std::string_view source) : source_(source) {}
  Tried<Tree> run();

 private:
  class Deeper;
  const Token& token() const { return tokens_[at_]; }
  bool is(std::string_view sign) const { return token().type == TokenType::kOperator && token().text == sign; }
  bool take(std::string_view sign);
  Tried<void> expect(std::string_view sign, std::string_view why);
  std::unexpected<Failure> unexpected(std::string_view wanted) const;
  std::unexpected<Failure> error(std::string message) const { return failure(token().start, std::move(message)); }
  std::unexpected<Failure> unsupported(std::string message) const {
    return std::unexpected(Failure{token().start, std::move(message), Failure::Sort::kUnsupported});
  }
  std::unexpected<Failure> too_deep() const;

  Tried<NodeId> expression();
  Tried<NodeId> operators(int least);
  Tried<NodeId> unary();
  Tried<NodeId> member();
  Tried<NodeId> primary();
  Tried<NodeId> name();
  Tried<NodeId> literal(bool negative, std::uint32_t start);
  Tried<NodeId> list_literal();
  Tried<NodeId> map_literal();
  Tried<NodeId> field(NodeId operand);
  Tried<NodeId> call(NodeId target, std::string_view function, std::uint32_t start, std::uint32_t at);
  Tried<NodeId> has(std::span<const NodeId> arguments, std::uint32_t start, std::uint32_t at);
  Tried<NodeId> macro(MacroOp op, NodeId range, std::span<const NodeId> arguments, std::uint32_t at);
  Tried<std::vector<NodeId>> items(std::string_view end);

  Tried<NodeId> add(Node node, std::span<const NodeId> children);
  Tried<NodeId> add(Node node, std::initializer_list<NodeId> children) {
    return add(node, std::span(children.begin(), children.size()));
  }
  Tried<NodeId> add_constant(Value value, std::uint32_t start);
  std::uint32_t add_list(std::span<const NodeId> nodes);
  std::uint32_t add_name(std::string_view name);
  std::uint32_t last_end() const { return at_ == 0 ? 0 : tokens_[at_ - 1].end; }

  std::string_view source_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int nesting_ = 0;
  Tree tree_;
};

}  // namespace fairlead::expr::internal
