// The transactional store: SQLite embedded, or PostgreSQL that several nodes share (docs/reference/store.md).
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"

namespace fairlead::store {

// A string is text for a `text` column and bytes for a `blob`; PostgreSQL refuses text that has a zero byte or is not
// UTF-8 (store_text). It does not turn strings into numbers: a number's column takes a number.
using Value = std::variant<std::nullptr_t, std::int64_t, double, std::string>;

class Row {
 public:
  virtual ~Row() = default;
  virtual std::int64_t integer(int column) const = 0;
  virtual double real(int column) const = 0;            // columns count from 0; a null is 0 or ""
  virtual std::string_view text(int column) const = 0;  // until the next row
  virtual bool is_null(int column) const = 0;
};

// A connection, inside a transaction. Used by one thread at a time. SQL is what both engines understand, with `$1`
// placeholders; statements are prepared once a connection. A statement that failed leaves nothing to go on with: the
// work returns its error.
class Connection {
 public:
  virtual ~Connection() = default;
  // Calls `each`, which may be empty and may query in its turn, for every row; an error that it returns ends the query
  // with it. Also for `insert … returning`. Errors: store_conflict (a constraint), store_read_only (or a write within a
  // read), store_full, store_corrupt, store_busy, store_text, store_unavailable (the connection was lost; nothing was
  // changed), store_error (the statement is wrong).
  virtual Result<void> query(std::string_view sql, std::span<const Value> parameters,
                             const std::function<Result<void>(const Row&)>& each) = 0;
  // The number of rows changed.
  virtual Result<std::int64_t> execute(std::string_view sql, std::span<const Value> parameters = {}) = 0;
  // Once this transaction is committed, what follows the database is called, in every process that shares it.
  virtual void announce() {}
};

// Where the number of rows does not matter. Errors as above.
inline Result<void> execute(Connection& connection, std::string_view sql, std::span<const Value> parameters = {}) {
  auto done = connection.execute(sql, parameters);
  if (!done) return std::unexpected(std::move(done).error());
  return {};
}

// `version` counts from 1 within its room; once released, never changed. Types are `bigint`, `double precision`, `text`
// and `blob`; PostgreSQL is given the same in its own words, text compared by its bytes.
struct Migration {
  std::string room;
  int version;
  std::string sql;  // one or more statements
};

// Thread-safe. One writer, several readers, none on an event loop.
class Database {
 public:
  virtual ~Database() = default;
  // Work runs in a transaction, committed if it returns a value and rolled back if it returns an error; it returns the
  // error of a statement that failed. It may run on any thread, must own what it uses, must not throw, and must not
  // call the database that runs it. Writes happen in the order given, one after another; those that wait are committed
  // to the disk together, so when the disk fails them (store_full), they fail together. Over all processes that share
  // a PostgreSQL there is one order too. No work is run twice: if the connection is lost before the commit was sent,
  // it fails with store_unavailable and nothing was changed; if meanwhile, with store_uncertain, and it may have been.
  using Work = std::function<Result<void>(Connection&)>;
  // On the calling thread, or waiting for the writer's; not on a loop.
  virtual Result<void> read_blocking(const Work& work) = 0;
  virtual Result<void> write_blocking(const Work& work) = 0;
  // Once begun they run to their end, even if the awaiting task is destroyed. A read sees every write that had
  // returned.
  virtual async::Task<Result<void>> read(Work work) = 0;
  virtual async::Task<Result<void>> write(Work work) = 0;  // durable when it returns

  // Whether other processes change it too.
  virtual bool is_shared() const { return false; }
  // If it is shared: calls `look` on a thread of the database's whenever a change was announced (by this process as
  // well), at least twice a second, and until stop_following() has returned. `look` may call the database. Once.
  virtual void follow(std::function<void()> look) { (void)look; }
  virtual void stop_following() {}
  // Whether it can be reached, as far as was seen lately; known while it is followed.
  virtual bool is_reachable() const { return true; }
};

// Opens the file, makes it and its folder if they are not there, and applies migrations in order, in one transaction.
// The process has the folder for itself until the database is destroyed, by a lock on fairlead.lock beside the file
// that the kernel drops when the process dies. `readers` outlives the database. Errors say the path and what to do:
// store_locked (another process has this data folder), store_read_only, store_full, store_corrupt, store_newer (made by
// a newer Fairlead), store_migration (a released migration was changed, or its numbers have a gap).
Result<std::unique_ptr<Database>> open_sqlite(const std::string& path, async::BlockingPool& readers,
                                              std::span<const Migration> migrations);

// `uri` is libpq's, `postgresql://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE`; its password is in no error. Applies
// migrations as above; processes that start at once do so one after another. `readers` outlives the database and should
// serve nothing that must go on while PostgreSQL does not answer. Errors: invalid_setting, store_unavailable,
// store_read_only, store_newer, store_migration.
Result<std::unique_ptr<Database>> open_postgresql(std::string_view uri, async::BlockingPool& readers,
                                                  std::span<const Migration> migrations);

// Either: `location` is such a URI, or the path of a SQLite file.
Result<std::unique_ptr<Database>> open(const std::string& location, async::BlockingPool& readers,
                                       std::span<const Migration> migrations);
bool is_postgresql(std::string_view location);

}  // namespace fairlead::store
