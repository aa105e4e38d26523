#include "safety/policy/internal/chat_rewriter.h"

#include <charconv>

#include "platform/json/text.h"
#include "safety/policy/internal/json_document.h"

namespace fairlead::policy {
namespace {

constexpr std::size_t kNowhere = std::string_view::npos;

std::unexpected<Error> nonsense() {
  return fail(ErrorKind::kUpstream, "upstream_invalid", "The upstream's answer is no JSON.");
}

// Calls `each(name, begin, end)` for the members of the object at `at`; false if it is none.
template <class Each>
bool members(std::string_view json, std::size_t at, Each each) {
  at = skip_space(json, at);
  if (at >= json.size() || json[at] != '{') return false;
  at = skip_space(json, at + 1);
  while (at < json.size() && json[at] == '"') {
    const std::size_t name_end = skip_string(json, at);
    if (name_end == kNowhere) return false;
    const std::string_view name = json.substr(at + 1, name_end - at - 2);
    at = skip_space(json, name_end);
    if (at >= json.size() || json[at] != ':') return false;
    at = skip_space(json, at + 1);
    const std::size_t end = skip_value(json, at);
    if (end == kNowhere) return false;
    each(name, at, end);
    at = skip_space(json, end);
    if (at < json.size() && json[at] == ',') at = skip_space(json, at + 1);
  }
  return at < json.size() && json[at] == '}';
}

template <class Each>
void elements(std::string_view json, std::size_t at, Each each) {
  at = skip_space(json, at);
  if (at >= json.size() || json[at] != '[') return;
  at = skip_space(json, at + 1);
  while (at < json.size() && json[at] != ']') {
    const std::size_t end = skip_value(json, at);
    if (end == kNowhere || end == at) return;
    each(at, end);
    at = skip_space(json, end);
    if (at < json.size() && json[at] == ',') at = skip_space(json, at + 1);
  }
}

std::int64_t number(std::string_view json) {
  std::int64_t out = 0;
  std::from_chars(json.data(), json.data() + json.size(), out);
  return out;
}

}  // namespace

struct ChatRewriter::Event {
  std::string_view json;
  std::vector<Slot> slots;
  std::vector<std::int64_t> finished;  // choices
  std::string_view id, created, model;
};

// Whether there is an answer's text in it, or the end of one.
Result<bool> ChatRewriter::read(std::string_view json, Event& event) const {
  event.json = json;
  std::size_t choices = kNowhere;
  const bool is_object = members(json, 0, [&](std::string_view name, std::size_t begin, std::size_t end) {
    if (name == "choices") choices = begin;
    if (name == "id") event.id = json.substr(begin, end - begin);
    if (name == "created") event.created = json.substr(begin, end - begin);
    if (name == "model") event.model = json.substr(begin, end - begin);
  });
  if (!is_object) return nonsense();
  if (choices == kNowhere) return false;
  const std::string_view wanted = stream_ ? "delta" : "message";
  elements(json, choices, [&](std::size_t at, std::size_t) {
    std::int64_t choice = 0;
    std::size_t body = kNowhere;
    bool finished = !stream_;
    (void)members(json, at, [&](std::string_view name, std::size_t begin, std::size_t end) {
      if (name == "index") choice = number(json.substr(begin, end - begin));
      if (name == wanted) body = begin;
      if (name == "finish_reason" && json[begin] == '"') finished = true;
    });
    const auto add = [&](Kind kind, std::int64_t call, std::string_view name, std::size_t begin, std::size_t end) {
      if (json[begin] == '"') event.slots.push_back({{choice, kind, call}, begin, end, name});
    };
    if (body != kNowhere) {
      (void)members(json, body, [&](std::string_view name, std::size_t begin, std::size_t end) {
        if (name == "content") add(Kind::kContent, 0, name, begin, end);
        if (name == "reasoning_content" || name == "reasoning") add(Kind::kReasoning, 0, name, begin, end);
        if (name == "refusal") add(Kind::kRefusal, 0, name, begin, end);
        if (name != "tool_calls") return;
        std::int64_t count = 0;
        elements(json, begin, [&](std::size_t call_at, std::size_t) {
          std::int64_t index = count++;
          std::size_t function = kNowhere;
          (void)members(json, call_at, [&](std::string_view member, std::size_t from, std::size_t to) {
            if (member == "index") index = number(json.substr(from, to - from));
            if (member == "function") function = from;
          });
          if (function == kNowhere) return;
          (void)members(json, function, [&](std::string_view member, std::size_t from, std::size_t to) {
            if (member == "arguments") add(Kind::kArguments, index, member, from, to);
          });
        });
      });
    }
    if (finished) event.finished.push_back(choice);
  });
  return !event.slots.empty() || !event.finished.empty();
}

TextFilter& ChatRewriter::filter(const Channel& channel) {
  std::unique_ptr<TextFilter>& one = filters_[channel];
  if (!one) one = make_(std::get<Kind>(channel));
  return *one;
}

void ChatRewriter::note_head(const Event& event) {
  if (!head_.empty() || event.id.empty()) return;
  head_ = R"({"id":)" + std::string(event.id) + R"(,"object":"chat.completion.chunk","created":)" +
          std::string(event.created.empty() ? "0" : event.created) + R"(,"model":)" +
          std::string(event.model.empty() ? "\"\"" : event.model);
}

// What is held back of a choice's texts, in an event of its own.
Result<void> ChatRewriter::flush(std::int64_t choice, const Channel* but) {
  for (auto& [channel, one] : filters_) {
    if (std::get<0>(channel) != choice || (but != nullptr && channel == *but) || !one->holds()) continue;
    std::string text;
    FAIRLEAD_CHECK(one->push({}, true, text));
    if (text.empty()) continue;
    out_ +=
        "data: " +
        (head_.empty() ? std::string(R"({"id":"","object":"chat.completion.chunk","created":0,"model":"")") : head_) +
        R"(,"choices":[{"index":)" + std::to_string(choice) + R"(,"delta":{)";
    if (std::get<Kind>(channel) == Kind::kArguments)
      out_ += R"("tool_calls":[{"index":)" + std::to_string(std::get<2>(channel)) + R"(,"function":{"arguments":)" +
              json::quoted(text) + "}}]";
    else
      out_ += json::quoted(members_[channel]) + ":" + json::quoted(text);
    out_ += R"(},"finish_reason":null}]})"
            "\n\n";
  }
  return {};
}

Result<void> ChatRewriter::event(std::string_view json, std::string_view whole) {
  Event event;
  FAIRLEAD_TRY(const bool has_text, read(json, event));
  note_head(event);
  if (!has_text) {
    out_ += whole;
    return {};
  }
  const auto ends = [&event](std::int64_t choice) {
    for (const std::int64_t one : event.finished)
      if (one == choice) return true;
    return false;
  };
  std::string written;
  std::size_t at = 0;
  bool changed = false;
  for (const Slot& slot : event.slots) {
    const std::int64_t choice = std::get<0>(slot.channel);
    std::string decoded;
    const std::string_view text = decode_string(json.substr(slot.begin, slot.end - slot.begin), decoded);
    if (stream_ && !text.empty()) FAIRLEAD_CHECK(flush(choice, &slot.channel));
    if (stream_) members_.try_emplace(slot.channel, slot.member);
    TextFilter& one = filter(slot.channel);
    std::string now;
    FAIRLEAD_CHECK(one.push(text, ends(choice), now));
    if (now == text) continue;
    changed = true;
    written += json.substr(at, slot.begin - at);
    json::append_string(written, now);
    at = slot.end;
  }
  if (stream_)
    for (const std::int64_t choice : event.finished) FAIRLEAD_CHECK(flush(choice, nullptr));
  if (!changed) {
    out_ += whole;
    return {};
  }
  written += json.substr(at);
  out_ += stream_ ? "data: " + written + "\n\n" : written;
  return {};
}

Result<std::string_view> ChatRewriter::take(std::string_view wire, bool end) {
  out_.clear();
  if (!stream_) {
    if (wire.empty()) return wire;
    FAIRLEAD_CHECK(event(wire, wire));
    return std::string_view(out_);
  }
  for (std::size_t at = 0; at < wire.size();) {
    const std::size_t stop = wire.find("\n\n", at);
    const std::size_t next = stop == kNowhere ? wire.size() : stop + 2;
    const std::string_view whole = wire.substr(at, next - at);
    at = next;
    constexpr std::string_view kData = "data: ";
    const std::string_view data =
        whole.starts_with(kData) ? whole.substr(kData.size(), whole.size() - kData.size() - (stop == kNowhere ? 0 : 2))
                                 : std::string_view();
    if (data.empty() || data[0] != '{')
      out_ += whole;
    else
      FAIRLEAD_CHECK(event(data, whole));
  }
  if (end) {
    std::int64_t last = -1;
    for (const auto& [channel, one] : filters_) {
      if (std::get<0>(channel) == last) continue;
      last = std::get<0>(channel);
      FAIRLEAD_CHECK(flush(last, nullptr));
    }
  }
  return std::string_view(out_);
}

}  // namespace fairlead::policy
