// Uploaded files as they lie on the disk where the project has privacy policies: AES-256-GCM, piece by piece, so that a
// part of one can be read.
#pragma once
#include <istream>
#include <optional>
#include <string>
#include <string_view>

#include "access/master_key.h"
#include "base/result.h"
#include "gateway/file_store.h"

namespace fairlead::gateway::internal {

// Bound to the file's project and id, each piece to its place and to whether it is the last.
std::string seal_file(const access::MasterKey& key, const StoredFile& file, std::string_view content);
// At most `size` bytes of the content from `offset`. `keys` may be null. Error: file_damaged, if none of them opens it.
Result<std::string> open_file(const access::KeyRing* keys, const StoredFile& file, std::istream& in,
                              std::int64_t offset, std::size_t size);

// The name, as text. Nothing: none of the keys opens it.
std::string seal_filename(const access::MasterKey& key, const StoredFile& file);
std::optional<std::string> open_filename(const access::KeyRing* keys, const StoredFile& file);

}  // namespace fairlead::gateway::internal
