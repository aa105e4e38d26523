// What stands behind pseudonyms, by project and session: in memory, and encrypted in the store. Each loop owns a part
// of the sessions; what asks for one goes to its owner's thread and back, so that nothing is locked.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "access/master_key.h"
#include "base/clock.h"
#include "base/result.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"
#include "platform/store/database.h"
#include "safety/policy/keys.h"

namespace fairlead::policy {

class Matcher;
class Session;
struct StoredEntries;

// Where the key is found: the first of these that is there.
struct VaultKeySource {
  SecretText text;      // the keys themselves (FAIRLEAD_PRIVACY_KEY)
  std::string path;     // privacy.key_file
  std::string command;  // privacy.key_command: prints them; run once, by /bin/sh
  std::string owned;    // a file of Fairlead's own, made when it is first needed
};

// Thread-safe where nothing else is said. Made before the loops start, destroyed after they have stopped; what it is
// made of outlives it.
class Vault {
 public:
  // Entries under a key that is not in the ring are left unread. Errors: secrets_key_malformed, cannot_read,
  // invalid_setting, the store's.
  static Result<std::unique_ptr<Vault>> open(async::Runtime& runtime, store::Database& database, const Clock& clock,
                                             VaultKeySource source, std::size_t capacity_bytes = std::size_t{64} << 20);
  ~Vault();  // end() has been called if anything was hidden
  Vault(const Vault&) = delete;
  Vault& operator=(const Vault&) = delete;

  static std::vector<store::Migration> migrations();

  const std::shared_ptr<const Keys>& keys() const { return keys_; }

  // How a session is after some work.
  struct Seen {
    std::shared_ptr<const Matcher> pseudonyms;
    std::size_t entries = 0;
    bool is_kept = true;  // all of them are in the store
  };
  // Runs `work` with the session, on its owner's thread; it must own what it uses. From a loop's thread, `here`. What
  // it adds is written to the store behind it. Errors: those of the store, for a session that is not in memory.
  async::Task<Result<Seen>> with(async::Loop& here, std::string project, std::string session, std::chrono::seconds ttl,
                                 std::function<void(Session&)> work);
  // Returns when the first so many entries are durable. Error: vault_not_durable.
  async::Task<Result<void>> keep(async::Loop& here, std::string project, std::string session, std::size_t entries);
  // Of a call without a session.
  std::unique_ptr<Session> temporary(const std::string& project) const;

  // What stands behind a session's pseudonyms now. Error: session_not_found, where there are none; the store's.
  async::Task<Result<std::shared_ptr<const Matcher>>> pseudonyms(async::Loop& here, std::string project,
                                                                 std::string session);
  static std::string restored(const Matcher& pseudonyms, std::string_view text);

  // Whether there was anything. From a loop's thread, `here`.
  async::Task<Result<bool>> forget(async::Loop& here, std::string project, std::string session);

  // Writes what has to be. From outside the loops, which must be running.
  void end();

 private:
  struct Live;
  struct Lane;
  Vault(async::Runtime& runtime, store::Database& database, const Clock& clock, access::KeyRing ring,
        std::size_t capacity);
  Result<void> note_stored();
  Lane& lane_of(const std::string& project, const std::string& session) const;
  template <class Work>
  async::Task<std::invoke_result_t<Work&>> on(Lane& lane, async::Loop& here, Work work) const;
  std::unique_ptr<Session> fresh(const std::string& project, const std::string& session) const;
  Seen run(Lane& lane, Live& live, std::chrono::seconds ttl, const std::function<void(Session&)>& work);
  StoredEntries unsaved(const Live& live) const;
  void add(Live& live, const StoredEntries& rows) const;
  async::Task<void> save(Lane& lane, std::string name);
  async::Task<Result<void>> write_unsaved(Lane& lane, std::string name, std::size_t entries);
  void make_room(Lane& lane) const;
  static async::Task<void> end_lane(Lane& lane);

  async::Runtime& runtime_;
  store::Database& database_;
  const Clock& clock_;
  const std::size_t capacity_of_lane_;
  const std::shared_ptr<const Keys> keys_;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace fairlead::policy
