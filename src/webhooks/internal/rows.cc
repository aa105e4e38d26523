#include "webhooks/internal/rows.h"

#include "platform/store/whole_id.h"

namespace fairlead::webhooks::internal {

using store::Connection;
using store::Row;
using store::Value;

namespace {

const char* const kDeliveryColumns =
    "id, project, webhook, event, event_id, subject, body, created_at, state, due, tried_at, attempts, status, error,"
    " ended_at";

Delivery delivery_of(const Row& row) {
  Delivery out;
  out.id = row.text(0);
  out.project = row.text(1);
  out.webhook = row.text(2);
  out.event = row.text(3);
  out.event_id = row.text(4);
  out.subject = row.text(5);
  out.body = row.text(6);
  out.created_at = row.integer(7);
  out.state = row.text(8);
  out.due = row.integer(9);
  out.tried_at = row.integer(10);
  out.attempts = row.integer(11);
  out.status = static_cast<int>(row.integer(12));
  out.error = row.text(13);
  out.ended_at = row.integer(14);
  return out;
}

Result<std::vector<Delivery>> read_deliveries(Connection& connection, const std::string& rest,
                                              std::span<const Value> values) {
  std::vector<Delivery> out;
  FAIRLEAD_CHECK(connection.query(std::string("select ") + kDeliveryColumns + " from webhook_deliveries " + rest,
                                  values, [&out](const Row& row) -> Result<void> {
                                    out.push_back(delivery_of(row));
                                    return {};
                                  }));
  return out;
}

}  // namespace

Result<void> insert_delivery(Connection& connection, const Delivery& one) {
  const Value values[] = {one.id,       one.project, one.webhook, one.event,
                          one.event_id, one.subject, one.body,    one.created_at};
  return store::execute(connection,
                        "insert into webhook_deliveries (id, project, webhook, event, event_id, subject, body,"
                        " created_at, state, due, tried_at, attempts, status, error, ended_at) values ($1, $2, $3, $4,"
                        " $5, $6, $7, $8, 'pending', $8, 0, 0, 0, '', 0) on conflict do nothing",
                        values);
}

Result<std::vector<WebhookName>> due_webhooks(Connection& connection, std::int64_t now) {
  std::vector<WebhookName> out;
  WebhookName last;
  while (true) {  // each step is one look into the index, however many deliveries are due
    bool more = false;
    std::int64_t due = 0;
    const Value values[] = {last.first, last.second};
    FAIRLEAD_CHECK(connection.query(
        "select project, webhook, due from webhook_deliveries where due is not null and (project, webhook) > ($1, $2)"
        " order by project, webhook, due limit 1",
        values, [&](const Row& row) -> Result<void> {
          more = true;
          last = {std::string(row.text(0)), std::string(row.text(1))};
          due = row.integer(2);
          return {};
        }));
    if (!more) return out;
    if (due <= now) out.push_back(last);
  }
}

Result<std::vector<Delivery>> claim_deliveries(Connection& connection, const WebhookName& of, std::int64_t now,
                                               std::int64_t until, std::size_t most) {
  const Value values[] = {of.first, of.second, now, static_cast<std::int64_t>(most)};
  FAIRLEAD_TRY(auto out, read_deliveries(connection,
                                         "where project = $1 and webhook = $2 and due is not null and due <= $3"
                                         " order by due limit $4",
                                         values));
  for (Delivery& one : out) {
    ++one.attempts;
    if (one.tried_at == 0) one.tried_at = now;
    one.due = until;
    const Value taken[] = {one.id, one.due, one.tried_at, one.attempts};
    FAIRLEAD_CHECK(store::execute(
        connection, "update webhook_deliveries set due = $2, tried_at = $3, attempts = $4 where id = $1", taken));
  }
  return out;
}

Result<void> settle_delivery(Connection& connection, const Delivery& after) {
  const Value values[] = {after.id,
                          after.attempts,
                          after.state,
                          after.due > 0 ? Value(after.due) : Value(std::nullptr_t{}),
                          std::int64_t{after.status},
                          after.error,
                          after.ended_at};
  return store::execute(connection,
                        "update webhook_deliveries set state = $3, due = $4, status = $5, error = $6, ended_at = $7"
                        " where id = $1 and attempts = $2 and tried_at > 0",
                        values);
}

Result<std::vector<Delivery>> list_deliveries(Connection& connection, const WebhookName& of, const std::string& state,
                                              const std::string& before, std::int64_t most) {
  const Value values[] = {of.first, of.second, state, before, most};
  return read_deliveries(connection,
                         "where project = $1 and webhook = $2 and ($3 = '' or state = $3) and ($4 = '' or id < $4)"
                         " order by id desc limit $5",
                         values);
}

Result<std::map<std::string, std::int64_t>> count_pending(Connection& connection, const std::string& project) {
  std::map<std::string, std::int64_t> out;
  const Value values[] = {project};
  FAIRLEAD_CHECK(
      connection.query("select webhook, count(*) from webhook_deliveries where project = $1 and due is not"
                       " null group by webhook",
                       values, [&out](const Row& row) -> Result<void> {
                         out.emplace(row.text(0), row.integer(1));
                         return {};
                       }));
  return out;
}

// An attempt that is under way does not count any more: its end finds tried_at at 0.
Result<Delivery> send_again(Connection& connection, const std::string& project, const std::string& start,
                            std::int64_t now) {
  FAIRLEAD_TRY(const std::string id,
               store::whole_id(connection, "select id from webhook_deliveries where project = $1", {project}, start));
  const Value values[] = {id, project, now};
  FAIRLEAD_TRY(const std::int64_t found,
               connection.execute("update webhook_deliveries set state = 'pending', due = $3, tried_at = 0, ended_at ="
                                  " 0 where id = $1 and project = $2",
                                  values));
  if (found == 0)
    return fail(ErrorKind::kNotFound, "delivery_not_found", "There is no such delivery in this project.", "id");
  const Value key[] = {id};
  FAIRLEAD_TRY(auto out, read_deliveries(connection, "where id = $1", key));
  return std::move(out.front());
}

Result<std::int64_t> end_all(Connection& connection, const WebhookName& of, std::int64_t made_by, std::int64_t now) {
  const Value values[] = {of.first, of.second, made_by, now};
  return connection.execute(
      "update webhook_deliveries set state = 'failed', due = null, ended_at = $4, error = 'There is no such webhook any"
      " more.' where project = $1 and webhook = $2 and due is not null and created_at <= $3",
      values);
}

Result<std::int64_t> purge_deliveries(Connection& connection, std::int64_t ended_by, std::int64_t most) {
  const Value values[] = {ended_by, most};
  return connection.execute(
      "delete from webhook_deliveries where id in (select id from webhook_deliveries where ended_at > 0 and ended_at <="
      " $1 order by ended_at limit $2)",
      values);
}

}  // namespace fairlead::webhooks::internal
