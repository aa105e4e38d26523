// Words of letters and digits: numbers of people with letters in them, accounts, addresses of wallets, plates.
#pragma once
#include <cstddef>
#include <string_view>

#include "safety/pii/internal/reading.h"

namespace fairlead::pii {

// [start, end) is a whole run of ASCII letters and digits that has both.
void recognise_word(const Reading& reading, std::size_t start, std::size_t end);
// The groups of a national insurance number: "AB 12 34 56 C" ends at `end`.
void recognise_spaced_nino(const Reading& reading, std::size_t end);
void recognise_spaced_dni(const Reading& reading, std::size_t end);  // "12345678-Z", "X-1234567-L"
// A plate whose region begins where a digit ends at `at`.
void recognise_plate(const Reading& reading, std::size_t at);
// A word on licences was read, which ends at `end`: what follows may be one's number.
void recognise_licence(const Reading& reading, std::size_t end);

}  // namespace fairlead::pii
