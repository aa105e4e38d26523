// A model file while it is being fetched.
#pragma once
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "models/internal/unique_fd.h"

namespace fairlead::models {

// PATH.part beside the place where the file will stand, and PATH.part.source, which says where it comes from. Used by
// one thread at a time.
class PartFile {
 public:
  // Opens what an earlier try left, if it came from the same source, else starts anew. Error: model_file_write.
  static Result<PartFile> open(std::string path, const std::string& source);

  std::uint64_t size() const { return size_; }
  // The entity tag that the source gave for what is here; empty: none, so it may not be gone on with.
  const std::string& etag() const { return etag_; }
  // Empties it, to be filled from a source with that tag. Error: model_file_write.
  Result<void> restart(const std::string& etag);
  // Errors: model_file_write (the disk is full), model_file_invalid as soon as it is seen not to be a GGUF file.
  Result<void> append(std::string_view bytes);
  // Checks the whole and gives it its name. Returns its SHA-256, hex. Errors: model_file_invalid, model_file_digest (it
  // is not the file that was asked for; what was fetched is deleted), model_file_write, kCancelled.
  Result<std::string> finish(const std::string& wanted_sha256, const std::atomic<bool>& cancelled);

 private:
  Result<void> write_source() const;
  Result<void> check_header() const;
  void remove() const;
  std::string path_, source_, etag_;
  UniqueFd fd_;
  std::uint64_t size_ = 0;
};

// What begins every GGUF file that llama.cpp reads: magic, version 2 or 3, sane counts
// (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). `bytes` may be shorter than the 24 bytes of a header;
// then what is there is checked.
bool may_be_gguf(std::string_view bytes);

}  // namespace fairlead::models
