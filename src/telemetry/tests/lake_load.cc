// What it costs to bring records of calls from the spool into the lake, without the calls: `run` of tests/load/gateway
// shows the same beside them. The records are those of a proxied call without content.
//   lake_load [RECORDS 400000] [PORTION 0] [PROJECTS 1]    PORTION: how many records the spool holds when it is loaded;
//                                                          0: all. PROJECTS: whose the records are, in turn
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/clock.h"
#include "base/id.h"
#include "telemetry/internal/codec.h"
#include "telemetry/internal/lake_service.h"

namespace fairlead::telemetry {
namespace {

CallRecord record_of(std::int64_t number, std::int64_t projects, const Clock& clock) {
  CallRecord record;
  record.id = new_id(clock.unix_micros());
  record.project = "project-" + std::to_string(number % projects);
  record.key_id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
  record.started_at_us = clock.unix_micros();
  record.duration_us = 380 + number * 7919 % 400;
  record.gateway_us = 11 + number * 104729 % 9;
  record.requested_model = record.target_name = record.model = record.provider = "fixed";
  record.target_kind = "model";
  record.target_version = record.model_version = 1;
  record.label = "latest";
  record.upstream_model = "fixed";
  record.upstream_id = "chatcmpl-" + record.id;
  record.status = 200;
  record.finish_reason = "stop";
  record.usage = {.input = 90 + number % 50, .output = 110 + number % 60, .reported = true};
  record.cost_usd = static_cast<double>(record.usage.input) * 0.00000025;
  record.attempts = {{"fixed", "fixed", record.duration_us - 30, "", ""}};
  return record;
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::atof(line.c_str() + 6) / 1024;
  return 0;
}

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.error().message.c_str());
  std::exit(1);
}

int run(std::int64_t records, std::int64_t portion, std::int64_t projects) {
  const SystemClock clock;
  std::string folder = std::filesystem::temp_directory_path().string() + "/lake_loadXXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return 1;
  const std::string spool = folder + "/spool", lake = folder + "/lake.duckdb";
  auto writer = must(SpoolWriter::create(spool, 4 * 1024 * 1024, clock));
  LakeServiceOptions options{lake, spool, 128 * 1024 * 1024};
  options.slim_bytes = 64 * 1024 * 1024;
  auto service = make_local_lake(options, clock);
  double cpu = 0, longest = 0;
  std::uint64_t spool_bytes = 0;
  for (std::int64_t made = 0; made < records;) {
    const std::int64_t count = std::min(portion, records - made);
    for (std::int64_t left = count; left > 0;) {
      std::string frames;
      for (int i = 0; i < 1000 && left > 0; ++i, --left) append_frame(frames, record_of(made++, projects, clock));
      const iovec part{frames.data(), frames.size()};
      if (!writer->append({&part, 1})) return 1;
      spool_bytes += frames.size();
    }
    const double before = cpu_seconds();
    const auto start = std::chrono::steady_clock::now();
    const LoadReport report = must(service->load(writer->written(), INT64_MAX));
    const double taken = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    cpu += cpu_seconds() - before;
    longest = std::max(longest, taken);
    if (report.records != count) return 1;
    delete_segments_before(spool, report.loaded.segment);
  }
  const auto file_bytes = std::filesystem::file_size(lake);
  const double before = cpu_seconds();
  service.reset();
  const double closing = cpu_seconds() - before;
  const auto each = [&](double value) { return value / static_cast<double>(records); };
  std::printf(
      "%lld records, %lld at a time: %.2f us of CPU a record (and %.2f at the close), longest load %.0f ms, resident "
      "at most %.1f MiB\n",
      static_cast<long long>(records), static_cast<long long>(portion), each(cpu * 1e6), each(closing * 1e6),
      longest * 1e3, peak_mib());
  std::printf("bytes a record: %.0f in the spool, %.0f in the lake before its close, %.0f after\n",
              each(static_cast<double>(spool_bytes)), each(static_cast<double>(file_bytes)),
              each(static_cast<double>(std::filesystem::file_size(lake))));
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace fairlead::telemetry

int main(int argc, char** argv) {
  const long long records = argc > 1 ? std::atoll(argv[1]) : 400'000;
  const long long portion = argc > 2 ? std::atoll(argv[2]) : 0;
  const long long projects = argc > 3 ? std::atoll(argv[3]) : 1;
  return fairlead::telemetry::run(records, portion > 0 ? portion : records, projects);
}
