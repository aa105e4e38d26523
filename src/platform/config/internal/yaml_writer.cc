#include <algorithm>

#include "platform/config/internal/scalar.h"
#include "platform/config/yaml.h"
#include "platform/json/text.h"

namespace fairlead::config {
namespace {

namespace bj = boost::json;

bool has_control(std::string_view text, bool lines_are_fine) {
  return std::ranges::any_of(text, [&](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && !(lines_are_fine && (c == '\n' || c == '\t'))) || byte == 0x7f;
  });
}

// U+0085, U+2028, U+2029 and U+FEFF end lines for some readers, or vanish.
bool has_odd_space(std::string_view text) {
  return text.find("\xC2\x85") != text.npos || text.find("\xE2\x80\xA8") != text.npos ||
         text.find("\xE2\x80\xA9") != text.npos || text.find("\xEF\xBB\xBF") != text.npos;
}

// May stand as it is, and be read back as that text.
bool plain(std::string_view text, bool is_key) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ' || has_control(text, false) || has_odd_space(text))
    return false;
  if (std::string_view("-?:,[]{}#&*!|>'\"%@`").find(text.front()) != text.npos) return false;
  if (text.find(": ") != text.npos || text.find(" #") != text.npos || text.back() == ':') return false;
  if (text.starts_with("---") || text.starts_with("...") || text == "<<" || text == "=") return false;
  if (is_key)
    return text.find_first_of("{}[],&*#?|<>=!%@\\:\"' ") == text.npos &&
           internal::core_scalar(text).value_or(nullptr) != nullptr;
  // Older readers take these for booleans; quotes spare everyone the question.
  static constexpr std::string_view kWords[] = {"yes", "no", "on", "off", "y", "n"};
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (std::ranges::find(kWords, lower) != std::end(kWords)) return false;
  const auto read = internal::core_scalar(text);
  return read && read->is_string() &&
         !(text.front() >= '0' && text.front() <= '9' && text.find_first_not_of("0123456789") == text.npos);
}

// A `|` block can carry it: several lines, no control characters, no odd spaces.
bool block(std::string_view text) {
  if (text.find('\n') == text.npos || has_control(text, true) || has_odd_space(text)) return false;
  return text.front() != '\n' && text.front() != ' ' && text.front() != '\t' &&
         text.find_first_not_of('\n') != text.npos;
}

class Writer {
 public:
  std::string out;

  void object(const bj::object& members, std::size_t indent, bool first_is_placed) {
    for (const bj::key_value_pair& member : members) {
      if (!std::exchange(first_is_placed, false)) out.append(indent, ' ');
      const std::string_view key = member.key();
      if (plain(key, true)) {
        out += key;
      } else {
        json::append_string(out, key);
      }
      out += ':';
      below(member.value(), indent);
    }
  }

  void array(const bj::array& items, std::size_t indent, bool first_is_placed) {
    for (const bj::value& item : items) {
      if (!std::exchange(first_is_placed, false)) out.append(indent, ' ');
      out += '-';
      if (const bj::object* members = item.if_object(); members && !members->empty()) {
        out += ' ';
        object(*members, indent + 2, true);
      } else if (const bj::array* inner = item.if_array(); inner && !inner->empty()) {
        out += ' ';
        array(*inner, indent + 2, true);
      } else {
        scalar(item, indent);
      }
    }
  }

  // After a key and its ':'.
  void below(const bj::value& value, std::size_t indent) {
    if (const bj::object* members = value.if_object(); members && !members->empty()) {
      out += '\n';
      object(*members, indent + 2, false);
    } else if (const bj::array* items = value.if_array(); items && !items->empty()) {
      out += '\n';
      array(*items, indent + 2, false);
    } else {
      scalar(value, indent);
    }
  }

  // A space, the value, the end of the line. `indent`: of the line that it stands in.
  void scalar(const bj::value& value, std::size_t indent) {
    out += ' ';
    if (const bj::string* string = value.if_string()) {
      text(std::string_view(*string), indent + 2);
    } else {
      out += json::to_text(value);  // null, true, 1.5, [], {}: YAML reads them as JSON does
    }
    out += '\n';
  }

 private:
  void text(std::string_view text, std::size_t indent) {
    if (plain(text, false)) {
      out += text;
      return;
    }
    if (!block(text)) return json::append_string(out, text);  // a JSON string is a double-quoted scalar
    const std::size_t content = text.find_last_not_of('\n') + 1;
    const std::size_t ends = text.size() - content;
    out += ends == 0 ? "|-" : ends == 1 ? "|" : "|+";
    if (ends == 1) text.remove_suffix(1);
    if (ends > 1) text.remove_suffix(1);
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      out += '\n';
      if (end > begin) out.append(indent, ' ');
      out.append(text, begin, end - begin);
      begin = end + 1;
    }
  }
};

}  // namespace

std::string to_yaml(const bj::value& value) {
  Writer writer;
  if (const bj::object* members = value.if_object(); members && !members->empty()) {
    writer.object(*members, 0, false);
  } else if (const bj::array* items = value.if_array(); items && !items->empty()) {
    writer.array(*items, 0, false);
  } else {
    writer.scalar(value, 0);
    writer.out.erase(0, 1);
  }
  return std::move(writer.out);
}

}  // namespace fairlead::config
