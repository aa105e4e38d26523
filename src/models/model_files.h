// The GGUF files that local models are made of: found, checked, fetched.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace fairlead::models {

enum class FileState : std::uint8_t { kReady, kFetching, kFailed };
std::string_view to_string(FileState state);

struct ModelFile {
  std::string file;         // its name
  std::uint64_t bytes = 0;  // of the whole file; 0: not known yet
  std::string sha256;       // hex; empty: not known yet
  FileState state = FileState::kReady;
  std::uint64_t fetched_bytes = 0;
  std::string error;  // why it failed
};

struct ModelFilesOptions {
  std::string folder;                      // DATA/models; made if it is not there
  std::vector<std::string> extra_folders;  // looked in too, never written to
  std::string ca_file;                     // for https; empty: the system's
};

// Thread-safe. What is fetched grows as NAME.part and takes its name in one step when it is whole and checked, so a
// file that is found is a file that is whole. Digests are remembered by path, size and time of change.
class ModelFiles {
 public:
  // Errors: model_folder (cannot be made or written).
  static Result<std::unique_ptr<ModelFiles>> open(ModelFilesOptions options);
  ~ModelFiles();  // ends what is being fetched; it goes on when asked for again
  ModelFiles(const ModelFiles&) = delete;
  ModelFiles& operator=(const ModelFiles&) = delete;

  // The file's path. Error: kNotFound, model_file_not_found: the message says where it was looked for and how to add
  // it.
  Result<std::string> locate(const std::string& file) const;

  // SHA-256 of a file, hex: from memory if it has not changed, else by reading it, which takes a while; gives up when
  // `cancelled` becomes true. Errors: model_file_unreadable, kCancelled.
  Result<std::string> digest(const std::string& path, const std::atomic<bool>& cancelled);

  // By name. Files being fetched and those that failed are in it.
  std::vector<ModelFile> list() const;

  // Starts to copy an absolute path or to fetch an http(s) URL, and returns its entry at once. `sha256` (hex) may be
  // empty; `name` too: then it is the source's. A file that is there already with that digest is left as it is. Errors:
  // invalid_source, invalid_name, invalid_sha256, model_file_exists (another content under that name), model_file_busy.
  Result<ModelFile> add(const std::string& source, const std::string& sha256, const std::string& name);

 private:
  class Store;
  explicit ModelFiles(std::unique_ptr<Store> store);
  std::unique_ptr<Store> store_;
};

}  // namespace fairlead::models
