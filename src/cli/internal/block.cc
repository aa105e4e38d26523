#include "cli/internal/block.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "platform/json/text.h"

namespace fairlead::cli {
namespace {

namespace bj = boost::json;

class Writer {
 public:
  // `begin` is what stands before the value on its first line: "", "- ", "name:".
  void write(const bj::value& value, std::size_t indent, std::string begin) {
    const bool in_list = begin.ends_with("- ");
    if (value.is_object() && !value.get_object().empty()) {
      for (const auto& [name, member] : value.get_object()) {
        std::string first = in_list ? std::exchange(begin, std::string(indent, ' ')) : std::string(indent, ' ');
        write_member(member, indent, std::move(first) + key(name) + ":");
      }
    } else if (value.is_array() && !value.get_array().empty()) {
      for (const bj::value& one : value.get_array()) {
        std::string first = in_list ? std::exchange(begin, std::string(indent, ' ')) : std::string(indent, ' ');
        write(one, indent + 2, std::move(first) + "- ");
      }
    } else {
      scalar(value, indent, std::move(begin));
    }
  }

  std::vector<std::string> lines;

 private:
  void write_member(const bj::value& value, std::size_t indent, std::string begin) {
    const bool is_block =
        (value.is_object() && !value.get_object().empty()) || (value.is_array() && !value.get_array().empty());
    if (!is_block) return scalar(value, indent + 2, std::move(begin) + " ");
    lines.push_back(std::move(begin));
    write(value, indent + 2, "");
  }

  void scalar(const bj::value& value, std::size_t indent, std::string begin) {
    if (!value.is_string()) return lines.push_back(begin + json::to_text(value));
    std::string_view text = value.get_string();
    if (text.find('\n') == text.npos)
      return lines.push_back(begin + (is_plain(text) ? std::string(text) : json::quoted(text)));
    const bool ends = text.ends_with('\n');
    if (begin.find_first_not_of(' ') != begin.npos) lines.push_back(begin + (ends ? "|" : "|-"));
    if (ends) text.remove_suffix(1);
    for (;;) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      lines.push_back(std::string(indent, ' ').append(text.substr(0, end)));
      if (end == text.size()) return;
      text.remove_prefix(end + 1);
    }
  }

  static std::string key(std::string_view name) { return is_plain(name) ? std::string(name) : json::quoted(name); }

  // Not to be taken for another value, or for nothing.
  static bool is_plain(std::string_view text) {
    if (text.empty() || text.front() == ' ' || text.back() == ' ' || text == "~") return false;
    if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) return false;
    return !json::parse(text) && !text.starts_with("- ");
  }
};

}  // namespace

std::vector<std::string> block(const boost::json::value& value) {
  Writer writer;
  writer.write(value, 0, "");
  return std::move(writer.lines);
}

}  // namespace fairlead::cli
