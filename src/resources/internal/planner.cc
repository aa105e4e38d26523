#include "resources/internal/planner.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "base/digest.h"
#include "base/suggest.h"
#include "platform/json/text.h"
#include "resources/internal/catalogue.h"

namespace fairlead::resources {
namespace {

class Planner {
 public:
  Planner(const Project& before, const Rules& rules, const Stamp& stamp)
      : kinds_(rules.kinds),
        secrets_(rules.secrets),
        protections_(rules.protections),
        folder_(rules.folder),
        known_(rules.known),
        stamp_(stamp) {
    draft_.after = before;
  }

  Draft plan(SourceFolder folder) {
    faults_ = std::move(folder.faults);
    refuse_duplicates(folder.documents);
    // History first, in its order; the document without a version is the newest.
    std::stable_sort(folder.documents.begin(), folder.documents.end(),
                     [](const SourceDocument& a, const SourceDocument& b) { return key_of(a) < key_of(b); });
    if (faults_.empty()) {
      for (const SourceDocument& document : folder.documents) apply(document);
    }
    if (faults_.empty()) {
      refuse_shared_names(folder.documents);
      check(folder.documents);
      check_secrets(folder.documents);
    }
    if (!faults_.empty()) {
      std::stable_sort(faults_.begin(), faults_.end(), [](const Fault& a, const Fault& b) {
        return std::tie(a.file, a.line, a.column) < std::tie(b.file, b.line, b.column);
      });
      draft_ = Draft{};
      draft_.changes.faults = std::move(faults_);
    }
    return std::move(draft_);
  }

 private:
  static std::tuple<const std::string&, const std::string&, int> key_of(const SourceDocument& document) {
    return {document.kind->kind.name, document.name, document.version.value_or(std::numeric_limits<int>::max())};
  }

  void refuse_duplicates(const std::vector<SourceDocument>& documents) {
    std::map<std::tuple<std::string, std::string, int>, const SourceDocument*> first;
    for (const SourceDocument& document : documents) {
      const auto [at, added] = first.emplace(key_of(document), &document);
      if (added) continue;
      const std::string version = document.version ? " version " + std::to_string(*document.version) : "";
      faults_.push_back(fault_at(
          document, "/name",
          document.kind->kind.name + " `" + document.name + "`" + version + " is also in " + at->second->place(),
          document.version ? "" : "keep one, or give each its `version`"));
    }
  }

  void refuse_shared_names(const std::vector<SourceDocument>& documents) {
    for (const SourceDocument& document : documents) {
      if (!document.kind->kind.addressable) continue;
      for (const CompiledKind& other : kinds_) {
        if (&other == document.kind || !other.kind.addressable) continue;
        if (draft_.after.find(other.kind.name, document.name) == nullptr) continue;
        const auto twin = std::find_if(documents.begin(), documents.end(), [&](const SourceDocument& candidate) {
          return candidate.kind == &other && candidate.name == document.name;
        });
        const std::string where = twin != documents.end() ? " (" + twin->place() + ")" : "";
        faults_.push_back(fault_at(document, "/name",
                                   "`" + document.name + "` is already the name of a " + other.kind.name + where,
                                   "clients call " + document.kind->kind.name + "s and " + other.kind.name +
                                       "s by their bare names; choose another"));
      }
    }
  }

  void check(const std::vector<SourceDocument>& documents) {
    const ProjectCatalogue catalogue(draft_.after);
    for (const SourceDocument& document : documents) {
      if (const auto* tests = document.spec.if_contains("tests"); tests != nullptr && tests->is_array())
        draft_.changes.tests += tests->get_array().size();
      if (!document.kind->kind.check) continue;
      for (const SpecError& error : document.kind->kind.check(document.name, document.spec, catalogue)) {
        Fault fault = fault_at(document, error.pointer, error.message);
        if (!error.hint.empty()) fault.hint = error.hint;
        faults_.push_back(std::move(fault));
      }
    }
  }

  void check_secrets(const std::vector<SourceDocument>& documents) {
    if (!secrets_) return;
    for (const SourceDocument& document : documents) {
      if (!document.kind->kind.secrets) continue;
      for (const SecretReference& reference : document.kind->kind.secrets(document.spec)) {
        if (std::ranges::find(*secrets_, reference.name) != secrets_->end()) continue;
        const std::string near = did_you_mean(reference.name, *secrets_);
        faults_.push_back(fault_at(document, reference.pointer,
                                   "secret `" + reference.name + "` does not exist." + near,
                                   near.empty() ? "set it: fairlead secrets set " + reference.name : ""));
      }
    }
  }

