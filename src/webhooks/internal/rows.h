// What is kept of deliveries. Within a transaction.
#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "platform/store/database.h"
#include "webhooks/delivery.h"

namespace fairlead::webhooks::internal {

using WebhookName = std::pair<std::string, std::string>;  // project and name

// Due at once; what is there already stays as it is.
Result<void> insert_delivery(store::Connection& connection, const Delivery& delivery);
// Of which webhooks something is to be sent by then.
Result<std::vector<WebhookName>> due_webhooks(store::Connection& connection, std::int64_t now);
// Takes what is due of the webhook, the oldest first, so many at the most: it is nobody else's until `until`.
Result<std::vector<Delivery>> claim_deliveries(store::Connection& connection, const WebhookName& of, std::int64_t now,
                                               std::int64_t until, std::size_t most);
// What came of the attempt with that number: `due` is when the next one is, 0: it has ended. Nothing if there has been
// another one since.
Result<void> settle_delivery(store::Connection& connection, const Delivery& after);
// The latest first, before that id if it is not empty, in that state if it is not empty.
Result<std::vector<Delivery>> list_deliveries(store::Connection& connection, const WebhookName& of,
                                              const std::string& state, const std::string& before, std::int64_t most);
Result<std::map<std::string, std::int64_t>> count_pending(store::Connection& connection, const std::string& project);
// By its id or a beginning of it that no other has; due at once, for a day from then. Errors: delivery_not_found,
// ambiguous_id.
Result<Delivery> send_again(store::Connection& connection, const std::string& project, const std::string& start,
                            std::int64_t now);
// Ends those of a webhook that is not there.
Result<std::int64_t> end_all(store::Connection& connection, const WebhookName& of, std::int64_t made_by,
                             std::int64_t now);
// Forgets deliveries that had ended by then, so many at the most. Their number.
Result<std::int64_t> purge_deliveries(store::Connection& connection, std::int64_t ended_by, std::int64_t most);

}  // namespace fairlead::webhooks::internal
