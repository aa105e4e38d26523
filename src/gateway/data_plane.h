// The routes under /v1: every way in which an application calls a model.
#pragma once
#include <memory>
#include <vector>

#include "base/clock.h"
#include "gateway/background.h"
#include "gateway/cache/cache.h"
#include "gateway/files.h"
#include "gateway/models.h"
#include "gateway/response_store.h"
#include "gateway/sessions/sessions.h"
#include "gateway/snapshot.h"
#include "gateway/stored_responses.h"
#include "gateway/surface.h"
#include "platform/http/server.h"
#include "platform/store/database.h"
#include "telemetry/recorder.h"

namespace fairlead::gateway {
namespace internal {
class Shadows;
}

// Carries calls from the head of the request to the record. Holds no state of a call; one serves all loops. What it is
// made of must outlive the server, and it the router.
class DataPlane {
 public:
  DataPlane(const SnapshotHolder& snapshots, telemetry::Recorder& recorder, store::Database& database, FileStore& files,
            cache::Cache& cache, const Clock& clock);
  ~DataPlane();
  DataPlane(const DataPlane&) = delete;
  DataPlane& operator=(const DataPlane&) = delete;

  // Answers what is no route as the API that the client speaks shows errors; `status`, if not 0, instead of the
  // error's.
  async::Task<void> refuse(http::Exchange& exchange, Error error, int status = 0) const;

  // Of what is kept in the database.
  static std::vector<store::Migration> migrations();

  void add_routes(http::Router& router);

  // Of what prompts remember; as long as the data plane.
  sessions::Sessions& sessions() { return sessions_; }

  // The definition of the runs that make responses in the background; it is given the engine that carries them on.
  Background& background() { return background_; }

  // Ends what goes on behind calls: shadows are ended, and no more started; sessions are stored. When no call is left;
  // the loops are running.
  void end();

 private:
  async::Task<void> call(http::Exchange& exchange, const Surface& surface) const;
  void add_surface(http::Router& router, std::string_view path, std::unique_ptr<const Surface> surface);

  const SnapshotHolder& snapshots_;
  telemetry::Recorder& recorder_;
  cache::Cache& cache_;
  const Clock& clock_;
  const Models models_;
  std::unique_ptr<internal::Shadows> shadows_;
  mutable sessions::Sessions sessions_;
  ResponseStore response_store_;
  mutable Background background_;
  const StoredResponses stored_responses_;
  const Files files_;
  std::vector<std::unique_ptr<const Surface>> surfaces_;
};

}  // namespace fairlead::gateway
