#include "models/internal/part_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "base/digest.h"

namespace fairlead::models {
namespace {

constexpr std::size_t kHeader = 24;
constexpr std::size_t kHashedChunk = 1024 * 1024;
constexpr std::uint64_t kSaneCount = 1'000'000;

std::unexpected<Error> write_failed(const std::string& path) {
  return fail(ErrorKind::kUnavailable, "model_file_write", path + " cannot be written: " + std::strerror(errno) + ".");
}

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t out = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) out = out << 8 | static_cast<unsigned char>(bytes[i]);
  return out;
}

}  // namespace

bool may_be_gguf(std::string_view bytes) {
  constexpr std::string_view kMagic = "GGUF";
  if (bytes.substr(0, 4) != kMagic.substr(0, bytes.size())) return false;
  if (bytes.size() >= 8) {
    const std::uint64_t version = little_endian(bytes.substr(4, 4));
    if (version < 2 || version > 3) return false;
  }
  if (bytes.size() < kHeader) return true;
  const std::uint64_t tensors = little_endian(bytes.substr(8, 8));
  const std::uint64_t entries = little_endian(bytes.substr(16, 8));
  return tensors > 0 && tensors < kSaneCount && entries > 0 && entries < kSaneCount;
}

Result<PartFile> PartFile::open(std::string path, const std::string& source) {
  PartFile out;
  out.path_ = std::move(path);
  out.source_ = source;
  const std::string part = out.path_ + ".part";
  out.fd_ = UniqueFd(::open(part.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (out.fd_.get() < 0) return write_failed(part);
  struct stat found {};
  if (fstat(out.fd_.get(), &found) != 0) return write_failed(part);
  out.size_ = static_cast<std::uint64_t>(found.st_size);
  std::ifstream in(part + ".source");
  std::string from;
  std::getline(in, from);
  std::getline(in, out.etag_);
  if (from != source) FAIRLEAD_CHECK(out.restart(""));
  return out;
}

Result<void> PartFile::write_source() const {
  const std::string path = path_ + ".part.source";
  std::ofstream out(path, std::ios::trunc);
  out << source_ << '\n' << etag_ << '\n';
  if (!out.flush()) return write_failed(path);
  return {};
}

Result<void> PartFile::restart(const std::string& etag) {
  etag_ = etag;
  size_ = 0;
  if (ftruncate(fd_.get(), 0) != 0) return write_failed(path_ + ".part");
  return write_source();
}

Result<void> PartFile::append(std::string_view bytes) {
  const bool in_header = size_ < kHeader;
  while (!bytes.empty()) {
    const ssize_t written = write(fd_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return write_failed(path_ + ".part");
    size_ += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return in_header ? check_header() : Result<void>{};
}

Result<void> PartFile::check_header() const {
  char header[kHeader];
  const ssize_t count = pread(fd_.get(), header, sizeof header, 0);
  if (count >= 0 && may_be_gguf({header, static_cast<std::size_t>(count)})) return {};
  remove();
  return fail(ErrorKind::kInvalid, "model_file_invalid",
              "What `" + source_ + "` holds is not a GGUF file of version 2 or 3.");
}

void PartFile::remove() const {
  std::error_code ignored;
  std::filesystem::remove(path_ + ".part", ignored);
  std::filesystem::remove(path_ + ".part.source", ignored);
}

Result<std::string> PartFile::finish(const std::string& wanted_sha256, const std::atomic<bool>& cancelled) {
  FAIRLEAD_CHECK(check_header());
  if (size_ < kHeader) {
    remove();
    return fail(ErrorKind::kInvalid, "model_file_invalid",
                "What `" + source_ + "` holds is too short for a GGUF file.");
  }
  Sha256Stream stream;
  std::vector<char> buffer(kHashedChunk);
  for (std::uint64_t at = 0; at < size_;) {
    if (cancelled) return fail(ErrorKind::kCancelled, "cancelled", "Checking " + path_ + " was given up.");
    const ssize_t count = pread(fd_.get(), buffer.data(), buffer.size(), static_cast<off_t>(at));
    if (count <= 0)
      return fail(ErrorKind::kUnavailable, "model_file_unreadable",
                  path_ + ".part cannot be read: " + std::strerror(errno) + ".");
    stream.update({buffer.data(), static_cast<std::size_t>(count)});
    at += static_cast<std::uint64_t>(count);
  }
  std::string made = to_hex(stream.finish());
  if (!wanted_sha256.empty() && made != wanted_sha256) {
    remove();
    return fail(ErrorKind::kInvalid, "model_file_digest",
                "`" + source_ + "` has SHA-256 " + made + ", not " + wanted_sha256 + ". It was not kept.");
  }
  if (fsync(fd_.get()) != 0) return write_failed(path_ + ".part");
  // Never over a file that has come there in the meantime.
  if (renameat2(AT_FDCWD, (path_ + ".part").c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) != 0)
    return write_failed(path_);
  const UniqueFd folder(::open(std::filesystem::path(path_).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  fsync(folder.get());
  remove();
  return made;
}

}  // namespace fairlead::models
