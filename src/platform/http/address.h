// Which addresses are out on the internet.
#pragma once
#include <boost/asio/ip/address.hpp>

namespace fairlead::http {

// Whether the address is one that anybody may be at: not private, of this host, of a link, for documentation, for many,
// or reserved (the IANA registries of special-purpose addresses, RFC 6890 and its updates). Of an IPv6 address that
// holds an IPv4 one (mapped, NAT64, 6to4), whether both are.
bool is_public(const boost::asio::ip::address& address);

}  // namespace fairlead::http
