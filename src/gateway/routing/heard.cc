#include "gateway/routing/heard.h"

namespace fairlead::gateway::routing {
namespace {

constexpr std::size_t kKept = 16 * 1024;
constexpr std::size_t kMost = 256 * 1024 * 1024;  // of events; a token has some 200 bytes of them

}  // namespace

void Heard::take(llm::Format format, std::string_view wire) {
  if (events_.size() + wire.size() > kKept) read(format);
  if (wire.size() <= kKept) {
    events_ += wire;
  } else {
    events_ = wire;
    read(format);
  }
}

std::string Heard::text(llm::Format format) {
  read(format);
  return text_ ? text_->text() : std::string();
}

void Heard::read(llm::Format format) {
  if (!text_) text_ = internal::AnswerText::create(format, true, internal::AnswerText::For::kCounting);
  if (read_ < kMost) text_->take(events_);
  read_ += events_.size();
  events_.clear();
}

}  // namespace fairlead::gateway::routing
