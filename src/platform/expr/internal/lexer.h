// Source text to tokens, and literals to values.
#pragma once
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::expr::internal {

// A place in the source and what is wrong there.
struct Failure {
  enum class Sort : std::uint8_t { kSyntax, kType, kUnsupported };
  std::uint32_t offset = 0;
  std::string message;
  Sort sort = Sort::kSyntax;
};
template <class T>
using Tried = std::expected<T, Failure>;
inline std::unexpected<Failure> failure(std::uint32_t offset, std::string message) {
  return std::unexpected(Failure{offset, std::move(message)});
}

enum class TokenType : std::uint8_t {
  kEnd,
  kName,
  kEscapedName,  // `a-b`, the text without the marks
  kInt,
  kUint,
  kDouble,
  kString,
  kBytes,
  kOperator,
};

struct Token {
  TokenType type = TokenType::kEnd;
  std::uint32_t start = 0, end = 0;
  std::string_view text;  // the whole of it; of numbers without the suffix
};

Tried<std::vector<Token>> tokens_of(std::string_view source);

// What a string or bytes token stands for. Strings are well-formed UTF-8.
Tried<std::string> unquoted(const Token& token);

bool is_identifier(std::string_view name);  // and no word of the language
bool is_keyword(std::string_view name);     // true, false, null, in
bool is_reserved(std::string_view name);    // kept by CEL for other languages: as, for, package, …

}  // namespace fairlead::expr::internal
