// Server-sent events as they arrive
// (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream).
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fairlead::http {

struct ServerSentEvent {
  std::string_view event;  // "message" if none was named
  std::string_view data;   // lines joined by '\n'
};

// Cuts a byte stream, split anywhere, into events. Not thread-safe.
class SseParser {
 public:
  explicit SseParser(std::size_t event_limit = 16 * 1024 * 1024) : limit_(event_limit) {}
  // Takes bytes and calls `on_event` for every event that they complete; its views live for that call. Error:
  // upstream_too_large when one event grows over the limit, after which the parser is of no use.
  Result<void> feed(std::string_view bytes, const std::function<void(const ServerSentEvent&)>& on_event);
  // True if the stream ended in the middle of an event.
  bool unfinished() const;

 private:
  void line(std::string_view text, const std::function<void(const ServerSentEvent&)>& on_event);
  std::size_t limit_;
  std::string partial_line_;
  std::string data_;
  std::string event_;
  bool has_data_ = false;
  bool after_cr_ = false;
  bool at_start_ = true;
};

}  // namespace fairlead::http
