// One process a data folder.
#pragma once
#include <memory>
#include <string>

#include "base/result.h"

namespace fairlead::store {

// Held until destroyed or the process dies; not passed on to programs that the process starts.
class FolderLock {
 public:
  // Makes the folder if it is not there. Errors: store_locked, store_read_only, store_full.
  static Result<std::unique_ptr<FolderLock>> take(const std::string& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace fairlead::store
