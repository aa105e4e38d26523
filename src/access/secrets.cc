#include "access/secrets.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "access/audit.h"
#include "access/key_service.h"
#include "access/master_key.h"
#include "access/secret_file.h"
#include "access/store/secrets.h"
#include "base/log.h"
#include "base/suggest.h"

namespace fairlead::access {
namespace {

using store::Connection;

constexpr log::Logger kLog{"access"};
constexpr std::size_t kLargestValue = 64 * 1024;

Result<void> check_name(std::string_view name) {
  if (is_secret_name(name)) return {};
  // What was sent may be the secret itself: it is not repeated.
  return fail(ErrorKind::kInvalid, "invalid_secret_name",
              "A secret's name is 1 to 63 lower-case letters, digits, `.`, `_` or `-`, and begins with a letter or a "
              "digit.",
              "name");
}

Result<void> check_value(std::string_view value) {
  const auto refuse = [](std::string why) {
    return fail(ErrorKind::kInvalid, "invalid_secret_value", "The secret's value " + std::move(why), "value");
  };
  if (value.empty()) return refuse("is empty.");
  if (value.size() > kLargestValue) return refuse("is over 64 KiB.");
  if (value.find('\0') != value.npos) return refuse("holds a zero byte.");
  if (value.find_first_of("\r\n") != value.npos) return refuse("holds a line break; it must be one line.");
  if (!std::ranges::all_of(value, [](unsigned char c) { return c >= ' ' && c < 127; }))
    return refuse("holds a character that is not visible ASCII, which no header can carry.");
  if (value.front() == ' ' || value.back() == ' ') return refuse("begins or ends with a space.");
  return {};
}

// What a value is bound to: names hold no zero byte.
std::string place_of(const SecretRow& row) {
  std::string out = "fairlead secret";
  for (const std::string& part : {row.project, row.name, std::to_string(row.version)}) {
    out.push_back('\0');
    out += part;
  }
  return out;
}

Result<SecretText> open_row(const MasterKey& key, const SecretRow& row) {
  auto value = key.open(row.sealed, place_of(row));
  if (value) return value;
  Error error = std::move(value).error();
  error.message = "Secret `" + row.name + "` of project `" + row.project + "` cannot be opened. " + error.message +
                  " Set it again.";
  return fail(std::move(error));
}

Result<void> note(Connection& connection, std::string action, const SecretRow& row, const Actor& actor,
                  std::int64_t now_us, boost::json::object detail) {
  AuditEntry entry{0, now_us, row.project, actor, std::move(action), "secret", row.name, std::move(detail)};
  auto noted = append_audit(connection, entry);
  if (!noted) return fail(std::move(noted).error());
  return {};
}

std::unexpected<Error> not_found(Connection& connection, const std::string& project, const std::string& name) {
  auto names = secret_names(connection, project);
  return fail(ErrorKind::kNotFound, "secret_not_found",
              "Secret `" + name + "` does not exist in project `" + project + "`." +
                  (names ? did_you_mean(name, *names) : "") + " `fairlead secrets set` makes one.",
              "name");
}

std::string joined(const std::vector<SecretUser>& users) {
  std::string out;
  for (const SecretUser& user : users) out += (out.empty() ? "" : ", ") + user.kind + " `" + user.name + "`";
  return out;
}

}  // namespace

bool is_secret_name(std::string_view text) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 63 && plain(text[0]) &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") == std::string_view::npos;
}

Result<std::vector<std::string>> secret_names(Connection& connection, const std::string& project) {
  FAIRLEAD_TRY(auto rows, load_secrets(connection, project));
  std::vector<std::string> names;
  names.reserve(rows.size());
  for (SecretRow& row : rows) names.push_back(std::move(row.name));
  return names;
}

class SecretService::Impl {
 public:
  using Ring = std::shared_ptr<const KeyRing>;

  Impl(store::Database& database, async::BlockingPool& pool, const Clock& clock, MasterKeySource source)
      : database(database), pool(pool), clock(clock), source(std::move(source)) {}

  Ring ring() {
    const std::lock_guard lock(ring_mutex);
    return ring_;
  }
  void set_ring(KeyRing next) {
    auto shared = std::make_shared<const KeyRing>(std::move(next));
    const std::lock_guard lock(ring_mutex);
    ring_ = std::move(shared);
  }

