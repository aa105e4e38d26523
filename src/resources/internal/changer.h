// Changes of a project, one after another, each in one transaction.
#pragma once
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "platform/store/database.h"
#include "resources/internal/documents.h"
#include "resources/internal/planner.h"
#include "resources/service.h"

namespace fairlead::resources {

// Whether an apply refuses what names a secret that does not exist, or leaves it to whoever calls it.
enum class SecretCheck : bool { kLater, kNow };

// Thread-safe; every function blocks. In this process the changes queue for a lock; another process on a shared store
// is noticed by the project's revision, and the change is planned again on what it left.
class Changer {
 public:
  Changer(store::Database& database, const Clock& clock, std::vector<CompiledKind> kinds);
  void set_prepare(ResourceService::Prepare prepare) { prepare_ = std::move(prepare); }

  Result<Project> load(const std::string& project);
  Result<ChangeSet> plan(const std::string& project, const Files& files);
  Result<ChangeSet> apply(const std::string& project, const Files& files, const access::Actor& actor,
                          const std::string& message, SecretCheck check);
  Result<LabelMove> promote(const std::string& project, const std::string& kind, const std::string& name,
                            const std::string& ref, const std::string& label, const access::Actor& actor);
  Result<LabelMove> rollback(const std::string& project, const std::string& kind, const std::string& name,
                             const std::string& label, const access::Actor& actor);
  std::string folder_of(const std::string& kind) const;

 private:
  using MakeDraft = std::function<Result<Draft>(const Project& before)>;
  struct Committed {
    Draft draft;
    std::vector<std::int64_t> audits;  // one a step
  };
  Result<Committed> change(const std::string& project, const access::Actor& actor, const MakeDraft& make,
                           SecretCheck check = SecretCheck::kLater);
  Result<bool> commit(const Draft& draft, std::int64_t revision, const access::Actor& actor, SecretCheck check,
                      std::vector<std::int64_t>& audits);
  Result<SecretNames> secrets_of(const std::string& project, SecretCheck check);
  // Whether a version that is made names a secret that has gone since it was planned.
  Result<bool> misses_secret(store::Connection& connection, const Draft& draft) const;
  Result<LabelMove> move(const std::string& project, const access::Actor& actor, const MakeDraft& make);
  Result<const Resource*> find(const Project& project, const std::string& kind, const std::string& name) const;

  store::Database& database_;
  const Clock& clock_;
  std::vector<CompiledKind> kinds_;
  ResourceService::Prepare prepare_;
  std::mutex one_at_a_time_;
};

// resource_not_found, with the nearest of the names.
Error not_found(const std::string& project, const std::string& kind, const std::string& name,
                std::span<const std::string> names);

}  // namespace fairlead::resources
