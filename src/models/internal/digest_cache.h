// Digests of files that have not changed since they were last read.
#pragma once
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"

namespace fairlead::models {

// Kept in one small JSON file, written whole each time. Thread-safe; reading a file takes no lock.
class DigestCache {
 public:
  explicit DigestCache(std::string path);
  Result<std::string> digest(const std::string& file, const std::atomic<bool>& cancelled);
  std::optional<std::string> known(const std::string& file) const;
  void remember(const std::string& file, const std::string& sha256);

 private:
  struct Entry {
    std::int64_t bytes = 0, changed_ns = 0;
    std::string sha256;
  };
  static std::optional<Entry> look(const std::string& file);
  void load();
  void save() const;

  std::string path_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

}  // namespace fairlead::models
