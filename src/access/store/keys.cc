#include "access/store/keys.h"

namespace fairlead::access {
namespace {

using store::Connection;
using store::Row;
using store::Value;

constexpr std::string_view kKeyColumns =
    "select id, digest, name, project, scopes, last_four, created_at_us, expires_at_us, revoked_at_us from keys";

KeyRow read_key(const Row& row) {
  KeyRow key;
  key.info.id = row.text(0);
  key.digest = row.text(1);
  key.info.name = row.text(2);
  key.info.project = row.text(3);
  key.info.scopes = static_cast<std::uint8_t>(row.integer(4));
  key.info.last_four = row.text(5);
  key.info.created_at_us = row.integer(6);
  key.info.expires_at_us = row.integer(7);
  key.revoked_at_us = row.integer(8);
  return key;
}

}  // namespace

Result<void> insert_key(Connection& connection, const KeyRow& row) {
  const Value values[] = {row.info.id,
                          row.digest,
                          row.info.name,
                          row.info.project,
                          std::int64_t{row.info.scopes},
                          row.info.last_four,
                          row.info.created_at_us,
                          row.info.expires_at_us,
                          row.revoked_at_us};
  auto done = connection.execute(
      "insert into keys (id, digest, name, project, scopes, last_four, created_at_us, expires_at_us, revoked_at_us)"
      " values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
      values);
  if (!done) return fail(std::move(done).error());
  return {};
}

Result<std::vector<KeyRow>> load_keys(Connection& connection, const std::string& project) {
  std::vector<KeyRow> keys;
  const Value which[] = {project};
  FAIRLEAD_CHECK(connection.query(
      std::string(kKeyColumns) + " where revoked_at_us = 0 and ($1 = '' or project = $1) order by created_at_us, id",
      which, [&](const Row& row) -> Result<void> {
        keys.push_back(read_key(row));
        return {};
      }));
  return keys;
}

Result<std::optional<KeyRow>> find_key(Connection& connection, const std::string& id) {
  std::optional<KeyRow> key;
  const Value which[] = {id};
  FAIRLEAD_CHECK(
      connection.query(std::string(kKeyColumns) + " where id = $1", which, [&](const Row& row) -> Result<void> {
        key = read_key(row);
        return {};
      }));
  return key;
}

Result<void> revoke_key(Connection& connection, const std::string& id, std::int64_t at_us) {
  const Value values[] = {id, at_us};
  auto done = connection.execute("update keys set revoked_at_us = $2 where id = $1 and revoked_at_us = 0", values);
  if (!done) return fail(std::move(done).error());
  return {};
}

Result<bool> any_key_ever(Connection& connection) {
  bool any = false;
  FAIRLEAD_CHECK(connection.query("select 1 from keys limit 1", {}, [&](const Row&) -> Result<void> {
    any = true;
    return {};
  }));
  return any;
}

Result<std::string> load_pepper_check(Connection& connection) {
  std::string check;
  FAIRLEAD_CHECK(connection.query("select value from pepper_check", {}, [&](const Row& row) -> Result<void> {
    check = row.text(0);
    return {};
  }));
  return check;
}

Result<void> put_pepper_check(Connection& connection, const std::string& check) {
  const Value values[] = {check};
  FAIRLEAD_CHECK(connection.execute("insert into pepper_check (value) values ($1)", values));
  return {};
}

}  // namespace fairlead::access
