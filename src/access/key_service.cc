#include "access/key_service.h"

#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "access/internal/pepper.h"
#include "access/secret_file.h"
#include "access/store/keys.h"
#include "access/store/migrations.h"
#include "base/id.h"
#include "platform/store/whole_id.h"

namespace fairlead::access {
namespace {

using store::Connection;

constexpr std::size_t kKeyBytes = 32;  // 43 characters of base64url
constexpr std::uint8_t kEveryScope =
    static_cast<std::uint8_t>(Scope::kCall) | static_cast<std::uint8_t>(Scope::kRead) |
    static_cast<std::uint8_t>(Scope::kWrite) | static_cast<std::uint8_t>(Scope::kAdmin) |
    static_cast<std::uint8_t>(Scope::kApprove) | static_cast<std::uint8_t>(Scope::kWork);

bool is_admin(std::uint8_t scopes) {
  return (scopes & static_cast<std::uint8_t>(Scope::kAdmin)) != 0;
}

bool manages(const Principal& admin, std::string_view project) {
  return admin.may(Scope::kAdmin) && (admin.project == kHomeProject || admin.project == project);
}

// The same rule as for the names of resources; access stands below that room.
bool is_project_name(std::string_view text) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (text.empty() || text.size() > 63 || !plain(text[0])) return false;
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") == std::string_view::npos;
}

bool is_key_name(std::string_view text) {
  if (text.empty() || text.size() > 100) return false;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  }
  return true;
}

Result<void> check(const KeyRequest& request, const Principal& admin, std::int64_t now_us) {
  if (!is_key_name(request.name)) {
    return fail(ErrorKind::kInvalid, "invalid_key_name",
                "`name` must have 1 to 100 characters and no control characters.", "name");
  }
  if (!is_project_name(request.project)) {
    return fail(
        ErrorKind::kInvalid, "invalid_project",
        "`project` must be 1 to 63 lower-case letters, digits, `.`, `_` or `-`, and begin with a letter or a digit.",
        "project");
  }
  if (request.scopes == 0 || (request.scopes & ~kEveryScope) != 0) {
    return fail(ErrorKind::kInvalid, "invalid_scopes",
                "`scopes` must name at least one of call, read, write, approve, work, admin.", "scopes");
  }
  if (request.expires_at_us != 0 && request.expires_at_us <= now_us) {
    return fail(ErrorKind::kInvalid, "invalid_expiry", "`expires_at` must be in the future.", "expires_at");
  }
  if (!manages(admin, request.project)) {
    return fail(ErrorKind::kPermissionDenied, "permission_denied",
                "An admin of project `" + admin.project + "` makes keys of that project only.", "project");
  }
  return {};
}

// A new key as it is stored and as its owner sees it.
std::pair<KeyRow, NewKey> generate(const KeyRequest& request, const std::string& pepper, std::int64_t now_us) {
  NewKey made;
  made.key = "fl-" + to_base64url(random_bytes(kKeyBytes));
  made.info = {"key_" + new_id(now_us),
               request.name,
               request.project,
               request.scopes,
               now_us,
               request.expires_at_us,
               made.key.substr(made.key.size() - 4)};
  return {KeyRow{made.info, to_hex(KeyTable::digest_of(pepper, made.key)), 0}, made};
}

AuditEntry audit_of(const KeyRow& row, const char* action, const Actor& actor, std::int64_t now_us) {
  AuditEntry entry;
  entry.at_us = now_us;
  entry.project = row.info.project;
  entry.actor = actor;
  entry.action = action;
  entry.kind = "key";
  entry.name = row.info.name;
  entry.detail = {{"id", row.info.id}};
  return entry;
}

Result<void> insert_with_audit(Connection& connection, const KeyRow& row, const Actor& actor, std::int64_t now_us) {
  FAIRLEAD_CHECK(insert_key(connection, row));
  auto noted = append_audit(connection, audit_of(row, "create_key", actor, now_us));
  if (!noted) return fail(std::move(noted).error());
  return {};
}

