#include "access/store/secrets.h"

#include "base/digest.h"

namespace fairlead::access {
namespace {

using store::Connection;
using store::Row;
using store::Value;

constexpr std::string_view kSecretColumns = "select project, name, version, nonce, box, set_by, set_at_us from secrets";

SecretRow read_secret(const Row& row) {
  SecretRow secret;
  secret.project = row.text(0);
  secret.name = row.text(1);
  secret.version = row.integer(2);
  secret.sealed = {from_hex(row.text(3)).value_or(""), from_hex(row.text(4)).value_or("?")};
  secret.set_by = row.text(5);
  secret.set_at_us = row.integer(6);
  return secret;
}

}  // namespace

Result<std::vector<SecretRow>> load_secrets(Connection& connection, const std::string& project) {
  std::vector<SecretRow> secrets;
  const Value which[] = {project};
  FAIRLEAD_CHECK(connection.query(
      std::string(kSecretColumns) + " where box <> '' and ($1 = '' or project = $1) order by project, name", which,
      [&](const Row& row) -> Result<void> {
        secrets.push_back(read_secret(row));
        return {};
      }));
  return secrets;
}

Result<std::optional<SecretRow>> find_secret(Connection& connection, const std::string& project,
                                             const std::string& name) {
  std::optional<SecretRow> secret;
  const Value which[] = {project, name};
  FAIRLEAD_CHECK(connection.query(std::string(kSecretColumns) + " where project = $1 and name = $2", which,
                                  [&](const Row& row) -> Result<void> {
                                    secret = read_secret(row);
                                    return {};
                                  }));
  return secret;
}

Result<void> put_secret(Connection& connection, const SecretRow& row) {
  const Value values[] = {row.project, row.name,     row.version, to_hex(row.sealed.nonce), to_hex(row.sealed.box),
                          row.set_by,  row.set_at_us};
  return execute(connection,
                 "insert into secrets (project, name, version, nonce, box, set_by, set_at_us)"
                 " values ($1, $2, $3, $4, $5, $6, $7) on conflict (project, name) do update set"
                 " version = excluded.version, nonce = excluded.nonce, box = excluded.box, set_by = excluded.set_by,"
                 " set_at_us = excluded.set_at_us",
                 values);
}

Result<std::string> load_key_check(Connection& connection) {
  std::string check;
  FAIRLEAD_CHECK(connection.query("select value from secrets_key_check", {}, [&](const Row& row) -> Result<void> {
    check = row.text(0);
    return {};
  }));
  return check;
}

Result<void> put_key_check(Connection& connection, const std::string& check) {
  FAIRLEAD_CHECK(execute(connection, "delete from secrets_key_check", {}));
  if (check.empty()) return {};
  const Value values[] = {check};
  return execute(connection, "insert into secrets_key_check (value) values ($1)", values);
}

}  // namespace fairlead::access
