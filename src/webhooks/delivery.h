// An event on its way to a webhook.
#pragma once
#include <cstdint>
#include <string>

namespace fairlead::webhooks {

// Times are µs since 1970; 0: none.
struct Delivery {
  std::string id;  // the webhook-id
  std::string project, webhook;
  std::string event, event_id, subject;
  std::string body;
  std::int64_t created_at = 0;
  std::string state = "pending";  // pending, delivered, failed
  std::int64_t due = 0;           // when the next attempt is; while one is under way, when that has to be over
  std::int64_t tried_at = 0;      // the first attempt of this series
  std::int64_t attempts = 0;
  int status = 0;  // of the last attempt's answer; 0: there was none
  std::string error{};
  std::int64_t ended_at = 0;
};

}  // namespace fairlead::webhooks
