#include "webhooks/schema.h"

namespace fairlead::webhooks {

// due: from when on it may be sent; while a node sends it, when that has to be over; null once it has ended. tried_at:
// the first attempt since it was made, or sent again by somebody. 0: none.
std::vector<store::Migration> migrations() {
  return {{"webhooks", 1, R"(
create table webhook_deliveries (
  id text not null primary key,
  project text not null,
  webhook text not null,
  event text not null,
  event_id text not null,
  subject text not null,
  body text not null,
  created_at bigint not null,
  state text not null,
  due bigint,
  tried_at bigint not null,
  attempts bigint not null,
  status bigint not null,
  error text not null,
  ended_at bigint not null
);
create index webhook_deliveries_due on webhook_deliveries (project, webhook, due) where due is not null;
create index webhook_deliveries_listed on webhook_deliveries (project, webhook, id);
create index webhook_deliveries_ended on webhook_deliveries (ended_at) where ended_at > 0;
)"}};
}

}  // namespace fairlead::webhooks
