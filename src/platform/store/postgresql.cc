#include <memory>
#include <utility>

#include "platform/store/database.h"
#include "platform/store/internal/migrate.h"
#include "platform/store/internal/pg_follower.h"
#include "platform/store/internal/pg_group.h"
#include "platform/store/internal/pg_pool.h"
#include "platform/store/internal/pg_schema.h"
#include "platform/store/internal/submit.h"
#include "platform/store/internal/writer.h"

namespace fairlead::store {
namespace {

class PostgresqlDatabase final : public Database {
 public:
  PostgresqlDatabase(std::unique_ptr<PgPool> connections, async::BlockingPool& pool)
      : connections_(std::move(connections)), pool_(&pool), writer_(std::make_unique<PgGroup>(*connections_)) {}

  Result<void> read_blocking(const Work& work) override {
    FAIRLEAD_TRY(auto reader, connections_->take());
    reader->defer("begin isolation level repeatable read read only");
    auto result = work(*reader);
    if (result && reader->has_failed()) result = fail(reader->failure());
    // What it read, it has read: whether the end of the transaction is heard of changes nothing.
    reader->rollback();
    connections_->give_back(std::move(reader));
    return result;
  }

  Result<void> write_blocking(const Work& work) override { return submit_blocking(writer_, work); }

  async::Task<Result<void>> read(Work work) override {
    auto reading = pool_->run([this, work = std::move(work)] { return read_blocking(work); });
    co_return co_await std::move(reading);
  }

  async::Task<Result<void>> write(Work work) override { return submit(writer_, std::move(work)); }

  bool is_shared() const override { return true; }
  void follow(std::function<void()> look) override {
    follower_ = std::make_unique<PgFollower>(*connections_, std::move(look));
  }
  void stop_following() override { follower_.reset(); }
  bool is_reachable() const override { return !follower_ || follower_->is_connected(); }

 private:
  std::unique_ptr<PgPool> connections_;
  async::BlockingPool* pool_;
  Writer writer_;  // ends before what it writes with
  std::unique_ptr<PgFollower> follower_;
};

Result<void> migrate(PgConnection& connection, const std::string& place, std::span<const Migration> migrations) {
  connection.without_limits();
  FAIRLEAD_CHECK(connection.run("set statement_timeout = 0; set lock_timeout = 0; begin"));
  FAIRLEAD_CHECK(connection.run(kTakeTurn));
  FAIRLEAD_CHECK(apply_missing(connection, place, migrations, pg_schema));
  return connection.commit();  // it ends with the connection otherwise
}

}  // namespace

Result<std::unique_ptr<Database>> open_postgresql(std::string_view uri, async::BlockingPool& readers,
                                                  std::span<const Migration> migrations) {
  FAIRLEAD_TRY(PgTarget target, PgTarget::parse(uri));
  auto connections = std::make_unique<PgPool>(std::move(target));
  {
    FAIRLEAD_TRY(auto connection, connections->connect());
    FAIRLEAD_CHECK(migrate(*connection, connections->target().place, migrations));
  }
  return std::make_unique<PostgresqlDatabase>(std::move(connections), readers);
}

bool is_postgresql(std::string_view location) {
  return location.starts_with("postgresql://") || location.starts_with("postgres://");
}

Result<std::unique_ptr<Database>> open(const std::string& location, async::BlockingPool& readers,
                                       std::span<const Migration> migrations) {
  return is_postgresql(location) ? open_postgresql(location, readers, migrations)
                                 : open_sqlite(location, readers, migrations);
}

}  // namespace fairlead::store
