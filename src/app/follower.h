// Puts in force what other nodes on the same store have changed.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "platform/store/database.h"

namespace fairlead::app {

// Reads the audit log, which has a row for each change, from where the process began. Made before anything is loaded
// from the store; what it is given outlives it.
class Follower {
 public:
  struct Parts {
    std::function<Result<void>()> refresh_keys;
    std::function<Result<void>(const std::string& project)> refresh_secrets;
    std::function<Result<void>(const std::string& project)> refresh_resources;
  };
  static Result<std::unique_ptr<Follower>> create(store::Database& database);
  ~Follower();

  // Does nothing if the process has the store for itself. A change is looked at again until the store answers; one that
  // cannot be put in force is logged.
  void start(Parts parts);
  void stop();

 private:
  Follower(store::Database& database, std::int64_t seen) : database_(database), seen_(seen) {}
  void look();
  Result<void> take_over();

  store::Database& database_;
  Parts parts_;
  std::int64_t seen_;  // the last row of the audit log that is in force
};

}  // namespace fairlead::app
