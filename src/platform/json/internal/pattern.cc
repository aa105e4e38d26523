#include "platform/json/internal/pattern.h"

#include <re2/re2.h>

#include <utility>

namespace fairlead::json::internal {
namespace {

// White space and line ends of ECMA-262 that RE2's \s and . do not know.
constexpr std::string_view kSpaces = R"(\t\n\v\f\r\p{Z}\x{feff})";
constexpr std::string_view kNotLineEnd = R"([^\n\r\x{2028}\x{2029}])";

// RE2 knows the general categories by their short names only.
constexpr std::pair<std::string_view, std::string_view> kCategories[] = {{"Letter", "L"},
                                                                         {"Uppercase_Letter", "Lu"},
                                                                         {"Lowercase_Letter", "Ll"},
                                                                         {"Number", "N"},
                                                                         {"Decimal_Number", "Nd"},
                                                                         {"digit", "Nd"},
                                                                         {"Punctuation", "P"},
                                                                         {"punct", "P"},
                                                                         {"Symbol", "S"},
                                                                         {"Separator", "Z"},
                                                                         {"Space_Separator", "Zs"},
                                                                         {"Mark", "M"},
                                                                         {"Other", "C"},
                                                                         {"Control", "Cc"},
                                                                         {"Titlecase_Letter", "Lt"},
                                                                         {"Modifier_Letter", "Lm"},
                                                                         {"Other_Letter", "Lo"},
                                                                         {"Letter_Number", "Nl"},
                                                                         {"Currency_Symbol", "Sc"},
                                                                         {"Math_Symbol", "Sm"}};

class Translator {
 public:
  explicit Translator(std::string_view text) : text_(text) {}

