// /v1/files (https://platform.openai.com/docs/api-reference/files).
#pragma once
#include "base/clock.h"
#include "gateway/file_store.h"
#include "gateway/snapshot.h"
#include "platform/async/task.h"
#include "platform/http/server.h"

namespace fairlead::gateway {

// One serves all loops; what it is made of must outlive the server. Path parameter `id`.
class Files {
 public:
  Files(const SnapshotHolder& snapshots, FileStore& store, const Clock& clock)
      : snapshots_(snapshots), store_(store), clock_(clock) {}
  async::Task<void> create(http::Exchange& exchange) const;
  async::Task<void> list(http::Exchange& exchange) const;
  async::Task<void> get(http::Exchange& exchange) const;
  async::Task<void> content(http::Exchange& exchange) const;
  async::Task<void> remove(http::Exchange& exchange) const;

 private:
  Result<std::string> project_of(http::Exchange& exchange) const;
  bool is_sealed(http::Exchange& exchange, const std::string& project) const;
  async::Task<Result<StoredFile>> upload(http::Exchange& exchange) const;
  async::Task<Result<StoredFile>> find(http::Exchange& exchange) const;
  const SnapshotHolder& snapshots_;
  FileStore& store_;
  const Clock& clock_;
};

}  // namespace fairlead::gateway
