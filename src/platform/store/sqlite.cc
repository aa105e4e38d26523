#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <mutex>
#include <utility>
#include <vector>

#include "platform/store/database.h"
#include "platform/store/folder_lock.h"
#include "platform/store/internal/migrate.h"
#include "platform/store/internal/sqlite_connection.h"
#include "platform/store/internal/sqlite_group.h"
#include "platform/store/internal/submit.h"
#include "platform/store/internal/writer.h"

namespace fairlead::store {
namespace {

// A larger file is checked as it is read: the whole of it would hold up the start.
constexpr std::uintmax_t kCheckedAtStart = 64u << 20;

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(std::unique_ptr<FolderLock> lock, std::string path, std::unique_ptr<SqliteConnection> writer,
                 async::BlockingPool& pool)
      : lock_(std::move(lock)),
        path_(std::move(path)),
        pool_(&pool),
        writer_(std::make_unique<SqliteGroup>(std::move(writer))) {}

  Result<void> read_blocking(const Work& work) override {
    auto taken = take_reader();
    if (!taken) return fail(std::move(taken).error());
    std::unique_ptr<SqliteConnection> reader = *std::move(taken);
    auto result = reader->run("begin");
    if (result) result = work(*reader);
    if (reader->in_transaction()) {
      auto ended = reader->run("rollback");
      if (!ended) return result ? ended : result;
    }
    const std::lock_guard lock(readers_mutex_);
    readers_.push_back(std::move(reader));
    return result;
  }

  Result<void> write_blocking(const Work& work) override { return submit_blocking(writer_, work); }

  async::Task<Result<void>> read(Work work) override {
    auto reading = pool_->run([this, work = std::move(work)] { return read_blocking(work); });
    co_return co_await std::move(reading);
  }

  async::Task<Result<void>> write(Work work) override { return submit(writer_, std::move(work)); }

 private:
  // As many as run at once; each keeps its statements.
  Result<std::unique_ptr<SqliteConnection>> take_reader() {
    {
      const std::lock_guard lock(readers_mutex_);
      if (!readers_.empty()) {
        auto reader = std::move(readers_.back());
        readers_.pop_back();
        return reader;
      }
    }
    return SqliteConnection::open(path_, Access::kRead);
  }

  std::unique_ptr<FolderLock> lock_;
  std::string path_;
  async::BlockingPool* pool_;
  std::mutex readers_mutex_;
  std::vector<std::unique_ptr<SqliteConnection>> readers_;
  Writer writer_;  // last: it ends first
};

std::string as_it_is(std::string_view sql) {
  return std::string(sql);
}

Result<void> migrate(SqliteConnection& connection, const std::string& path, std::span<const Migration> migrations) {
  FAIRLEAD_CHECK(connection.run("begin immediate"));
  auto applied = apply_missing(connection, path, migrations, as_it_is);
  if (applied) applied = connection.run("commit");
  if (!applied && connection.in_transaction()) (void)connection.run("rollback");
  return applied;
}

// SQLite would make the file readable by all; what it makes beside it (-wal, -shm) takes over the mode.
void create_private(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor >= 0) close(descriptor);  // if not, SQLite says why
}

Result<void> check(SqliteConnection& connection, const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::file_size(path, ignored) > kCheckedAtStart) return {};
  std::string finding;
  FAIRLEAD_CHECK(connection.query("pragma quick_check(1)", {}, [&](const Row& row) -> Result<void> {
    finding = row.text(0);
    return {};
  }));
  if (finding == "ok") return {};
  return fail(
      ErrorKind::kInternal, "store_corrupt",
      path + " is damaged (" + finding + "). Restore it from a backup, or move it away to start with an empty one.");
}

}  // namespace

Result<std::unique_ptr<Database>> open_sqlite(const std::string& path, async::BlockingPool& readers,
                                              std::span<const Migration> migrations) {
  FAIRLEAD_TRY(auto lock, FolderLock::take(std::filesystem::absolute(path).parent_path().string()));
  create_private(path);
  FAIRLEAD_TRY(auto writer, SqliteConnection::open(path, Access::kWrite));
  if (writer->read_only()) {
    return fail(ErrorKind::kUnavailable, "store_read_only",
                path + " cannot be written. Give this user write access to it.");
  }
  FAIRLEAD_CHECK(check(*writer, path));
  FAIRLEAD_CHECK(migrate(*writer, path, migrations));
  return std::make_unique<SqliteDatabase>(std::move(lock), path, std::move(writer), readers);
}

}  // namespace fairlead::store
