// What every command is given.
#pragma once
#include <boost/json/value.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "platform/http/message.h"

namespace fairlead::cli {

struct Reply {
  int status = 0;
  std::string text;
  boost::json::value json;  // null if the text is not JSON
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string header(std::string_view name) const;  // empty if there is none
};

// Options that all commands share, and the way to the server. Used by one thread.
class Context {
 public:
  bool as_json = false;
  std::string key_file;
  bool yes = false;     // what cannot be undone is wanted without being asked
  int exit_status = 0;  // of the command that ran

  bool colours() const;        // standard output is a terminal and NO_COLOR is not set
  bool error_colours() const;  // the same for standard error

  // One request to FAIRLEAD_URL with FAIRLEAD_KEY. Errors: no_key, invalid_url, unreachable (says what to do), and, for
  // a status of 400 or more, what the server said; its faults, if it gave some, have been printed.
  Result<boost::json::value> call(http::Method method, std::string_view target,
                                  const boost::json::value* body = nullptr);
  // The same, the answer as it came, of any status; without a key if `with_key` is false.
  Result<Reply> fetch(http::Method method, std::string_view target, std::string_view body, bool with_key = true);
  // The same, the answer's body as it comes; `on_bytes` is called only for a status under 400.
  Result<Reply> stream(http::Method method, std::string_view target, std::string_view body,
                       const std::function<void(std::string_view)>& on_bytes);

  // Whether to do what cannot be undone: asks at a terminal, unless `yes`. Where nobody can be asked it is done. If
  // not, says that nothing has changed and sets the exit status to 1.
  bool goes_on(const std::string& question);

  // Prints the error to standard error and sets the exit status: 2 for kInvalid, 3 for a gate, else 1.
  void fail_with(const Error& error);

 private:
  Result<std::string> key() const;
};

// "a=1&b=x%20y" of the parameters that are not empty, with '?' in front; or "".
std::string query_string(const std::map<std::string, std::string>& parameters);

// The member as text, number or empty; for printing.
std::string text_of(const boost::json::value& object, std::string_view member);
std::int64_t integer_of(const boost::json::value& object, std::string_view member, std::int64_t otherwise = 0);
double number_of(const boost::json::value& object, std::string_view member);  // 0 if it is none

}  // namespace fairlead::cli
