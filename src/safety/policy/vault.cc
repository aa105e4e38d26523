#include "safety/policy/vault.h"

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <cstdio>
#include <cstring>
#include <future>
#include <list>
#include <map>
#include <optional>
#include <unordered_set>
#include <utility>

#include "access/secret_file.h"
#include "base/digest.h"
#include "base/log.h"
#include "platform/async/run_on.h"
#include "platform/async/task_group.h"
#include "platform/json/text.h"
#include "safety/policy/internal/filters.h"
#include "safety/policy/internal/session.h"
#include "safety/policy/store/entries.h"

namespace fairlead::policy {
namespace {

using store::Connection;

constexpr log::Logger kLog{"policy"};
constexpr std::size_t kOverhead = 1'024;  // of a session, beside its entries
constexpr std::int64_t kMicros = 1'000'000;

std::string name_in(const std::string& project, const std::string& session) {
  return project + '\0' + session;
}

std::uint64_t hash_of(const std::string& name) {
  return std::hash<std::string>{}(name);
}

// What the command prints, at most 64 KiB.
Result<SecretText> printed_by(const std::string& command) {
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return fail(ErrorKind::kInvalid, "invalid_setting", "`privacy.key_command` cannot be run.");
  SecretText out;
  std::array<char, 4096> buffer{};
  for (std::size_t got = 0; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0 && out.size() < 65'536;)
    out.append(buffer.data(), got);
  wipe(buffer.data(), buffer.size());
  if (::pclose(pipe) != 0)
    return fail(ErrorKind::kInvalid, "invalid_setting",
                "`privacy.key_command` failed: it must print a key and end with status 0.");
  return out;
}

store::Database::Work writing(StoredEntries what) {
  return [what = std::move(what)](Connection& connection) { return put_entries(connection, what); };
}

Result<access::KeyRing> ring_in(const std::string& path, bool may_make) {
  FAIRLEAD_TRY(auto text, access::read_secret_file(path));
  if (text) {
    auto ring = access::parse_key_ring(*text);
    wipe(*text);
    return ring;
  }
  if (!may_make) return fail(ErrorKind::kInvalid, "invalid_setting", path + " (`privacy.key_file`) is not there.");
  access::KeyRing made;
  made.push_back(access::MasterKey::random());
  std::string line(made.front().hex());
  line += '\n';
  auto written = access::write_secret_file(path, line);
  wipe(line);
  if (!written) return fail(std::move(written).error());
  return made;
}

Result<access::KeyRing> ring_of(VaultKeySource source) {
  const int given = int{!source.text.empty()} + int{!source.path.empty()} + int{!source.command.empty()};
  if (given > 1)
    return fail(ErrorKind::kInvalid, "invalid_setting",
                "More than one of FAIRLEAD_PRIVACY_KEY, `privacy.key_file` and `privacy.key_command` is set. Keep the "
                "one that holds the key.");
  if (!source.command.empty()) {
    FAIRLEAD_TRY(source.text, printed_by(source.command));
    if (source.text.find_first_not_of(" \t\r\n") == SecretText::npos)
      return fail(ErrorKind::kInvalid, "invalid_setting", "`privacy.key_command` printed nothing.");
  }
  if (!source.text.empty()) return access::parse_key_ring(source.text);
  if (!source.path.empty()) return ring_in(source.path, false);
  return ring_in(source.owned, true);
}

std::string place_of(const std::string& project, const std::string& session, std::int64_t entry) {
  std::string out = "fairlead privacy";
  for (const std::string& part : {project, session, std::to_string(entry)}) {
    out.push_back('\0');
    out += part;
  }
  return out;
}

}  // namespace

struct Vault::Live {
  std::string project, session;
  std::unique_ptr<Session> entries;
  std::int64_t expires_at_us = 0;
  std::size_t saved = 0;    // of the entries
  bool must_touch = false;  // the store has an end that is too early
  bool writes = false;
  std::uint64_t generation = 0;  // of forgetting
  std::uint64_t changes = 0;     // of the entries
  std::size_t counted = 0;
  std::list<Live*>::iterator place;
};

struct Vault::Lane {
  explicit Lane(async::Loop& of) : loop(of), tasks(of.executor()) {}
  async::Loop& loop;
  async::TaskGroup tasks;
  std::map<std::string, Live> live;
  std::list<Live*> order;                    // the latest first
  std::unordered_set<std::uint64_t> stored;  // digests of the names of sessions that the store may have
  std::size_t bytes = 0;
  std::uint64_t forgotten = 0;  // sessions, twice each: what was read meanwhile may be gone
  bool ended = false;
};

Result<std::unique_ptr<Vault>> Vault::open(async::Runtime& runtime, store::Database& database, const Clock& clock,
                                           VaultKeySource source, std::size_t capacity_bytes) {
  FAIRLEAD_TRY(access::KeyRing ring, ring_of(std::move(source)));
  if (ring.empty()) return fail(ErrorKind::kInvalid, "secrets_key_malformed", "The key of the privacy vault is empty.");
  std::unique_ptr<Vault> out(new Vault(runtime, database, clock, std::move(ring), capacity_bytes));
  FAIRLEAD_CHECK(out->note_stored());
  return out;
}

Vault::Vault(async::Runtime& runtime, store::Database& database, const Clock& clock, access::KeyRing ring,
             std::size_t capacity)
    : runtime_(runtime),
      database_(database),
      clock_(clock),
      capacity_of_lane_(capacity / static_cast<std::size_t>(runtime.size())),
      keys_(std::make_shared<const Keys>(std::move(ring))) {
  for (int i = 0; i < runtime.size(); ++i) lanes_.push_back(std::make_unique<Lane>(runtime.loop(i)));
}

Vault::~Vault() = default;

std::vector<store::Migration> Vault::migrations() {
  return vault_migrations();
}

// Which sessions the store has: who asks for another one need not ask it.
Result<void> Vault::note_stored() {
  return database_.read_blocking([this](Connection& connection) {
    return each_session(connection, [this](const std::string& project, const std::string& session) {
      lane_of(project, session).stored.insert(hash_of(name_in(project, session)));
    });
  });
}

Vault::Lane& Vault::lane_of(const std::string& project, const std::string& session) const {
  return *lanes_[hash_of(name_in(project, session)) % lanes_.size()];
}

template <class Work>
async::Task<std::invoke_result_t<Work&>> Vault::on(Lane& lane, async::Loop& here, Work work) const {
  if (&lane.loop == &here) co_return work();
  auto done = co_await async::run_on(lane.loop, std::move(work));
  co_return done;
}

std::unique_ptr<Session> Vault::temporary(const std::string& project) const {
  return std::make_unique<Session>(keys_->digest(), project);
}

std::unique_ptr<Session> Vault::fresh(const std::string& project, const std::string& session) const {
  return std::make_unique<Session>(keys_->digest(), name_in(project, session));
}

Vault::Seen Vault::run(Lane& lane, Live& live, std::chrono::seconds ttl, const std::function<void(Session&)>& work) {
  const std::int64_t now = clock_.unix_micros(), lasts = ttl.count() * kMicros;
  if (live.expires_at_us != 0 && live.expires_at_us <= now) {
    live.entries = fresh(live.project, live.session);
    live.saved = 0;
    ++live.generation;
  }
  const std::size_t before = live.entries->entries().size();
  work(*live.entries);
  if (live.entries->entries().size() != before) ++live.changes;
  // Once in a while: not every call is worth a write.
  if (live.expires_at_us < now + lasts - std::min(lasts / 8, std::int64_t{86'400} * kMicros)) {
    live.expires_at_us = now + lasts;
    live.must_touch = live.saved > 0 || live.must_touch;
  }
  const std::size_t entries = live.entries->entries().size();
  if ((entries > live.saved || live.must_touch) && !live.writes && !lane.ended) {
    live.writes = true;
    lane.tasks.spawn(save(lane, name_in(live.project, live.session)));
  }
  const std::size_t bytes = live.entries->bytes() + kOverhead;
  lane.bytes += bytes - std::exchange(live.counted, bytes);
  lane.order.splice(lane.order.begin(), lane.order, live.place);
  Seen out{live.entries->pseudonyms(), entries, entries <= live.saved};
  make_room(lane);
  return out;
}

void Vault::make_room(Lane& lane) const {
  for (auto at = lane.order.end(); lane.bytes > capacity_of_lane_ && at != lane.order.begin();) {
    Live& oldest = **--at;
    if (oldest.writes || oldest.saved < oldest.entries->entries().size() || at == lane.order.begin()) continue;
    lane.bytes -= oldest.counted;
    at = lane.order.erase(at);
    lane.live.erase(name_in(oldest.project, oldest.session));
  }
}

StoredEntries Vault::unsaved(const Live& live) const {
  StoredEntries out{
      live.project, live.session, live.expires_at_us, clock_.unix_micros(), live.entries->entries().size(), {}};
  for (std::size_t i = live.saved; i < out.up_to; ++i) {
    const Session::Entry& entry = live.entries->entries()[i];
    // The same original has the same number on every node.
    const Sha256 digest =
        keys_->digest()->of(name_in(live.project, live.session) + '\0' + entry.entity + '\0' + entry.key);
    std::int64_t number = 0;
    std::memcpy(&number, digest.data(), sizeof number);
    std::string plain = json::to_text(Session::to_json(entry));
    out.rows.push_back({number, keys_->ring().front().seal(plain, place_of(live.project, live.session, number))});
    wipe(plain);
  }
  return out;
}

// On the lane's loop.
async::Task<void> Vault::save(Lane& lane, std::string name) {
  for (;;) {
    const auto found = lane.live.find(name);
    if (found == lane.live.end()) co_return;
    Live& live = found->second;  // stays while it is written
    if (live.entries->entries().size() <= live.saved && !live.must_touch) {
      live.writes = false;
      co_return;
    }
    StoredEntries rows = unsaved(live);
    const std::size_t up_to = rows.up_to;
    const std::uint64_t generation = live.generation;
    live.must_touch = false;
    store::Database::Work work = writing(std::move(rows));
    auto written = co_await database_.write(std::move(work));
    if (!written) {
      kLog.warning("what stands behind pseudonyms could not be stored; it is tried again with the next call",
                   {{"error", written.error().message}});
      live.writes = false;
      co_return;
    }
    lane.stored.insert(hash_of(name));
    if (live.generation == generation) live.saved = std::max(live.saved, up_to);
  }
}

void Vault::add(Live& live, const StoredEntries& rows) const {
  live.expires_at_us = std::max(live.expires_at_us, rows.expires_at_us);
  const bool all_were_saved = live.saved == live.entries->entries().size();
  std::size_t unread = 0;
  for (const StoredEntries::One& one : rows.rows) {
    bool is_read = false;
    for (const access::MasterKey& key : keys_->ring()) {
      const auto plain = key.open(one.sealed, place_of(rows.project, rows.session, one.entry));
      if (!plain) continue;
      const auto value = json::parse(std::string_view(plain->data(), plain->size()));
      auto entry = value ? Session::from_json(*value) : Result<Session::Entry>(fail(value.error()));
      if (!entry) break;
      live.entries->add(*std::move(entry));
      is_read = true;
      break;
    }
    if (!is_read) ++unread;
  }
  if (all_were_saved) live.saved = live.entries->entries().size();
  if (unread > 0)
    kLog.warning("entries of the privacy vault cannot be opened with this key; what they stand for is not given back",
                 {{"entries", unread}});
}

async::Task<Result<Vault::Seen>> Vault::with(async::Loop& here, std::string project, std::string session,
                                             std::chrono::seconds ttl, std::function<void(Session&)> work) {
  Lane& lane = lane_of(project, session);
  const std::string name = name_in(project, session);
  struct Look {
    std::optional<Seen> seen;  // nothing: the store has to be asked
    std::uint64_t forgotten = 0, changes = 0;
  };
  // With what the store has, as it was read after `then`; with nothing, if it need not be asked.
  auto take = [this, &lane, name, project, session, ttl, work](const StoredEntries* rows, const Look& then) -> Seen {
    const auto [at, is_new] = lane.live.try_emplace(name);
    Live& live = at->second;
    if (is_new) {
      live.project = project;
      live.session = session;
      live.entries = fresh(project, session);
      lane.order.push_front(&live);
      live.place = lane.order.begin();
    }
    const bool is_at_rest =
        !live.writes && live.saved == live.entries->entries().size() && live.changes == then.changes;
    // Another node may have gone on with the session, or forgotten it.
    if (rows != nullptr && !is_new && is_at_rest && database_.is_shared()) {
      live.entries = fresh(project, session);
      live.saved = 0;
    }
    if (rows != nullptr) add(live, *rows);
    return run(lane, live, ttl, work);
  };
  auto look = [this, &lane, name, take]() -> Look {
    const auto found = lane.live.find(name);
    Look out{std::nullopt, lane.forgotten, found != lane.live.end() ? found->second.changes : 0};
    const bool may_be_stored =
        database_.is_shared() || (found == lane.live.end() && lane.stored.contains(hash_of(name)));
    if (!may_be_stored) out.seen = take(nullptr, out);
    return out;
  };
  for (;;) {
    Look looked = co_await on(lane, here, look);
    if (looked.seen) co_return *std::move(looked.seen);
    auto rows = std::make_shared<StoredEntries>();
    rows->project = project;
    rows->session = session;
    rows->now_us = clock_.unix_micros();
    store::Database::Work reading = [rows](Connection& connection) { return load_entries(connection, *rows); };
    auto read = co_await database_.read(std::move(reading));
    if (!read) co_return fail(std::move(read).error());
    auto put = [&lane, take, looked, rows]() -> std::optional<Seen> {
      if (lane.forgotten != looked.forgotten) return std::nullopt;  // what was read may have been deleted since
      return take(rows.get(), looked);
    };
    std::optional<Seen> seen = co_await on(lane, here, std::move(put));
    if (seen) co_return *std::move(seen);
  }
}

// On the lane's loop: whoever forgets the session is before this write or behind it.
async::Task<Result<void>> Vault::write_unsaved(Lane& lane, std::string name, std::size_t entries) {
  const auto found = lane.live.find(name);
  if (found == lane.live.end() || found->second.saved >= entries) co_return Result<void>{};
  // Written once more, if the write behind is not through yet: the rows are the same.
  StoredEntries rows = unsaved(found->second);
  const std::size_t up_to = rows.up_to;
  const std::uint64_t generation = found->second.generation;
  store::Database::Work work = writing(std::move(rows));
  auto written = co_await database_.write(std::move(work));
  if (!written) co_return fail(std::move(written).error());
  lane.stored.insert(hash_of(name));
  if (const auto now = lane.live.find(name); now != lane.live.end() && now->second.generation == generation)
    now->second.saved = std::max(now->second.saved, up_to);
  co_return Result<void>{};
}

async::Task<Result<void>> Vault::keep(async::Loop& here, std::string project, std::string session,
                                      std::size_t entries) {
  Lane& lane = lane_of(project, session);
  async::Task<Result<void>> writing = write_unsaved(lane, name_in(project, session), entries);
  Result<void> written;
  if (&lane.loop == &here)
    written = co_await std::move(writing);
  else
    written = co_await boost::asio::co_spawn(lane.loop.executor(), std::move(writing), async::use_task);
  if (!written)
    co_return fail(ErrorKind::kUnavailable, "vault_not_durable",
                   "The answer is held back because what stands behind its pseudonyms could not be stored: " +
                       written.error().message);
  co_return Result<void>{};
}

async::Task<Result<std::shared_ptr<const Matcher>>> Vault::pseudonyms(async::Loop& here, std::string project,
                                                                      std::string session) {
  // Looking lengthens nothing: a time of nothing moves no end.
  std::function<void(Session&)> nothing = [](Session&) {};
  auto seen = co_await with(here, std::move(project), std::move(session), std::chrono::seconds{0}, std::move(nothing));
  if (!seen) co_return fail(std::move(seen).error());
  if (seen->pseudonyms->empty())
    co_return fail(ErrorKind::kNotFound, "session_not_found", "No pseudonyms are kept of that session.", "session");
  co_return std::move(seen->pseudonyms);
}

std::string Vault::restored(const Matcher& pseudonyms, std::string_view text) {
  const std::shared_ptr<const Matcher> borrowed(std::shared_ptr<const Matcher>(), &pseudonyms);
  Restorer restorer(borrowed, false);
  std::string out;
  (void)restorer.push(text, true, out);  // which cannot fail
  return out;
}

async::Task<Result<bool>> Vault::forget(async::Loop& here, std::string project, std::string session) {
  Lane& lane = lane_of(project, session);
  const std::string name = name_in(project, session);
  auto drop = [this, &lane, name]() {
    ++lane.forgotten;
    const auto found = lane.live.find(name);
    if (found == lane.live.end()) return false;
    Live& live = found->second;
    const bool any = !live.entries->entries().empty();
    live.entries = fresh(live.project, live.session);
    live.saved = 0;
    ++live.generation;
    ++live.changes;
    return any;
  };
  const bool was_live = co_await on(lane, here, drop);
  auto removed = std::make_shared<std::int64_t>(0);
  store::Database::Work work = [removed, project, session](Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(*removed, remove_entries(connection, project, session));
    return {};
  };
  auto written = co_await database_.write(std::move(work));
  if (!written) co_return fail(std::move(written).error());
  (void)co_await on(lane, here, drop);  // what was read before it was gone
  co_return was_live || *removed > 0;
}

async::Task<void> Vault::end_lane(Lane& lane) {
  lane.ended = true;
  co_await lane.tasks.join();
}

void Vault::end() {
  std::vector<std::future<void>> ended;
  for (const auto& lane : lanes_)
    ended.push_back(boost::asio::co_spawn(lane->loop.executor(), end_lane(*lane), boost::asio::use_future));
  for (auto& one : ended) one.get();
}

}  // namespace fairlead::policy
