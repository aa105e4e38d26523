#include "safety/policy/internal/json_document.h"

#include <algorithm>
#include <boost/beast/core/detail/base64.hpp>

#include "base/digest.h"
#include "platform/json/text.h"
#include "safety/policy/internal/text.h"

namespace fairlead::policy {
namespace {

constexpr int kDeepest = 300;
constexpr int kDeepestNested = 3;
constexpr std::size_t kNoPlace = std::string_view::npos;

// Of conversations: what is no text of anybody's.
constexpr std::string_view kStructure[] = {
    "role",          "type",   "id",         "tool_call_id", "tool_use_id", "call_id",
    "status",        "detail", "media_type", "format",       "signature",   "encrypted_content",
    "cache_control", "object", "phase",      "index",        "mime_type",   "voice"};
// Of parts of messages: what cannot be read as text.
constexpr std::string_view kMedia[] = {"image_url",  "input_audio", "video_url", "file_url", "file_id",
                                       "image_file", "input_video", "image",     "video"};
// Whose values are data, in a conversation too.
constexpr std::string_view kDataMembers[] = {"input", "arguments", "variables", "metadata"};

template <class List>
bool in(const List& list, std::string_view word) {
  return std::ranges::find(list, word) != std::end(list);
}

std::string as_words(std::string_view name) {
  std::string out(name);
  for (char& c : out)
    if (c == '_' || c == '-') c = ' ';
  return out + ": ";
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Four hexadecimal digits, or -1.
int code_unit(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) return -1;
  int out = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const int digit = hex(text[at + i]);
    if (digit < 0) return -1;
    out = out * 16 + digit;
  }
  return out;
}

std::unexpected<Error> malformed() {
  return fail(ErrorKind::kInvalid, "invalid_json", "We could not parse the JSON body of your request.");
}

bool has_digits_alone(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == kNoPlace;
}

// A number, true, false or null (RFC 8259). Nobody has looked yet at what stands in a text.
bool is_scalar(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  if (text == "true" || text == "false" || text == "null") return true;
  if (text.starts_with('-')) text.remove_prefix(1);
  const auto take_digits = [&text] {
    const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(count);
    return count > 0;
  };
  if (!take_digits()) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (!take_digits()) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    if (!take_digits()) return false;
  }
  return text.empty();
}

// Whether all of its escapes are.
bool is_well_escaped(std::string_view quoted) {
  for (std::size_t at = quoted.find('\\'); at != kNoPlace; at = quoted.find('\\', at + 2)) {
    if (at + 1 >= quoted.size() || std::string_view("\"\\/bfnrtu").find(quoted[at + 1]) == kNoPlace) return false;
    if (quoted[at + 1] == 'u' && code_unit(quoted, at + 2) < 0) return false;
  }
  return true;
}

bool looks_like_json(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n"), last = text.find_last_not_of(" \t\r\n");
  if (first == kNoPlace) return false;
  const bool closed = (text[first] == '{' && text[last] == '}') || (text[first] == '[' && text[last] == ']');
  return closed && last > first + 1;
}

std::string encode_base64(std::string_view text) {
  namespace base64 = boost::beast::detail::base64;
  std::string out(base64::encoded_size(text.size()), '\0');
  out.resize(base64::encode(out.data(), text.data(), text.size()));
  return out;
}

bool is_text_type(std::string_view type) {
  return type.starts_with("text/") || type.starts_with("application/json") || type.starts_with("application/xml") ||
         type.starts_with("application/x-ndjson");
}

}  // namespace

std::size_t skip_space(std::string_view json, std::size_t at) {
  while (at < json.size() && (json[at] == ' ' || json[at] == '\t' || json[at] == '\n' || json[at] == '\r')) ++at;
  return at;
}

std::size_t skip_string(std::string_view json, std::size_t at) {
  if (at >= json.size() || json[at] != '"') return kNoPlace;
  for (++at; at < json.size(); ++at) {
    if (json[at] == '\\')
      ++at;
    else if (json[at] == '"')
      return at + 1;
  }
  return kNoPlace;
}

