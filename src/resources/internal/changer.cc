#include "resources/internal/changer.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "access/audit.h"
#include "access/secrets.h"
#include "base/suggest.h"
#include "resources/internal/drift.h"
#include "resources/internal/write_back.h"

namespace fairlead::resources {
namespace {

using store::Connection;

// Against other processes on a shared store; in this one the lock decides.
constexpr std::chrono::seconds kPatience{10};
constexpr int kLongestPause_ms = 64;

// Who lost has the project to read, and who won has it at hand: without a pause that grows, the same one would lose
// again and again.
void pause_after(int losses) {
  thread_local std::minstd_rand random(std::random_device{}());
  const int most = std::min(1 << std::min(losses, 6), kLongestPause_ms);
  std::this_thread::sleep_for(std::chrono::milliseconds(std::uniform_int_distribution(1, most)(random)));
}

}  // namespace

Error not_found(const std::string& project, const std::string& kind, const std::string& name,
                std::span<const std::string> names) {
  const std::string what = kind.empty() ? "Resource" : kind;
  return {
      ErrorKind::kNotFound, "resource_not_found",
      what + " `" + name.substr(0, 63) + "` does not exist in project `" + project + "`." + did_you_mean(name, names),
      "name"};
}

Changer::Changer(store::Database& database, const Clock& clock, std::vector<CompiledKind> kinds)
    : database_(database), clock_(clock), kinds_(std::move(kinds)) {}

Result<Project> Changer::load(const std::string& name) {
  Project project;
  FAIRLEAD_CHECK(database_.read_blocking([&](Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(const std::int64_t revision, project_revision(connection, name));
    {
      const std::lock_guard lock(loaded_mutex_);
      if (const auto kept = loaded_.find(name); kept != loaded_.end() && kept->second.revision == revision) {
        project = kept->second;
        return {};
      }
    }
    FAIRLEAD_TRY(project, load_project(connection, name));
    return {};
  }));
  if (project.revision > 0) keep(project);
  return project;
}

void Changer::keep(const Project& project) {
  const std::lock_guard lock(loaded_mutex_);
  Project& kept = loaded_[project.name];
  if (kept.revision < project.revision) kept = project;
}

const Kind* Changer::kind(const std::string& name) const {
  const auto found = std::ranges::find(kinds_, name, [](const CompiledKind& one) { return one.kind.name; });
  return found == kinds_.end() ? nullptr : &found->kind;
}

Error Changer::unknown_kind(const std::string& name) const {
  std::vector<std::string> names;
  std::string list;
  for (const CompiledKind& known : kinds_) {
    names.push_back(known.kind.name);
    list += (list.empty() ? "" : ", ") + known.kind.name;
  }
  return {ErrorKind::kInvalid, "unknown_kind",
          "There is no kind `" + name + "`." + did_you_mean(name, names) + " Kinds: " + list + ".", "kind"};
}

std::string Changer::folder_of(const std::string& kind) const {
  for (const CompiledKind& known : kinds_) {
    if (known.kind.name == kind && !known.kind.plural.empty()) return known.kind.plural;
  }
  return kind + "s";
}

Result<ChangeSet> Changer::plan(const std::string& name, const Files& files, const access::Actor& actor,
                                FolderRules folder) {
  FAIRLEAD_TRY(const Project before, load(name));
  FAIRLEAD_TRY(const SecretNames secrets, secrets_of(name, SecretCheck::kNow));
  FAIRLEAD_TRY(const std::vector<Protection> guarded, protections(name));
  FAIRLEAD_TRY(const KnownVersions known, known_versions(files));
  const Stamp stamp{actor.name, {}, 0};
  return plan_documents(before, read_folder(files, kinds_), {kinds_, secrets, guarded, folder, known}, stamp).changes;
}

Result<PulledFiles> Changer::pull(const std::string& project, const Files& folder, bool overwrite) {
  FAIRLEAD_TRY(const Project now, load(project));
  return write_back(now, folder, kinds_, overwrite);
}

Result<ChangeSet> Changer::apply(const std::string& project, const Files& files, const How& how) {
  FAIRLEAD_TRY(const KnownVersions known, known_versions(files));
  const MakeDraft make = [&](const Project& before) -> Result<Draft> {
    FAIRLEAD_TRY(const SecretNames secrets, secrets_of(project, how.check));
    FAIRLEAD_TRY(const std::vector<Protection> guarded, protections(project));
    const Stamp stamp{how.actor.name, how.message, clock_.unix_micros()};
    Draft draft =
        plan_documents(before, read_folder(files, kinds_), {kinds_, secrets, guarded, how.folder, known}, stamp);
    if (how.folder.ahead == FolderRules::Ahead::kRefuse) FAIRLEAD_CHECK(refuse_drift(draft.changes));
    return draft;
  };
  FAIRLEAD_TRY(auto committed, change(project, how.actor, make, how.check));
  return std::move(committed.draft.changes);
}

Result<SecretNames> Changer::secrets_of(const std::string& project, SecretCheck check) {
  SecretNames names;
  if (check == SecretCheck::kLater) return names;
  FAIRLEAD_CHECK(database_.read_blocking([&](Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(names, access::secret_names(connection, project));
    return {};
  }));
  return names;
}

Result<bool> Changer::misses_secret(Connection& connection, const Draft& draft) const {
  std::vector<SecretReference> named;
  for (const Step& step : draft.steps) {
    if (!step.made) continue;
    for (const CompiledKind& known : kinds_) {
      if (known.kind.name != step.kind || !known.kind.secrets) continue;
      for (SecretReference& one : known.kind.secrets(step.made->spec)) named.push_back(std::move(one));
    }
  }
  if (named.empty()) return false;
  FAIRLEAD_TRY(const auto names, access::secret_names(connection, draft.after.name));
  return !std::ranges::all_of(
      named, [&](const SecretReference& one) { return std::ranges::find(names, one.name) != names.end(); });
}

Result<const Resource*> Changer::find(const Project& project, const std::string& kind, const std::string& name) const {
  if (!kind.empty()) {
    if (const Resource* found = project.find(kind, name)) return found;
  } else {
    std::vector<const Resource*> all, addressable;
    std::string kinds;
    for (const CompiledKind& known : kinds_) {
      const Resource* found = project.find(known.kind.name, name);
      if (found == nullptr) continue;
      all.push_back(found);
      if (known.kind.addressable) addressable.push_back(found);
      kinds += (kinds.empty() ? "" : ", ") + known.kind.name;
    }
    if (all.size() == 1) return all.front();
    if (addressable.size() == 1) return addressable.front();
    if (!all.empty()) {
      return fail(ErrorKind::kConflict, "ambiguous_name",
                  "`" + name + "` is the name of several resources: " + kinds + ". Say which `kind`.", "kind");
    }
  }
  std::vector<std::string> names;
  for (const auto& [key, resource] : project.resources) {
    if (kind.empty() || key.first == kind) names.push_back(key.second);
  }
  return fail(not_found(project.name, kind, name, names));
}

Result<Changer::Committed> Changer::change(const std::string& name, const access::Actor& actor, const MakeDraft& make,
                                           SecretCheck check) {
  const std::lock_guard lock(one_at_a_time_);
  const auto until = std::chrono::steady_clock::now() + kPatience;
  for (int losses = 0; losses == 0 || std::chrono::steady_clock::now() < until;) {
    FAIRLEAD_TRY(const Project before, load(name));
    Committed committed;
    FAIRLEAD_TRY(committed.draft, make(before));
    if (committed.draft.steps.empty()) return committed;
    committed.draft.after.revision = before.revision + 1;
    ResourceService::Publish publish;
    // What another process changed may not be in force yet, and would be passed over.
    const bool is_behind = database_.is_shared() && in_force_[name] < before.revision;
    if (prepare_ && (!committed.draft.serves_alike || is_behind)) {
      FAIRLEAD_TRY(publish, prepare_(committed.draft.after));
    }
    FAIRLEAD_TRY(const bool stored, commit(committed, before.revision, actor, check));
    if (!stored) {
      pause_after(++losses);
      continue;
    }
    keep(committed.draft.after);
    if (publish) publish();
    in_force_[name] = committed.draft.after.revision;
    return committed;
  }
  return fail(ErrorKind::kUnavailable, "store_busy",
              "Project `" + name + "` is being changed by others without a pause. Try again.");
}

Result<void> Changer::refresh(const std::string& name) {
  const std::lock_guard lock(one_at_a_time_);
  FAIRLEAD_TRY(const Project now, load(name));
  if (now.revision <= in_force_[name] || !prepare_) return {};
  FAIRLEAD_TRY(const ResourceService::Publish publish, prepare_(now));
  publish();
  in_force_[name] = now.revision;
  return {};
}

Result<bool> Changer::commit(Committed& change, std::int64_t revision, const access::Actor& actor, SecretCheck check) {
  const Draft& draft = change.draft;
  bool first = true;
  change.at_us = clock_.unix_micros();
  FAIRLEAD_CHECK(database_.write_blocking([&](Connection& connection) -> Result<void> {
    if (check == SecretCheck::kNow) {
      FAIRLEAD_TRY(const bool misses, misses_secret(connection, draft));
      first = !misses;
      if (misses) return {};
    }
    FAIRLEAD_TRY(first, advance_revision(connection, draft.after.name, revision));
    if (!first) return {};
    change.audits.clear();
    for (const Step& step : draft.steps) {
      access::AuditEntry entry{0,           change.at_us, draft.after.name, actor,
                               step.action, step.kind,    step.name,        step.detail};
      auto audit = access::append_audit(connection, entry);
      if (!audit) return fail(std::move(audit).error());
      change.audits.push_back(*audit);
      if (step.made) FAIRLEAD_CHECK(insert_version(connection, *step.made));
      for (const Move& move : step.moves) {
        FAIRLEAD_CHECK(move_label(connection, draft.after.name, step.kind, step.name, move, *audit));
      }
    }
    if (draft.also) return draft.also(connection);
    return {};
  }));
  return first;
}

}  // namespace fairlead::resources
