// Responses that are kept, so that a later request can go on from them (docs/reference/responses.md).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "platform/async/task.h"
#include "platform/store/database.h"

namespace fairlead::gateway {

struct StoredResponse {
  std::string project, id;
  std::string previous_id;  // empty: it began a conversation
  std::int64_t created_at_us = 0;
  std::string input;     // JSON array: the items of its request, each with an id
  std::string response;  // JSON object, as it was given
};

// Thread-safe; never blocks a loop. The database outlives it.
class ResponseStore {
 public:
  explicit ResponseStore(store::Database& database) : database_(database) {}
  static std::vector<store::Migration> migrations();

  // Durable when it returns. Those that have been kept for 30 days go.
  async::Task<Result<void>> keep(StoredResponse response);
  // One that is still to be made; if it is there already, it stays as it is. Then how it ended, unless it was removed.
  async::Task<Result<void>> begin(StoredResponse response);
  async::Task<Result<void>> end(std::string project, std::string id, std::string response);
  // Error: kNotFound, code response_not_found.
  async::Task<Result<StoredResponse>> find(std::string project, std::string id);
  // Error: as find().
  async::Task<Result<void>> remove(std::string project, std::string id);
  // The items of that response and of those before it, input and output in their order: a JSON array. Errors: kInvalid,
  // code previous_response_not_found with param previous_response_id if one is not there, or if they are too many.
  async::Task<Result<std::string>> conversation(std::string project, std::string id);

 private:
  store::Database& database_;
};

}  // namespace fairlead::gateway
