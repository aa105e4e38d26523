// Our head parser beside Boost.Beast's: whatever ours accepts, Beast must accept and read in the same way.
#pragma once
#include <string>
#include <string_view>

namespace fairlead::http {

// Empty if they agree, else what they disagree about. `text` is one head and whatever follows it.
//
// Where ours is stricter, and so nothing is compared: Host missing, doubled or malformed; singletons (Authorization,
// Content-Type, x-api-key) and Content-Length doubled, even with one value; Content-Length with Transfer-Encoding;
// codings other than one `chunked`; Transfer-Encoding on 1.0; folded lines; CONNECT; targets that are not a path, `*`
// or an http URL, or hold a `#` or a byte over 126; major versions other than 1; limits.
//
// Where Beast is stricter: it refuses an empty line in front, which RFC 9112 section 2.2 says to forgive; it takes a
// status line without a space behind the code for an error, which many servers send; and it refuses an answer whose
// Connection header is no list of tokens, after which ours only does not use the connection again; and versions over
// 1.1, which RFC 9110 section 6.2 says to read as 1.1. Allowed for.
std::string compare_request(std::string_view text);
std::string compare_response(std::string_view text);

// Whether the parser says the same of a text that arrives in pieces as of the whole.
std::string compare_splits(std::string_view text, bool request);

}  // namespace fairlead::http
