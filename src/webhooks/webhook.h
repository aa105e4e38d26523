// A webhook's spec, read once.
#pragma once
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "platform/http/client.h"
#include "resources/kind.h"
#include "webhooks/event.h"

namespace fairlead::webhooks {

struct Webhook {
  // Null, and what is wrong, if it cannot be one.
  static std::shared_ptr<const Webhook> of(const std::string& project, const std::string& name, int version,
                                           const boost::json::object& spec, std::vector<resources::SpecError>& faults);
  bool wants(const Event& event) const;

  std::string project, name;
  int version = 0;
  std::string description, url;
  http::Origin origin;
  std::string target;                                 // behind the origin
  std::string secret;                                 // where it is found
  std::set<std::string, std::less<>> events, chains;  // empty: all
};

}  // namespace fairlead::webhooks
