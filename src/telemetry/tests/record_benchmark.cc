// Nanoseconds of a call's thread for one record: metrics, encoding, CRC and hand-over, the writer thread running
// beside.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>

#include "telemetry/internal/codec.h"
#include "telemetry/internal/spool_recorder.h"

namespace fairlead::telemetry {
namespace {

CallRecord typical() {
  CallRecord record;
  record.id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
  record.project = "bank";
  record.key_id = "key_01ARZ3NDEKTSV4RRFFQ69G5FAV";
  record.started_at_us = 1'700'000'000'123'456;
  record.duration_us = 412'500;
  record.first_token_us = 61'000;
  record.gateway_us = 250;
  record.requested_model = "support-reply";
  record.target_kind = "prompt";
  record.target_name = "support-reply";
  record.target_version = 4;
  record.label = "production";
  record.variant = "default";
  record.model = "small";
  record.model_version = 2;
  record.provider = "openai";
  record.upstream_model = "gpt-5-mini-2025-08-07";
  record.upstream_id = "chatcmpl-01ARZ3NDEKTSV4RRFFQ69G5FAV";
  record.stream = true;
  record.status = 200;
  record.finish_reason = "stop";
  record.usage = {.input = 311, .cached_input = 200, .output = 87, .reported = true};
  record.cost_usd = 0.000425;
  record.session = "s-4711";
  record.user = "u-17";
  record.attempts = {{"openai", "gpt-5-mini", 400'000, "", ""}};
  return record;
}

void encode_alone(benchmark::State& state) {
  const CallRecord record = typical();
  std::string frame;
  for (auto _ : state) {
    frame.clear();
    append_frame(frame, record);
    benchmark::DoNotOptimize(frame);
  }
  state.counters["bytes"] = static_cast<double>(frame.size());
}
BENCHMARK(encode_alone);

void observe_alone(benchmark::State& state) {
  const SystemClock clock;
  Metrics metrics(1, clock);
  const CallRecord record = typical();
  for (auto _ : state) metrics.observe(0, record);
}
BENCHMARK(observe_alone);

void record_call(benchmark::State& state) {
  const SystemClock clock;
  Metrics metrics(1, clock);
  std::string folder = std::filesystem::temp_directory_path().string() + "/record_benchmarkXXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) std::abort();
  auto recorder = SpoolRecorder::create({.folder = folder, .memory_bytes = 512u * 1024 * 1024}, 1, metrics, clock);
  if (!recorder) std::abort();
  (*recorder)->start();
  const CallRecord record = typical();
  for (auto _ : state) {
    // Made and moved as the gateway does; the copy of the record is in the time.
    CallRecord copy = record;
    (*recorder)->record(0, std::move(copy));
  }
  (*recorder)->stop();
  state.counters["lost"] = static_cast<double>((*recorder)->stats().lost);
  recorder->reset();
  std::filesystem::remove_all(folder);
}
BENCHMARK(record_call)->Iterations(300'000);

}  // namespace
}  // namespace fairlead::telemetry

BENCHMARK_MAIN();
