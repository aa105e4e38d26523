// Days, written in numbers or with the name of a month, in English and Russian.
#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "safety/pii/internal/pattern_database.h"
#include "safety/pii/internal/reading.h"

namespace fairlead::pii {

// A digit of a numeric date ends at `at`. Gives where to go on.
std::size_t recognise_date(const Reading& reading, std::size_t at, std::size_t floor);

// The names of months, as patterns; a month's name ends at `end`.
std::vector<Pattern> month_patterns();
void recognise_month(const Reading& reading, std::size_t end);

}  // namespace fairlead::pii
