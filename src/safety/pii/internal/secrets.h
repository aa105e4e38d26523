// Keys, tokens, passwords.
#pragma once
#include <cstddef>
#include <span>
#include <string_view>

#include "safety/pii/internal/reading.h"

namespace fairlead::pii {

// A token that its maker marks: the first `length` bytes of it match `expression`, whose matches all have that length.
struct TokenKind {
  std::string_view expression;
  std::size_t length;
  std::string_view what;
};
std::span<const TokenKind> token_kinds();
void recognise_token(const Reading& reading, const TokenKind& kind, std::size_t end);
std::size_t recognise_private_key(const Reading& reading, std::size_t header_end);  // behind "PRIVATE KEY-----"
std::size_t recognise_jwt(const Reading& reading, std::size_t end);  // behind a first "eyJ"; gives where to go on
// A word on passwords was read, which ends at `end`: what follows may be one.
void recognise_password(const Reading& reading, std::size_t end);
// A word of at least twenty letters and digits.
void recognise_entropy(const Reading& reading, std::size_t start, std::size_t end);

}  // namespace fairlead::pii
