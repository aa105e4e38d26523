// What steps with `http` may reach, and with what (docs/reference/chains.md, "http").
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"
#include "platform/http/client.h"

namespace fairlead::chains {

// "example.com", "*.example.com" (any host below it), "example.com:8443"; without a port the scheme's own.
class AllowedHosts {
 public:
  // Divided by commas. Error: kInvalid invalid_setting, with the one at fault.
  static Result<AllowedHosts> parse(std::string_view list);
  bool allows(const http::Origin& origin) const;
  bool empty() const { return hosts_.empty(); }

 private:
  struct Host {
    std::string name;        // lower case
    bool below = false;      // any host below it, and not itself
    std::uint16_t port = 0;  // 0: the scheme's own
  };
  std::vector<Host> hosts_;
};

// Immutable, thread-safe; what the functions need outlives the runs.
struct HttpCalls {
  AllowedHosts hosts;
  // Of that loop; it refuses addresses that are not on the internet, where those are not allowed.
  std::function<http::Client&(async::Loop& loop)> client;
  // The value of one of the project's secrets, off the loop. Error: secret_not_found.
  std::function<async::Task<Result<SecretText>>(std::string project, std::string name)> secret;
};

}  // namespace fairlead::chains