  void apply(const SourceDocument& document) {
    const std::string& kind = document.kind->kind.name;
    const std::string digest = sha256_hex(json::canonical(document.spec));
    Resource& resource = draft_.after.resources[{kind, document.name}];
    resource.kind = kind;
    resource.name = document.name;
    const int latest = resource.versions.empty() ? 0 : resource.labels.find(kLatest)->second;
    const int newest = resource.versions.empty() ? 0 : resource.versions.rbegin()->first;
    drift_.reset();

    if (document.version) {
      const int wanted = *document.version;
      if (const auto existing = resource.versions.find(wanted); existing != resource.versions.end()) {
        if (existing->second->digest == digest) return same(resource, wanted);
        faults_.push_back(
            fault_at(document, "/version",
                     "version " + std::to_string(wanted) + " of " + kind + " `" + document.name +
                         "` exists with another spec, and versions are immutable",
                     "give this spec version " + std::to_string(newest + 1) + ", or leave `version` out"));
        return;
      }
      if (wanted < newest) {
        faults_.push_back(fault_at(document, "/version",
                                   "version " + std::to_string(wanted) + " of " + kind + " `" + document.name +
                                       "` does not exist and is lower than the newest, " + std::to_string(newest)));
        return;
      }
      return make(document, resource, digest, latest, wanted);
    }
    if (latest != 0 && resource.versions.at(latest)->digest == digest) return same(resource, latest);
    if (folder_.is_folder && folder_.ahead != FolderRules::Ahead::kOverwrite && latest != 0)
      drift_ = drift_of(resource, known_, stamp_.author);
    if (drift_ && folder_.ahead == FolderRules::Ahead::kLeave) return same(resource, latest);
    for (auto version = resource.versions.rbegin(); version != resource.versions.rend(); ++version) {
      if (version->second->digest == digest) return point(document, resource, latest, version->first, nullptr);
    }
    make(document, resource, digest, latest, newest + 1);
  }

  void same(const Resource& resource, int version) {
    const std::string& digest = resource.versions.at(version)->digest;
    draft_.changes.documents.push_back(
        {resource.kind, resource.name, Action::kSame, version, version, {}, {}, drift_, digest});
  }

  void make(const SourceDocument& document, Resource& resource, const std::string& digest, int latest, int number) {
    auto version = std::make_shared<Version>();
    version->kind = resource.kind;
    version->project = draft_.after.name;
    version->name = resource.name;
    version->version = number;
    version->digest = digest;
    version->spec = document.spec;
    version->author = stamp_.author;
    version->message = stamp_.message;
    version->created_at_us = stamp_.at_us;
    version->from_folder = folder_.is_folder;
    resource.versions.emplace(number, version);
    point(document, resource, latest, number, std::move(version));
  }

  void refuse_protected(const SourceDocument& document, const std::string& label, int to) {
    const auto index = std::ranges::find(*document.labels, label) - document.labels->begin();
    const std::string number = document.version ? std::to_string(to) : "latest";
    faults_.push_back(fault_at(document, "/labels/" + std::to_string(index), "label `" + label + "` is protected",
                               "take it out of `labels`; after the apply: fairlead promote " + document.name + "@" +
                                   number + " --to " + label));
  }

  // Makes `to` the latest version, and moves the document's labels to it.
  void point(const SourceDocument& document, Resource& resource, int latest, int to,
             std::shared_ptr<const Version> made) {
    DocumentChange change{resource.kind,
                          resource.name,
                          latest == 0 ? Action::kNew : Action::kChanged,
                          latest,
                          to,
                          {},
                          {},
                          drift_,
                          resource.versions.at(to)->digest};
    if (latest != 0) change.changes = diff(resource.versions.at(latest)->spec, resource.versions.at(to)->spec);
    Step step{"apply", resource.kind, resource.name, std::move(made), {}, {}};
    step.moves.push_back({std::string(kLatest), latest, to});
    for (const std::string& label : document.labels.value_or(std::vector<std::string>{std::string(kStaging)})) {
      const auto current = resource.labels.find(label);
      const int from = current == resource.labels.end() ? 0 : current->second;
      if (from == to) continue;
      if (std::ranges::find(protections_, label, &Protection::label) != protections_.end()) {
        if (document.labels) refuse_protected(document, label, to);
        continue;  // `staging`, which the document does not name, stays where it is
      }
      step.moves.push_back({label, from, to});
      change.labels.push_back(label);
    }
    for (const Move& move : step.moves) resource.labels.insert_or_assign(move.label, move.to);
    boost::json::array labels(change.labels.begin(), change.labels.end());
    step.detail = {{"from", latest == 0 ? boost::json::value(nullptr) : boost::json::value(latest)},
                   {"to", to},
                   {"labels", std::move(labels)}};
    if (!stamp_.message.empty()) step.detail["message"] = stamp_.message;
    draft_.steps.push_back(std::move(step));
    draft_.changes.documents.push_back(std::move(change));
  }

  std::span<const CompiledKind> kinds_;
  const SecretNames& secrets_;
  const std::vector<Protection>& protections_;
  FolderRules folder_;
  const KnownVersions& known_;
  std::optional<Drift> drift_;  // of the document that is being applied
  const Stamp& stamp_;
  std::vector<Fault> faults_;
  Draft draft_;
};

}  // namespace

Draft plan_documents(const Project& before, SourceFolder folder, const Rules& rules, const Stamp& stamp) {
  return Planner(before, rules, stamp).plan(std::move(folder));
}

}  // namespace fairlead::resources
