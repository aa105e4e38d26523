#include "telemetry/internal/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

namespace fairlead::telemetry {

void write_process(Exposition& out) {
  if (std::FILE* file = std::fopen("/proc/self/statm", "re")) {
    unsigned long size = 0, resident = 0;
    const bool read = std::fscanf(file, "%lu %lu", &size, &resident) == 2;
    std::fclose(file);
    if (read) {
      const auto page = static_cast<unsigned long>(::sysconf(_SC_PAGESIZE));
      out.family("process_resident_memory_bytes", "gauge", "Resident memory.");
      out.sample("process_resident_memory_bytes", {}, resident * page);
      out.family("process_virtual_memory_bytes", "gauge", "Virtual memory.");
      out.sample("process_virtual_memory_bytes", {}, size * page);
    }
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
