#include "telemetry/internal/spool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <memory>

#include "telemetry/internal/codec.h"

namespace fairlead::telemetry {
namespace {

constexpr std::string_view kMagic = "FLSPOOL1";
constexpr std::size_t kWindow = 1024 * 1024;  // of a segment, read at once
constexpr std::size_t kVectors = 512;         // IOV_MAX is 1024

std::unexpected<Error> system_error(std::string doing, int number) {
  const bool full = number == ENOSPC || number == EDQUOT;
  return fail(full ? ErrorKind::kExhausted : ErrorKind::kUnavailable, full ? "spool_full" : "spool_unwritable",
              doing + ": " + std::strerror(number) + (full ? ". Free some space." : ""));
}

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

// A directory entry is durable only when its directory is.
void sync_folder(const std::string& folder) {
  const File directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() >= 0) ::fsync(directory.get());
}

// Reads one segment by windows and cuts it into payloads.
class SegmentReader {
 public:
  SegmentReader(int file, std::int64_t offset, std::int64_t end) : file_(file), offset_(offset), end_(end) {}
  std::int64_t offset() const { return offset_; }

  // The next payload; nothing at the end or at damage: offset() says which.
  Result<std::optional<std::string_view>> next() {
    for (;;) {
      const std::string_view rest = std::string_view(window_).substr(used_);
      std::uint32_t length = 0;
      std::size_t wanted = kFrameHead;
      if (rest.size() >= kFrameHead) {
        std::memcpy(&length, rest.data(), 4);
        if (length > kFrameLimit) return std::nullopt;
        wanted += length;
      }
      if (rest.size() < wanted) {
        if (offset_ + static_cast<std::int64_t>(wanted) > end_) return std::nullopt;
        FAIRLEAD_CHECK(fill(wanted));
        continue;
      }
      const auto payload = read_frame(rest);
      if (!payload) return std::nullopt;
      used_ += wanted;
      offset_ += static_cast<std::int64_t>(wanted);
      return payload;
    }
  }

 private:
  Result<void> fill(std::size_t wanted) {
    window_.erase(0, used_);
    used_ = 0;
    const std::size_t have = window_.size();
    const std::int64_t from = offset_ + static_cast<std::int64_t>(have);
    const auto size = std::min<std::int64_t>(end_ - from, static_cast<std::int64_t>(std::max(wanted, kWindow)));
    window_.resize(have + static_cast<std::size_t>(size));
    std::size_t done = have;
    while (done < window_.size()) {
      const ssize_t n =
          ::pread(file_, window_.data() + done, window_.size() - done, offset_ + static_cast<std::int64_t>(done));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        return fail(
            ErrorKind::kUnavailable, "spool_unreadable",
            std::string("The spool cannot be read: ") + (n < 0 ? std::strerror(errno) : "a segment became shorter"));
      }
      done += static_cast<std::size_t>(n);
    }
    return {};
  }

  int file_;
  std::int64_t offset_;  // of window_[used_] in the segment
  std::int64_t end_;
  std::string window_;
  std::size_t used_ = 0;
};

}  // namespace

std::string segment_path(const std::string& folder, std::int64_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < 16) digits.insert(0, 16 - digits.size(), '0');
  return folder + "/" + digits + ".log";
}

