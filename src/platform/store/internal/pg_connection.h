// One connection to PostgreSQL with its prepared statements.
#pragma once
#include <postgresql/libpq-fe.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "platform/store/internal/engine_connection.h"
#include "platform/store/internal/libpq.h"
#include "platform/store/internal/pg_target.h"

namespace fairlead::store {

// Used by one thread at a time; blocks, at most for as long as a statement may take and a little more.
class PgConnection final : public EngineConnection {
 public:
  // Errors: store_unavailable, and store_error for a database whose encoding is not UTF8.
  static Result<std::unique_ptr<PgConnection>> open(const PgTarget& target);
  ~PgConnection() override;

  // A query's rows are in memory while it runs.
  Result<void> query(std::string_view sql, std::span<const Value> parameters,
                     const std::function<Result<void>(const Row&)>& each) override;
  Result<std::int64_t> execute(std::string_view sql, std::span<const Value> parameters) override;
  void announce() override { announced_ = true; }
  Result<void> run(const char* sql) override;

  // Travels with the next statement, or with commit().
  void defer(std::string sql) { deferred_.push_back(std::move(sql)); }
  // What was deferred, then `commit`. What was deferred is forgotten instead if nothing was sent since `begin` was.
  // Errors: store_uncertain if the connection was lost meanwhile, else the server's, and nothing was changed.
  Result<void> commit();
  void rollback();  // what it cannot say any more, the server does by itself

  bool is_lost() const { return lost_; }
  bool has_failed();      // a statement has, so the transaction can only be rolled back to before it
  Error failure() const;  // of that statement
  bool is_alive();        // as far as can be seen without asking
  bool take_announced() { return std::exchange(announced_, false); }
  // Until there is something to read from the server, or from `also`, or the time is over.
  void wait_for_news(int also, std::chrono::milliseconds at_most);
  // Statements may take as long as they like, for migrations.
  void without_limits();

 private:
  struct ClearResult {
    const Libpq* pq;
    void operator()(PGresult* result) const { pq->PQclear(result); }
  };
  using ResultPointer = std::unique_ptr<PGresult, ClearResult>;
  struct Statement {
    std::string name;
    std::size_t placeholders = 0;
    bool is_prepared = false;
  };
  class Arguments;

  PgConnection(const Libpq* pq, const PgTarget& target) : pq_(pq), target_(target) {}
  Result<Statement*> statement(std::string_view sql, std::span<const Value> parameters);
  Result<ResultPointer> ask(std::string_view sql, std::span<const Value> parameters);
  // Sends what was deferred, then the statement if there is one, and reads all answers. The last one's result.
  Result<ResultPointer> exchange(Statement* statement, std::string_view sql, const Arguments* arguments);
  bool send(Statement* statement, std::string_view sql, const Arguments* arguments);
  Result<ResultPointer> read_answers(std::size_t sent, Statement* statement, std::string_view doing);
  Result<void> set_up();
  bool next(ResultPointer& result);  // false: the connection is lost
  bool wait(bool to_write);
  Error lose(std::string_view doing);
  Error error_of(const PGresult* result, std::string_view doing);

  const Libpq* pq_;
  PgTarget target_;
  PGconn* connection_ = nullptr;
  std::vector<std::string> deferred_;
  std::unordered_map<std::string, Statement> statements_;  // by types of parameters and SQL
  std::size_t named_ = 0;
  std::optional<Error> failure_;
  std::chrono::steady_clock::time_point until_;
  std::chrono::milliseconds patience_;
  bool lost_ = false, stopped_too_long_ = false;
  bool announced_ = false, sent_in_transaction_ = false;
};

}  // namespace fairlead::store
