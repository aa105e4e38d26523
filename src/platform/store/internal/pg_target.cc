#include "platform/store/internal/pg_target.h"

#include <algorithm>

#include "platform/store/internal/libpq.h"

namespace fairlead::store {
namespace {

// What libpq would do worse by itself: notice a server that has gone while nothing is sent, or that takes nothing; and
// of several hosts choose one that can be written.
constexpr std::pair<const char*, const char*> kAdded[] = {
    {"application_name", "fairlead"},      {"connect_timeout", "5"},  {"keepalives_idle", "10"},
    {"keepalives_interval", "5"},          {"keepalives_count", "3"}, {"tcp_user_timeout", "10000"},
    {"target_session_attrs", "read-write"}};

}  // namespace

Result<PgTarget> PgTarget::parse(std::string_view uri) {
  FAIRLEAD_TRY(const Libpq* pq, Libpq::load());
  char* ignored = nullptr;  // it may quote the URI
  PQconninfoOption* const parsed = pq->PQconninfoParse(std::string(uri).c_str(), &ignored);
  if (ignored != nullptr) pq->PQfreemem(ignored);
  if (parsed == nullptr)
    return fail(ErrorKind::kInvalid, "invalid_setting",
                "The URI of PostgreSQL (setting `store`) cannot be read. It is "
                "`postgresql://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE`, with `%xx` for characters that mean "
                "something in it.");
  PgTarget out;
  std::string host, port, database;
  for (const PQconninfoOption* one = parsed; one->keyword != nullptr; ++one) {
    if (one->val == nullptr) continue;
    const std::string keyword = one->keyword, value = one->val;
    if (keyword == "client_encoding" || keyword == "fallback_application_name") continue;
    if (keyword == "host" || (keyword == "hostaddr" && host.empty())) host = value;
    if (keyword == "port") port = value;
    if (keyword == "dbname") database = value;
    if (keyword == "password") out.password = value;
    out.options.emplace_back(keyword, value);
  }
  pq->PQconninfoFree(parsed);
  for (const auto& [keyword, value] : kAdded) {
    if (std::ranges::none_of(out.options, [&](const auto& one) { return one.first == keyword; }))
      out.options.emplace_back(keyword, value);
  }
  out.options.emplace_back("client_encoding", "UTF8");
  out.place = "PostgreSQL";
  if (!host.empty()) out.place += " at " + host + (port.empty() ? "" : ":" + port);
  if (!database.empty()) out.place += " (database " + database + ")";
  return out;
}

std::string PgTarget::without_password(std::string text) const {
  if (password.empty()) return text;
  for (std::size_t at; (at = text.find(password)) != std::string::npos;) text.replace(at, password.size(), "…");
  return text;
}

}  // namespace fairlead::store
