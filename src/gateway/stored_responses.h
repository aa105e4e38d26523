// GET and DELETE /v1/responses/{id}, POST /v1/responses/{id}/cancel, GET /v1/responses/{id}/input_items: what
// ResponseStore keeps.
#pragma once
#include "base/clock.h"
#include "gateway/background.h"
#include "gateway/response_store.h"
#include "gateway/snapshot.h"
#include "platform/async/task.h"
#include "platform/http/server.h"

namespace fairlead::gateway {

// One serves all loops; what it is made of must outlive the server. Path parameter `id`.
class StoredResponses {
 public:
  StoredResponses(const SnapshotHolder& snapshots, ResponseStore& store, Background& background, const Clock& clock)
      : snapshots_(snapshots), store_(store), background_(background), clock_(clock) {}
  async::Task<void> get(http::Exchange& exchange) const;
  async::Task<void> cancel(http::Exchange& exchange) const;
  async::Task<void> remove(http::Exchange& exchange) const;
  async::Task<void> input_items(http::Exchange& exchange) const;

 private:
  struct Found {
    StoredResponse response;
    std::string caller;  // the name of the key that asks
  };
  async::Task<Result<Found>> find(http::Exchange& exchange) const;
  const SnapshotHolder& snapshots_;
  ResponseStore& store_;
  Background& background_;
  const Clock& clock_;
};

}  // namespace fairlead::gateway