  // The key of `ring` that the rows are sealed under; before there are any, the first. The store says which it is, in
  // the same transaction as the rows, so that a rotation at the same time changes nothing for anyone.
  Result<const MasterKey*> key_for(const KeyRing& ring, const std::string& check) const {
    for (const MasterKey& key : ring)
      if (check.empty() || key.check() == check) return &key;
    return fail(ErrorKind::kUnavailable, "secrets_locked", "Secrets cannot be opened: " + why_locked(ring));
  }

  std::string why_locked(const KeyRing& ring) const {
    if (!source_fault.empty()) return source_fault;
    if (ring.empty()) return source.name + " holds no master key. Restore it from a backup.";
    return "the master key in " + source.name +
           " is not the one that they were encrypted under. Put the right one there and restart.";
  }

  // What the source holds. Its faults are kept for messages.
  void read_source() {
    SecretText text = source.text;
    if (text.empty()) {
      auto file = read_secret_file(source.path);
      if (!file) {
        source_fault = file.error().message;
      } else if (*file) {
        text.assign((*file)->data(), (*file)->size());
        wipe(**file);
      } else if (!source.owned) {
        source_fault = source.path + ", which holds the master key, is not there.";
      }
    }
    auto parsed = parse_key_ring(text);
    if (!parsed) source_fault = source.name + " cannot be used. " + parsed.error().message;
    set_ring(parsed ? *std::move(parsed) : KeyRing{});
  }

  Result<void> write_file(const KeyRing& keys) {
    std::string text;
    text.reserve(keys.size() * 65);
    for (const MasterKey& key : keys) text.append(key.hex()).push_back('\n');
    auto written = write_secret_file(source.path, text);
    wipe(text);
    return written;
  }

  Result<std::string> stored_check() {
    std::string check;
    FAIRLEAD_CHECK(database.read_blocking([&](Connection& connection) -> Result<void> {
      FAIRLEAD_TRY(check, load_key_check(connection));
      return {};
    }));
    return check;
  }

  // Says what is wrong with the key, and brings the rows to the first key of the source.
  Result<void> start() {
    read_source();
    FAIRLEAD_TRY(const std::string check, stored_check());
    const Ring keys = ring();
    if (check.empty() && keys->empty() && source_fault.empty()) return {};  // nothing yet
    if (auto key = key_for(*keys, check); !key) {
      kLog.error("secrets are locked", {{"reason", why_locked(*keys)}});
      return {};
    }
    if (keys->size() < 2) return {};
    const std::lock_guard lock(key_mutex);
    auto done = move_to_first(*keys, Actor{"start", ""});
    if (!done) {
      kLog.error("the master key could not be replaced; the old one stays", {{"reason", done.error().message}});
      return {};
    }
    // Another node that shares the store may still be at the others, or already be at the next.
    if (!database.is_shared()) keep_only(keys->front());
    kLog.info("secrets are encrypted under the first key; the others can be taken out",
              {{"keys", source.name}, {"secrets", *done}});
    return {};
  }

  // The first master key is made when it is first needed.
  Result<void> need_key() {
    const std::lock_guard lock(key_mutex);
    if (!source.owned || !source_fault.empty() || !ring()->empty()) return {};
    FAIRLEAD_TRY(const std::string check, stored_check());
    if (!check.empty()) return {};  // it is lost: whoever needs it says so
    KeyRing made;
    made.push_back(MasterKey::random());
    FAIRLEAD_CHECK(write_file(made));
    set_ring(std::move(made));
    kLog.info("wrote the master key of secrets", {{"file", source.path}});
    return {};
  }

  // Seals every row under the first of `keys`, in one transaction; with key_mutex held. How many there were.
  Result<std::int64_t> move_to_first(const KeyRing& keys, const Actor& actor) {
    std::int64_t count = 0;
    FAIRLEAD_CHECK(database.write_blocking([&](Connection& connection) -> Result<void> {
      FAIRLEAD_TRY(const std::string check, load_key_check(connection));
      FAIRLEAD_TRY(const MasterKey* key, key_for(keys, check));
      if (check.empty() || key == &keys.front()) return {};
      FAIRLEAD_TRY(auto rows, load_secrets(connection, ""));
      for (SecretRow& row : rows) {
        FAIRLEAD_TRY(const SecretText value, open_row(*key, row));
        row.sealed = keys.front().seal(value, place_of(row));
        FAIRLEAD_CHECK(put_secret(connection, row));
      }
      FAIRLEAD_CHECK(put_key_check(connection, keys.front().check()));
      count = static_cast<std::int64_t>(rows.size());
      SecretRow of_all;
      of_all.project = kHomeProject;
      return note(connection, "rekey_secrets", of_all, actor, clock.unix_micros(), {{"secrets", count}});
    }));
    return count;
  }

