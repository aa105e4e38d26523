#include "gateway/file_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/id.h"
#include "gateway/internal/file_checks.h"
#include "gateway/internal/sealed_file.h"

namespace fairlead::gateway {
namespace {

using store::Connection;
using store::Row;
using store::Value;

constexpr std::string_view kColumns = "id, filename, purpose, bytes, created_at_us, expires_at_us, sealed";

constexpr std::string_view kInserted = "project, id, filename, purpose, bytes, created_at_us, expires_at_us, sealed";

std::unexpected<Error> unwritable(const std::string& path) {
  const bool full = errno == ENOSPC || errno == EDQUOT;
  return fail(full ? ErrorKind::kExhausted : ErrorKind::kUnavailable, "files_unwritable",
              path + " cannot be written: " + std::strerror(errno) + ".");
}

bool looks_like_id(std::string_view id) {
  return id.starts_with("file-") && is_id(id.substr(5));
}

// A client may have pasted anything where an id belongs: only what looks like one is repeated.
std::unexpected<Error> not_found(const std::string& id) {
  return fail(ErrorKind::kNotFound, "file_not_found",
              looks_like_id(id) ? "There is no file `" + id + "`." : "There is no such file.", "file_id");
}

StoredFile file_of(const Row& row, const std::string& project, const access::KeyRing* keys) {
  StoredFile file{project,        std::string(row.text(0)), std::string(row.text(1)), std::string(row.text(2)),
                  row.integer(3), row.integer(4),           row.integer(5),           row.integer(6) != 0};
  if (file.is_sealed) file.filename = internal::open_filename(keys, file).value_or("sealed");
  return file;
}

// All of it is on the disk when this returns, under its name, or nothing is.
Result<void> write_file(const std::string& folder, const std::string& path, std::string_view content) {
  const std::string part = path + ".part";
  const int fd = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return unwritable(part);
  Result<void> done;
  while (done && !content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n > 0) {
      content.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno != EINTR) {
      done = unwritable(part);
    }
  }
  if (done && ::fsync(fd) != 0) done = unwritable(part);
  ::close(fd);
  if (done && ::rename(part.c_str(), path.c_str()) != 0) done = unwritable(path);
  if (done) {
    const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 || ::fsync(directory) != 0) done = unwritable(folder);
    if (directory >= 0) ::close(directory);
  }
  if (!done) ::unlink(part.c_str());
  return done;
}

}  // namespace

std::vector<store::Migration> FileStore::migrations() {
  return {{"files", 1, R"sql(
create table files (
  project text not null,
  id text not null,
  filename text not null,
  purpose text not null,
  bytes bigint not null,
  created_at_us bigint not null,
  expires_at_us bigint not null,
  primary key (project, id)
);
)sql"},
          {"files", 2, "alter table files add column sealed bigint not null default 0"}};
}

Result<std::unique_ptr<FileStore>> FileStore::open(std::string folder, store::Database& database,
                                                   async::BlockingPool& pool, const Clock& clock) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  if (error)
    return fail(ErrorKind::kUnavailable, "files_folder",
                "The folder of uploaded files, " + folder + ", cannot be used: " + error.message() + ".");
  std::unique_ptr<FileStore> store(new FileStore(std::move(folder), database, pool, clock));
  FAIRLEAD_CHECK(store->sweep());
  return store;
}

// Rows that have expired, and bytes whose row is gone or never came: what a crash or an expiry has left.
Result<void> FileStore::sweep() const {
  std::set<std::string> known;
  FAIRLEAD_CHECK(database_.write_blocking([&](Connection& connection) -> Result<void> {
    const std::vector<Value> now{clock_.unix_micros()};
    FAIRLEAD_CHECK(connection.execute("delete from files where expires_at_us > 0 and expires_at_us <= $1", now));
    return connection.query("select id from files", {}, [&](const Row& row) -> Result<void> {
      known.emplace(row.text(0));
      return {};
    });
  }));
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    const std::string name = entry.path().filename().string();
    const std::string id = name.ends_with(".part") ? name.substr(0, name.size() - 5) : name;
    if (!looks_like_id(id) || known.contains(name)) continue;  // what is not ours stays
    std::filesystem::remove(entry.path(), error);
  }
  return {};
}

