// Files that clients upload (docs/reference/files.md): bytes in a folder, what is known of them in the control store.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "access/master_key.h"
#include "base/clock.h"
#include "base/result.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"
#include "platform/store/database.h"

namespace fairlead::gateway {

struct StoredFile {
  std::string project, id, filename, purpose;
  std::int64_t bytes = 0;
  std::int64_t created_at_us = 0;
  std::int64_t expires_at_us = 0;  // 0: never
  bool is_sealed = false;          // it and its name are encrypted where they lie
};

struct FileQuery {
  std::string project, purpose;  // an empty purpose: any
  std::string after;             // an id, or empty
  std::int64_t limit = 10'000;
  bool oldest_first = false;
};

// Thread-safe; never blocks a loop. What is in the database has its bytes; bytes without a row are removed by open().
class FileStore {
 public:
  // Makes the folder if it is not there. What it is given outlives it. Blocks. Error: files_folder.
  static Result<std::unique_ptr<FileStore>> open(std::string folder, store::Database& database,
                                                 async::BlockingPool& pool, const Clock& clock);
  static std::vector<store::Migration> migrations();
  // What files are sealed under, by the first; the others open too. Before the first file; outlives the store.
  void set_keys(const access::KeyRing& keys) { keys_ = &keys; }

  // Checks the content against the purpose and keeps it under a new id; durable when it returns. Errors: kInvalid with
  // code invalid_file or file_too_large; files_unwritable.
  async::Task<Result<StoredFile>> create(StoredFile file, std::string content);
  // Error: kNotFound, code file_not_found.
  async::Task<Result<StoredFile>> find(std::string project, std::string id);
  // One more than `limit`, if there are.
  async::Task<Result<std::vector<StoredFile>>> list(FileQuery query);
  async::Task<Result<void>> remove(std::string project, std::string id);
  // At most `size` bytes from `offset`; of a file that find() has found. Errors: file_not_found, if it has gone since;
  // file_damaged, if it is sealed and none of the keys opens it.
  async::Task<Result<std::string>> read(StoredFile file, std::int64_t offset, std::size_t size);

 private:
  FileStore(std::string folder, store::Database& database, async::BlockingPool& pool, const Clock& clock)
      : folder_(std::move(folder)), database_(database), pool_(pool), clock_(clock) {}
  std::string path_of(std::string_view id) const { return folder_ + "/" + std::string(id); }
  Result<void> sweep() const;
  const std::string folder_;
  store::Database& database_;
  async::BlockingPool& pool_;
  const Clock& clock_;
  const access::KeyRing* keys_ = nullptr;
};

}  // namespace fairlead::gateway
