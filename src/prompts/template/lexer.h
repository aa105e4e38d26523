// Source text to tokens. White space control, comments, raw blocks and line endings are dealt with here.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fairlead::prompts::jinja {

enum class TokenType : std::uint8_t {
  kData,  // text to be put out as it is
  kOutputBegin,
  kOutputEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kInteger,
  kFloat,
  kString,
  kOperator,
  kEnd,
};

struct Token {
  TokenType type = TokenType::kEnd;
  std::uint32_t position = 0;  // byte in the source
  std::string_view text;       // of a string: between the quotes, escapes as written
};

// `source` is UTF-8 with \n as line ending; tokens view it.
Result<std::vector<Token>> tokenize(std::string_view source);

struct Place {
  std::size_t line = 1, column = 1;  // in characters
};
Place place_of(std::string_view source, std::size_t position);
std::unexpected<Error> syntax_error(std::string_view source, std::size_t position, std::string message);
// "line 3, column 14: "
std::string place_prefix(std::string_view source, std::size_t position);

}  // namespace fairlead::prompts::jinja
