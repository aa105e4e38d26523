#include "access/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace fairlead::access {
namespace {

struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0) close(number);
  }
};

std::unexpected<Error> cannot(const char* code, const char* verb, const std::string& path) {
  return fail(ErrorKind::kUnavailable, code,
              path + " cannot be " + verb + ": " + std::generic_category().message(errno) + ".");
}

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

Result<void> write_secret_file(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".new";
  unlink(temporary.c_str());
  {
    const Descriptor file{open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (file.number < 0 || fchmod(file.number, 0600) != 0 || !write_all(file.number, bytes) ||
        fsync(file.number) != 0) {
      auto failed = cannot("cannot_write", "written", path);
      unlink(temporary.c_str());
      return failed;
    }
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) return cannot("cannot_write", "written", path);
  // The name is on the disk only when its folder is.
  const Descriptor folder{open(path.substr(0, path.find_last_of('/') + 1).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (folder.number < 0 || fsync(folder.number) != 0) return cannot("cannot_write", "written", path);
  return {};
}

Result<std::optional<std::string>> read_secret_file(const std::string& path) {
  const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.number < 0) {
    if (errno == ENOENT) return std::nullopt;
    return cannot("cannot_read", "read", path);
  }
  std::string bytes;
  char part[512];
  for (ssize_t size; (size = read(file.number, part, sizeof(part))) != 0;) {
    if (size < 0) return cannot("cannot_read", "read", path);
    bytes.append(part, static_cast<std::size_t>(size));
    if (bytes.size() > 64 * 1024) break;
  }
  return bytes;
}

}  // namespace fairlead::access