std::size_t skip_value(std::string_view json, std::size_t at) {
  int depth = 0;
  for (at = skip_space(json, at); at < json.size();) {
    const char c = json[at];
    if (c == '"') {
      at = skip_string(json, at);
      if (at == kNoPlace) return kNoPlace;
      if (depth == 0) return at;
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') {
      if (depth == 0) return at;  // of what is around it
      if (--depth == 0) return at + 1;
    }
    if (c == ',' && depth == 0) return at;
    ++at;
  }
  return depth == 0 ? at : kNoPlace;
}

std::string_view decode_string(std::string_view quoted, std::string& out) {
  if (quoted.size() < 2) return {};
  const std::string_view inner = quoted.substr(1, quoted.size() - 2);
  if (inner.find('\\') == kNoPlace) return inner;
  out.clear();
  for (std::size_t at = 0; at < inner.size(); ++at) {
    if (inner[at] != '\\' || at + 1 >= inner.size()) {
      out += inner[at];
      continue;
    }
    const char c = inner[++at];
    constexpr std::string_view kFrom = "bfnrt", kTo = "\b\f\n\r\t";
    if (const std::size_t which = kFrom.find(c); which != kNoPlace) {
      out += kTo[which];
    } else if (c == 'u') {
      const int first = code_unit(inner, at + 1);
      if (first < 0) return {};
      at += 4;
      char32_t character = static_cast<char32_t>(first);
      if (first >= 0xD800 && first < 0xDC00 && inner.substr(at + 1, 2) == "\\u") {
        const int second = code_unit(inner, at + 3);
        if (second >= 0xDC00 && second < 0xE000) {
          character = 0x10000U + ((character - 0xD800U) << 10U) + (static_cast<char32_t>(second) - 0xDC00U);
          at += 6;
        }
      }
      if (character >= 0xD800 && character < 0xE000) character = 0xFFFD;
      append(out, character);
    } else {
      out += c;
    }
  }
  return out;
}

class JsonDocument::Reader {
 public:
  Reader(JsonDocument& document, bool passes_media, int nested)
      : out_(document), json_(document.source_), passes_media_(passes_media), nested_(nested) {}

  Result<std::size_t> value(std::size_t at, Kind kind, std::string_view name, int depth) {
    at = skip_space(json_, at);
    if (at >= json_.size() || depth > kDeepest) return malformed();
    if (json_[at] == '"') return text(at, kind, name);
    if (json_[at] == '{') return object(at, kind, name, depth);
    if (json_[at] == '[') {
      std::size_t next = skip_space(json_, at + 1);
      if (next < json_.size() && json_[next] == ']') return next + 1;
      for (at = next;;) {
        FAIRLEAD_TRY(at, value(at, kind, name, depth + 1));
        at = skip_space(json_, at);
        if (at >= json_.size()) return malformed();
        if (json_[at] == ']') return at + 1;
        if (json_[at] != ',') return malformed();
        ++at;
      }
    }
    const std::size_t end = skip_value(json_, at);
    if (end == kNoPlace || !is_scalar(json_.substr(at, end - at))) return malformed();
    if (kind != Kind::kConversation) number(at, end, name);
    return end;
  }

 private:
  Result<std::size_t> object(std::size_t at, Kind kind, std::string_view of, int depth) {
    const bool source = kind == Kind::kConversation && of == "source" && depth > 2;
    if (source) {  // Anthropic's: a text, blocks, or something else
      std::string type;
      FAIRLEAD_TRY(type, type_of(at));
      if (type != "text" && type != "content") return media(at, "a document or an image");
    }
    at = skip_space(json_, at + 1);
    if (at < json_.size() && json_[at] == '}') return at + 1;
    for (;;) {
      const std::size_t end = skip_string(json_, at);
      if (end == kNoPlace || !is_well_escaped(json_.substr(at, end - at))) return malformed();
      std::string decoded;
      const std::string name(decode_string(json_.substr(at, end - at), decoded));
      at = skip_space(json_, end);
      if (at >= json_.size() || json_[at] != ':') return malformed();
      at = skip_space(json_, at + 1);
      FAIRLEAD_TRY(at, member(at, kind, name, of, depth));
      at = skip_space(json_, at);
      if (at >= json_.size()) return malformed();
      if (json_[at] == '}') return at + 1;
      if (json_[at] != ',') return malformed();
      at = skip_space(json_, at + 1);
    }
  }

