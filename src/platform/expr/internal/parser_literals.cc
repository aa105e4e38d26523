// Numbers, text, lists and maps.
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/result.h"
#include "platform/expr/internal/parser.h"

namespace fairlead::expr::internal {

Tried<NodeId> Parser::list_literal() {
  const std::uint32_t start = tokens_[at_ - 1].start;
  FAIRLEAD_TRY(std::vector<NodeId> all, items("]"));
  return add({.kind = NodeKind::kList, .start = start, .at = start, .c = add_list(all)}, all);
}

Tried<NodeId> Parser::map_literal() {
  const std::uint32_t start = tokens_[at_ - 1].start;
  std::vector<NodeId> all;
  while (!is("}")) {
    if (is("?")) return unsupported("optional values are not supported in maps.");
    FAIRLEAD_TRY(NodeId key, expression());
    FAIRLEAD_CHECK(expect(":", "between a key and its value"));
    FAIRLEAD_TRY(NodeId value, expression());
    all.push_back(key);
    all.push_back(value);
    if (!take(",")) break;
  }
  FAIRLEAD_CHECK(expect("}", "or `,` after a value"));
  return add({.kind = NodeKind::kMap, .start = start, .at = start, .c = add_list(all)}, all);
}

Tried<NodeId> Parser::literal(bool negative, std::uint32_t start) {
  const Token token = this->token();
  if (token.type == TokenType::kString || token.type == TokenType::kBytes) {
    FAIRLEAD_TRY(std::string text, unquoted(token));
    ++at_;
    tree_.texts.push_back(std::move(text));
    const std::string& kept = tree_.texts.back();
    return add_constant(token.type == TokenType::kString ? Value::string(kept) : Value::bytes(kept), start);
  }
  const char* const end = token.text.data() + token.text.size();
  if (token.type == TokenType::kDouble) {
    double value = 0;
    // What is beyond a double's range rounds to infinity or zero, and from_chars leaves it to us which.
    if (std::from_chars(token.text.data(), end, value).ec == std::errc::result_out_of_range) {
      const std::string copy(token.text);
      value = std::strtod(copy.c_str(), nullptr);
      if (std::isinf(value)) return error("the number is beyond the range of a double.");
    }
    ++at_;
    return add_constant(Value::number(negative ? -value : value), start);
  }
  const bool hex = token.text.size() > 2 && (token.text[1] | 32) == 'x';
  std::uint64_t value = 0;
  const auto read = std::from_chars(token.text.data() + (hex ? 2 : 0), end, value, hex ? 16 : 10);
  if (token.type == TokenType::kUint) {
    if (read.ec != std::errc()) return error("the number is beyond the range of a uint: 0 to 18446744073709551615.");
    ++at_;
    return add_constant(Value::unsigned_integer(value), start);
  }
  const std::uint64_t most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) + (negative ? 1 : 0);
  if (read.ec != std::errc() || value > most)
    return error("the number is beyond the range of an int: -9223372036854775808 to 9223372036854775807.");
  ++at_;
  return add_constant(Value::integer(static_cast<std::int64_t>(negative ? 0 - value : value)), start);
}

}  // namespace fairlead::expr::internal
