// References to credentials in specs: "secret:NAME", "env:NAME", "file:/path"; and headers, whose values may be such.
#pragma once
#include <boost/json/object.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace fairlead::access {

bool is_reference(std::string_view value);
// Begins like one, whether or not it can be followed.
bool looks_like_reference(std::string_view value);
// The secret that a reference names; empty if it is another reference or none.
std::string_view secret_of(std::string_view reference);

// What is wrong with the headers of a spec, each with its name: such that are the client's own, such that hold a
// credential itself, such that cannot be sent.
std::vector<std::pair<std::string, std::string>> header_faults(const boost::json::object& headers);

// Where references lead. All of it is called while something is made, off the loops.
struct CredentialSources {
  // The environment variable's value, if it is set.
  std::function<std::optional<std::string>(std::string_view name)> environment;
  // The value of one of the project's secrets. Its errors name it and say what to do.
  std::function<Result<SecretText>(std::string_view name)> secret{};
  // Files, and folders with all that is in them, that no reference may read; absolute, without symbolic links.
  std::vector<std::string> private_paths{};
};

// What a reference leads to, as one line that a header can carry. `whose` begins the messages: "Provider `x`". Errors:
// credentials_missing, which names what is missing and never a value; those of the store.
Result<SecretText> read_reference(std::string_view whose, std::string_view reference, const CredentialSources& sources);

// Header lines, each ended by CRLF, and the values that were references. Errors: as above.
struct HeaderLines {
  SecretText text;
  std::vector<SecretText> secrets;
};
Result<HeaderLines> read_headers(std::string_view whose, const boost::json::object& headers,
                                 const CredentialSources& sources);

}  // namespace fairlead::access
