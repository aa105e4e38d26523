#include "gateway/routing/heard.h"

#include <simdjson.h>

#include <cstring>
#include <utility>

namespace fairlead::gateway::routing {
namespace {

constexpr std::size_t kKept = 16 * 1024;
constexpr int kLessons = 4;                       // the first events of a stream often are not like the rest
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

std::string_view first_event(std::string_view events) {
  const std::size_t end = events.find("\n\n");
  return events.substr(0, end == std::string_view::npos ? end : end + 2);
}

// Nearly every event of a chat holds one text and nothing else that was written; to find that takes a tenth of parsing
// the event. A quote within a string is escaped, so that a name with its quotes is a name. Empty: it is another one.
std::string_view only_text(std::string_view event) {
  for (const std::string_view name : {R"("content":")", R"("reasoning_content":")"}) {
    const std::size_t at = position(event, name);
    if (at == std::string_view::npos) continue;
    const std::string_view text = string_at(event.substr(at + name.size()));
    const bool is_all = position(event, R"("tool_calls":[)") == std::string_view::npos &&
                        position(event.substr(at + name.size() + text.size()), name) == std::string_view::npos;
    return is_all ? text : std::string_view();
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
  // The first piece may be all of it, and nobody ask; or is an event without text.
  if (!std::exchange(any_, true) || format != llm::Format::kChat) return keep(format, wire);
  while (!wire.empty()) {
    if (take_like_sample(wire)) continue;
    const std::string_view event = first_event(wire);
    if (lessons_ == kLessons || !learn(event)) keep(format, event);
    wire.remove_prefix(event.size());
  }
}

bool Heard::take_like_sample(std::string_view& events) {
  const std::string_view sample = sample_, before = sample.substr(0, text_at_);
  if (sample.empty() || !events.starts_with(before)) return false;
  const std::string_view text = string_at(events.substr(before.size()));
  const std::string_view behind = sample.substr(text_at_ + text_size_);
  if (text.empty() || !events.substr(before.size() + text.size()).starts_with(behind)) return false;
  const std::size_t size = before.size() + text.size() + behind.size();
  if (read_ < kMost) plain_ += text;
  read_ += size;
  events.remove_prefix(size);
  return true;
}

// Of an event with one text, takes it and the event as the sample.
bool Heard::learn(std::string_view event) {
  ++lessons_;
  const std::string_view text = only_text(event);
  if (text.empty() || !event.ends_with("\n\n")) return false;
  sample_ = event;
  text_at_ = static_cast<std::size_t>(text.data() - event.data());
  text_size_ = text.size();
  plain_ += text;
  read_ += event.size();
  return true;
}

void Heard::keep(llm::Format format, std::string_view events) {
  if (events_.size() + events.size() > kKept) read(format);
  if (events_.size() + events.size() > kKept / 2) events_.reserve(kKept);
  events_ += events;
  if (events_.size() > kKept) read(format);
}

std::string Heard::text(llm::Format format) {
  // Most of what was kept came before the rest, or brought no text.
  const std::string taken = std::exchange(plain_, {});
  read(format);
  plain_ += taken;
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

void Heard::read_chat() {
  for (std::string_view rest = events_; !rest.empty();) {
    const std::string_view event = first_event(rest), text = only_text(event);
    rest.remove_prefix(event.size());
    if (text.empty())
      parse(llm::Format::kChat, event);
    else
      plain_ += text;
  }
}

void Heard::parse(llm::Format format, std::string_view events) {
  if (!text_) text_ = internal::AnswerText::create(format, true, internal::AnswerText::For::kCounting);
  text_->take(events);
}

}  // namespace fairlead::gateway::routing
