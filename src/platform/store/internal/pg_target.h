// Where a PostgreSQL is.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace fairlead::store {

struct PgTarget {
  std::vector<std::pair<std::string, std::string>> options;  // libpq's, with what we add to them
  std::string place;                                         // for messages: no password
  std::string password;                                      // to be kept out of messages

  // Error: invalid_setting, which repeats nothing of the URI.
  static Result<PgTarget> parse(std::string_view uri);
  // `text` without the password, should a library have put it there.
  std::string without_password(std::string text) const;
};

}  // namespace fairlead::store
