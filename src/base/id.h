// Identifiers that sort by time: ULIDs (https://github.com/ulid/spec), 26 characters of Crockford's base 32.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace fairlead {

// A new ULID for the given wall time: 48 bits of milliseconds, 80 random bits. Thread-safe; ids of one thread made in
// one millisecond sort in the order they were made. Unpredictable enough to be unique, not to be secret.
std::string new_id(std::int64_t unix_micros);

bool is_id(std::string_view text);

// When an id was made, in milliseconds since 1970. `id` must be one.
std::int64_t id_millis(std::string_view id);

// Wherever an id may be shortened to a beginning that no other has: kInvalid, code ambiguous_id, of several `ids` that
// begin with `start`, which it names; of more than kNamedIds, so many.
inline constexpr std::size_t kNamedIds = 5;
Error ambiguous_id(std::string_view start, const std::vector<std::string>& ids);

// `bytes` from the operating system's generator, for secrets. Aborts the process if there are none to be had.
std::string random_bytes(std::size_t bytes);

}  // namespace fairlead
