#include "platform/expr/internal/lexer.h"

#include <algorithm>
#include <array>

namespace fairlead::expr::internal {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool in_name(char c) {
  return starts_name(c) || is_digit(c);
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  Tried<std::vector<Token>> run() {
    while (true) {
      skip_space();
      start_ = at_;
      if (at_ == source_.size()) {
        push(TokenType::kEnd);
        return std::move(tokens_);
      }
      if (auto done = one(); !done) return std::unexpected(std::move(done).error());
    }
  }

 private:
  char ahead(std::size_t by = 0) const { return at_ + by < source_.size() ? source_[at_ + by] : '\0'; }
  std::unexpected<Failure> error(std::size_t offset, std::string message) const {
    return failure(static_cast<std::uint32_t>(offset), std::move(message));
  }
  void push(TokenType type) {
    tokens_.push_back({type, static_cast<std::uint32_t>(start_), static_cast<std::uint32_t>(at_),
                       source_.substr(start_, at_ - start_)});
  }

  void skip_space() {
    while (at_ < source_.size()) {
      if (std::string_view(" \t\n\r\f").contains(source_[at_])) {
        ++at_;
      } else if (source_.substr(at_).starts_with("//")) {
        at_ = std::min(source_.find('\n', at_), source_.size());
      } else {
        return;
      }
    }
  }

  Tried<void> one() {
    const char c = ahead();
    if (is_digit(c) || (c == '.' && is_digit(ahead(1)))) return number();
    if (c == '"' || c == '\'') return quoted(0);
    if (starts_name(c)) {
      std::size_t prefix = 0;
      while (prefix < 2 && std::string_view("rRbB").contains(ahead(prefix))) ++prefix;
      const bool one_of_each = prefix < 2 || (ahead() | 32) != (ahead(1) | 32);
      if (prefix > 0 && one_of_each && (ahead(prefix) == '"' || ahead(prefix) == '\'')) return quoted(prefix);
      while (in_name(ahead())) ++at_;
      push(TokenType::kName);
      return {};
    }
    if (c == '`') return escaped_name();
    return sign();
  }

  Tried<void> number() {
    if (ahead() == '0' && (ahead(1) | 32) == 'x' && is_hex(ahead(2))) {
      at_ += 2;
      while (is_hex(ahead())) ++at_;
      return integer();
    }
    while (is_digit(ahead())) ++at_;
    bool real = false;
    if (ahead() == '.' && is_digit(ahead(1))) {
      real = true;
      ++at_;
      while (is_digit(ahead())) ++at_;
    }
    const std::size_t sign_size = ahead(1) == '+' || ahead(1) == '-' ? 1 : 0;
    if ((ahead() | 32) == 'e' && is_digit(ahead(1 + sign_size))) {
      real = true;
      at_ += 1 + sign_size;
      while (is_digit(ahead())) ++at_;
    }
    if (!real) return integer();
    push(TokenType::kDouble);
    return after_number();
  }

  Tried<void> integer() {
    const bool is_unsigned = (ahead() | 32) == 'u';
    push(is_unsigned ? TokenType::kUint : TokenType::kInt);
    if (is_unsigned) tokens_.back().end = static_cast<std::uint32_t>(++at_);
    return after_number();
  }

  Tried<void> after_number() {
    if (!in_name(ahead())) return {};
    return error(at_, "a number ends here; put a space or an operator before `" + std::string(1, ahead()) + "`.");
  }

  // From the first quote, which stands `prefix` characters on.
  Tried<void> quoted(std::size_t prefix) {
    bool raw = false;
    bool bytes = false;
    for (std::size_t i = 0; i < prefix; ++i) ((ahead(i) | 32) == 'r' ? raw : bytes) = true;
    at_ += prefix;
    const char quote = ahead();
    const bool triple = ahead(1) == quote && ahead(2) == quote;
    at_ += triple ? 3 : 1;
    while (at_ < source_.size()) {
      const char c = ahead();
      if (c == quote && (!triple || (ahead(1) == quote && ahead(2) == quote))) {
        at_ += triple ? 3 : 1;
        push(bytes ? TokenType::kBytes : TokenType::kString);
        return {};
      }
      if (!triple && (c == '\n' || c == '\r')) break;
      at_ += !raw && c == '\\' && at_ + 1 < source_.size() ? 2 : 1;
    }
    return error(start_, std::string("the text that starts here has no closing `") +
                             (triple ? std::string(3, quote) : std::string(1, quote)) + "`" +
                             (triple ? "." : " on its line; for several lines use three quotes."));
  }

  Tried<void> escaped_name() {
    ++at_;
    while (in_name(ahead()) || (ahead() != '\0' && std::string_view("./- ").contains(ahead()))) ++at_;
    if (ahead() != '`' || at_ == start_ + 1)
      return error(start_,
                   "a field's name in back quotes has letters, digits, `_`, `.`, `-`, `/` and spaces, "
                   "and ends with a back quote.");
    ++at_;
    push(TokenType::kEscapedName);
    tokens_.back().text = source_.substr(start_ + 1, at_ - start_ - 2);
    return {};
  }

