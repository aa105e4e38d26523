// GET /v1/models and GET /v1/models/{id} (https://platform.openai.com/docs/api-reference/models): what the `model`
// field of a call can address.
#pragma once
#include "base/clock.h"
#include "gateway/snapshot.h"
#include "platform/async/task.h"
#include "platform/http/server.h"

namespace fairlead::gateway {

// One serves all loops; what it is made of must outlive the server.
class Models {
 public:
  Models(const SnapshotHolder& snapshots, const Clock& clock) : snapshots_(snapshots), clock_(clock) {}
  async::Task<void> list(http::Exchange& exchange) const;
  async::Task<void> get(http::Exchange& exchange) const;  // path parameter `id`

 private:
  const SnapshotHolder& snapshots_;
  const Clock& clock_;
};

}  // namespace fairlead::gateway
