#include "app/server_parts.h"

#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "access/http/routes.h"
#include "access/http/secret_routes.h"
#include "app/kinds.h"
#include "app/log.h"
#include "app/paths.h"
#include "base/id.h"
#include "budgets/http/routes.h"
#include "gateway/http/cache_routes.h"
#include "gateway/http/prices.h"
#include "gateway/http/routes.h"
#include "gateway/http/session_routes.h"
#include "models/http/routes.h"
#include "platform/http/problem.h"
#include "platform/json/text.h"
#include "prompts/http/routes.h"
#include "providers/factory.h"
#include "resources/http/routes.h"
#include "safety/pii/http/routes.h"
#include "safety/policy/http/routes.h"
#include "serving/provider.h"

namespace fairlead::app {
namespace {

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

}  // namespace

ServerParts::ServerParts(config::Settings settings, SecretText secrets_key, SecretText redis_password,
                         SecretText pepper, SecretText privacy_key)
    : settings_(std::move(settings)),
      secrets_key_(std::move(secrets_key)),
      redis_password_(std::move(redis_password)),
      pepper_(std::move(pepper)),
      privacy_key_(std::move(privacy_key)),
      runtime_(settings_.threads ? static_cast<int>(settings_.threads) : usable_cores()),
      blocking_(kBlockingThreads),
      store_threads_(kBlockingThreads) {}

ServerParts::~ServerParts() {
  stop();
}

Result<void> ServerParts::start() {
  FAIRLEAD_CHECK(make_private_folder(settings_.data));
  FAIRLEAD_CHECK(open_stores());
  for (int i = 0; i < runtime_.size(); ++i) {
    FAIRLEAD_TRY(auto client, http::Client::create(runtime_.loop(i), blocking_, client_options()));
    clients_.push_back(std::move(client));
  }
  FAIRLEAD_CHECK(load_resources());
  telemetry_->start();
  ledger_->start();
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

// From when the loops run, so that what changes meanwhile can be put in force.
void ServerParts::follow_other_nodes() {
  follower_->start(
      {.refresh_keys = [this] { return keys_->refresh_blocking(); },
       .refresh_secrets = [this](const std::string& project) { return configuration_->refresh_secrets(project); },
       .refresh_resources = [this](const std::string& project) { return resources_->refresh_blocking(project); }});
}

Result<std::shared_ptr<llm::Provider>> ServerParts::make_provider(const resources::Version& version) {
  const auto client_of = [this](async::Loop& loop) -> http::Client& { return client(loop); };
  const boost::json::value* const type = version.spec.if_contains("type");
  if (type && type->is_string() && type->get_string() == "llama.cpp")
    return serving::make_provider(version.name, *local_models_, client_of);
  return providers::make_provider(version.name, version.spec,
                                  {credential_sources(version.project), client_of, &clock_});
}

access::CredentialSources ServerParts::credential_sources(const std::string& project) {
  const auto secret = [this, project](std::string_view name) {
    return secrets_->value_blocking(project, std::string(name));
  };
  return {.environment = environment_variable, .secret = secret, .private_paths = private_paths_};
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
  parts.privacy = &*privacy_parts_;
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
  hiding_.emplace(*snapshots_);
  cache_.emplace(runtime_, settings_.cache.memory, clock_);
  FAIRLEAD_CHECK(share_answers());
  data_plane_.emplace(*snapshots_, telemetry_->recorder(), *database_, *file_store_, *cache_, clock_);
  const auto credentials = [this](const std::string& project) { return credential_sources(project); };
  FAIRLEAD_CHECK(
      runs_.prepare({*database_, runtime_, blocking_, *snapshots_, *telemetry_, *cache_, *secrets_,
                     data_plane_->background(), clock_, settings_, *hiding_, client_options(), credentials}));
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
  telemetry_->add_routes(router, *guard_, &*hiding_);
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
  pii::add_routes(router, *guard_, blocking_);
  policy::add_routes(
      router, *guard_,
      [this](http::Exchange& exchange, const std::string& project, const std::string& reference) {
        return find_guard(exchange, project, reference);
      },
      *vault_, blocking_);
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

Result<std::shared_ptr<const policy::Guard>> ServerParts::find_guard(http::Exchange& exchange,
                                                                     const std::string& project,
                                                                     const std::string& reference) const {
  const gateway::Project* const found = snapshots_->current(exchange.loop())->project(project);
  if (found == nullptr)
    return fail(ErrorKind::kNotFound, "model_not_found", "Project `" + project + "` has nothing to call yet.", "model");
  FAIRLEAD_TRY(const gateway::Resolved resolved, found->resolve(reference));
  return std::dynamic_pointer_cast<const policy::Guard>(resolved.target->privacy);
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
    co_await data_plane_->refuse(exchange, std::move(known).error());
    co_return;
  }
  Error error{ErrorKind::kInvalid, "unsupported_method", "No route takes that method."};
  if (status == 405) {
    exchange.add_header("allow", allow);
    error = {ErrorKind::kInvalid, "method_not_allowed", "This route takes " + allow + "."};
  } else if (status == 404) {
    error = {ErrorKind::kNotFound, "unknown_url",
             "There is no such route. docs/reference/api.md lists them; calls go to /v1/chat/completions."};
  }
  co_await data_plane_->refuse(exchange, std::move(error), status);
}

void ServerParts::stop() {
  runs_.release();
  if (server_) {
    server_->drain(settings_.http.drain_timeout);
    data_plane_->end();
  }
  runs_.stop(settings_.http.drain_timeout);
  if (server_) vault_->end();
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