async::Task<Result<StoredFile>> FileStore::create(StoredFile file, std::string content) {
  file.created_at_us = clock_.unix_micros();
  file.id = "file-" + new_id(file.created_at_us);
  file.bytes = static_cast<std::int64_t>(content.size());
  if (file.expires_at_us > 0) file.expires_at_us += file.created_at_us;
  if (file.is_sealed && keys_ == nullptr)
    co_return fail(ErrorKind::kInternal, "files_unwritable",
                   "The file is to be encrypted, and there is no key for it.");
  const access::MasterKey* const key = file.is_sealed ? &keys_->front() : nullptr;
  auto save = [folder = folder_, path = path_of(file.id), file, content = std::move(content), key]() -> Result<void> {
    FAIRLEAD_CHECK(internal::check_file(file.purpose, file.filename, content));
    if (key == nullptr) return write_file(folder, path, content);
    return write_file(folder, path, internal::seal_file(*key, file, content));
  };
  auto saved = co_await pool_.run(std::move(save));
  if (!saved) co_return fail(std::move(saved).error());
  std::string filename = key == nullptr ? file.filename : internal::seal_filename(*key, file);
  store::Database::Work work = [file, filename = std::move(filename)](Connection& connection) -> Result<void> {
    const std::vector<Value> row{file.project,       file.id,
                                 filename,           file.purpose,
                                 file.bytes,         file.created_at_us,
                                 file.expires_at_us, std::int64_t{file.is_sealed}};
    FAIRLEAD_CHECK(connection.execute(
        "insert into files (" + std::string(kInserted) + ") values ($1, $2, $3, $4, $5, $6, $7, $8)", row));
    return {};
  };
  auto inserted = co_await database_.write(std::move(work));
  if (!inserted) {
    // Where nobody knows whether the row is there, the next start does.
    const bool is_certain = inserted.error().code != "store_uncertain";
    if (is_certain) pool_.post([path = path_of(file.id)] { ::unlink(path.c_str()); });
    co_return fail(std::move(inserted).error());
  }
  co_return file;
}

async::Task<Result<StoredFile>> FileStore::find(std::string project, std::string id) {
  auto found = std::make_shared<StoredFile>();
  store::Database::Work work = [found, project, id, now = clock_.unix_micros(), keys = keys_](Connection& connection) {
    const std::vector<Value> key{project, id, now};
    return connection.query("select " + std::string(kColumns) +
                                " from files where project = $1 and id = $2 and"
                                " (expires_at_us = 0 or expires_at_us > $3)",
                            key, [&](const Row& row) -> Result<void> {
                              *found = file_of(row, project, keys);
                              return {};
                            });
  };
  auto read = co_await database_.read(std::move(work));
  if (!read) co_return fail(std::move(read).error());
  if (found->id.empty()) co_return not_found(id);
  co_return std::move(*found);
}

async::Task<Result<std::vector<StoredFile>>> FileStore::list(FileQuery query) {
  auto found = std::make_shared<std::vector<StoredFile>>();
  store::Database::Work work = [found, query, now = clock_.unix_micros(), keys = keys_](Connection& connection) {
    // Ids are made in the order of time.
    const std::string direction = query.oldest_first ? "id > $4 order by id" : "id < $4 order by id desc";
    const std::string from = !query.after.empty() ? query.after : query.oldest_first ? "" : "g";  // before, behind all
    const std::vector<Value> values{query.project, query.purpose, now, from, query.limit + 1};
    return connection.query("select " + std::string(kColumns) +
                                " from files where project = $1 and ($2 = '' or purpose = $2) and"
                                " (expires_at_us = 0 or expires_at_us > $3) and " +
                                direction + " limit $5",
                            values, [&](const Row& row) -> Result<void> {
                              found->push_back(file_of(row, query.project, keys));
                              return {};
                            });
  };
  auto read = co_await database_.read(std::move(work));
  if (!read) co_return fail(std::move(read).error());
  co_return std::move(*found);
}

async::Task<Result<void>> FileStore::remove(std::string project, std::string id) {
  auto changed = std::make_shared<std::int64_t>(0);
  store::Database::Work work = [changed, project, id,
                                now = clock_.unix_micros()](Connection& connection) -> Result<void> {
    const std::vector<Value> key{project, id, now};
    FAIRLEAD_TRY(*changed, connection.execute("delete from files where project = $1 and id = $2 and"
                                              " (expires_at_us = 0 or expires_at_us > $3)",
                                              key));
    return {};
  };
  auto done = co_await database_.write(std::move(work));
  if (!done) co_return fail(std::move(done).error());
  if (*changed == 0) co_return not_found(id);
  auto unlink_it = [path = path_of(id)] { return ::unlink(path.c_str()); };
  co_await pool_.run(std::move(unlink_it));  // what cannot be removed now, the next start removes
  co_return Result<void>{};
}

async::Task<Result<std::string>> FileStore::read(StoredFile file, std::int64_t offset, std::size_t size) {
  auto work = [path = path_of(file.id), id = file.id, file, offset, size, keys = keys_]() -> Result<std::string> {
    std::ifstream in(path, std::ios::binary);
    if (in && file.is_sealed) return internal::open_file(keys, file, in, offset, size);
    std::string bytes(size, '\0');
    if (!in || !in.seekg(offset)) return not_found(id);
    in.read(bytes.data(), static_cast<std::streamsize>(size));
    bytes.resize(static_cast<std::size_t>(in.gcount()));
    return bytes;
  };
  auto bytes = co_await pool_.run(std::move(work));
  co_return bytes;
}

}  // namespace fairlead::gateway
