#include "schedules/schedules.h"

#include "base/suggest.h"
#include "schedules/internal/log.h"

namespace fairlead::schedules {

void Schedules::update(const resources::Project& project) {
  std::map<std::string, std::shared_ptr<const Schedule>> next;
  for (const auto& [key, resource] : project.resources) {
    if (resource.kind != kKind) continue;
    const resources::Version& version = *resource.versions.at(resource.in_force());
    std::vector<resources::SpecError> faults;
    auto schedule = Schedule::of(project.name, resource.name, version.version, project.revision, version.spec, faults);
    if (schedule)
      next.emplace(resource.name, std::move(schedule));
    else
      kLog.error("a version cannot be compiled", {{"schedule", resource.name},
                                                  {"version", version.version},
                                                  {"at", faults[0].pointer},
                                                  {"fault", faults[0].message}});
  }
  std::function<void()> call;
  {
    const std::lock_guard lock(mutex_);
    projects_[project.name] = std::move(next);
    call = on_change_;
  }
  if (call) call();
}

Schedules::List Schedules::all() const {
  const std::lock_guard lock(mutex_);
  List out;
  for (const auto& [name, project] : projects_)
    for (const auto& [of, schedule] : project) out.push_back(schedule);
  return out;
}

Schedules::List Schedules::of(const std::string& project) const {
  const std::lock_guard lock(mutex_);
  List out;
  const auto found = projects_.find(project);
  if (found == projects_.end()) return out;
  for (const auto& [name, schedule] : found->second) out.push_back(schedule);
  return out;
}

Result<std::shared_ptr<const Schedule>> Schedules::find(const std::string& project, const std::string& name) const {
  std::vector<std::string> names;
  for (const auto& schedule : of(project)) {
    if (schedule->name == name) return schedule;
    names.push_back(schedule->name);
  }
  const std::string shown = resources::is_name(name) ? " `" + name + "`" : "";
  return fail(ErrorKind::kNotFound, "schedule_not_found",
              "There is no schedule" + shown + " in this project." + did_you_mean(name, names), "schedule");
}

void Schedules::on_change(std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  on_change_ = std::move(call);
}

}  // namespace fairlead::schedules
