// What a server keeps and shares: its stores, its keys and secrets, and what is elsewhere in Redis.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "app/log.h"
#include "app/paths.h"
#include "app/server_parts.h"
#include "chains/schema.h"
#include "platform/journal/schema.h"
#include "schedules/schema.h"
#include "webhooks/schema.h"

namespace fairlead::app {
namespace {

// The first line of that file.
Result<SecretText> password_in(const std::string& path, std::string_view setting) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line) || line.empty())
    return fail(ErrorKind::kInvalid, "invalid_setting",
                path + " (`" + std::string(setting) + "`) cannot be read, or its first line is empty.");
  SecretText out(line);
  wipe(line);
  return out;
}

}  // namespace

Result<void> ServerParts::open_stores() {
  FAIRLEAD_CHECK(open_database());
  FAIRLEAD_TRY(file_store_, gateway::FileStore::open(settings_.data + "/files", *database_, blocking_, clock_));
  FAIRLEAD_CHECK(open_keys());
  FAIRLEAD_TRY(const std::optional<std::string> key_file, keys_->create_first_admin_blocking());
  if (key_file) kLog.info("wrote the first admin key", {{"file", *key_file}});
  FAIRLEAD_CHECK(open_secrets());
  FAIRLEAD_CHECK(open_vault());
  file_store_->set_keys(vault_->keys()->ring());

  telemetry::TelemetryOptions records;
  records.folder = settings_.data;
  records.flush = settings_.telemetry.flush;
  records.strict = settings_.telemetry.durability == "strict";
  records.content = settings_.telemetry.content == "full";
  records.retention = std::chrono::duration_cast<std::chrono::hours>(settings_.telemetry.retention);
  records.lake_command = {"/proc/self/exe", std::string(telemetry::kLakeProcessArgument)};
  FAIRLEAD_TRY(telemetry_, telemetry::Telemetry::create(records, runtime_.size(), clock_));

  budgets::Ledger::Options ledger;
  ledger.path = settings_.data + "/ledger";
  ledger.accounts = settings_.budgets.accounts;
  ledger.lanes = runtime_.size();
  ledger.shared = !settings_.redis.url.empty();
  FAIRLEAD_TRY(ledger_, budgets::Ledger::open(ledger, clock_));
  FAIRLEAD_CHECK(share_budgets());

  models::ModelFilesOptions files;
  files.folder = settings_.serving.models.empty() ? settings_.data + "/models" : settings_.serving.models;
  files.extra_folders = bundled_model_folders();
  files.ca_file = settings_.upstream.ca_file;
  FAIRLEAD_TRY(model_files_, models::ModelFiles::open(files));

  serving::LocalModelsOptions local;
  local.run_folder = settings_.data + "/run";
  local.worker_command = {"/proc/self/exe", "worker"};
  local.threads = static_cast<int>(settings_.serving.threads);
  local.slots = static_cast<int>(settings_.serving.slots);
  local.context = static_cast<int>(settings_.serving.context);
  local.queue = static_cast<int>(settings_.serving.queue);
  local.locate = [this](const std::string& file) { return model_files_->locate(file); };
  local.digest = [this](const std::string& path, const std::atomic<bool>& cancelled) {
    return model_files_->digest(path, cancelled);
  };
  FAIRLEAD_TRY(local_models_, serving::LocalModels::start(local));
  return {};
}

Result<void> ServerParts::open_database() {
  std::vector<store::Migration> migrations = access::KeyService::migrations();
  for (store::Migration& one : resources::ResourceService::migrations()) migrations.push_back(std::move(one));
  for (store::Migration& one : gateway::DataPlane::migrations()) migrations.push_back(std::move(one));
  for (store::Migration& one : journal::migrations()) migrations.push_back(std::move(one));
  for (store::Migration& one : chains::migrations()) migrations.push_back(std::move(one));
  for (store::Migration& one : schedules::migrations()) migrations.push_back(std::move(one));
  for (store::Migration& one : webhooks::migrations()) migrations.push_back(std::move(one));
  for (store::Migration& one : policy::Vault::migrations()) migrations.push_back(std::move(one));
  std::string location = settings_.store;
  if (location.empty()) {
    location = settings_.data + "/fairlead.db";
  } else if (!store::is_postgresql(location)) {
    return fail(ErrorKind::kInvalid, "invalid_setting",
                "`store` (FAIRLEAD_STORE) must begin with `postgresql://`, or be empty for SQLite in the data folder.");
  } else {
    FAIRLEAD_TRY(folder_, store::FolderLock::take(settings_.data));
  }
  FAIRLEAD_TRY(database_, store::open(location, store_threads_, migrations));
  FAIRLEAD_TRY(follower_, Follower::create(*database_));
  return {};
}

Result<void> ServerParts::open_keys() {
  const std::string& file = settings_.keys.pepper_file;
  if (!pepper_.empty() && !file.empty())
    return fail(ErrorKind::kInvalid, "invalid_setting",
                "Both FAIRLEAD_PEPPER and `keys.pepper_file` are set. Keep the one that holds the pepper.");
  access::PepperSource source{.text = std::move(pepper_), .path = file, .name = "FAIRLEAD_PEPPER"};
  FAIRLEAD_TRY(keys_, access::KeyService::open(*database_, store_threads_, clock_, settings_.data, std::move(source)));
  return {};
}

