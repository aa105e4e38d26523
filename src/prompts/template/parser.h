// Tokens to a Program whose names are not resolved yet (resolver.h). The grammar is that of Jinja 3.1.
#pragma once
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "prompts/template/lexer.h"
#include "prompts/template/program.h"

namespace fairlead::prompts::jinja {

// Used once, by one thread. Every function that parses leaves the place behind what it has read.
class Parser {
 public:
  // `program.source` is there, with \n as line ending.
  Parser(Program& program, std::vector<Token> tokens) : program_(program), tokens_(std::move(tokens)) {}
  Result<void> run();

 private:
  static constexpr int kMaxNesting = 100;  // of brackets, blocks and operators in the source
  static constexpr int kMaxDepth = 200;    // of the tree

  // Tokens.
  const Token& token() const { return tokens_[at_]; }
  const Token& ahead(std::size_t by) const { return tokens_[std::min(at_ + by, tokens_.size() - 1)]; }
  bool is_operator(std::string_view text) const { return token().type == TokenType::kOperator && token().text == text; }
  bool is_name(std::string_view text) const { return token().type == TokenType::kName && token().text == text; }
  bool take_operator(std::string_view text);
  bool take_name(std::string_view text);
  Result<void> expect_operator(std::string_view text);
  Result<void> expect_block_end();
  Result<std::string_view> expect_name(std::string_view what);
  std::unexpected<Error> error(std::string message) const { return error_at(token().position, std::move(message)); }
  std::unexpected<Error> error_at(std::size_t position, std::string message) const {
    return syntax_error(program_.source, position, std::move(message));
  }
  std::unexpected<Error> unexpected(std::string_view wanted) const;
  static bool reserved(std::string_view name);

  // Nodes.
  Result<NodeId> add(Node node, std::span<const NodeId> children);
  Result<NodeId> add(Node node, std::initializer_list<NodeId> children = {}) {
    return add(node, std::span(children.begin(), children.size()));
  }
  std::uint32_t add_numbers(std::span<const std::uint32_t> numbers);
  std::uint32_t add_name(std::string_view name);
  Result<NodeId> add_constant(Value value, std::uint32_t position);
  Result<NodeId> add_list(Op op, std::span<const NodeId> items, std::uint32_t position);

  // Statements.
  struct Ends {
    std::initializer_list<std::string_view> names;
    std::size_t opened_at;  // position of the tag that they close
  };
  Result<NodeId> block(const Ends& ends);  // up to the tag that ends it, whose name is the token after this
  Result<NodeId> statement();
  Result<NodeId> if_statement();
  Result<NodeId> for_statement();
  Result<NodeId> set_statement();
  Result<NodeId> filter_block();
  Result<NodeId> with_statement();
  Result<NodeId> macro_statement();
  Result<NodeId> call_block();
  Result<void> parameters(MacroCode& macro);
  Result<NodeId> target(bool members);
  Result<NodeId> target_item(bool members);
  std::unexpected<Error> unknown_tag();

  // Expressions, from the loosest binding to the tightest.
  Result<NodeId> tuple(bool with_condition, bool parenthesised = false);
  Result<NodeId> expression(bool with_condition = true);
  Result<NodeId> or_expression();
  Result<NodeId> and_expression();
  Result<NodeId> not_expression();
  Result<NodeId> comparison();
  Result<NodeId> sum();
  Result<NodeId> concatenation();
  Result<NodeId> product();
  Result<NodeId> power();
  Result<NodeId> unary(bool with_filters);
  Result<NodeId> primary();
  Result<NodeId> postfix(NodeId subject);
  Result<NodeId> filters(NodeId subject);
  Result<NodeId> filter(NodeId subject);  // the name and the arguments, behind the `|`
  Result<NodeId> test(NodeId subject);
  Result<NodeId> subscript(NodeId subject);
  Result<NodeId> attribute(NodeId subject);
  Result<NodeId> list_literal();
  Result<NodeId> dict_literal();
  Result<NodeId> string_literal();
  Result<NodeId> integer_literal();
  Result<NodeId> float_literal();
  // `(…)`: their place in numbers (positional count, keyword count, nodes, name and node pairs), and the nodes.
  struct ArgumentList {
    std::uint32_t place = kNone;
    std::vector<NodeId> nodes;
  };
  Result<ArgumentList> arguments();

  Program& program_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int nesting_ = 0;
  std::vector<std::uint16_t> depths_;  // of each node
  std::unordered_map<std::string_view, std::uint32_t> name_places_;
};

}  // namespace fairlead::prompts::jinja
