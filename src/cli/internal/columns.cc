#include "cli/internal/columns.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

namespace fairlead::cli {
namespace {

constexpr std::size_t kNarrowest = 24;
constexpr std::string_view kBetween = " │ ";
constexpr std::size_t kBetweenWidth = 3;

bool begins_character(char c) {
  return (c & 0xc0) != 0x80;
}

// Without the escapes of colours, which take no room.
std::size_t width_of(std::string_view text) {
  std::size_t out = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      while (i < text.size() && text[i] != 'm') ++i;
      continue;
    }
    if (begins_character(text[i])) ++out;
  }
  return out;
}

std::string without_controls(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\t')
      out += "  ";
    else if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f)
      out += c;
  }
  return out;
}

// The bytes of the first `count` characters.
std::size_t bytes_of(std::string_view text, std::size_t count) {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (begins_character(text[i]) && count-- == 0) return i;
  return text.size();
}

void wrap_line(std::string_view line, std::size_t width, std::vector<std::string>& out) {
  for (;;) {
    const std::size_t most = bytes_of(line, width);
    if (most == line.size()) {
      out.emplace_back(line);
      return;
    }
    std::size_t end = line[most] == ' ' ? most : line.rfind(' ', most);
    if (end == line.npos || end == 0 || line.find_first_not_of(' ') >= end) end = most;
    std::string_view shown = line.substr(0, end);
    shown = shown.substr(0, shown.find_last_not_of(' ') + 1);
    out.emplace_back(shown);
    line.remove_prefix(std::min(line.find_first_not_of(' ', end), line.size()));
    if (line.empty()) return;
  }
}

}  // namespace

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> out;
  for (;;) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    wrap_line(without_controls(text.substr(0, end)), width, out);
    if (end == text.size()) return out;
    text.remove_prefix(end + 1);
  }
}

std::size_t column_width(std::size_t count, std::size_t line_width) {
  const std::size_t between = kBetweenWidth * (count - 1);
  if (line_width <= between) return 0;
  const std::size_t width = (line_width - between) / count;
  return width < kNarrowest ? 0 : width;
}

std::vector<std::string> beside(const std::vector<std::vector<std::string>>& columns, std::size_t width) {
  std::size_t longest = 0;
  for (const auto& one : columns) longest = std::max(longest, one.size());
  std::vector<std::string> out(longest);
  for (std::size_t row = 0; row < longest; ++row) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const std::string& cell = row < columns[i].size() ? columns[i][row] : std::string();
      if (i > 0) out[row] += kBetween;
      out[row] += cell;
      if (i + 1 < columns.size()) out[row].append(width - std::min(width, width_of(cell)), ' ');
    }
  }
  return out;
}

Terminal Terminal::of_output() {
  winsize size{};
  if (isatty(STDOUT_FILENO) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return {};
  // One that does not know its size is as wide as they were.
  return {size.ws_col == 0 ? 80u : size.ws_col, size.ws_row == 0 ? 24u : size.ws_row};
}

void Live::draw(const std::vector<std::string>& lines) {
  clear();
  const std::size_t most = terminal_.rows > 1 ? terminal_.rows - 1 : 1;
  const std::size_t first = lines.size() > most ? lines.size() - most : 0;
  std::string text;
  for (std::size_t i = first; i < lines.size(); ++i) text += lines[i] + "\n";
  drawn_ = lines.size() - first;
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

void Live::clear() {
  if (drawn_ > 0) std::fprintf(stdout, "\x1b[%zuA\x1b[J", drawn_);
  drawn_ = 0;
}

}  // namespace fairlead::cli