  Result<std::string> run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\\') {
        FAIRLEAD_CHECK(escape());
      } else if (in_class_) {
        if (c == ']') in_class_ = false;
        if (c == '[') out_ += '\\';  // RE2 would take "[:" for a POSIX class
        out_ += c;
        ++at_;
      } else if (c == '[') {
        open_class();
      } else if (c == '.') {
        out_ += kNotLineEnd;
        ++at_;
      } else if (c == '(' && text_.substr(at_).starts_with("(?")) {
        FAIRLEAD_CHECK(group());
      } else {
        out_ += c;
        ++at_;
      }
    }
    return std::move(out_);
  }

 private:
  static std::unexpected<Error> unsupported(std::string what) {
    return fail(ErrorKind::kUnsupported, "invalid_pattern", std::move(what));
  }

  void open_class() {
    if (text_.substr(at_).starts_with("[^]")) {
      out_ += R"([\x{0}-\x{10ffff}])";
      at_ += 3;
    } else if (text_.substr(at_).starts_with("[]")) {
      out_ += R"([^\x{0}-\x{10ffff}])";
      at_ += 2;
    } else {
      in_class_ = true;
      out_ += '[';
      if (++at_ < text_.size() && text_[at_] == '^') {
        out_ += '^';
        ++at_;
      }
    }
  }

  Result<void> group() {
    const std::string_view rest = text_.substr(at_);
    if (rest.starts_with("(?=") || rest.starts_with("(?!"))
      return unsupported("look-ahead `(?" + std::string(1, rest[2]) + "…)` is not supported");
    if (rest.starts_with("(?<=") || rest.starts_with("(?<!"))
      return unsupported("look-behind `(?<" + std::string(1, rest[3]) + "…)` is not supported");
    if (rest.starts_with("(?<")) {
      out_ += "(?P<";
      at_ += 3;
    } else if (rest.starts_with("(?:")) {
      out_ += "(?:";
      at_ += 3;
    } else {
      return unsupported("`" + std::string(rest.substr(0, 3)) + "` is not a group of ECMA-262");
    }
    return {};
  }

  Result<void> escape() {
    if (at_ + 1 >= text_.size()) return unsupported("a `\\` ends the expression");
    const char c = text_[at_ + 1];
    at_ += 2;
    switch (c) {
      case 's':
        out_ += in_class_ ? std::string(kSpaces) : "[" + std::string(kSpaces) + "]";
        return {};
      case 'S':
        if (in_class_) return unsupported("`\\S` inside `[…]` is not supported");
        out_ += "[^" + std::string(kSpaces) + "]";
        return {};
      case 'd':
      case 'D':
      case 'w':
      case 'W':
      case 't':
      case 'n':
      case 'v':
      case 'f':
      case 'r':
        (out_ += '\\') += c;
        return {};
      case 'b':
        out_ += in_class_ ? R"(\x{8})" : R"(\b)";
        return {};
      case 'B':
        out_ += R"(\B)";
        return {};
      case '0':
        out_ += R"(\x{0})";
        return {};
      case 'c':
        return control();
      case 'x':
        return code_point(2);
      case 'u':
        return code_point(4);
      case 'p':
      case 'P':
        return property(c);
      case 'k':
        return unsupported("back-references are not supported");
      default:
        break;
    }
    if (c >= '1' && c <= '9') return unsupported(std::string("the back-reference `\\") + c + "` is not supported");
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
      return unsupported(std::string("`\\") + c + "` is not an escape of ECMA-262");
    if (static_cast<unsigned char>(c) < 0x80) out_ += '\\';
    out_ += c;
    return {};
  }

  Result<void> control() {
    if (at_ >= text_.size() || !std::isalpha(static_cast<unsigned char>(text_[at_])))
      return unsupported("`\\c` wants a letter");
    append_code_point(static_cast<unsigned>(text_[at_++]) % 32);
    return {};
  }

  Result<unsigned> hex(std::size_t digits) {
    unsigned value = 0;
    for (std::size_t i = 0; i < digits; ++i, ++at_) {
      if (at_ >= text_.size() || !std::isxdigit(static_cast<unsigned char>(text_[at_])))
        return unsupported("`\\x` and `\\u` want 2 and 4 hexadecimal digits");
      const char c = text_[at_];
      value = value * 16 + static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
  }

  Result<void> code_point(std::size_t digits) {
    if (digits == 4 && at_ < text_.size() && text_[at_] == '{') {
      const std::size_t end = text_.find('}', at_);
      if (end == text_.npos || end == at_ + 1 || end > at_ + 7)
        return unsupported("`\\u{…}` wants up to 6 hexadecimal digits");
      ++at_;
      FAIRLEAD_TRY(const unsigned value, hex(end - at_));
      ++at_;
      append_code_point(value);
      return {};
    }
    FAIRLEAD_TRY(unsigned value, hex(digits));
    if (value >= 0xD800 && value < 0xDC00 && text_.substr(at_).starts_with("\\u")) {
      at_ += 2;
      FAIRLEAD_TRY(const unsigned low, hex(4));
      value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
    }
    append_code_point(value);
    return {};
  }

  void append_code_point(unsigned value) {
    char buffer[16];
    out_.append(buffer, static_cast<std::size_t>(std::snprintf(buffer, sizeof buffer, "\\x{%x}", value)));
  }

  Result<void> property(char p) {
    const std::size_t end = text_.find('}', at_);
    if (at_ >= text_.size() || text_[at_] != '{' || end == text_.npos) return unsupported("`\\p` wants `{…}`");
    std::string_view name = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    for (const std::string_view prefix : {"General_Category=", "gc=", "Script=", "sc="}) {
      if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
    }
    for (const auto& [whole, brief] : kCategories) {
      if (name == whole) name = brief;
    }
    (((out_ += '\\') += p) += '{') += std::string(name) + "}";
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool in_class_ = false;
  std::string out_;
};

}  // namespace

Result<Pattern> Pattern::compile(std::string_view ecma) {
  FAIRLEAD_TRY(const std::string translated, Translator(ecma).run());
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto compiled = std::make_shared<const re2::RE2>(translated, options);
  if (!compiled->ok()) return fail(ErrorKind::kInvalid, "invalid_pattern", compiled->error());
  Pattern pattern;
  pattern.re2_ = std::move(compiled);
  return pattern;
}

bool Pattern::found_in(std::string_view text) const {
  return re2::RE2::PartialMatch({text.data(), text.size()}, *re2_);
}

}  // namespace fairlead::json::internal
