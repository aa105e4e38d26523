// Texts side by side.
#pragma once
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::cli {

// `text` on lines of at most `width` characters (code points), broken between words where there are some; a longer word
// is cut. What would move the cursor is left out.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

// How wide each of `count` columns is on a line of that width; 0: too narrow to be read.
std::size_t column_width(std::size_t count, std::size_t line_width);

// One line for each line of the longest, columns padded to `width` and divided by ` │ `. Colours take no room.
std::vector<std::string> beside(const std::vector<std::vector<std::string>>& columns, std::size_t width);

// The size of the terminal that standard output is; 0 columns: it is none.
struct Terminal {
  std::size_t columns = 0, rows = 0;
  static Terminal of_output();
};

// Lines at the end of a terminal that are drawn again and again. Of more than fit, the last.
class Live {
 public:
  explicit Live(Terminal terminal) : terminal_(terminal) {}
  void draw(const std::vector<std::string>& lines);
  void clear();  // as if nothing had been drawn

 private:
  Terminal terminal_;
  std::size_t drawn_ = 0;
};

}  // namespace fairlead::cli