// The one thing that must not happen: that nobody is left who can make a key.
Result<void> keep_an_admin(Connection& connection, const KeyRow& leaving, std::int64_t now_us) {
  if (leaving.info.project != kHomeProject || !is_admin(leaving.info.scopes)) return {};
  FAIRLEAD_TRY(const auto keys, load_keys(connection, std::string(kHomeProject)));
  for (const KeyRow& key : keys) {
    const bool expired = key.info.expires_at_us != 0 && key.info.expires_at_us <= now_us;
    if (key.info.id != leaving.info.id && is_admin(key.info.scopes) && !expired) return {};
  }
  return fail(ErrorKind::kConflict, "last_admin_key",
              "This is the last admin key of project `default`: without it nobody could make another. Make one first.");
}

Sha256 digest_from_hex(std::string_view hex) {
  const std::string bytes = from_hex(hex).value_or("");
  Sha256 digest{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), digest.size()), digest.begin());
  return digest;
}

}  // namespace

class KeyService::Impl {
 public:
  Impl(store::Database& database, async::BlockingPool& pool, const Clock& clock, std::string folder)
      : database(database), pool(pool), clock(clock), folder(std::move(folder)) {}

  // Reads the keys in force and publishes them. Each change reads after its own commit and under the lock, so that a
  // table never takes the place of a newer one.
  Result<void> reload() {
    const std::lock_guard lock(reload_mutex);
    std::vector<KeyRow> rows;
    FAIRLEAD_CHECK(database.read_blocking([&](Connection& connection) -> Result<void> {
      FAIRLEAD_TRY(rows, load_keys(connection, ""));
      return {};
    }));
    std::vector<KeyTable::Entry> entries;
    entries.reserve(rows.size());
    for (const KeyRow& row : rows) {
      entries.push_back({digest_from_hex(row.digest),
                         {row.info.id, row.info.name, row.info.project, row.info.scopes, row.info.expires_at_us}});
    }
    auto fresh = std::make_shared<const KeyTable>(pepper, std::move(entries));
    {
      const std::lock_guard swap(table_mutex);
      table = fresh;
    }
    if (listener) listener(std::move(fresh));
    return {};
  }

  async::Task<Result<void>> reload_off_loop() {
    auto reloading = pool.run([this] { return reload(); });
    co_return co_await std::move(reloading);
  }

  store::Database& database;
  async::BlockingPool& pool;
  const Clock& clock;
  std::string folder;
  std::string pepper;
  std::mutex reload_mutex;
  std::function<void(std::shared_ptr<const KeyTable>)> listener;
  std::mutex table_mutex;
  std::shared_ptr<const KeyTable> table;
};

KeyService::KeyService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KeyService::~KeyService() = default;

std::vector<store::Migration> KeyService::migrations() {
  return access_migrations();
}

Result<std::unique_ptr<KeyService>> KeyService::open(store::Database& database, async::BlockingPool& pool,
                                                     const Clock& clock, std::string folder, PepperSource source) {
  FAIRLEAD_TRY(std::string pepper, open_pepper(database, folder + "/pepper", source));
  auto impl = std::make_unique<Impl>(database, pool, clock, std::move(folder));
  impl->pepper = std::move(pepper);
  FAIRLEAD_CHECK(impl->reload());
  return std::unique_ptr<KeyService>(new KeyService(std::move(impl)));
}

Result<std::optional<std::string>> KeyService::create_first_admin_blocking() {
  bool any = false;
  FAIRLEAD_CHECK(impl_->database.read_blocking([&](Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(any, any_key_ever(connection));
    return {};
  }));
  if (any) return std::nullopt;
  const std::int64_t now_us = impl_->clock.unix_micros();
  const auto [row, made] = generate({"admin", std::string(kHomeProject), kEveryScope, 0}, impl_->pepper, now_us);
  // The file first: if the process ends here, the next start makes another key and writes it over this one.
  const std::string path = impl_->folder + "/admin.key";
  FAIRLEAD_CHECK(write_secret_file(path, made.key + "\n"));
  FAIRLEAD_CHECK(impl_->database.write_blocking([&row = row, &any, now_us](Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(any, any_key_ever(connection));
    if (any) return {};
    return insert_with_audit(connection, row, Actor{"first start", ""}, now_us);
  }));
  if (any) unlink(path.c_str());  // another node that shares the store was first
  FAIRLEAD_CHECK(impl_->reload());
  return any ? std::nullopt : std::optional(path);
}

