#include "serving/internal/plain_text.h"

#include <algorithm>

namespace fairlead::serving {
namespace {

constexpr std::string_view kOpen = "\xEF\xB7\x90";         // U+FDD0
constexpr std::string_view kClose = "\xEF\xB7\x91";        // U+FDD1
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

}  // namespace

PlainText::PlainText(std::vector<std::string> control_tokens) : tokens_(std::move(control_tokens)) {
  std::erase_if(tokens_, [](const std::string& token) { return token.empty(); });
  std::ranges::sort(tokens_, std::ranges::greater{}, &std::string::size);
  for (const std::string& token : tokens_) starts_[static_cast<unsigned char>(token.front())] = true;
}

std::size_t PlainText::match(std::string_view text) const {
  if (!starts_[static_cast<unsigned char>(text.front())]) return 0;
  for (const std::string& token : tokens_) {
    if (text.starts_with(token)) return token.size();
  }
  return 0;
}

std::string PlainText::mark(std::string_view text) const {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    if (text.starts_with(kOpen) || text.starts_with(kClose)) {
      out += kReplacement;
      text.remove_prefix(kOpen.size());
    } else if (const std::size_t length = match(text); length > 0) {
      out.append(kOpen).append(text.substr(0, length)).append(kClose);
      text.remove_prefix(length);
    } else {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

void PlainText::split(std::string_view prompt, const std::function<void(std::string_view, bool)>& each) {
  while (!prompt.empty()) {
    const std::size_t open = prompt.find(kOpen);
    const std::size_t close = open == std::string_view::npos ? open : prompt.find(kClose, open);
    if (close == std::string_view::npos) break;
    if (open > 0) each(prompt.substr(0, open), true);
    const std::size_t from = open + kOpen.size();
    if (close > from) each(prompt.substr(from, close - from), false);
    prompt.remove_prefix(close + kClose.size());
  }
  if (!prompt.empty()) each(prompt, true);
}

}  // namespace fairlead::serving
