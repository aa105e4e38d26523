#include "telemetry/internal/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <optional>

namespace fairlead::telemetry {

namespace {

struct Memory {
  unsigned long size = 0, resident = 0;  // bytes
};

std::optional<Memory> read_memory() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return std::nullopt;
  Memory memory;
  const bool read = std::fscanf(file, "%lu %lu", &memory.size, &memory.resident) == 2;
  std::fclose(file);
  const auto page = static_cast<unsigned long>(::sysconf(_SC_PAGESIZE));
  if (!read) return std::nullopt;
  return Memory{memory.size * page, memory.resident * page};
}

}  // namespace

std::size_t resident_bytes() {
  return read_memory().value_or(Memory{}).resident;
}

void write_process(Exposition& out) {
  if (const auto memory = read_memory()) {
    out.family("process_resident_memory_bytes", "gauge", "Resident memory.");
    out.sample("process_resident_memory_bytes", {}, memory->resident);
    out.family("process_virtual_memory_bytes", "gauge", "Virtual memory.");
    out.sample("process_virtual_memory_bytes", {}, memory->size);
  }
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    out.family("process_cpu_seconds_total", "counter", "CPU time, user and system.");
    out.sample("process_cpu_seconds_total", {}, seconds(usage.ru_utime) + seconds(usage.ru_stime));
  }
  std::uint64_t descriptors = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", error), end; !error && entry != end;
       entry.increment(error))
    ++descriptors;
  if (!error) {
    out.family("process_open_fds", "gauge", "Open file descriptors.");
    out.sample("process_open_fds", {}, descriptors);
  }
}

}  // namespace fairlead::telemetry