  Result<std::size_t> member(std::size_t at, Kind kind, const std::string& name, std::string_view of, int depth) {
    if (at >= json_.size()) return malformed();
    const auto skip = [&]() -> Result<std::size_t> {
      const std::size_t end = skip_value(json_, at);
      if (end == kNoPlace) return malformed();
      return end;
    };
    if (kind != Kind::kConversation) return value(at, kind, name, depth + 1);
    if (in(kStructure, name)) return skip();
    if (name == "name") {  // a tool's, or a person's who takes part
      if (of == "function" || depth > 1) return skip();
      return value(at, Kind::kName, name, depth + 1);
    }
    if (in(kMedia, name)) return media(at, "an image, audio, a video or a file");
    if (name == "file_data") return file(at);
    if (in(kDataMembers, name) && json_[at] != '"') return value(at, Kind::kData, name, depth + 1);
    return value(at, kind, name, depth + 1);
  }

  Result<std::size_t> media(std::size_t at, std::string_view what) {
    if (!passes_media_ && json_[at] != 'n')  // null is none
      return fail(ErrorKind::kPermissionDenied, "privacy_blocked",
                  "This call holds " + std::string(what) +
                      ", which cannot be searched for personal data, and the privacy policy lets none through (`media: "
                      "pass` does).");
    const std::size_t end = skip_value(json_, at);
    if (end == kNoPlace) return malformed();
    return end;
  }

  // "data:text/plain;base64,…" is a text, anything else is not. A text that nobody can read is no image that may pass.
  Result<std::size_t> file(std::size_t at) {
    const std::size_t end = skip_string(json_, at);
    if (end == kNoPlace) return media(at, "a file");
    Piece piece{.begin = at, .end = end, .decoded = {}, .job = {}, .url_head = {}, .nested = {}};
    std::string decoded;
    const std::string_view url = decode_string(json_.substr(at, end - at), decoded);
    const std::size_t comma = url.find(";base64,");
    if (!url.starts_with("data:") || comma == kNoPlace || !is_text_type(lower(url.substr(5, comma - 5))))
      return media(at, "a file that is not text");
    piece.url_head = url.substr(0, comma + 8);
    std::string bytes(url.substr(comma + 8));
    std::erase_if(bytes, [](char c) { return c == '\r' || c == '\n' || c == ' ' || c == '\t'; });  // lines, as MIME has
    if (!from_base64(bytes, piece.decoded) || json::valid_utf8_prefix(piece.decoded) != piece.decoded.size())
      return fail(ErrorKind::kPermissionDenied, "privacy_blocked",
                  "This call holds a text file that cannot be searched for personal data: it is not base64 of UTF-8.");
    out_.pieces_.push_back(std::move(piece));
    Piece& kept = out_.pieces_.back();
    kept.job.text = kept.decoded;
    return end;
  }

  Result<std::string> type_of(std::size_t at) {
    at = skip_space(json_, at + 1);
    while (at < json_.size() && json_[at] == '"') {
      const std::size_t end = skip_string(json_, at);
      if (end == kNoPlace) return malformed();
      std::string decoded, again;
      const std::string name(decode_string(json_.substr(at, end - at), decoded));
      at = skip_space(json_, end);
      if (at >= json_.size() || json_[at] != ':') return malformed();
      at = skip_space(json_, at + 1);
      const std::size_t value_end = skip_value(json_, at);
      if (value_end == kNoPlace) return malformed();
      if (name == "type" && at < json_.size() && json_[at] == '"')
        return std::string(decode_string(json_.substr(at, value_end - at), again));
      at = skip_space(json_, value_end);
      if (at < json_.size() && json_[at] == ',') at = skip_space(json_, at + 1);
    }
    return std::string();
  }

