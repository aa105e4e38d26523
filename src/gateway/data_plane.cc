#include "gateway/data_plane.h"

#include "gateway/internal/call_pipeline.h"
#include "gateway/internal/caller.h"
#include "gateway/surfaces/chat.h"
#include "gateway/surfaces/completions.h"
#include "gateway/surfaces/messages.h"
#include "gateway/surfaces/passed_on.h"
#include "gateway/surfaces/responses.h"

namespace fairlead::gateway {

DataPlane::DataPlane(const SnapshotHolder& snapshots, telemetry::Recorder& recorder, store::Database& database,
                     FileStore& files, cache::Cache& cache, const Clock& clock)
    : snapshots_(snapshots),
      recorder_(recorder),
      cache_(cache),
      clock_(clock),
      models_(snapshots, clock),
      shadows_(std::make_unique<internal::Shadows>(snapshots.runtime(), recorder, clock)),
      sessions_(snapshots, recorder, database, clock),
      response_store_(database),
      background_(snapshots, recorder, cache, response_store_, clock),
      stored_responses_(snapshots, response_store_, background_, clock),
      files_(snapshots, files, clock) {}

DataPlane::~DataPlane() = default;

void DataPlane::end() {
  shadows_->end();
  sessions_.end();
}

std::vector<store::Migration> DataPlane::migrations() {
  std::vector<store::Migration> all = ResponseStore::migrations();
  for (store::Migration& one : FileStore::migrations()) all.push_back(std::move(one));
  for (store::Migration& one : sessions::Store::migrations()) all.push_back(std::move(one));
  return all;
}

async::Task<void> DataPlane::call(http::Exchange& exchange, const Surface& surface) const {
  internal::CallPipeline pipeline(exchange, surface, snapshots_.current(exchange.loop()), recorder_, *shadows_, cache_,
                                  sessions_, background_, clock_);
  co_await pipeline.run();
}

void DataPlane::add_surface(http::Router& router, std::string_view path, std::unique_ptr<const Surface> surface) {
  router.add(http::Method::kPost, path,
             [this, surface = surface.get()](http::Exchange& exchange) { return call(exchange, *surface); });
  surfaces_.push_back(std::move(surface));
}

void DataPlane::add_routes(http::Router& router) {
  add_surface(router, "/v1/chat/completions", std::make_unique<ChatSurface>());
  add_surface(router, "/v1/completions", std::make_unique<CompletionsSurface>());
  add_surface(router, "/v1/embeddings", std::make_unique<EmbeddingsSurface>());
  add_surface(router, "/v1/moderations", std::make_unique<ModerationsSurface>());
  add_surface(router, "/v1/messages", std::make_unique<MessagesSurface>());
  add_surface(router, "/v1/messages/count_tokens", std::make_unique<CountTokensSurface>());
  add_surface(router, "/v1/responses", std::make_unique<ResponsesSurface>(response_store_));
  const auto add = [this, &router](http::Method method, std::string_view path, http::Handler handler) {
    router.add(method, path, [this, handler = std::move(handler)](http::Exchange& exchange) {
      internal::name_answer(exchange, clock_);
      return handler(exchange);
    });
  };
  add(http::Method::kGet, "/v1/responses/{id}", [this](http::Exchange& e) { return stored_responses_.get(e); });
  add(http::Method::kDelete, "/v1/responses/{id}", [this](http::Exchange& e) { return stored_responses_.remove(e); });
  add(http::Method::kPost, "/v1/responses/{id}/cancel",
      [this](http::Exchange& e) { return stored_responses_.cancel(e); });
  add(http::Method::kGet, "/v1/responses/{id}/input_items",
      [this](http::Exchange& e) { return stored_responses_.input_items(e); });
  add(http::Method::kPost, "/v1/files", [this](http::Exchange& e) { return files_.create(e); });
  add(http::Method::kGet, "/v1/files", [this](http::Exchange& e) { return files_.list(e); });
  add(http::Method::kGet, "/v1/files/{id}", [this](http::Exchange& e) { return files_.get(e); });
  add(http::Method::kDelete, "/v1/files/{id}", [this](http::Exchange& e) { return files_.remove(e); });
  add(http::Method::kGet, "/v1/files/{id}/content", [this](http::Exchange& e) { return files_.content(e); });
  router.add(http::Method::kGet, "/v1/models", [this](http::Exchange& e) { return models_.list(e); });
  router.add(http::Method::kGet, "/v1/models/{id}", [this](http::Exchange& e) { return models_.get(e); });
}

async::Task<void> DataPlane::refuse(http::Exchange& exchange, Error error, int status) const {
  std::string id = internal::name_answer(exchange, clock_);
  co_await internal::refuse(exchange, std::move(id), std::move(error), status);
}

}  // namespace fairlead::gateway