  Tried<void> sign() {
    static constexpr std::string_view kSigns[] = {"==", "!=", "<=", ">=", "&&", "||", ".", ",", "?", ":", "(", ")",
                                                  "[",  "]",  "{",  "}",  "+",  "-",  "*", "/", "%", "<", ">", "!"};
    const std::string_view rest = source_.substr(at_);
    for (const std::string_view one : kSigns) {
      if (!rest.starts_with(one)) continue;
      at_ += one.size();
      push(TokenType::kOperator);
      return {};
    }
    const char c = ahead();
    if (c == '=') return error(at_, "`=` is no operator; equality is `==`.");
    if (c == '&') return error(at_, "`&` is no operator; and is `&&`.");
    if (c == '|') return error(at_, "`|` is no operator; or is `||`.");
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f)
      return error(at_, "a control character stands here.");
    std::size_t length = 1;
    while (at_ + length < source_.size() && (static_cast<unsigned char>(source_[at_ + length]) & 0xc0) == 0x80)
      ++length;
    return error(at_, "`" + std::string(rest.substr(0, length)) + "` has no meaning outside of quotes.");
  }

  std::string_view source_;
  std::size_t at_ = 0, start_ = 0;
  std::vector<Token> tokens_;
};

void append_utf8(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xc0 | c >> 6));
    out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | c >> 12));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
  } else {
    out.push_back(static_cast<char>(0xf0 | c >> 18));
    out.push_back(static_cast<char>(0x80 | (c >> 12 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
  }
}

// One escape: `rest` starts after the backslash; gives how many characters it took.
Tried<std::size_t> unescape(std::string_view rest, bool bytes, std::uint32_t offset, std::string& out) {
  static constexpr std::string_view kFrom = "abfnrtv\\?\"'`";
  static constexpr std::string_view kTo = "\a\b\f\n\r\t\v\\?\"'`";
  const char c = rest.empty() ? '\0' : rest[0];
  if (const std::size_t place = kFrom.find(c); place != std::string_view::npos && c != '\0') {
    out.push_back(kTo[place]);
    return 1;
  }
  std::size_t digits = 0;
  std::uint32_t base = 16;
  std::size_t skip = 1;
  if (c == 'x' || c == 'X') digits = 2;
  if (!bytes && c == 'u') digits = 4;
  if (!bytes && c == 'U') digits = 8;
  if (c >= '0' && c <= '3') digits = 3, base = 8, skip = 0;
  if (digits == 0)
    return failure(offset, std::string("`\\") + (c == '\0' ? "" : std::string(1, c)) + "` is no escape" +
                               (bytes && (c | 32) == 'u' ? " in bytes" : "") +
                               "; a backslash itself is written `\\\\`.");
  std::uint32_t code = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const char digit = skip + i < rest.size() ? rest[skip + i] : '\0';
    if (base == 16 ? !is_hex(digit) : (digit < '0' || digit > '7'))
      return failure(offset, "this escape wants " + std::to_string(digits) + (base == 16 ? " hexadecimal" : " octal") +
                                 " digits.");
    code = code * base + static_cast<std::uint32_t>(is_digit(digit) ? digit - '0' : (digit | 32) - 'a' + 10);
  }
  if (bytes) {
    out.push_back(static_cast<char>(code));
  } else {
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
      return failure(offset, "this escape stands for no character of Unicode.");
    append_utf8(out, code);
  }
  return skip + digits;
}

constexpr std::array<std::string_view, 4> kKeywords = {"true", "false", "null", "in"};
constexpr std::array<std::string_view, 17> kReserved = {"as",        "break",  "const",  "continue", "else", "for",
                                                        "function",  "if",     "import", "let",      "loop", "package",
                                                        "namespace", "return", "var",    "void",     "while"};

}  // namespace

Tried<std::vector<Token>> tokens_of(std::string_view source) {
  return Lexer(source).run();
}

Tried<std::string> unquoted(const Token& token) {
  std::string_view text = token.text;
  const bool bytes = token.type == TokenType::kBytes;
  bool raw = false;
  while (text[0] != '"' && text[0] != '\'') {
    raw = raw || (text[0] | 32) == 'r';
    text.remove_prefix(1);
  }
  const std::size_t marks = text.size() >= 6 && text[1] == text[0] && text[2] == text[0] ? 3 : 1;
  text = text.substr(marks, text.size() - 2 * marks);
  if (raw) return std::string(text);
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '\\') {
      out.push_back(text[at++]);
      continue;
    }
    const auto offset = token.start + static_cast<std::uint32_t>(text.data() + at - token.text.data());
    auto taken = unescape(text.substr(at + 1), bytes, offset, out);
    if (!taken) return std::unexpected(std::move(taken).error());
    at += 1 + *taken;
  }
  return out;
}

bool is_keyword(std::string_view name) {
  return std::ranges::find(kKeywords, name) != kKeywords.end();
}

bool is_reserved(std::string_view name) {
  return std::ranges::find(kReserved, name) != kReserved.end();
}

bool is_identifier(std::string_view name) {
  return !name.empty() && starts_name(name[0]) && std::ranges::all_of(name, in_name) && !is_keyword(name) &&
         !is_reserved(name);
}

}  // namespace fairlead::expr::internal
