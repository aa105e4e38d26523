// The tests of this room need their own program again, as the lake's process and as children that are killed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <thread>

#include "base/id.h"
#include "telemetry/internal/lake_service.h"
#include "telemetry/internal/spool_recorder.h"
#include "telemetry/telemetry.h"
#include "telemetry/tests/support.h"

namespace fairlead::telemetry {
namespace {

// Records on four threads, each loop its own, and says after each record its id and when it was given away.
int record_for_ever(const std::string& folder) {
  const SystemClock clock;
  Metrics metrics(4, clock);
  auto recorder = SpoolRecorder::create({.folder = folder, .segment_bytes = 64 * 1024}, 4, metrics, clock);
  if (!recorder) return 1;
  (*recorder)->start();
  std::vector<std::jthread> threads;
  // How late the machine itself is: a thread that does what the writer does, and says "- TIME" each time it has.
  threads.emplace_back([&] {
    const int probe = ::open((folder + ".probe").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    for (;;) {
      if (::write(probe, "x", 1) != 1 || ::fdatasync(probe) != 0) return;
      const std::string line = "- " + std::to_string(clock.unix_micros()) + "\n";
      if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  for (int loop = 0; loop < 4; ++loop) {
    threads.emplace_back([&, loop] {
      for (;;) {
        std::string line = new_id(clock.unix_micros());
        (*recorder)->record(loop, record_of("bank", line));
        line += " " + std::to_string(clock.unix_micros()) + "\n";
        if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) return;
        std::this_thread::sleep_for(std::chrono::microseconds(200));
      }
    });
  }
  return 0;
}

// Loads what is in a spool, and says so when it is done.
int load_once(const std::string& lake_path, const std::string& spool) {
  auto store = CallStore::open(lake_path, spool, 64 * 1024 * 1024);
  if (!store || !(*store)->load(kEverything)) return 1;
  return ::write(STDOUT_FILENO, "done\n", 5) == 5 ? 0 : 1;
}

}  // namespace
}  // namespace fairlead::telemetry

int main(int argc, char** argv) {
  int exit_code = 0;
  if (fairlead::telemetry::run_lake_process(argc, argv, exit_code)) return exit_code;
  if (argc > 3 && std::strcmp(argv[1], "child") == 0) {
    if (std::strcmp(argv[2], "record") == 0) return fairlead::telemetry::record_for_ever(argv[3]);
    return fairlead::telemetry::load_once(argv[3], argv[4]);
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
