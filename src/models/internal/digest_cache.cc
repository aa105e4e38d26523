#include "models/internal/digest_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/digest.h"
#include "models/internal/log.h"
#include "models/internal/unique_fd.h"
#include "platform/json/text.h"

namespace fairlead::models {
namespace {

namespace bj = boost::json;
constexpr std::size_t kReadChunk = 1024 * 1024;

Result<std::string> read_digest(const std::string& file, const std::atomic<bool>& cancelled) {
  const UniqueFd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0)
    return fail(ErrorKind::kUnavailable, "model_file_unreadable",
                file + " cannot be read: " + std::strerror(errno) + ".");
  Sha256Stream stream;
  std::vector<char> buffer(kReadChunk);
  for (;;) {
    if (cancelled) return fail(ErrorKind::kCancelled, "cancelled", "Reading " + file + " was given up.");
    const ssize_t count = read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0)
      return fail(ErrorKind::kUnavailable, "model_file_unreadable",
                  file + " cannot be read: " + std::strerror(errno) + ".");
    if (count == 0) return to_hex(stream.finish());
    stream.update({buffer.data(), static_cast<std::size_t>(count)});
  }
}

}  // namespace

DigestCache::DigestCache(std::string path) : path_(std::move(path)) {
  load();
}

std::optional<DigestCache::Entry> DigestCache::look(const std::string& file) {
  struct stat found {};
  if (stat(file.c_str(), &found) != 0) return std::nullopt;
  return Entry{found.st_size, found.st_mtim.tv_sec * 1'000'000'000 + found.st_mtim.tv_nsec, {}};
}

void DigestCache::load() {
  std::ifstream in(path_);
  if (!in) return;
  std::stringstream text;
  text << in.rdbuf();
  const auto parsed = json::parse(text.str());
  if (!parsed || !parsed->is_object()) return;  // a cache: what cannot be read is made again
  for (const auto& [file, value] : parsed->get_object()) {
    const bj::object* entry = value.if_object();
    if (entry == nullptr) continue;
    const bj::value* bytes = entry->if_contains("bytes");
    const bj::value* changed = entry->if_contains("changed_ns");
    const bj::value* sha256 = entry->if_contains("sha256");
    if (bytes == nullptr || !bytes->is_int64() || changed == nullptr || !changed->is_int64() || sha256 == nullptr ||
        !sha256->is_string())
      continue;
    entries_[std::string(file)] = {bytes->get_int64(), changed->get_int64(), std::string(sha256->get_string())};
  }
}

void DigestCache::save() const {
  bj::object all;
  for (const auto& [file, entry] : entries_) {
    if (!look(file)) continue;  // gone
    all[file] = bj::object{{"bytes", entry.bytes}, {"changed_ns", entry.changed_ns}, {"sha256", entry.sha256}};
  }
  const std::string fresh = path_ + ".new";
  {
    std::ofstream out(fresh, std::ios::trunc);
    out << json::to_pretty_text(all);
    if (!out.flush()) {
      kLog.warning("digests cannot be kept", {{"path", path_}});
      return;
    }
  }
  if (rename(fresh.c_str(), path_.c_str()) != 0) kLog.warning("digests cannot be kept", {{"path", path_}});
}

std::optional<std::string> DigestCache::known(const std::string& file) const {
  const auto now = look(file);
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(file);
  if (!now || found == entries_.end()) return std::nullopt;
  if (found->second.bytes != now->bytes || found->second.changed_ns != now->changed_ns) return std::nullopt;
  return found->second.sha256;
}

void DigestCache::remember(const std::string& file, const std::string& sha256) {
  auto entry = look(file);
  if (!entry) return;
  entry->sha256 = sha256;
  const std::lock_guard lock(mutex_);
  entries_[file] = *std::move(entry);
  save();
}

Result<std::string> DigestCache::digest(const std::string& file, const std::atomic<bool>& cancelled) {
  if (auto found = known(file)) return *std::move(found);
  const auto before = look(file);
  FAIRLEAD_TRY(std::string made, read_digest(file, cancelled));
  const auto after = look(file);
  // A file that changed while it was read has no digest worth keeping.
  if (before && after && before->bytes == after->bytes && before->changed_ns == after->changed_ns) remember(file, made);
  return made;
}

}  // namespace fairlead::models
