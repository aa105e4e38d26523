#include "platform/http/sse.h"

namespace fairlead::http {

Result<void> SseParser::feed(std::string_view bytes, const std::function<void(const ServerSentEvent&)>& on_event) {
  while (!bytes.empty()) {
    if (after_cr_) {
      after_cr_ = false;
      if (bytes.front() == '\n') bytes.remove_prefix(1);
      continue;
    }
    const std::size_t end = bytes.find_first_of("\r\n");
    const std::string_view piece = bytes.substr(0, end);
    if (partial_line_.size() + piece.size() + data_.size() > limit_)
      return fail(ErrorKind::kUpstream, "upstream_too_large",
                  "The upstream sent an event larger than " + std::to_string(limit_) + " bytes.");
    if (end == std::string_view::npos) {
      partial_line_.append(piece);
      break;
    }
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    if (partial_line_.empty()) {
      line(piece, on_event);
    } else {
      partial_line_.append(piece);
      line(partial_line_, on_event);
      partial_line_.clear();
    }
  }
  return {};
}

void SseParser::line(std::string_view text, const std::function<void(const ServerSentEvent&)>& on_event) {
  if (at_start_) {
    at_start_ = false;
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  }
  if (text.empty()) {
    if (has_data_) on_event({event_.empty() ? std::string_view("message") : std::string_view(event_), data_});
    data_.clear();
    event_.clear();
    has_data_ = false;
    return;
  }
  const std::size_t colon = text.find(':');
  const std::string_view field = text.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) data_ += '\n';
    data_.append(value);
    has_data_ = true;
  } else if (field == "event") {
    event_.assign(value);
  }
}

bool SseParser::unfinished() const {
  return !partial_line_.empty() || has_data_ || !event_.empty();
}

}  // namespace fairlead::http
