// Addresses of mail, pages, machines.
#pragma once
#include <cstddef>

#include "safety/pii/internal/reading.h"

namespace fairlead::pii {

// Each is given where something that it begins with was read, and gives where to go on.
std::size_t recognise_email(const Reading& reading, std::size_t at_sign, std::size_t floor);
std::size_t recognise_url(const Reading& reading, std::size_t scheme_end, std::size_t floor);  // behind "://"
std::size_t recognise_www(const Reading& reading, std::size_t end);                            // behind "www."
void recognise_domain(const Reading& reading, std::size_t tld_end);                            // behind ".com"
void recognise_ipv4(const Reading& reading, std::size_t at, std::size_t floor);
std::size_t recognise_ipv6(const Reading& reading, std::size_t at, std::size_t floor);
std::size_t recognise_mac(const Reading& reading, std::size_t at, std::size_t floor);

}  // namespace fairlead::pii