  Result<std::size_t> text(std::size_t at, Kind kind, std::string_view name) {
    const std::size_t end = skip_string(json_, at);
    if (end == kNoPlace || !is_well_escaped(json_.substr(at, end - at))) return malformed();
    out_.pieces_.push_back({.begin = at, .end = end, .decoded = {}, .job = {}, .url_head = {}, .nested = {}});
    Piece& piece = out_.pieces_.back();
    piece.job.text = decode_string(json_.substr(at, end - at), piece.decoded);
    piece.job.is_name = kind == Kind::kName;
    if (kind == Kind::kData && !name.empty()) piece.job.context = as_words(name);
    // JSON within: written with escapes, nothing would be found in it.
    if (kind != Kind::kName && nested_ < kDeepestNested && looks_like_json(piece.job.text)) {
      auto nested = JsonDocument::read(piece.job.text, Kind::kData, passes_media_, nested_ + 1);
      if (nested) piece.nested = *std::move(nested);
    }
    return end;
  }

  void number(std::size_t at, std::size_t end, std::string_view name) {
    while (end > at &&
           (json_[end - 1] == ' ' || json_[end - 1] == '\n' || json_[end - 1] == '\t' || json_[end - 1] == '\r'))
      --end;
    const std::string_view digits = json_.substr(at, end - at);
    if (digits.size() < 4 || !has_digits_alone(digits)) return;
    out_.pieces_.push_back(
        {.begin = at, .end = end, .decoded = {}, .job = {}, .number = true, .url_head = {}, .nested = {}});
    TextJob& job = out_.pieces_.back().job;
    job.text = digits;
    if (!name.empty()) job.context = as_words(name);
  }

  JsonDocument& out_;
  const std::string_view json_;
  const bool passes_media_;
  const int nested_;
};

Result<std::unique_ptr<JsonDocument>> JsonDocument::read(std::string_view json, Kind kind, bool passes_media,
                                                         int depth) {
  auto out = std::make_unique<JsonDocument>();
  out->source_ = json;
  Reader reader(*out, passes_media, depth);
  FAIRLEAD_TRY(const std::size_t end, reader.value(0, kind, {}, 0));
  if (skip_space(json, end) != json.size()) return malformed();
  return out;
}

void JsonDocument::jobs(std::vector<TextJob*>& out) {
  for (Piece& piece : pieces_) {
    if (piece.nested)
      piece.nested->jobs(out);
    else
      out.push_back(&piece.job);
  }
}

bool JsonDocument::changed() const {
  return std::ranges::any_of(pieces_,
                             [](const Piece& one) { return one.nested ? one.nested->changed() : one.job.changed; });
}

std::string JsonDocument::write() const {
  std::string out;
  out.reserve(source_.size() + 64);
  std::size_t at = 0;
  for (const Piece& piece : pieces_) {
    const bool changed = piece.nested ? piece.nested->changed() : piece.job.changed;
    if (!changed) continue;
    out += source_.substr(at, piece.begin - at);
    at = piece.end;
    const std::string& instead = piece.job.instead;
    if (piece.nested) {
      json::append_string(out, piece.nested->write());
    } else if (!piece.url_head.empty()) {
      json::append_string(out, piece.url_head + encode_base64(instead));
    } else if (piece.number && has_digits_alone(instead) && (instead.size() == 1 || instead[0] != '0')) {
      out += instead;
    } else {
      json::append_string(out, instead);
    }
  }
  out += source_.substr(at);
  return out;
}

}  // namespace fairlead::policy
