#include "prompts/template/lexer.h"

#include <algorithm>

#include "prompts/template/text.h"

namespace fairlead::prompts::jinja {

Place place_of(std::string_view source, std::size_t position) {
  const std::string_view before = source.substr(0, position);
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return {static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1,
          code_points(before.substr(line_start)) + 1};
}

std::string place_prefix(std::string_view source, std::size_t position) {
  const Place place = place_of(source, position);
  return "line " + std::to_string(place.line) + ", column " + std::to_string(place.column) + ": ";
}

std::unexpected<Error> syntax_error(std::string_view source, std::size_t position, std::string message) {
  return fail(ErrorKind::kInvalid, "template_syntax", place_prefix(source, position) + message);
}

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  Result<std::vector<Token>> run() {
    while (at_ < source_.size()) FAIRLEAD_CHECK(data());
    add(TokenType::kEnd, source_.size(), {});
    return std::move(tokens_);
  }

 private:
  bool ahead(std::string_view text) const { return source_.substr(at_, text.size()) == text; }
  void add(TokenType type, std::size_t position, std::string_view text) {
    tokens_.push_back({type, static_cast<std::uint32_t>(position), text});
  }
  void skip_space() {
    while (at_ < source_.size()) {
      const CodePoint c = first_code_point(source_.substr(at_));
      if (!is_space(c.value)) break;
      at_ += c.bytes;
    }
  }
  void add_data(std::size_t from, std::size_t to, bool strip_end) {
    std::string_view text = source_.substr(from, to - from);
    if (strip_end) text = stripped(text, Side::kRight);
    if (!text.empty()) add(TokenType::kData, from, text);
  }

  // Text up to the next tag, and that tag.
  Result<void> data() {
    const std::size_t start = at_;
    std::size_t open = start;
    while (true) {
      open = source_.find('{', open);
      if (open == source_.npos || open + 1 >= source_.size()) {
        add_data(start, source_.size(), false);
        at_ = source_.size();
        return {};
      }
      const char next = source_[open + 1];
      if (next == '{' || next == '%' || next == '#') break;
      ++open;
    }
    at_ = open + 2;
    const char sign = at_ < source_.size() ? source_[at_] : ' ';
    if (sign == '-' || sign == '+') ++at_;
    add_data(start, open, sign == '-');
    switch (source_[open + 1]) {
      case '#':
        return comment(open);
      case '{':
        add(TokenType::kOutputBegin, open, source_.substr(open, 2));
        return code(open, "}}", TokenType::kOutputEnd);
      default:
        break;
    }
    if (raw_tag("raw")) return raw(open);
    add(TokenType::kBlockBegin, open, source_.substr(open, 2));
    return code(open, "%}", TokenType::kBlockEnd);
  }

  Result<void> comment(std::size_t open) {
    const std::size_t end = source_.find("#}", at_);
    if (end == source_.npos) return syntax_error(source_, open, "this comment has no end (`#}`).");
    const bool strip = end > at_ && source_[end - 1] == '-';
    at_ = end + 2;
    if (strip) skip_space();
    return {};
  }

  // `raw %}` or `endraw %}` at this place: moves behind it.
  bool raw_tag(std::string_view name) {
    const std::size_t before = at_;
    skip_space();
    if (ahead(name)) {
      at_ += name.size();
      skip_space();
      if (ahead("%}")) {
        at_ += 2;
        return true;
      }
      if (ahead("-%}")) {
        at_ += 3;
        skip_space();
        return true;
      }
      if (ahead("+%}")) {
        at_ += 3;
        return true;
      }
    }
    at_ = before;
    return false;
  }

  Result<void> raw(std::size_t open) {
    const std::size_t start = at_;
    for (std::size_t end = source_.find("{%", start); end != source_.npos; end = source_.find("{%", end + 2)) {
      at_ = end + 2;
      const char sign = at_ < source_.size() ? source_[at_] : ' ';
      if (sign == '-' || sign == '+') ++at_;
      if (raw_tag("endraw")) {
        add_data(start, end, sign == '-');
        return {};
      }
    }
    return syntax_error(source_, open, "this raw block has no `{% endraw %}`.");
  }