std::shared_ptr<const KeyTable> KeyService::table() const {
  const std::lock_guard lock(impl_->table_mutex);
  return impl_->table;
}

Result<void> KeyService::refresh_blocking() {
  return impl_->reload();
}

void KeyService::on_change(std::function<void(std::shared_ptr<const KeyTable>)> listener) {
  impl_->listener = std::move(listener);
}

async::Task<Result<NewKey>> KeyService::create(KeyRequest request, Principal admin) {
  const std::int64_t now_us = impl_->clock.unix_micros();
  FAIRLEAD_CO_CHECK(check(request, admin, now_us));
  std::pair<KeyRow, NewKey> made = generate(request, impl_->pepper, now_us);
  store::Database::Work work = [row = made.first, actor = Actor::of(admin), now_us](Connection& connection) {
    return insert_with_audit(connection, row, actor, now_us);
  };
  auto written = co_await impl_->database.write(std::move(work));
  if (!written) co_return fail(std::move(written).error());
  auto published = co_await impl_->reload_off_loop();
  if (!published) co_return fail(std::move(published).error());
  co_return std::move(made.second);
}

async::Task<Result<std::vector<KeyInfo>>> KeyService::list(Principal admin) {
  auto rows = std::make_shared<std::vector<KeyRow>>();
  const std::string project = admin.project == kHomeProject ? "" : admin.project;
  store::Database::Work work = [rows, project](Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(*rows, load_keys(connection, project));
    return {};
  };
  auto read = co_await impl_->database.read(std::move(work));
  if (!read) co_return fail(std::move(read).error());
  std::vector<KeyInfo> keys;
  keys.reserve(rows->size());
  for (KeyRow& row : *rows) keys.push_back(std::move(row.info));
  co_return keys;
}

async::Task<Result<KeyRevoked>> KeyService::revoke(std::string id, Principal admin) {
  const std::int64_t now_us = impl_->clock.unix_micros();
  auto revoked = std::make_shared<KeyRevoked>();
  store::Database::Work work = [id, admin, now_us, revoked](Connection& connection) -> Result<void> {
    // Revoked ones count, too: what is said again must not mean another key.
    const std::string project = admin.project == kHomeProject ? "" : admin.project;
    const char* const theirs = "select id from keys where ($1 = '' or project = $1)";
    FAIRLEAD_TRY(const std::string whole, store::whole_id(connection, theirs, {project}, id));
    auto found = find_key(connection, whole);
    if (!found) return fail(std::move(found).error());
    const std::optional<KeyRow>& row = *found;
    if (!row || !manages(admin, row->info.project)) {
      // What was asked for may be a key, pasted by mistake: it is not repeated.
      return fail(ErrorKind::kNotFound, "key_not_found",
                  "There is no key with this id. `fairlead keys list` shows the ids.", "id");
    }
    *revoked = {whole, row->revoked_at_us == 0 ? now_us : row->revoked_at_us};
    if (row->revoked_at_us != 0) return {};
    FAIRLEAD_CHECK(keep_an_admin(connection, *row, now_us));
    FAIRLEAD_CHECK(revoke_key(connection, whole, now_us));
    auto noted = append_audit(connection, audit_of(*row, "revoke_key", Actor::of(admin), now_us));
    if (!noted) return fail(std::move(noted).error());
    return {};
  };
  auto written = co_await impl_->database.write(std::move(work));
  if (!written) co_return fail(std::move(written).error());
  auto published = co_await impl_->reload_off_loop();
  if (!published) co_return fail(std::move(published).error());
  co_return std::move(*revoked);
}

async::Task<Result<AuditPage>> KeyService::audit(std::string project, std::int64_t before, std::size_t limit) {
  auto page = std::make_shared<AuditPage>();
  store::Database::Work work = [page, project, before, limit](Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(*page, read_audit(connection, project, before, limit));
    return {};
  };
  auto read = co_await impl_->database.read(std::move(work));
  if (!read) co_return fail(std::move(read).error());
  co_return std::move(*page);
}

}  // namespace fairlead::access
