// Webhooks in force.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "platform/store/database.h"
#include "resources/project.h"
#include "webhooks/webhook.h"

namespace fairlead::webhooks {

// Thread-safe.
class Webhooks {
 public:
  static constexpr const char* kKind = "webhook";
  using List = std::vector<std::shared_ptr<const Webhook>>;

  // What is in force of the project from now on.
  void update(const resources::Project& project);
  bool any() const;
  bool any(const std::string& project) const;
  List of(const std::string& project) const;  // by name
  // Null: there is none.
  std::shared_ptr<const Webhook> look_up(const std::string& project, const std::string& name) const;
  // Error: webhook_not_found.
  Result<std::shared_ptr<const Webhook>> find(const std::string& project, const std::string& name) const;
  // For the transaction in which the event comes to be, in a store with the tables of schema.h; it may run more than
  // once. Empty: nobody wants to be told.
  store::Database::Work outgoing(const Event& event) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::map<std::string, std::shared_ptr<const Webhook>>> projects_;  // none is empty
};

}  // namespace fairlead::webhooks
