#include "webhooks/webhooks.h"

#include "base/id.h"
#include "base/suggest.h"
#include "webhooks/internal/log.h"
#include "webhooks/internal/rows.h"

namespace fairlead::webhooks {

void Webhooks::update(const resources::Project& project) {
  std::map<std::string, std::shared_ptr<const Webhook>> next;
  for (const auto& [key, resource] : project.resources) {
    if (resource.kind != kKind) continue;
    const resources::Version& version = *resource.versions.at(resource.in_force());
    std::vector<resources::SpecError> faults;
    auto webhook = Webhook::of(project.name, resource.name, version.version, version.spec, faults);
    if (webhook)
      next.emplace(resource.name, std::move(webhook));
    else
      kLog.error("a version cannot be read", {{"webhook", resource.name},
                                              {"version", version.version},
                                              {"at", faults[0].pointer},
                                              {"fault", faults[0].message}});
  }
  const std::lock_guard lock(mutex_);
  if (next.empty())
    projects_.erase(project.name);
  else
    projects_[project.name] = std::move(next);
}

bool Webhooks::any() const {
  const std::lock_guard lock(mutex_);
  return !projects_.empty();
}

bool Webhooks::any(const std::string& project) const {
  const std::lock_guard lock(mutex_);
  return projects_.contains(project);
}

Webhooks::List Webhooks::of(const std::string& project) const {
  const std::lock_guard lock(mutex_);
  List out;
  const auto found = projects_.find(project);
  if (found == projects_.end()) return out;
  for (const auto& [name, webhook] : found->second) out.push_back(webhook);
  return out;
}

std::shared_ptr<const Webhook> Webhooks::look_up(const std::string& project, const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = projects_.find(project);
  if (found == projects_.end()) return nullptr;
  const auto webhook = found->second.find(name);
  return webhook == found->second.end() ? nullptr : webhook->second;
}

Result<std::shared_ptr<const Webhook>> Webhooks::find(const std::string& project, const std::string& name) const {
  if (auto webhook = look_up(project, name)) return webhook;
  std::vector<std::string> names;
  for (const auto& webhook : of(project)) names.push_back(webhook->name);
  const std::string shown = resources::is_name(name) ? " `" + name + "`" : "";
  return fail(ErrorKind::kNotFound, "webhook_not_found",
              "There is no webhook" + shown + " in this project." + did_you_mean(name, names), "webhook");
}

store::Database::Work Webhooks::outgoing(const Event& event) const {
  std::vector<Delivery> deliveries;
  for (const auto& webhook : of(event.project)) {
    if (!webhook->wants(event)) continue;
    Delivery made;
    if (deliveries.empty()) {
      made.event_id = "evt_" + new_id(event.at);
      made.body = body_of(event, made.event_id);
      made.project = event.project;
      made.event = event.type;
      made.subject = event.subject;
      made.created_at = event.at;
    } else {
      made = deliveries.front();
    }
    made.id = "wh_" + new_id(event.at);
    made.webhook = webhook->name;
    deliveries.push_back(std::move(made));
  }
  if (deliveries.empty()) return {};
  return [deliveries = std::move(deliveries)](store::Connection& connection) -> Result<void> {
    for (const Delivery& one : deliveries) FAIRLEAD_CHECK(internal::insert_delivery(connection, one));
    return {};
  };
}

}  // namespace fairlead::webhooks
