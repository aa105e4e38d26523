#include "serving/internal/text_gate.h"

#include <algorithm>

namespace fairlead::serving {

std::size_t whole_characters(std::string_view text) {
  for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;  // a continuation: look further back for its lead
    const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    return length > back ? text.size() - back : text.size();
  }
  return text.size();
}

TextGate::TextGate(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& stop) { return stop.empty(); });
}

std::size_t TextGate::held_from() const {
  std::size_t from = whole_characters(held_);
  for (const std::string& stop : stops_) {
    const std::size_t longest = std::min(stop.size() - 1, held_.size());
    for (std::size_t length = longest; length > 0; --length) {
      if (std::string_view(held_).substr(held_.size() - length) == std::string_view(stop).substr(0, length)) {
        from = std::min(from, held_.size() - length);
        break;
      }
    }
  }
  return from;
}

bool TextGate::push(std::string_view bytes, std::string& out) {
  held_ += bytes;
  std::size_t cut = std::string::npos;
  for (const std::string& stop : stops_) cut = std::min(cut, held_.find(stop));
  const bool stopped = cut != std::string::npos;
  if (!stopped) cut = held_from();
  out.append(held_, 0, cut);
  released_ += cut;
  if (stopped) {
    held_.clear();
  } else {
    held_.erase(0, cut);
  }
  return stopped;
}

void TextGate::flush(std::string& out) {
  const std::size_t whole = whole_characters(held_);
  out.append(held_, 0, whole);
  released_ += whole;
  held_.clear();
}

}  // namespace fairlead::serving