  // Forgets the other keys, in the file too if it is ours. If that cannot be written, the next start does it.
  void keep_only(const MasterKey& key) {
    KeyRing only{key};
    if (source.owned) {
      if (auto written = write_file(only); !written)
        kLog.warning("the old master key stays in the file", {{"reason", written.error().message}});
    }
    set_ring(std::move(only));
  }

  // The file holds both keys from before the transaction until after it, so that wherever this ends, a start finds the
  // one that it needs.
  Result<std::int64_t> rekey(const Actor& actor) {
    FAIRLEAD_CHECK(need_key());
    const std::lock_guard lock(key_mutex);
    const Ring before = ring();
    FAIRLEAD_TRY(const std::string check, stored_check());
    FAIRLEAD_TRY(const MasterKey* current, key_for(*before, check));
    KeyRing both;
    both.push_back(MasterKey::random());
    both.push_back(*current);
    FAIRLEAD_CHECK(write_file(both));
    set_ring(both);
    auto count = move_to_first(both, actor);
    // Which of them is needed is what the store says, whatever became of the transaction.
    if (auto now = stored_check()) {
      if (auto key = key_for(both, *now)) keep_only(**key);
    }
    return count;
  }

  Result<SecretText> value(const std::string& project, const std::string& name) {
    SecretText value;
    store::Database::Work work = [&](Connection& connection) -> Result<void> {
      FAIRLEAD_TRY(const auto row, find_secret(connection, project, name));
      if (!row || row->sealed.box.empty()) return not_found(connection, project, name);
      FAIRLEAD_TRY(const std::string check, load_key_check(connection));
      const Ring keys = ring();
      FAIRLEAD_TRY(const MasterKey* key, key_for(*keys, check));
      FAIRLEAD_TRY(value, open_row(*key, *row));
      return {};
    };
    auto done = database.read_blocking(work);
    // The old key may have gone between the start of the read and the look at the ring.
    if (!done && done.error().code == "secrets_locked") done = database.read_blocking(work);
    if (!done) return fail(std::move(done).error());
    return value;
  }

  async::Task<Result<void>> publish(std::string project) {
    if (!listener) co_return Result<void>{};
    auto publishing = pool.run([this, project = std::move(project)]() -> Result<void> {
      listener(project);
      return {};
    });
    co_return co_await std::move(publishing);
  }

  store::Database& database;
  async::BlockingPool& pool;
  const Clock& clock;
  const MasterKeySource source;
  std::string source_fault;  // set at start only
  Users users;
  std::function<void(const std::string&)> listener;
  std::mutex key_mutex;  // who changes the master key

 private:
  std::mutex ring_mutex;
  Ring ring_ = std::make_shared<const KeyRing>();
};

SecretService::SecretService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SecretService::~SecretService() = default;

Result<std::unique_ptr<SecretService>> SecretService::open(store::Database& database, async::BlockingPool& pool,
                                                           const Clock& clock, MasterKeySource source) {
  auto impl = std::make_unique<Impl>(database, pool, clock, std::move(source));
  FAIRLEAD_CHECK(impl->start());
  return std::unique_ptr<SecretService>(new SecretService(std::move(impl)));
}

void SecretService::set_users(Users users) {
  impl_->users = std::move(users);
}

void SecretService::on_change(std::function<void(const std::string& project)> listener) {
  impl_->listener = std::move(listener);
}

Result<SecretText> SecretService::value_blocking(const std::string& project, const std::string& name) {
  return impl_->value(project, name);
}

Result<std::map<std::string, std::int64_t>> SecretService::versions_blocking(const std::string& project) {
  std::map<std::string, std::int64_t> versions;
  FAIRLEAD_CHECK(impl_->database.read_blocking([&](Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(const auto rows, load_secrets(connection, project));
    for (const SecretRow& row : rows) versions.emplace(row.name, row.version);
    return {};
  }));
  return versions;
}

