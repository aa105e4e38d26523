// What the files of the service share.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "resources/internal/changer.h"
#include "resources/service.h"

namespace fairlead::resources {

class ResourceService::Impl {
 public:
  Impl(store::Database& database, const Clock& clock, std::vector<CompiledKind> kinds)
      : database(database), changer(database, clock, std::move(kinds)) {}

  store::Database& database;
  Changer changer;
  async::BlockingPool thread{1};  // last: the change in progress ends before anything else goes
};

// Runs `work` in a read and gives what it made. T is shared with the work, which may outlive the awaiting task.
template <class T>
async::Task<Result<T>> read(store::Database& database, std::function<Result<T>(store::Connection&)> make) {
  auto made = std::make_shared<std::optional<T>>();
  store::Database::Work work = [made, make = std::move(make)](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(*made, make(connection));
    return {};
  };
  auto done = co_await database.read(std::move(work));
  if (!done) co_return fail(std::move(done).error());
  co_return std::move(**made);
}

// The resource, its specs left empty. Error: resource_not_found, with the nearest name.
Result<Resource> existing(store::Connection& connection, const std::string& project, const std::string& kind,
                          const std::string& name);

}  // namespace fairlead::resources
