#include "platform/store/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace fairlead::store {
namespace {

std::unexpected<Error> refuse(int error, const std::string& path) {
  const std::string reason = std::generic_category().message(error);
  if (error == ENOSPC || error == EDQUOT) {
    return fail(ErrorKind::kUnavailable, "store_full",
                "The disk that holds " + path + " is full. Free some space and try again.");
  }
  return fail(
      ErrorKind::kUnavailable, "store_read_only",
      path + " cannot be written (" + reason + "). Give this user write access to the folder, or choose another.");
}

// The holder's process id, if it got to write it.
std::string holder(int descriptor) {
  char text[32] = {};
  const ssize_t size = pread(descriptor, text, sizeof(text) - 1, 0);
  std::string id;
  for (ssize_t i = 0; i < size && text[i] >= '0' && text[i] <= '9'; ++i) id.push_back(text[i]);
  return id.empty() ? "" : " (process " + id + ")";
}

}  // namespace

Result<std::unique_ptr<FolderLock>> FolderLock::take(const std::string& folder) {
  std::error_code error;
  if (std::filesystem::create_directories(folder, error)) {
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  }
  if (error) return refuse(error.value(), folder);
  const std::string path = folder + "/fairlead.lock";
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return refuse(errno, path);
  std::unique_ptr<FolderLock> lock(new FolderLock(descriptor));
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return refuse(errno, path);
    return fail(ErrorKind::kConflict, "store_locked",
                "Another Fairlead" + holder(descriptor) + " is using the data folder " + folder +
                    ". Stop it, or give this one a folder of its own.");
  }
  const std::string id = std::to_string(getpid()) + "\n";
  if (ftruncate(descriptor, 0) != 0 || pwrite(descriptor, id.data(), id.size(), 0) < 0) return refuse(errno, path);
  return lock;
}

FolderLock::~FolderLock() {
  close(descriptor_);
}

}  // namespace fairlead::store
