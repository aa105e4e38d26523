#include "llm/internal/json_scan.h"

#include <cstring>

namespace fairlead::llm::internal {

MemberScanner::MemberScanner(std::string_view object) : text_(object) {
  skip_space();
  ++at_;  // '{'
}

void MemberScanner::skip_space() {
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
    ++at_;
}

std::string_view MemberScanner::take_string() {
  const std::size_t start = at_++;
  for (;;) {
    const void* quote = std::memchr(text_.data() + at_, '"', text_.size() - at_);
    if (!quote) {
      at_ = text_.size();
      break;
    }
    const std::size_t found = static_cast<std::size_t>(static_cast<const char*>(quote) - text_.data());
    std::size_t backslashes = 0;
    while (found - backslashes > start + 1 && text_[found - backslashes - 1] == '\\') ++backslashes;
    at_ = found + 1;
    if (backslashes % 2 == 0) break;
  }
  return text_.substr(start, at_ - start);
}

std::string_view MemberScanner::take_value() {
  const std::size_t start = at_;
  int depth = 0;
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '"') {
      take_string();
      if (depth == 0) break;
      continue;
    }
    if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (depth == 0) break;  // the end of the object that is walked, behind a bare number or word
      if (--depth == 0) {
        ++at_;
        break;
      }
    } else if (depth == 0 && (c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
      break;
    }
    ++at_;
  }
  return text_.substr(start, at_ - start);
}

bool MemberScanner::next() {
  skip_space();
  if (at_ < text_.size() && text_[at_] == ',') {
    ++at_;
    skip_space();
  }
  if (at_ >= text_.size() || text_[at_] != '"') return false;
  const std::string_view quoted = take_string();
  name_ = quoted.substr(1, quoted.size() - 2);
  skip_space();
  ++at_;  // ':'
  skip_space();
  json_ = take_value();
  return true;
}

}  // namespace fairlead::llm::internal