  // The inside of {{ }} or {% %}, up to its end.
  Result<void> code(std::size_t open, std::string_view end, TokenType end_type) {
    std::vector<std::pair<char, std::size_t>> brackets;
    while (true) {
      skip_space();
      if (at_ >= source_.size()) {
        return syntax_error(source_, open,
                            "this `" + std::string(source_.substr(open, 2)) + "` has no `" + std::string(end) + "`.");
      }
      if (brackets.empty()) {
        const bool strip = ahead("-") && source_.substr(at_ + 1, 2) == end;
        const bool keep = end == "%}" && ahead("+%}");
        if (strip || keep || ahead(end)) {
          add(end_type, at_, source_.substr(at_, 2));
          at_ += strip || keep ? 3 : 2;
          if (strip) skip_space();
          return {};
        }
      }
      const char c = source_[at_];
      const std::size_t position = at_;
      if (c == '"' || c == '\'') {
        FAIRLEAD_CHECK(string(c));
      } else if (is_digit(c)) {
        FAIRLEAD_CHECK(number());
      } else if (!name()) {
        FAIRLEAD_CHECK(operator_token());
        if (c == '(' || c == '[' || c == '{') brackets.emplace_back(c == '(' ? ')' : c == '[' ? ']' : '}', position);
        if (c == ')' || c == ']' || c == '}') {
          if (brackets.empty() || brackets.back().first != c) {
            return syntax_error(source_, position, std::string("`") + c + "` closes nothing here.");
          }
          brackets.pop_back();
        }
      }
    }
  }

  Result<void> string(char quote) {
    const std::size_t start = at_;
    for (++at_; at_ < source_.size() && source_[at_] != quote; ++at_) {
      if (source_[at_] == '\\') ++at_;
    }
    if (at_ >= source_.size()) return syntax_error(source_, start, "this string has no end.");
    ++at_;
    add(TokenType::kString, start, source_.substr(start + 1, at_ - start - 2));
    return {};
  }

  bool name() {
    const std::size_t start = at_;
    while (at_ < source_.size()) {
      const CodePoint c = first_code_point(source_.substr(at_));
      if (c.value != '_' && !(at_ > start ? is_alphanumeric(c.value) : is_alphabetic(c.value))) break;
      at_ += c.bytes;
    }
    if (at_ == start) return false;
    add(TokenType::kName, start, source_.substr(start, at_ - start));
    return true;
  }

  void digits() {
    while (at_ < source_.size() && (is_digit(source_[at_]) ||
                                    (source_[at_] == '_' && at_ + 1 < source_.size() && is_digit(source_[at_ + 1])))) {
      ++at_;
    }
  }

  Result<void> number() {
    const std::size_t start = at_;
    const bool after_dot = start > 0 && source_[start - 1] == '.';
    if (source_[at_] == '0' && at_ + 1 < source_.size() &&
        std::string_view("xXoObB").find(source_[at_ + 1]) != std::string_view::npos) {
      at_ += 2;
      while (at_ < source_.size() && (std::isxdigit(static_cast<unsigned char>(source_[at_])) || source_[at_] == '_'))
        ++at_;
      add(TokenType::kInteger, start, source_.substr(start, at_ - start));
      return {};
    }
    digits();
    bool real = false;
    if (!after_dot && at_ + 1 < source_.size() && source_[at_] == '.' && is_digit(source_[at_ + 1])) {
      real = true;
      ++at_;
      digits();
    }
    if (!after_dot && at_ < source_.size() && (source_[at_] == 'e' || source_[at_] == 'E')) {
      std::size_t power = at_ + 1;
      if (power < source_.size() && (source_[power] == '+' || source_[power] == '-')) ++power;
      if (power < source_.size() && is_digit(source_[power])) {
        real = true;
        at_ = power;
        digits();
      }
    }
    add(real ? TokenType::kFloat : TokenType::kInteger, start, source_.substr(start, at_ - start));
    return {};
  }

  Result<void> operator_token() {
    static constexpr std::string_view kTwo[] = {"//", "**", "==", "!=", ">=", "<="};
    for (const std::string_view two : kTwo) {
      if (ahead(two)) {
        add(TokenType::kOperator, at_, source_.substr(at_, 2));
        at_ += 2;
        return {};
      }
    }
    if (std::string_view("+-/*%~[](){}><=.:|,").find(source_[at_]) == std::string_view::npos) {
      const std::size_t bytes = first_code_point(source_.substr(at_)).bytes;
      return syntax_error(source_, at_, "unexpected `" + std::string(source_.substr(at_, bytes)) + "`.");
    }
    add(TokenType::kOperator, at_, source_.substr(at_, 1));
    ++at_;
    return {};
  }

  std::string_view source_;
  std::size_t at_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view source) {
  return Lexer(source).run();
}

}  // namespace fairlead::prompts::jinja
