// Lets a request in, or answers it, before a byte of its body is read.
#pragma once
#include <functional>
#include <memory>

#include "access/keys.h"
#include "base/clock.h"
#include "platform/async/task.h"
#include "platform/http/server.h"

namespace fairlead::access {

// The principal lives until the handler's task ends.
using PrincipalHandler = std::function<async::Task<void>(http::Exchange&, const Principal&)>;

// Immutable, thread-safe. The handlers that it makes share what they need of it, so they may outlive it, but not the
// clock.
class Guard {
 public:
  // The keys in force at this moment; called once a request, on any loop; never null.
  using CurrentKeys = std::function<std::shared_ptr<const KeyTable>()>;
  Guard(CurrentKeys current, const Clock& clock);

  // A handler that answers 401 (no key, or a wrong one), 403 (a key without the scope), or 400 (two Authorization
  // headers), and else calls `handler`.
  http::Handler protect(Scope scope, PrincipalHandler handler) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace fairlead::access
