#include "webhooks/event.h"

#include "platform/json/text.h"

namespace fairlead::webhooks {

std::string body_of(const Event& event, const std::string& id) {
  return json::to_text(boost::json::object{{"id", id},
                                           {"object", "event"},
                                           {"created_at", event.at / 1'000'000},
                                           {"type", event.type},
                                           {"data", event.data}});
}

}  // namespace fairlead::webhooks
