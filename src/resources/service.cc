#include "resources/service.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include "resources/internal/changer.h"
#include "resources/internal/documents.h"
#include "resources/internal/planner.h"
#include "resources/internal/rendered.h"
#include "resources/internal/service_parts.h"
#include "resources/internal/write_back.h"
#include "resources/store/approvals.h"
#include "resources/store/queries.h"

namespace fairlead::resources {

using store::Connection;
using store::Database;

std::string_view to_string(Action action) {
  switch (action) {
    case Action::kNew:
      return "new";
    case Action::kChanged:
      return "changed";
    case Action::kSame:
      return "same";
  }
  return "";
}

std::string to_text(const Fault& fault) {
  std::string text = fault.file;
  if (fault.line > 0) text += ":" + std::to_string(fault.line) + ":" + std::to_string(fault.column);
  text += ": " + fault.message;
  if (!fault.hint.empty()) text += "\n  " + fault.hint;
  return text;
}

int ChangeSet::count(Action action) const {
  return static_cast<int>(std::count_if(documents.begin(), documents.end(),
                                        [&](const DocumentChange& change) { return change.action == action; }));
}

ResourceService::ResourceService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ResourceService::~ResourceService() = default;

std::vector<store::Migration> ResourceService::migrations() {
  return resource_migrations();
}

Result<std::unique_ptr<ResourceService>> ResourceService::create(Database& database, const Clock& clock,
                                                                 std::vector<Kind> kinds) {
  std::vector<CompiledKind> compiled;
  for (Kind& kind : kinds) {
    auto schema = json::Schema::parse(kind.schema);
    if (!schema) return fail(with_context(std::move(schema).error(), "the schema of kind " + kind.name));
    compiled.push_back({std::move(kind), *std::move(schema)});
  }
  return std::unique_ptr<ResourceService>(
      new ResourceService(std::make_unique<Impl>(database, clock, std::move(compiled))));
}

void ResourceService::set_prepare(Prepare prepare) {
  impl_->changer.set_prepare(std::move(prepare));
}

Result<std::vector<std::string>> ResourceService::project_names_blocking() {
  std::vector<std::string> names;
  FAIRLEAD_CHECK(impl_->database.read_blocking([&](Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(names, project_names(connection));
    return {};
  }));
  return names;
}

Result<Project> ResourceService::load_blocking(const std::string& project) {
  return impl_->changer.load(project);
}

Result<void> ResourceService::refresh_blocking(const std::string& project) {
  return impl_->changer.refresh(project);
}

Result<ChangeSet> ResourceService::apply_blocking(std::string project, Files files, access::Actor actor,
                                                  std::string message, FolderRules folder) {
  return impl_->changer.apply(project, files, {actor, message, folder, SecretCheck::kLater});
}

async::Task<Result<ChangeSet>> ResourceService::plan(std::string project, Files files, access::Actor actor,
                                                     FolderRules folder) {
  auto planning = impl_->thread.run([impl = impl_.get(), project = std::move(project), files = std::move(files),
                                     actor = std::move(actor),
                                     folder] { return impl->changer.plan(project, files, actor, folder); });
  co_return co_await std::move(planning);
}

async::Task<Result<ChangeSet>> ResourceService::apply(std::string project, Files files, access::Actor actor,
                                                      std::string message, FolderRules folder) {
  auto applying = impl_->thread.run([impl = impl_.get(), project = std::move(project), files = std::move(files),
                                     actor = std::move(actor), message = std::move(message), folder] {
    return impl->changer.apply(project, files, {actor, message, folder, SecretCheck::kNow});
  });
  co_return co_await std::move(applying);
}

Result<Resource> existing(Connection& connection, const std::string& project, const std::string& kind,
                          const std::string& name) {
  FAIRLEAD_TRY(auto found, load_resource(connection, project, kind, name));
  if (found) return *std::move(found);
  FAIRLEAD_TRY(const auto others, load_summaries(connection, project, kind, "", 10'000));
  std::vector<std::string> names;
  for (const Summary& other : others) names.push_back(other.name);
  return fail(not_found(project, kind, name, names));
}

async::Task<Result<ResourceService::Page>> ResourceService::list(std::string project, std::string kind,
                                                                 std::string name, std::size_t limit) {
  if (!kind.empty() && impl_->changer.kind(kind) == nullptr) co_return fail(impl_->changer.unknown_kind(kind));
  std::function<Result<Page>(Connection&)> make = [=](Connection& connection) -> Result<Page> {
    Page page;
    FAIRLEAD_TRY(page.data, load_summaries(connection, project, kind, name, limit + 1));
    page.has_more = page.data.size() > limit;
    if (page.has_more) page.data.pop_back();
    return page;
  };
  co_return co_await read<Page>(impl_->database, std::move(make));
}

async::Task<Result<ResourceService::Page>> ResourceService::versions(std::string project, std::string kind,
                                                                     std::string name) {
  std::function<Result<Page>(Connection&)> make = [=](Connection& connection) -> Result<Page> {
    FAIRLEAD_TRY(const Resource resource, existing(connection, project, kind, name));
    FAIRLEAD_TRY(const std::vector<Check> checks, load_checks(connection, project, kind, name, 0));
    Page page;
    for (auto entry = resource.versions.rbegin(); entry != resource.versions.rend(); ++entry) {
      const Version& version = *entry->second;
      Summary summary{version.kind,   version.name,    version.version,       version.digest,
                      version.author, version.message, version.created_at_us, {}};
      for (const auto& [label, number] : resource.labels) {
        if (number == version.version) summary.labels.emplace(label, number);
      }
      std::ranges::copy_if(checks, std::back_inserter(summary.checks),
                           [&](const Check& check) { return check.version == version.version; });
      page.data.push_back(std::move(summary));
    }
    return page;
  };
  co_return co_await read<Page>(impl_->database, std::move(make));
}

async::Task<Result<ResourceService::Found>> ResourceService::get(std::string project, std::string kind,
                                                                 std::string name, std::string ref) {
  std::function<Result<Found>(Connection&)> make = [=](Connection& connection) -> Result<Found> {
    FAIRLEAD_TRY(Resource resource, existing(connection, project, kind, name));
    FAIRLEAD_TRY(const int number, resource.resolve(ref));
    FAIRLEAD_TRY(Version version, load_version(connection, project, kind, name, number));
    return Found{std::move(version), std::move(resource.labels)};
  };
  co_return co_await read<Found>(impl_->database, std::move(make));
}

async::Task<Result<ResourceService::Difference>> ResourceService::difference(std::string project,
                                                                             Comparison comparison) {
  std::function<Result<Difference>(Connection&)> make =
      [changer = &impl_->changer, project = std::move(project),
       asked = std::move(comparison)](Connection& connection) -> Result<Difference> {
    FAIRLEAD_TRY(const Resource resource, existing(connection, project, asked.kind, asked.name));
    Difference difference;
    FAIRLEAD_TRY(difference.to, resource.resolve(asked.to.empty() ? std::string(kLatest) : asked.to));
    if (asked.from.empty()) {
      const auto here = resource.versions.find(difference.to);
      difference.from = here == resource.versions.begin() ? difference.to : std::prev(here)->first;
    } else {
      FAIRLEAD_TRY(difference.from, resource.resolve(asked.from));
    }
    FAIRLEAD_TRY(const Version before, load_version(connection, project, asked.kind, asked.name, difference.from));
    FAIRLEAD_TRY(const Version after, load_version(connection, project, asked.kind, asked.name, difference.to));
    difference.changes = diff(before.spec, after.spec);
    if (asked.render) {
      FAIRLEAD_TRY(const Project whole, load_project(connection, project));
      FAIRLEAD_TRY(difference.rendered, rendered(*changer->kind(asked.kind), whole, before, after, asked.given));
    }
    return difference;
  };
  co_return co_await read<Difference>(impl_->database, std::move(make));
}

async::Task<Result<Files>> ResourceService::pull(std::string project) {
  std::function<Result<Files>(Connection&)> make = [this, project](Connection& connection) -> Result<Files> {
    FAIRLEAD_TRY(const auto newest, load_summaries(connection, project, "", "", 1'000'000));
    Files files;
    for (const Summary& summary : newest) {
      FAIRLEAD_TRY(const Version version,
                   load_version(connection, project, summary.kind, summary.name, summary.version));
      files.emplace(impl_->changer.folder_of(summary.kind) + "/" + summary.name + ".yaml", to_yaml(version));
    }
    return files;
  };
  co_return co_await read<Files>(impl_->database, std::move(make));
}

async::Task<Result<PulledFiles>> ResourceService::pull_into(std::string project, Files folder, bool overwrite) {
  auto pulling = impl_->thread.run([impl = impl_.get(), project = std::move(project), folder = std::move(folder),
                                    overwrite] { return impl->changer.pull(project, folder, overwrite); });
  co_return co_await std::move(pulling);
}

access::SecretService::Users secret_users(std::vector<Kind> kinds) {
  std::map<std::string, decltype(Kind::secrets)> secrets;
  for (Kind& kind : kinds)
    if (kind.secrets) secrets.emplace(kind.name, std::move(kind.secrets));
  return [secrets = std::move(secrets)](
             Connection& connection,
             const std::string& name) -> Result<std::map<std::string, std::vector<access::SecretUser>>> {
    FAIRLEAD_TRY(const Project project, load_project(connection, name));
    std::map<std::string, std::vector<access::SecretUser>> users;
    for (const auto& [key, resource] : project.resources) {
      const auto of_kind = secrets.find(resource.kind);
      if (of_kind == secrets.end()) continue;
      std::set<std::string> named;
      for (const auto& [label, version] : resource.labels)
        for (SecretReference& one : of_kind->second(resource.versions.at(version)->spec))
          named.insert(std::move(one.name));
      for (const std::string& one : named) users[one].push_back({resource.kind, resource.name});
    }
    return users;
  };
}

}  // namespace fairlead::resources
