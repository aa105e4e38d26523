#include "app/server_parts.h"

#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "access/http/routes.h"
#include "access/http/secret_routes.h"
#include "app/kinds.h"
#include "app/paths.h"
#include "base/id.h"
#include "base/log.h"
#include "budgets/http/routes.h"
#include "gateway/http/cache_routes.h"
#include "gateway/http/prices.h"
#include "gateway/http/routes.h"
#include "gateway/http/session_routes.h"
#include "models/http/routes.h"
#include "platform/http/problem.h"
#include "platform/journal/schema.h"
#include "platform/json/text.h"
#include "prompts/http/routes.h"
#include "providers/factory.h"
#include "resources/http/routes.h"
#include "safety/pii/http/routes.h"
#include "schedules/schema.h"
#include "serving/provider.h"

namespace fairlead::app {
namespace {

constexpr log::Logger kLog{"app"};
constexpr int kBlockingThreads = 4;

http::ServerLimits limits_of(const config::Settings& settings) {
  http::ServerLimits limits;
  limits.head_bytes = settings.http.head_bytes;
  limits.header_lines = settings.http.header_lines;
  limits.body_bytes = settings.http.body_bytes;
  limits.head_timeout = settings.http.head_timeout;
  limits.body_timeout = settings.http.body_timeout;
  limits.idle_timeout = settings.http.idle_timeout;
  limits.write_timeout = settings.http.write_timeout;
  limits.connections = settings.http.connections;
  return limits;
}

// The cores that this process may run on: a container's or a taskset's share, not the machine's.
int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

std::optional<std::string> environment_variable(std::string_view name) {
  const char* const value = std::getenv(std::string(name).c_str());
  if (!value) return std::nullopt;
  return value;
}

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

ServerParts::ServerParts(config::Settings settings, SecretText secrets_key, SecretText redis_password,
                         SecretText pepper)
    : settings_(std::move(settings)),
      secrets_key_(std::move(secrets_key)),
      redis_password_(std::move(redis_password)),
      pepper_(std::move(pepper)),
      runtime_(settings_.threads ? static_cast<int>(settings_.threads) : usable_cores()),
      blocking_(kBlockingThreads),
      store_threads_(kBlockingThreads) {}

ServerParts::~ServerParts() {
  stop();
}

Result<void> ServerParts::start() {
  FAIRLEAD_CHECK(make_private_folder(settings_.data));
  // To compile the patterns takes as long as all the rest: it is done beside it.
  auto scanner = std::async(std::launch::async, [] { return pii::Scanner::create({}); });
  FAIRLEAD_CHECK(open_stores());
  for (int i = 0; i < runtime_.size(); ++i) {
    FAIRLEAD_TRY(auto client, http::Client::create(runtime_.loop(i), blocking_, client_options()));
    clients_.push_back(std::move(client));
  }
  FAIRLEAD_CHECK(load_resources());
  telemetry_->start();
  ledger_->start();
  FAIRLEAD_TRY(privacy_, scanner.get());
  FAIRLEAD_CHECK(listen());  // a port that is taken is said before anything is applied
  runtime_.start();
  if (shared_ledger_) shared_ledger_->start();
  if (shared_answers_)
    shared_answers_->start([this](gateway::cache::Selection selection) { return forget(std::move(selection)); });
  follow_other_nodes();
  // From here on snapshots go through the running loops.
  if (!settings_.project.empty()) FAIRLEAD_CHECK(apply_project_folder());
  FAIRLEAD_CHECK(runs_.start());
  server_->start();
  kLog.info("listening", {{"address", settings_.listen}, {"port", server_->port()}, {"data", settings_.data}});
  return {};
}

http::ClientOptions ServerParts::client_options() const {
  http::ClientOptions options;
  options.connect_timeout = settings_.upstream.connect_timeout;
  options.idle_timeout = settings_.upstream.idle_timeout;
  options.idle_per_origin = settings_.upstream.idle_per_origin;
  options.ca_file = settings_.upstream.ca_file;
  return options;
}

Result<void> ServerParts::open_stores() {
  FAIRLEAD_CHECK(open_database());
  FAIRLEAD_TRY(file_store_, gateway::FileStore::open(settings_.data + "/files", *database_, blocking_, clock_));
  FAIRLEAD_CHECK(open_keys());
  FAIRLEAD_TRY(const std::optional<std::string> key_file, keys_->create_first_admin_blocking());
  if (key_file) kLog.info("wrote the first admin key", {{"file", *key_file}});
  FAIRLEAD_CHECK(open_secrets());

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
  for (store::Migration& one : schedules::migrations()) migrations.push_back(std::move(one));
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

// From when the loops run, so that what changes meanwhile can be put in force.
void ServerParts::follow_other_nodes() {
  follower_->start(
      {.refresh_keys = [this] { return keys_->refresh_blocking(); },
       .refresh_secrets = [this](const std::string& project) { return configuration_->refresh_secrets(project); },
       .refresh_resources = [this](const std::string& project) { return resources_->refresh_blocking(project); }});
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

Result<std::shared_ptr<llm::Provider>> ServerParts::make_provider(const resources::Version& version) {
  const auto client_of = [this](async::Loop& loop) -> http::Client& { return client(loop); };
  const boost::json::value* const type = version.spec.if_contains("type");
  if (type && type->is_string() && type->get_string() == "llama.cpp")
    return serving::make_provider(version.name, *local_models_, client_of);
  const auto secret = [this, &version](std::string_view name) {
    return secrets_->value_blocking(version.project, std::string(name));
  };
  return providers::make_provider(version.name, version.spec,
                                  {.client = client_of,
                                   .environment = environment_variable,
                                   .clock = &clock_,
                                   .secret = secret,
                                   .private_paths = private_paths_});
}

Result<void> ServerParts::load_resources() {
  std::uint64_t seed = 0;
  std::memcpy(&seed, random_bytes(sizeof seed).data(), sizeof seed);
  routing_.emplace(clock_, seed, runtime_.size());
  Configuration::Parts parts{.make_provider = {},
                             .secret_versions = {},
                             .publish = {},
                             .want_models = {},
                             .routing = *routing_,
                             .ledger = *ledger_,
                             .clock = clock_};
  parts.secret_versions = [this](const std::string& project) { return secrets_->versions_blocking(project); };
  parts.chain_stage = [this](const resources::Version& version) { return runs_.stage_of(version); };
  parts.make_provider = [this](const resources::Version& version) { return make_provider(version); };
  parts.publish = [this](std::shared_ptr<const gateway::Snapshot> next) {
    // Before the loops run there is nobody to wait for.
    if (snapshots_) snapshots_->publish_and_wait(std::move(next));
  };
  parts.want_models = [this](std::vector<models::LocalFile> files) {
    std::map<std::string, std::vector<std::string>> digests;
    for (models::LocalFile& file : files) {
      std::vector<std::string>& of_file = digests[file.file];
      if (!file.sha256.empty() && std::ranges::find(of_file, file.sha256) == of_file.end())
        of_file.push_back(file.sha256);
    }
    std::vector<serving::WantedModel> wanted;
    for (auto& [file, list] : digests) wanted.push_back({file, std::move(list)});
    local_models_->want(std::move(wanted));
  };
  configuration_ = std::make_unique<Configuration>(std::move(parts), keys_->table());
  FAIRLEAD_TRY(resources_, resources::ResourceService::create(*database_, clock_, kinds()));
  FAIRLEAD_TRY(const std::vector<std::string> names, resources_->project_names_blocking());
  for (const std::string& name : names) {
    FAIRLEAD_TRY(const resources::Project project, resources_->load_blocking(name));
    FAIRLEAD_TRY(const auto publish, configuration_->prepare(project));
    runs_.update(project);
    publish();
  }
  snapshots_ = std::make_unique<gateway::SnapshotHolder>(runtime_, configuration_->snapshot());
  resources_->set_prepare([this](const resources::Project& after) -> Result<std::function<void()>> {
    FAIRLEAD_TRY(auto publish, configuration_->prepare(after));
    return [this, after, publish = std::move(publish)] {
      runs_.update(after);
      publish();
    };
  });
  secrets_->set_users(resources::secret_users(kinds()));
  secrets_->on_change([this](const std::string& project) {
    if (auto done = configuration_->refresh_secrets(project); !done)
      kLog.error("secrets cannot be read", {{"reason", done.error().message}});
  });
  keys_->on_change(
      [this](std::shared_ptr<const access::KeyTable> table) { configuration_->set_keys(std::move(table)); });
  return {};
}

Result<void> ServerParts::apply_project_folder() {
  FAIRLEAD_TRY(resources::Files files, read_project_folder(settings_.project));
  FAIRLEAD_TRY(const resources::ChangeSet changes,
               resources_->apply_blocking(std::string(access::kHomeProject), std::move(files),
                                          access::Actor{"serve --project", ""}, "applied at start",
                                          {.is_folder = true, .ahead = resources::FolderRules::Ahead::kLeave}));
  if (!changes.faults.empty()) {
    std::string message =
        "The project in " + settings_.project + " has faults; nothing was applied and nothing serves.";
    for (const resources::Fault& fault : changes.faults) message += "\n" + resources::to_text(fault);
    return fail(ErrorKind::kInvalid, "invalid_resources", std::move(message));
  }
  for (const resources::DocumentChange& change : changes.documents) {
    if (change.drift)
      kLog.warning(
          "left as it is: newer than the folder; `fairlead pull` writes it there",
          {{"resource", change.kind + "/" + change.name}, {"version", change.from}, {"by", change.drift->author}});
  }
  kLog.info("applied", {{"project", settings_.project},
                        {"new", changes.count(resources::Action::kNew)},
                        {"changed", changes.count(resources::Action::kChanged)},
                        {"same", changes.count(resources::Action::kSame)}});
  return {};
}

Result<void> ServerParts::listen() {
  guard_.emplace([this] { return keys_->table(); }, clock_);
  cache_.emplace(runtime_, settings_.cache.memory, clock_);
  FAIRLEAD_CHECK(share_answers());
  data_plane_.emplace(*snapshots_, telemetry_->recorder(), *database_, *file_store_, *cache_, clock_);
  FAIRLEAD_CHECK(runs_.prepare({*database_, runtime_, blocking_, *snapshots_, *telemetry_, *cache_, *secrets_, clock_,
                                settings_, client_options()}));
  capacity_.emplace(
      capacity::Routes::Parts{.ask = [this](const std::string& project, const std::string& query,
                                            std::int64_t limit) { return telemetry_->ask(project, query, limit); },
                              .snapshot = [this] { return configuration_->snapshot(); },
                              .folder = settings_.data,
                              .clock = clock_});
  FAIRLEAD_TRY(const config::ListenAddress address, config::parse_listen(settings_.listen));
  http::ServerOptions options;
  options.address = address.address;
  options.port = address.port;
  options.limits = limits_of(settings_);
  if (!settings_.http.tls_certificate.empty() || !settings_.http.tls_key.empty())
    options.tls = http::TlsFiles{settings_.http.tls_certificate, settings_.http.tls_key};
  FAIRLEAD_TRY(server_, http::Server::listen(runtime_, std::move(options), routes()));
  telemetry_->metrics().add("fairlead_open_connections", telemetry::Metrics::Type::kGauge, "Connections of clients.",
                            [this] { return static_cast<double>(server_->open_connections()); });
  gateway::add_metrics(telemetry_->metrics(), *routing_);
  budgets::add_metrics(
      telemetry_->metrics(), *ledger_, [this] { return books(); }, clock_);
  gateway::add_cache_metrics(telemetry_->metrics(), *cache_);
  if (shared_answers_) gateway::add_cache_metrics(telemetry_->metrics(), *shared_answers_);
  if (shared_ledger_) budgets::add_metrics(telemetry_->metrics(), *shared_ledger_);
  return {};
}

http::Router ServerParts::routes() {
  http::Router router;
  data_plane_->add_routes(router);
  resources::add_routes(router, *guard_, *resources_);
  access::add_routes(router, *guard_, *keys_);
  access::add_secret_routes(router, *guard_, *secrets_);
  telemetry_->add_routes(router, *guard_);
  gateway::add_routes(router, *guard_, *routing_);
  budgets::add_routes(
      router, *guard_, [this] { return books(); }, clock_, blocking_);
  gateway::add_prices(router, *guard_, *snapshots_);
  prompts::add_routes(
      router, *guard_,
      [this](http::Exchange& exchange, const std::string& project, const std::string& reference) {
        return find_prompt(exchange, project, reference);
      },
      clock_);
  gateway::add_cache_routes(router, *guard_, *cache_);
  gateway::add_session_routes(router, *guard_, data_plane_->sessions());
  capacity_->add(router, *guard_);
  runs_.add_routes(router, *guard_);
  models::add_routes(router, *guard_, *model_files_, blocking_);
  pii::add_routes(router, *guard_, privacy_, blocking_);
  router.add(http::Method::kGet, "/healthz", [](http::Exchange& e) { return answer_health(e); });
  router.add(http::Method::kGet, "/readyz", [this](http::Exchange& e) { return answer_ready(e); });
  router.set_fallback([this](http::Exchange& e, int status, std::string_view allow) {
    return answer_unknown(e, status, std::string(allow));
  });
  return router;
}

Result<std::shared_ptr<const prompts::Prompt>> ServerParts::find_prompt(http::Exchange& exchange,
                                                                        const std::string& project,
                                                                        const std::string& reference) const {
  const gateway::Project* const found = snapshots_->current(exchange.loop())->project(project);
  if (found == nullptr)
    return fail(ErrorKind::kNotFound, "model_not_found", "Project `" + project + "` has no prompts yet.", "model");
  FAIRLEAD_TRY(const gateway::Resolved resolved, found->resolve(reference));
  for (const std::shared_ptr<llm::Stage>& stage : resolved.target->stages)
    if (auto prompt = std::dynamic_pointer_cast<const prompts::Prompt>(stage)) return prompt;
  return fail(ErrorKind::kInvalid, "invalid_value", "`" + reference + "` is a model; prompts can be explained.",
              "model");
}

std::vector<std::shared_ptr<const budgets::Book>> ServerParts::books() const {
  std::vector<std::shared_ptr<const budgets::Book>> out;
  const auto snapshot = configuration_->snapshot();
  for (const auto& [name, project] : snapshot->projects)
    if (project.book()) out.push_back(project.book());
  return out;
}

// What another node has cleared.
async::Task<void> ServerParts::forget(gateway::cache::Selection selection) {
  co_await cache_->clear_here(std::move(selection));
}

async::Task<void> ServerParts::answer_ready(http::Exchange& exchange) {
  boost::json::array parts;
  bool ready = true;
  for (const serving::PartState& part : local_models_->states()) {
    ready &= part.ready;
    boost::json::object one{{"name", part.name}, {"state", part.state}, {"progress", part.progress}};
    if (!part.message.empty()) one["message"] = part.message;
    parts.push_back(std::move(one));
  }
  if (shared_ledger_) {
    const bool connected = shared_ledger_->connected();
    ready &= shared_ledger_->ready();
    parts.push_back(boost::json::object{{"name", "redis"},
                                        {"state", !connected                ? "away"
                                                  : shared_ledger_->ready() ? "ready"
                                                                            : "starting"}});
  }
  if (const auto trouble = runs_.trouble())
    parts.push_back(boost::json::object{{"name", "runs"}, {"state", "waiting"}, {"message", trouble->message}});
  // Calls are answered without it, so a node whose store is away stays in service.
  if (database_->is_shared())
    parts.push_back(
        boost::json::object{{"name", "postgresql"}, {"state", database_->is_reachable() ? "ready" : "away"}});
  const boost::json::value body = boost::json::object{{"ready", ready}, {"parts", std::move(parts)}};
  const std::string text = json::to_text(body);
  const int status = ready ? 200 : 503;
  co_await exchange.respond(status, "application/json", text);
}

async::Task<void> ServerParts::answer_unknown(http::Exchange& exchange, int status, std::string allow) {
  const http::RequestHead& head = exchange.head();
  auto known = keys_->table()->authenticate(head.header("authorization").value_or(""),
                                            head.header("x-api-key").value_or(""), clock_.unix_micros());
  if (!known) {
    co_await http::respond_error(exchange, std::move(known).error());
    co_return;
  }
  std::string body;
  if (status == 405) {
    exchange.add_header("allow", allow);
    body = http::error_body(405, "method_not_allowed", "This route takes " + allow + ".");
  } else {
    body =
        http::error_body(404, "unknown_url",
                         "There is no such route. docs/reference/api.md lists them; calls go to /v1/chat/completions.");
  }
  co_await exchange.respond(status, "application/json", body);
}

void ServerParts::stop() {
  if (server_) {
    server_->drain(settings_.http.drain_timeout);
    data_plane_->end();
  }
  runs_.stop(settings_.http.drain_timeout);
  if (follower_) follower_->stop();
  if (local_models_) local_models_->stop();
  if (telemetry_) telemetry_->stop();
  if (shared_ledger_) shared_ledger_->stop();
  if (shared_answers_) shared_answers_->stop();
  resources_.reset();
  runtime_.stop();
  clients_.clear();
  server_.reset();
  if (ledger_) ledger_->stop();
}

}  // namespace fairlead::app