Result<void> ServerParts::share_budgets() {
  const auto& redis = settings_.redis;
  if (redis.url.empty()) {
    const bool has_other_use = !settings_.cache.redis.empty();
    if (has_other_use || (redis.password_file.empty() && redis_password_.empty())) return {};
    return fail(ErrorKind::kInvalid, "invalid_setting",
                "A password of Redis is given, and `redis.url` does not say where it is.");
  }
  FAIRLEAD_TRY(shared::RedisOptions options, shared::parse_redis_url(redis.url));
  options.timeout = redis.timeout;
  FAIRLEAD_TRY(options.password, redis_password());
  shared_ledger_ =
      std::make_unique<budgets::SharedLedger>(runtime_, options, *ledger_, clock_, budgets::SharedLedger::Timing{});
  ledger_->share(shared_ledger_.get());
  return {};
}

// Of `redis.url`; empty if it has none.
Result<SecretText> ServerParts::redis_password() const {
  const std::string& file = settings_.redis.password_file;
  if (file.empty()) return redis_password_;
  if (!redis_password_.empty())
    return fail(ErrorKind::kInvalid, "invalid_setting",
                "Both FAIRLEAD_REDIS_PASSWORD and `redis.password_file` are set. Keep one of them.");
  return password_in(file, "redis.password_file");
}

Result<void> ServerParts::share_answers() {
  const auto& cache = settings_.cache;
  if (cache.redis.empty()) {
    if (cache.redis_password_file.empty()) return {};
    return fail(ErrorKind::kInvalid, "invalid_setting",
                "`cache.redis_password_file` is set, and `cache.redis` does not say where that Redis is.");
  }
  if (cache.memory == 0)
    return fail(ErrorKind::kInvalid, "invalid_setting",
                "`cache.redis` is set, and `cache.memory` is 0, which turns the cache off. Leave one of them out.");
  gateway::cache::SharedAnswers::Options options;
  FAIRLEAD_TRY(options.redis, shared::parse_redis_url(cache.redis, "cache.redis"));
  options.patience = cache.redis_timeout;
  options.redis.timeout = std::max(options.redis.timeout, 2 * options.patience);
  if (!cache.redis_password_file.empty()) {
    FAIRLEAD_TRY(options.redis.password, password_in(cache.redis_password_file, "cache.redis_password_file"));
  } else {
    const auto other = shared::parse_redis_url(settings_.redis.url);
    if (!other || other->name() == options.redis.name()) {
      FAIRLEAD_TRY(options.redis.password, redis_password());
    }
  }
  shared_answers_ = std::make_unique<gateway::cache::SharedAnswers>(runtime_, std::move(options));
  cache_->share(*shared_answers_);
  return {};
}

Result<void> ServerParts::open_secrets() {
  const std::string& key_file = settings_.secrets.key_file;
  std::error_code ignored;
  private_paths_ = {std::filesystem::weakly_canonical(settings_.data, ignored).string()};
  if (!key_file.empty()) private_paths_.push_back(std::filesystem::weakly_canonical(key_file, ignored).string());
  access::MasterKeySource source{.path = settings_.data + "/secrets.key"};
  if (!secrets_key_.empty()) {
    if (!key_file.empty())
      return fail(ErrorKind::kInvalid, "invalid_setting",
                  "Both FAIRLEAD_SECRETS_KEY and `secrets.key_file` are set. Keep the one that holds the master key.");
    source = {.text = std::move(secrets_key_), .path = {}, .owned = false, .name = "FAIRLEAD_SECRETS_KEY"};
  } else if (!key_file.empty()) {
    source = {.text = {}, .path = key_file, .owned = false};
  }
  if (source.name.empty()) source.name = source.path;
  FAIRLEAD_TRY(secrets_, access::SecretService::open(*database_, store_threads_, clock_, std::move(source)));
  return {};
}

Result<void> ServerParts::open_vault() {
  const auto& privacy = settings_.privacy;
  std::error_code ignored;
  if (!privacy.key_file.empty())
    private_paths_.push_back(std::filesystem::weakly_canonical(privacy.key_file, ignored).string());
  policy::VaultKeySource source{.text = std::move(privacy_key_),
                                .path = privacy.key_file,
                                .command = privacy.key_command,
                                .owned = settings_.data + "/privacy.key"};
  FAIRLEAD_TRY(vault_, policy::Vault::open(runtime_, *database_, clock_, std::move(source)));
  detector_parts_ = {.client = [this](async::Loop& loop) -> http::Client& { return client(loop); },
                     .models = [this]() -> llm::Client& { return runs_.client(); },
                     .credentials = [this](const std::string& project) { return credential_sources(project); },
                     .loops = runtime_.size()};
  privacy_parts_.emplace(policy::GuardParts{*vault_, blocking_, clock_, &detector_parts_});
  return {};
}

}  // namespace fairlead::app
