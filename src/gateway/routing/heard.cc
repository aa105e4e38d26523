#include "gateway/routing/heard.h"

#include <simdjson.h>

#include <cstring>

namespace fairlead::gateway::routing {
namespace {

constexpr std::size_t kKept = 16 * 1024;
constexpr std::size_t kMost = 256 * 1024 * 1024;  // of events; a token has some 200 bytes of them

std::size_t position(std::string_view text, std::string_view needle) {
  const void* const at = memmem(text.data(), text.size(), needle.data(), needle.size());
  return at == nullptr ? std::string_view::npos : static_cast<std::size_t>(static_cast<const char*>(at) - text.data());
}

// Up to the quote that ends a string of JSON.
std::string_view string_at(std::string_view text) {
  for (std::size_t end = text.find('"'); end != std::string_view::npos; end = text.find('"', end + 1)) {
    std::size_t slashes = 0;
    while (slashes < end && text[end - 1 - slashes] == '\\') ++slashes;
    if (slashes % 2 == 0) return text.substr(0, end);
  }
  return {};
}

std::string decoded(const std::string& plain) {
  const std::string json = '"' + plain + '"';
  simdjson::dom::parser parser;
  std::string_view out;
  return parser.parse(json).get(out) ? plain : std::string(out);
}

}  // namespace

void Heard::take(llm::Format format, std::string_view wire) {
  if (events_.size() + wire.size() > kKept) read(format);
  events_ += wire;
  if (events_.size() > kKept) read(format);
}

std::string Heard::text(llm::Format format) {
  read(format);
  std::string out = text_ ? text_->text() : std::string();
  if (!plain_.empty()) out += decoded(plain_);
  return out;
}

void Heard::read(llm::Format format) {
  if (read_ < kMost) {
    if (format == llm::Format::kChat)
      read_chat();
    else
      parse(format, events_);
  }
  read_ += events_.size();
  events_.clear();
}

// Nearly every event of a chat holds one text and nothing else that was written; to find that takes a tenth of parsing
// the event. A quote within a string is escaped, so that a name with its quotes is a name.
void Heard::read_chat() {
  for (std::string_view rest = events_; !rest.empty();) {
    const std::size_t end = position(rest, "\n\n");
    const std::string_view event = rest.substr(0, end == std::string_view::npos ? end : end + 2);
    rest.remove_prefix(event.size());
    bool found = false;
    for (const std::string_view name : {R"("content":")", R"("reasoning_content":")"}) {
      const std::size_t at = position(event, name);
      if (at == std::string_view::npos) continue;
      const std::string_view text = string_at(event.substr(at + name.size()));
      found = !text.empty() && position(event, R"("tool_calls":[)") == std::string_view::npos &&
              position(event.substr(at + name.size() + text.size()), name) == std::string_view::npos;
      if (found) plain_ += text;
      break;
    }
    if (!found) parse(llm::Format::kChat, event);
  }
}

void Heard::parse(llm::Format format, std::string_view events) {
  if (!text_) text_ = internal::AnswerText::create(format, true, internal::AnswerText::For::kCounting);
  text_->take(events);
}

}  // namespace fairlead::gateway::routing