async::Task<Result<SecretInfo>> SecretService::set(std::string name, SecretText value, Principal admin) {
  FAIRLEAD_CO_CHECK(check_name(name));
  FAIRLEAD_CO_CHECK(check_value(value));
  auto needing = impl_->pool.run([impl = impl_.get()] { return impl->need_key(); });
  auto needed = co_await std::move(needing);
  if (!needed) co_return fail(std::move(needed).error());
  auto info = std::make_shared<SecretInfo>();
  const std::int64_t now_us = impl_->clock.unix_micros();
  store::Database::Work work =
      [impl = impl_.get(), info, name, admin, now_us,
       value = std::make_shared<const SecretText>(std::move(value))](Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(const std::string check, load_key_check(connection));
    const Impl::Ring keys = impl->ring();
    FAIRLEAD_TRY(const MasterKey* key, impl->key_for(*keys, check));
    if (check.empty()) FAIRLEAD_CHECK(put_key_check(connection, key->check()));
    FAIRLEAD_TRY(const auto before, find_secret(connection, admin.project, name));
    SecretRow row{admin.project, name, before ? before->version + 1 : 1, {}, admin.name, now_us};
    row.sealed = key->seal(*value, place_of(row));
    FAIRLEAD_CHECK(put_secret(connection, row));
    *info = {row.name, row.version, row.set_by, row.set_at_us, {}};
    return note(connection, "set_secret", row, Actor::of(admin), now_us, {{"version", row.version}});
  };
  auto written = co_await impl_->database.write(std::move(work));
  if (!written) co_return fail(std::move(written).error());
  auto published = co_await impl_->publish(admin.project);
  if (!published) co_return fail(std::move(published).error());
  co_return std::move(*info);
}

async::Task<Result<std::vector<SecretInfo>>> SecretService::list(Principal admin) {
  auto found = std::make_shared<std::vector<SecretInfo>>();
  store::Database::Work work = [impl = impl_.get(), found, admin](Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(const auto rows, load_secrets(connection, admin.project));
    std::map<std::string, std::vector<SecretUser>> users;
    if (impl->users) {
      FAIRLEAD_TRY(users, impl->users(connection, admin.project));
    }
    for (const SecretRow& row : rows)
      found->push_back({row.name, row.version, row.set_by, row.set_at_us, users[row.name]});
    return {};
  };
  auto read = co_await impl_->database.read(std::move(work));
  if (!read) co_return fail(std::move(read).error());
  co_return std::move(*found);
}

async::Task<Result<std::int64_t>> SecretService::remove(std::string name, bool force, Principal admin) {
  FAIRLEAD_CO_CHECK(check_name(name));
  auto version = std::make_shared<std::int64_t>(0);
  const std::int64_t now_us = impl_->clock.unix_micros();
  store::Database::Work work = [impl = impl_.get(), version, name, force, admin,
                                now_us](Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(auto row, find_secret(connection, admin.project, name));
    if (!row || row->sealed.box.empty()) return not_found(connection, admin.project, name);
    if (!force && impl->users) {
      FAIRLEAD_TRY(auto users, impl->users(connection, admin.project));
      if (const auto& of_this = users[name]; !of_this.empty())
        return fail(ErrorKind::kConflict, "secret_in_use",
                    "Secret `" + name + "` is used by " + joined(of_this) +
                        ". Apply another reference there first, or pass --force (`force=true`): calls to what uses it "
                        "then fail.",
                    "name");
    }
    *version = row->version;
    row->sealed = {};
    FAIRLEAD_CHECK(put_secret(connection, *row));
    // With the last one goes what ties the store to a master key.
    FAIRLEAD_TRY(const auto others, load_secrets(connection, ""));
    if (others.empty()) FAIRLEAD_CHECK(put_key_check(connection, ""));
    return note(connection, "remove_secret", *row, Actor::of(admin), now_us, {{"version", row->version}});
  };
  auto written = co_await impl_->database.write(std::move(work));
  if (!written) co_return fail(std::move(written).error());
  auto published = co_await impl_->publish(admin.project);
  if (!published) co_return fail(std::move(published).error());
  co_return *version;
}

async::Task<Result<std::int64_t>> SecretService::rekey(Principal admin) {
  if (admin.project != kHomeProject)
    co_return fail(ErrorKind::kPermissionDenied, "permission_denied",
                   "The master key is that of all projects: an admin of `default` replaces it.");
  if (!impl_->source.owned)
    co_return fail(ErrorKind::kConflict, "secrets_key_external",
                   "The master key is in " + impl_->source.name +
                       ", which Fairlead does not write. Put a new key in front of it and restart.");
  if (impl_->database.is_shared())
    co_return fail(ErrorKind::kConflict, "secrets_key_shared",
                   "Other nodes may share this store, and each has the master key by itself. Give all of them the old "
                   "key and a new one, and restart: docs/reference/store.md, Rotation.");
  auto running = impl_->pool.run([impl = impl_.get(), actor = Actor::of(admin)] { return impl->rekey(actor); });
  co_return co_await std::move(running);
}

}  // namespace fairlead::access
