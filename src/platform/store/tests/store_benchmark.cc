// Rows written and committed a second, one row a work, on both engines with all their promises on:
//   store_benchmark [FOLDER]      both engines' files in FOLDER; else in the temporary folder, which may be no disk
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <vector>

#include "platform/store/database.h"
#include "platform/store/tests/postgresql_server.h"

namespace fairlead::store {
namespace {

constexpr std::chrono::seconds kTime{5};
const std::vector<Migration> kSchema = {{"bench", 1, "create table rows (id text not null primary key, n bigint)"}};

double rows_a_second(Database& database, int writers, const std::string& prefix) {
  std::atomic<bool> stop{false};
  std::atomic<std::int64_t> rows{0};
  std::vector<std::thread> threads;
  const auto begun = std::chrono::steady_clock::now();
  for (int t = 0; t < writers; ++t) {
    threads.emplace_back([&, t] {
      for (std::int64_t i = 0; !stop; ++i) {
        const std::string id = prefix + std::to_string(t) + "/" + std::to_string(i);
        auto done = database.write_blocking([&](Connection& connection) -> Result<void> {
          const Value row[] = {id, i};
          FAIRLEAD_CHECK(connection.execute("insert into rows (id, n) values ($1, $2)", row));
          return {};
        });
        if (!done) std::abort();
        ++rows;
      }
    });
  }
  std::this_thread::sleep_for(kTime);
  stop = true;
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  return static_cast<double>(rows) / took.count();
}

void measure(const char* engine, Database& database) {
  for (const int writers : {1, 32})
    std::printf("%-12s %7d   %8.0f\n", engine, writers,
                rows_a_second(database, writers, std::to_string(writers) + "-"));
}

void run() {
  async::BlockingPool pool(2);
  std::printf("engine       writers   rows a second\n");
  std::string folder = (std::filesystem::temp_directory_path() / "store-benchmark-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) std::abort();
  measure("SQLite", *open_sqlite(folder + "/fairlead.db", pool, kSchema).value());
  std::filesystem::remove_all(folder);
  PostgresqlServer server;
  const std::string uri = server.new_database();
  measure("PostgreSQL", *open_postgresql(uri, pool, kSchema).value());
}

}  // namespace
}  // namespace fairlead::store

int main(int count, char** words) {
  if (count > 1) setenv("TMPDIR", words[1], 1);
  fairlead::store::run();
}
