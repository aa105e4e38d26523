// The shortest way from one sequence to another.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace fairlead::cli {

// [from_begin, from_end) of the old becomes [to_begin, to_end) of the new; between two of them both are alike.
struct Hunk {
  std::size_t from_begin, from_end, to_begin, to_end;
  bool operator==(const Hunk&) const = default;
};

// By E. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986): time (N + M) D and memory D², where D is how
// many elements go or come. Nothing if D is over `most`.
std::optional<std::vector<Hunk>> shortest_edit(std::span<const std::uint32_t> from, std::span<const std::uint32_t> to,
                                               int most);

}  // namespace fairlead::cli
