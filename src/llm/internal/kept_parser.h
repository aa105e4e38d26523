// How large the parsers of a thread may stay.
#pragma once
#include <cstddef>

namespace fairlead::llm::internal {

// One that grew for one large text is not kept at that size.
inline constexpr std::size_t kKeptCapacity = 256 * 1024;

}  // namespace fairlead::llm::internal