std::vector<std::int64_t> list_segments(const std::string& folder) {
  std::vector<std::int64_t> numbers;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    std::int64_t number = 0;
    const auto [rest, fault] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (fault == std::errc() && std::string_view(rest, name.data() + name.size()) == ".log") numbers.push_back(number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

int delete_segments_before(const std::string& folder, std::int64_t number) {
  int deleted = 0;
  for (const std::int64_t segment : list_segments(folder)) {
    if (segment < number && ::unlink(segment_path(folder, segment).c_str()) == 0) ++deleted;
  }
  return deleted;
}

Result<std::unique_ptr<SpoolWriter>> SpoolWriter::create(std::string folder, std::int64_t segment_bytes,
                                                         const Clock& clock) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return system_error("Making the spool " + folder, errno);
  if (::access(folder.c_str(), W_OK) != 0) return system_error("Writing to the spool " + folder, errno);
  // Numbered by time, so that a spool that was deleted does not begin again at a number that the lake has seen.
  const auto segments = list_segments(folder);
  const std::int64_t number = std::max(segments.empty() ? 1 : segments.back() + 1, clock.unix_micros());
  return std::unique_ptr<SpoolWriter>(new SpoolWriter(std::move(folder), segment_bytes, clock, number));
}

SpoolWriter::SpoolWriter(std::string folder, std::int64_t segment_bytes, const Clock& clock, std::int64_t number)
    : folder_(std::move(folder)), segment_bytes_(segment_bytes), clock_(clock), written_{number, 0} {}

SpoolWriter::~SpoolWriter() {
  if (file_ >= 0) ::close(file_);
}

SpoolPosition SpoolWriter::written() const {
  const std::lock_guard lock(mutex_);
  return written_;
}

Result<void> SpoolWriter::open_segment() {
  const SpoolPosition was = written();
  const std::int64_t number = was.offset == 0 ? was.segment : std::max(was.segment + 1, clock_.unix_micros());
  const std::string path = segment_path(folder_, number);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return system_error("Making " + path, errno);
  if (const ssize_t n = ::pwrite(file, kMagic.data(), kMagic.size(), 0); n != static_cast<ssize_t>(kMagic.size())) {
    const int number_of_error = n < 0 ? errno : ENOSPC;
    ::close(file);
    ::unlink(path.c_str());
    return system_error("Writing " + path, number_of_error);
  }
  sync_folder(folder_);
  if (file_ >= 0) ::close(file_);
  file_ = file;
  const std::lock_guard lock(mutex_);
  written_ = {number, static_cast<std::int64_t>(kMagic.size())};
  return {};
}

Result<void> SpoolWriter::write_all(std::span<const iovec> frames, std::int64_t& offset) {
  std::vector<iovec> left(frames.begin(), frames.end());
  std::size_t first = 0;
  while (first < left.size()) {
    const auto count = static_cast<int>(std::min(left.size() - first, kVectors));
    ssize_t n = ::pwritev(file_, left.data() + first, count, offset);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return system_error("Writing the spool " + folder_, n < 0 ? errno : ENOSPC);
    offset += n;
    while (n > 0) {
      const std::size_t take = std::min(static_cast<std::size_t>(n), left[first].iov_len);
      left[first].iov_base = static_cast<char*>(left[first].iov_base) + take;
      left[first].iov_len -= take;
      n -= static_cast<ssize_t>(take);
      if (left[first].iov_len == 0) ++first;
    }
  }
  if (::fdatasync(file_) != 0) return system_error("Making the spool durable in " + folder_, errno);
  return {};
}

Result<void> SpoolWriter::append(std::span<const iovec> frames) {
  if (frames.empty()) return {};
  if (file_ < 0 || written().offset >= segment_bytes_) FAIRLEAD_CHECK(open_segment());
  const SpoolPosition start = written();
  std::int64_t offset = start.offset;
  if (auto result = write_all(frames, offset); !result) {
    // What came through must not stay, because it will be written again. If even that fails, nothing more goes behind
    // it.
    if (::ftruncate(file_, start.offset) != 0) {
      ::close(file_);
      file_ = -1;
    }
    return result;
  }
  const std::lock_guard lock(mutex_);
  written_.offset = offset;
  return {};
}

Result<SpoolRead> read_spool(const std::string& folder, SpoolPosition from, SpoolPosition upto, SpoolLimits limits,
                             const std::function<Result<void>(const EncodedRecord&)>& each) {
  SpoolRead read{from};
  EncodedRecord record;
  std::int64_t bytes = 0;
  for (const std::int64_t segment : list_segments(folder)) {
    if (segment < from.segment) continue;
    if (segment > upto.segment) break;
    const std::string path = segment_path(folder, segment);
    const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (file.get() < 0 || ::fstat(file.get(), &status) != 0) {
      return fail(ErrorKind::kUnavailable, "spool_unreadable", "Reading " + path + ": " + std::strerror(errno));
    }
    const bool growing = segment == upto.segment;
    const std::int64_t end = growing ? std::min<std::int64_t>(upto.offset, status.st_size) : status.st_size;
    std::int64_t start = segment == from.segment ? from.offset : 0;
    if (start < static_cast<std::int64_t>(kMagic.size())) {
      char magic[kMagic.size()] = {};
      start = static_cast<std::int64_t>(kMagic.size());
      if (::pread(file.get(), magic, sizeof magic, 0) != sizeof magic ||
          std::string_view(magic, sizeof magic) != kMagic) {
        read.damaged_bytes += end;
        start = end;
      }
    }
    SegmentReader reader(file.get(), start, end);
    while (start < end) {
      if (read.records >= limits.records || bytes >= limits.bytes) {
        read.next = {segment, reader.offset()};
        return read;
      }
      FAIRLEAD_TRY(const auto payload, reader.next());
      if (!payload) break;
      if (!record.parse(*payload)) {
        read.damaged_bytes += static_cast<std::int64_t>(payload->size());
        continue;
      }
      FAIRLEAD_CHECK(each(record));
      ++read.records;
      bytes += static_cast<std::int64_t>(payload->size());
    }
    read.damaged_bytes += std::max<std::int64_t>(0, end - std::max(start, reader.offset()));
    read.next = growing ? SpoolPosition{segment, std::max(end, start)} : SpoolPosition{segment + 1, 0};
  }
  return read;
}

}  // namespace fairlead::telemetry
