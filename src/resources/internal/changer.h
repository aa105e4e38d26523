// Changes of a project, one after another, each in one transaction.
#pragma once
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "platform/store/database.h"
#include "resources/approvals.h"
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
  // Puts in force what the store has now, if it is newer than what is.
  Result<void> refresh(const std::string& project);
  Result<ChangeSet> plan(const std::string& project, const Files& files, const access::Actor& actor,
                         FolderRules folder);
  Result<PulledFiles> pull(const std::string& project, const Files& folder, bool overwrite);
  struct How {
    const access::Actor& actor;
    const std::string& message;
    FolderRules folder;
    SecretCheck check;
  };
  Result<ChangeSet> apply(const std::string& project, const Files& files, const How& how);

  // These are in label_changes.cc.
  Result<Promotion> promote(const std::string& project, const std::string& kind, const std::string& name,
                            const std::string& ref, const std::string& label, const std::string& why,
                            const access::Actor& actor);
  Result<LabelMove> rollback(const std::string& project, const std::string& kind, const std::string& name,
                             const std::string& label, const access::Actor& actor);
  Result<LabelMove> approve(const std::string& project, const std::string& id, const std::string& note,
                            const access::Actor& actor);
  Result<Approval> reject(const std::string& project, const std::string& id, const std::string& note,
                          const access::Actor& actor);
  Result<Approval> withdraw(const std::string& project, const std::string& id, const std::string& note,
                            AnyonesRequest any, const access::Actor& actor);
  // The audit row's number.
  Result<std::int64_t> protect(const std::string& project, Protection protection, const access::Actor& actor);
  Result<std::int64_t> unprotect(const std::string& project, const std::string& label, const access::Actor& actor);
  // `check.kind` may be empty; `check.version` is what `ref` comes to.
  Result<Check> add_check(const std::string& project, const std::string& ref, Check check, const access::Actor& actor);

  const Kind* kind(const std::string& name) const;  // null if there is none
  Error unknown_kind(const std::string& name) const;
  std::string folder_of(const std::string& kind) const;

 private:
  // What is decided without a move.
  struct Decision {
    const char *state, *action;
    std::function<Result<void>(const Approval& asked)> check;  // whether the actor may; may be empty
  };
  using MakeDraft = std::function<Result<Draft>(const Project& before)>;
  struct Committed {
    Draft draft;
    std::vector<std::int64_t> audits;  // one a step
    std::int64_t at_us = 0;
  };
  Result<Committed> change(const std::string& project, const access::Actor& actor, const MakeDraft& make,
                           SecretCheck check = SecretCheck::kLater);
  Result<bool> commit(Committed& change, std::int64_t revision, const access::Actor& actor, SecretCheck check);
  void keep(const Project& project);
  Result<SecretNames> secrets_of(const std::string& project, SecretCheck check);
  // Whether a version that is made names a secret that has gone since it was planned.
  Result<bool> misses_secret(store::Connection& connection, const Draft& draft) const;
  // The one move of the draft; an empty one if it has none.
  Result<LabelMove> move(const std::string& project, const access::Actor& actor, const MakeDraft& make);
  Result<std::int64_t> beside(const std::string& project, const access::Actor& actor, const MakeDraft& make);
  Result<std::vector<Protection>> protections(const std::string& project);
  Result<std::optional<Protection>> protection_of(const std::string& project, const std::string& label);
  Result<void> check_gate(const Project& project, const Resource& resource, const Protection& protection, int version);
  Result<Draft> ask(const Project& before, const Resource& resource, const Move& wanted, const std::string& why,
                    const access::Actor& actor, std::optional<Approval>& waiting);
  Result<Approval> decide(const std::string& project, const std::string& id, const std::string& note,
                          const access::Actor& actor, const Decision& decision);
  Result<Approval> waiting_approval(const std::string& project, const std::string& id);
  Result<const Resource*> find(const Project& project, const std::string& kind, const std::string& name) const;

  store::Database& database_;
  const Clock& clock_;
  std::vector<CompiledKind> kinds_;
  ResourceService::Prepare prepare_;
  std::mutex one_at_a_time_;
  std::map<std::string, std::int64_t> in_force_;  // revisions; under the lock
  std::mutex loaded_mutex_;
  std::map<std::string, Project> loaded_;  // by name, as of its revision; a thousand versions are not parsed anew
};

// resource_not_found, with the nearest of the names.
Error not_found(const std::string& project, const std::string& kind, const std::string& name,
                std::span<const std::string> names);

}  // namespace fairlead::resources
