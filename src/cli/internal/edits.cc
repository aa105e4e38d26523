#include "cli/internal/edits.h"

#include <algorithm>

namespace fairlead::cli {
namespace {

// `furthest[k + depth]` is how far along `from` one gets on diagonal k; one row for each depth.
using Row = std::vector<int>;

bool goes_down(const std::vector<int>& v, int offset, int k, int depth) {
  return k == -depth || (k != depth && v[offset + k - 1] < v[offset + k + 1]);
}

// Walks from the end back to the start; the hunks come last first.
std::vector<Hunk> back(const std::vector<Row>& rows, int n, int m) {
  std::vector<Hunk> hunks;
  const auto note = [&hunks](int x, int y,
                             bool down) {  // the step from (x, y): one of `to` came, or one of `from` went
    const auto ux = static_cast<std::size_t>(x), uy = static_cast<std::size_t>(y);
    const Hunk one{ux, ux + (down ? 0 : 1), uy, uy + (down ? 1 : 0)};
    if (!hunks.empty() && hunks.back().from_begin == one.from_end && hunks.back().to_begin == one.to_end) {
      hunks.back().from_begin = one.from_begin;
      hunks.back().to_begin = one.to_begin;
    } else {
      hunks.push_back(one);
    }
  };
  int x = n, y = m;
  for (int depth = static_cast<int>(rows.size()) - 1; depth > 0; --depth) {
    const Row& before = rows[static_cast<std::size_t>(depth)];  // as it was when this depth began
    const int k = x - y;
    const bool down = goes_down(before, depth, k, depth);
    const int start_k = down ? k + 1 : k - 1;
    x = before[static_cast<std::size_t>(depth + start_k)];
    y = x - start_k;
    note(x, y, down);
  }
  std::ranges::reverse(hunks);
  return hunks;
}

}  // namespace

std::optional<std::vector<Hunk>> shortest_edit(std::span<const std::uint32_t> from, std::span<const std::uint32_t> to,
                                               int most) {
  const int n = static_cast<int>(from.size()), m = static_cast<int>(to.size());
  most = std::min(most, n + m);
  const int offset = most + 1;
  std::vector<int> furthest(static_cast<std::size_t>(2 * offset + 1), 0);
  std::vector<Row> rows;
  for (int depth = 0; depth <= most; ++depth) {
    rows.emplace_back(furthest.begin() + offset - depth, furthest.begin() + offset + depth + 1);
    for (int k = -depth; k <= depth; k += 2) {
      const bool down = goes_down(furthest, offset, k, depth);
      int x = down ? furthest[static_cast<std::size_t>(offset + k + 1)]
                   : furthest[static_cast<std::size_t>(offset + k - 1)] + 1;
      int y = x - k;
      while (x < n && y < m && from[static_cast<std::size_t>(x)] == to[static_cast<std::size_t>(y)]) ++x, ++y;
      furthest[static_cast<std::size_t>(offset + k)] = x;
      if (x >= n && y >= m) return back(rows, n, m);
    }
  }
  return std::nullopt;
}

}  // namespace fairlead::cli
