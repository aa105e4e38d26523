// What every part of the parser uses: tokens in, nodes out.
#include "prompts/template/parser.h"

#include <algorithm>

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

}  // namespace fairlead::prompts::jinja
