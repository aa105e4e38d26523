// Schedules in force.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "resources/project.h"
#include "schedules/schedule.h"

namespace fairlead::schedules {

// Thread-safe.
class Schedules {
 public:
  static constexpr const char* kKind = "schedule";
  using List = std::vector<std::shared_ptr<const Schedule>>;

  // What is in force of the project from now on.
  void update(const resources::Project& project);
  // Of all projects; of one, by name.
  List all() const;
  List of(const std::string& project) const;
  // Error: schedule_not_found.
  Result<std::shared_ptr<const Schedule>> find(const std::string& project, const std::string& name) const;
  // Called after each update, on the thread that made it; once, before there are others.
  void on_change(std::function<void()> call);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::map<std::string, std::shared_ptr<const Schedule>>> projects_;
  std::function<void()> on_change_;
};

}  // namespace fairlead::schedules
