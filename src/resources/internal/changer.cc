#include "resources/internal/changer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "access/audit.h"
#include "access/secrets.h"
#include "base/suggest.h"

namespace fairlead::resources {
namespace {

using store::Connection;

constexpr int kAttempts = 16;  // against other processes on a shared store; in this one the lock decides

Draft draft_of_move(const Project& before, const Resource& resource, std::string action, const std::string& label,
                    int to) {
  Draft draft;
  draft.after = before;
  const auto current = resource.labels.find(label);
  const int from = current == resource.labels.end() ? 0 : current->second;
  Step step{std::move(action), resource.kind, resource.name, nullptr, {{label, from, to}}, {}};
  step.detail = {
      {"label", label}, {"from", from == 0 ? boost::json::value(nullptr) : boost::json::value(from)}, {"to", to}};
  draft.after.resources[{resource.kind, resource.name}].labels.insert_or_assign(label, to);
  draft.steps.push_back(std::move(step));
  return draft;
}

Result<void> check_label(const std::string& label) {
  if (label == kLatest) {
    return fail(ErrorKind::kInvalid, "invalid_label",
                "`latest` is kept by the system and cannot be moved. Choose another label.", "to");
  }
  if (!is_name(label) || label.find_first_not_of("0123456789") == std::string::npos) {
    return fail(ErrorKind::kInvalid, "invalid_label",
                "A label is 1 to 63 lower-case letters, digits, `.`, `_` or `-`, begins with a letter or a digit, and "
                "is not a number.",
                "to");
  }
  return {};
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
    FAIRLEAD_TRY(project, load_project(connection, name));
    return {};
  }));
  return project;
}

std::string Changer::folder_of(const std::string& kind) const {
  for (const CompiledKind& known : kinds_) {
    if (known.kind.name == kind && !known.kind.plural.empty()) return known.kind.plural;
  }
  return kind + "s";
}

Result<ChangeSet> Changer::plan(const std::string& name, const Files& files) {
  FAIRLEAD_TRY(const Project before, load(name));
  FAIRLEAD_TRY(const SecretNames secrets, secrets_of(name, SecretCheck::kNow));
  return plan_documents(before, read_folder(files, kinds_), kinds_, secrets, Stamp{}).changes;
}

Result<ChangeSet> Changer::apply(const std::string& project, const Files& files, const access::Actor& actor,
                                 const std::string& message, SecretCheck check) {
  const MakeDraft make = [&](const Project& before) -> Result<Draft> {
    FAIRLEAD_TRY(const SecretNames secrets, secrets_of(project, check));
    const Stamp stamp{actor.name, message, clock_.unix_micros()};
    return plan_documents(before, read_folder(files, kinds_), kinds_, secrets, stamp);
  };
  FAIRLEAD_TRY(auto committed, change(project, actor, make, check));
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

Result<LabelMove> Changer::promote(const std::string& project, const std::string& kind, const std::string& name,
                                   const std::string& ref, const std::string& label, const access::Actor& actor) {
  FAIRLEAD_CHECK(check_label(label));
  return move(project, actor, [&](const Project& before) -> Result<Draft> {
    FAIRLEAD_TRY(const Resource* resource, find(before, kind, name));
    FAIRLEAD_TRY(const int to, resource->resolve(ref));
    return draft_of_move(before, *resource, "promote", label, to);
  });
}

Result<LabelMove> Changer::rollback(const std::string& project, const std::string& kind, const std::string& name,
                                    const std::string& label, const access::Actor& actor) {
  FAIRLEAD_CHECK(check_label(label));
  return move(project, actor, [&](const Project& before) -> Result<Draft> {
    FAIRLEAD_TRY(const Resource* resource, find(before, kind, name));
    FAIRLEAD_CHECK(resource->resolve(label));
    std::optional<Move> last;
    FAIRLEAD_CHECK(database_.read_blocking([&](Connection& connection) -> Result<void> {
      FAIRLEAD_TRY(last, last_move(connection, project, resource->kind, resource->name, label));
      return {};
    }));
    if (!last || last->from == 0) {
      return fail(ErrorKind::kConflict, "nothing_to_roll_back",
                  "`" + label + "` of " + resource->kind + " `" + resource->name + "` has pointed to no other version" +
                      (last ? " than " + std::to_string(last->to) : std::string()) + ".",
                  "label");
    }
    return draft_of_move(before, *resource, "rollback", label, last->from);
  });
}

Result<LabelMove> Changer::move(const std::string& project, const access::Actor& actor, const MakeDraft& make) {
  FAIRLEAD_TRY(const auto committed, change(project, actor, make));
  const Step& step = committed.draft.steps.front();
  const Move& moved = step.moves.front();
  return LabelMove{step.kind, step.name, moved.label, moved.from, moved.to, committed.audits.front()};
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
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    FAIRLEAD_TRY(const Project before, load(name));
    Committed committed;
    FAIRLEAD_TRY(committed.draft, make(before));
    if (committed.draft.steps.empty()) return committed;
    committed.draft.after.revision = before.revision + 1;
    ResourceService::Publish publish;
    if (prepare_) {
      FAIRLEAD_TRY(publish, prepare_(committed.draft.after));
    }
    FAIRLEAD_TRY(const bool stored, commit(committed.draft, before.revision, actor, check, committed.audits));
    if (!stored) continue;
    if (publish) publish();
    return committed;
  }
  return fail(ErrorKind::kUnavailable, "store_busy",
              "Project `" + name + "` is being changed by others without a pause. Try again.");
}

Result<bool> Changer::commit(const Draft& draft, std::int64_t revision, const access::Actor& actor, SecretCheck check,
                             std::vector<std::int64_t>& audits) {
  bool first = true;
  const std::int64_t now_us = clock_.unix_micros();
  FAIRLEAD_CHECK(database_.write_blocking([&](Connection& connection) -> Result<void> {
    if (check == SecretCheck::kNow) {
      FAIRLEAD_TRY(const bool misses, misses_secret(connection, draft));
      first = !misses;
      if (misses) return {};
    }
    FAIRLEAD_TRY(first, advance_revision(connection, draft.after.name, revision));
    if (!first) return {};
    audits.clear();
    for (const Step& step : draft.steps) {
      access::AuditEntry entry{0, now_us, draft.after.name, actor, step.action, step.kind, step.name, step.detail};
      auto audit = access::append_audit(connection, entry);
      if (!audit) return fail(std::move(audit).error());
      audits.push_back(*audit);
      if (step.made) FAIRLEAD_CHECK(insert_version(connection, *step.made));
      for (const Move& move : step.moves) {
        FAIRLEAD_CHECK(move_label(connection, draft.after.name, step.kind, step.name, move, *audit));
      }
    }
    return {};
  }));
  return first;
}

}  // namespace fairlead::resources
