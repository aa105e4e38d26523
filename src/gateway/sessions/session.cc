#include "gateway/sessions/session.h"

#include <algorithm>
#include <utility>

#include "gateway/internal/reading.h"
#include "platform/json/text.h"

namespace fairlead::gateway::sessions {
namespace {

using internal::Array;
using internal::Document;
using internal::Element;
using internal::Object;

// Until a turn is counted anew: a token for each four bytes.
std::int64_t estimated(std::string_view messages) {
  return static_cast<std::int64_t>(messages.size() / 4);
}

std::string text_of(Object message) {
  Element content;
  if (message["content"].get(content)) return {};
  if (content.is_string()) return std::string(content.get_string().value_unsafe());
  std::string out;
  Array parts;
  if (content.get_array().get(parts)) return out;
  for (const Element one : parts) {
    Object part;
    if (!one.get_object().get(part)) out += internal::text_at(part, "text");
  }
  return out;
}

void append_said(std::string& out, std::string_view messages) {
  const auto document = Document::parse("[" + std::string(messages) + "]");
  Array array;
  if (!document || document->root().get_array().get(array)) return;
  for (const Element one : array) {
    Object message;
    if (one.get_object().get(message)) continue;
    const std::string text = text_of(message);
    if (text.empty()) continue;
    out += internal::text_at(message, "role");
    out += ": " + text + "\n";
  }
}

}  // namespace

Session::Session(const Stored& stored)
    : summary_(stored.summary), updated_at_us_(stored.updated_at_us), expires_at_us_(stored.expires_at_us) {
  const auto document = Document::parse(stored.turns);
  Array turns;
  if (document && !document->root().get_array().get(turns)) {
    for (const Element one : turns) {
      std::string messages = simdjson::minify(one);
      messages = messages.substr(1, messages.size() - 2);
      const std::int64_t tokens = estimated(messages);
      tokens_ += tokens;
      bytes_ += messages.size();
      turns_.push_back({std::move(messages), tokens, false});
    }
  }
  bytes_ += summary_.size();
}

void Session::drop_oldest() {
  tokens_ -= turns_.front().tokens;
  bytes_ -= turns_.front().messages.size();
  turns_.pop_front();
  ++first_;
}

void Session::add(Turn turn, const llm::MemoryPolicy& policy, std::int64_t now_us) {
  updated_at_us_ = now_us;
  expires_at_us_ = now_us + std::chrono::duration_cast<std::chrono::microseconds>(policy.ttl).count();
  tokens_ += turn.tokens;
  bytes_ += turn.messages.size();
  if (turn.goes_on && !turns_.empty()) {
    bytes_ += 1;
    turns_.back().messages += "," + turn.messages;
    turns_.back().tokens += turn.tokens;
  } else {
    turns_.push_back(std::move(turn));
  }
  const int slack = policy.summary.empty() ? 1 : 2;
  while (turns_.size() > static_cast<std::size_t>(policy.turns * slack) ||
         (tokens_ > policy.tokens * slack && !turns_.empty()))
    drop_oldest();
}

void Session::clear() {
  first_ += turns_.size();
  turns_.clear();
  summary_.clear();
  tokens_ = expires_at_us_ = 0;
  bytes_ = 0;
}

std::string Session::messages() const {
  std::string out;
  if (!summary_.empty())
    out = R"({"role":"system","content":)" + json::quoted("What was said before, in short:\n" + summary_) + '}';
  for (const Turn& turn : turns_) out += (out.empty() ? "" : ",") + turn.messages;
  return out;
}

Stored Session::stored() const {
  std::string turns = "[";
  for (const Turn& turn : turns_) turns += (turns.size() > 1 ? ",[" : "[") + turn.messages + "]";
  return {turns + "]", summary_, static_cast<std::int64_t>(turns_.size()), updated_at_us_, expires_at_us_};
}

std::optional<Session::ToSum> Session::to_sum(const llm::MemoryPolicy& policy) const {
  if (policy.summary.empty()) return std::nullopt;
  const auto most = static_cast<std::size_t>(policy.turns);
  if (tokens_ <= policy.tokens && turns_.size() <= most) return std::nullopt;
  ToSum out;
  if (!summary_.empty()) out.conversation = "In short, before: " + summary_ + "\n";
  std::int64_t tokens = tokens_;
  std::size_t left = turns_.size();
  for (const Turn& turn : turns_) {
    if (left == 1 || (tokens <= policy.tokens / 2 && left <= (most + 1) / 2)) break;
    append_said(out.conversation, turn.messages);
    tokens -= turn.tokens;
    --left;
  }
  out.until = first_ + turns_.size() - left;
  if (out.until == first_) return std::nullopt;
  return out;
}

void Session::sum_up(std::string summary, std::uint64_t until) {
  while (first_ < until && !turns_.empty()) drop_oldest();
  bytes_ += summary.size();
  bytes_ -= summary_.size();
  summary_ = std::move(summary);
}

}  // namespace fairlead::gateway::sessions
