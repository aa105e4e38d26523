#include "gateway/cache/canonical.h"

#include <charconv>
#include <cmath>

namespace fairlead::gateway::cache {
namespace {

std::size_t skip_space(std::string_view json, std::size_t at) {
  while (at < json.size() && (json[at] == ' ' || json[at] == '\n' || json[at] == '\t' || json[at] == '\r')) ++at;
  return at;
}

void append_code_point(std::string& out, std::uint32_t point) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xc0 | point >> 6);
    put(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    put(0xe0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3f));
    put(0x80 | (point & 0x3f));
  } else {
    put(0xf0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3f));
    put(0x80 | (point >> 6 & 0x3f));
    put(0x80 | (point & 0x3f));
  }
}

std::uint32_t hex4(std::string_view json, std::size_t at) {
  std::uint32_t out = 0;
  if (at + 4 <= json.size()) std::from_chars(json.data() + at, json.data() + at + 4, out, 16);
  return out;
}

// Appends the string that begins at the quote `at`, decoded; returns the place behind it.
std::size_t append_decoded(std::string& out, std::string_view json, std::size_t at) {
  for (++at; at < json.size();) {
    const std::size_t stop = std::min(json.find_first_of("\"\\", at), json.size());
    out.append(json, at, stop - at);
    at = stop + 1;
    if (stop >= json.size() || json[stop] == '"') break;
    if (at >= json.size()) break;
    const char escape = json[at++];
    if (escape != 'u') {
      static constexpr std::string_view kLetters = "bfnrt", kControls = "\b\f\n\r\t";
      const std::size_t control = kLetters.find(escape);
      out.push_back(control == kLetters.npos ? escape : kControls[control]);
      continue;
    }
    std::uint32_t point = hex4(json, at);
    at += 4;
    if (point >= 0xd800 && point < 0xdc00 && json.substr(std::min(at, json.size())).starts_with("\\u")) {
      if (const std::uint32_t low = hex4(json, at + 2); low >= 0xdc00 && low < 0xe000) {
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
        at += 6;
      }
    }
    append_code_point(out, point);
  }
  return std::min(at, json.size());
}

// A number, true, false or null.
void append_scalar(std::string& out, std::string_view text) {
  const bool is_integer = text.find_first_of(".eE") == text.npos;
  const bool is_number = !text.empty() && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'));
  double value = 0;
  if (is_number && (!is_integer || text == "-0")) {
    std::from_chars(text.data(), text.data() + text.size(), value);
    char shortest[32];
    const bool whole = std::abs(value) < 9e15 && value == std::floor(value);
    const auto end = whole ? std::to_chars(shortest, shortest + sizeof shortest, static_cast<std::int64_t>(value)).ptr
                           : std::to_chars(shortest, shortest + sizeof shortest, value).ptr;
    out.append(shortest, end);
  } else {
    out += text;
  }
  out.push_back(';');
}

// What a walk through a conversation sees on its way.
struct Watch {
  Question question;
  bool is_user = false;
  int texts = 0;
  std::string key[5];  // by depth

  void begin_message() {
    is_user = false;
    texts = 0;
  }
  void on_text(std::size_t depth, std::string_view out, std::size_t begin) {
    if (depth == 2 && key[2] == "role") is_user = out.substr(begin) == "user";
    const bool words = (depth == 2 && key[2] == "content") || (depth == 4 && key[2] == "content" && key[4] == "text");
    if (!words) return;
    ++texts;
    question = {begin, out.size(), true};
  }
};

class Walk {
 public:
  Walk(std::string& out, std::string_view json, Watch* watch) : out_(out), json_(json), watch_(watch) {}

  void run() {
    std::size_t at = 0;
    while ((at = skip_space(json_, at)) < json_.size()) {
      const char c = json_[at];
      if (c == '"') {
        at = text(at);
      } else if (c == '{' || c == '[') {
        out_.push_back(c);
        ++at;
        if (watch_ != nullptr && depth_ == 1) watch_->begin_message();
        if (depth_ < kDeepest) ++depth_;
      } else if (c == '}' || c == ']') {
        out_.push_back(c);
        ++at;
        if (depth_ > 0) --depth_;
      } else if (c == ',' || c == ':') {
        ++at;  // what stands on both sides says where they were
      } else {
        const std::size_t end = std::min(json_.find_first_of(",:]}\" \n\t\r[{", at), json_.size());
        append_scalar(out_, json_.substr(at, end - at));
        at = end;
      }
    }
  }

 private:
  // `"`, eight bytes of length, the bytes: nothing else begins with a quote.
  std::size_t text(std::size_t at) {
    out_.push_back('"');
    const std::size_t length_at = out_.size();
    out_.append(8, '\0');
    const std::size_t begin = out_.size();
    const std::size_t next = append_decoded(out_, json_, at);
    const std::uint64_t length = out_.size() - begin;
    for (std::size_t i = 0; i < 8; ++i) out_[length_at + i] = static_cast<char>(length >> (8 * i));
    if (watch_ != nullptr && depth_ >= 1 && depth_ <= 4) {
      const std::size_t after = skip_space(json_, next);
      if (after < json_.size() && json_[after] == ':')
        watch_->key[depth_] = out_.substr(begin);
      else
        watch_->on_text(depth_, out_, begin);
    }
    return next;
  }

  std::string& out_;
  const std::string_view json_;
  Watch* const watch_;
  std::size_t depth_ = 0;
};

}  // namespace

void append_text(std::string& out, std::string_view text) {
  const std::uint64_t length = text.size();
  for (std::size_t i = 0; i < 8; ++i) out.push_back(static_cast<char>(length >> (8 * i)));
  out += text;
}

void append_canonical(std::string& out, std::string_view json) {
  Walk(out, json, nullptr).run();
}

Question append_conversation(std::string& out, std::string_view json) {
  if (json.starts_with('"')) {
    const std::size_t begin = out.size() + 1 + 8;
    append_canonical(out, json);
    return {begin, out.size(), true};
  }
  Watch watch;
  Walk(out, json, &watch).run();
  if (!watch.is_user || watch.texts != 1) return {};
  return watch.question;
}

}  // namespace fairlead::gateway::cache
