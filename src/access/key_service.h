// Makes, lists and revokes keys.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "access/audit.h"
#include "access/keys.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"
#include "platform/store/database.h"

namespace fairlead::access {

// The project of the first key. Its admins manage the keys of every project, others those of their own.
inline constexpr std::string_view kHomeProject = "default";

struct KeyInfo {
  std::string id, name, project;
  std::uint8_t scopes = 0;
  std::int64_t created_at_us = 0;
  std::int64_t expires_at_us = 0;  // 0: never
  std::string last_four;
};

struct NewKey {
  KeyInfo info;
  std::string key;  // shown to its owner, kept nowhere
};

struct KeyRequest {
  std::string name, project;
  std::uint8_t scopes = 0;
  std::int64_t expires_at_us = 0;
};

// Where the pepper is found, if it is not Fairlead's own file: what several nodes on one store have alike.
struct PepperSource {
  SecretText text;   // 64 hexadecimal digits; empty: it is in `path`
  std::string path;  // of a file with those, or with 32 bytes; empty: FOLDER/pepper
  std::string name;  // of `text`, for messages
};

struct KeyRevoked {
  std::string id;
  std::int64_t at_us = 0;
};

// Thread-safe. What create() and revoke() did is in table() when they return.
class KeyService {
 public:
  static std::vector<store::Migration> migrations();  // of this room: keys and audit

  // Reads the keys; makes FOLDER/pepper if the store has never had a pepper and no other is named. `database`, `pool`
  // and `clock` outlive the service. Errors: pepper_missing, pepper_unreadable, pepper_other, and the store's.
  static Result<std::unique_ptr<KeyService>> open(store::Database& database, async::BlockingPool& pool,
                                                  const Clock& clock, std::string folder, PepperSource source = {});
  ~KeyService();

  // On the first start: makes a key with every scope in kHomeProject, writes it to FOLDER/admin.key (mode 0600) and
  // gives that path. Nothing if there ever was a key.
  Result<std::optional<std::string>> create_first_admin_blocking();

  std::shared_ptr<const KeyTable> table() const;
  // Puts the keys in force that the store has now: another process may have changed them. Blocks.
  Result<void> refresh_blocking();
  // Called with each new table, one at a time, before the change is answered. Set before the first change.
  void on_change(std::function<void(std::shared_ptr<const KeyTable>)> listener);

  // `admin` is who asks; see kHomeProject. Errors: invalid_key_name, invalid_project, invalid_scopes, invalid_expiry,
  // permission_denied.
  async::Task<Result<NewKey>> create(KeyRequest request, Principal admin);
  async::Task<Result<std::vector<KeyInfo>>> list(Principal admin);  // not revoked, oldest first
  // By its id or a beginning of it that no other key has; a revoked key stays so. Errors: key_not_found, ambiguous_id,
  // last_admin_key.
  async::Task<Result<KeyRevoked>> revoke(std::string id, Principal admin);
  async::Task<Result<AuditPage>> audit(std::string project, std::int64_t before, std::size_t limit);

 private:
  class Impl;
  explicit KeyService(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fairlead::access
