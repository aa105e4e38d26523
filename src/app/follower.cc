#include "app/follower.h"

#include <set>
#include <utility>
#include <vector>

#include "access/audit.h"
#include "app/log.h"

namespace fairlead::app {
namespace {

constexpr std::size_t kAtOnce = 1'000;

bool is_of_store(const Error& error) {
  return error.code.starts_with("store_");
}

}  // namespace

Result<std::unique_ptr<Follower>> Follower::create(store::Database& database) {
  std::int64_t seen = 0;
  FAIRLEAD_CHECK(database.read_blocking([&](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(seen, access::last_audit(connection));
    return {};
  }));
  return std::unique_ptr<Follower>(new Follower(database, seen));
}

Follower::~Follower() {
  stop();
}

void Follower::start(Parts parts) {
  parts_ = std::move(parts);
  database_.follow([this] { look(); });
}

void Follower::stop() {
  database_.stop_following();
}

void Follower::look() {
  // That the store is away, it says itself.
  if (auto done = take_over(); !done && !is_of_store(done.error()))
    kLog.error("changes of other nodes cannot be followed", {{"reason", done.error().message}});
}

Result<void> Follower::take_over() {
  std::vector<access::AuditEntry> entries;
  do {
    FAIRLEAD_CHECK(database_.read_blocking([&](store::Connection& connection) -> Result<void> {
      FAIRLEAD_TRY(entries, access::audit_after(connection, seen_, kAtOnce));
      return {};
    }));
    bool keys = false;
    std::set<std::string> secrets, resources;
    for (const access::AuditEntry& entry : entries) {
      if (entry.kind == "key")
        keys = true;
      else
        (entry.kind == "secret" ? secrets : resources).insert(entry.project);
    }
    if (keys) FAIRLEAD_CHECK(parts_.refresh_keys());
    for (const std::string& project : secrets) FAIRLEAD_CHECK(parts_.refresh_secrets(project));
    for (const std::string& project : resources) {
      auto done = parts_.refresh_resources(project);
      if (done) continue;
      if (is_of_store(done.error())) return done;
      kLog.error("a change of another node cannot be put in force",
                 {{"project", project}, {"reason", done.error().message}});
    }
    if (!entries.empty()) seen_ = entries.back().id;
  } while (entries.size() == kAtOnce);
  return {};
}

}  // namespace fairlead::app
