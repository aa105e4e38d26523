#include "platform/store/internal/pg_connection.h"

#include <poll.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <utility>

#include "platform/store/internal/pg_error.h"
#include "platform/store/internal/pg_row.h"

namespace fairlead::store {
namespace {

constexpr std::size_t kStatements = 256;               // as for SQLite
constexpr std::string_view kStoppedTooLong = "25P03";  // and the server ended the transaction before that
constexpr Oid kInt8 = 20, kFloat8 = 701;
// A little more than the server lets a statement take, so that it is the one to say so.
constexpr std::chrono::seconds kPatience{15};
constexpr std::chrono::hours kLongPatience{24};

// A process that is stopped in a transaction holds the others up for five seconds, so they wait a little longer.
constexpr const char* kSession = R"sql(
select set_config('synchronous_commit', case current_setting('synchronous_commit') when 'remote_apply' then 'remote_apply' else 'on' end, false);
set idle_in_transaction_session_timeout = '5s';
set lock_timeout = '8s';
set statement_timeout = '10s';
set tcp_keepalives_idle = 10;
set tcp_keepalives_interval = 5;
set tcp_keepalives_count = 3;
set default_transaction_isolation = 'read committed';
set bytea_output = 'hex';
set standard_conforming_strings = on;
set extra_float_digits = 1;
)sql";

// The highest N of `$N` outside of quotes.
std::size_t placeholders_of(std::string_view sql) {
  std::size_t most = 0;
  char quote = 0;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    if (quote != 0) {
      if (sql[i] == quote) quote = 0;
    } else if (sql[i] == '\'' || sql[i] == '"') {
      quote = sql[i];
    } else if (sql[i] == '$') {
      std::size_t number = 0;
      std::from_chars(sql.data() + i + 1, sql.data() + sql.size(), number);
      most = std::max(most, number);
    }
  }
  return most;
}

}  // namespace

// Values in the form in which they are sent. An integer says that it is one, so that nothing is inferred to be
// narrower; a text says nothing, so that it is what its column is, and goes as the bytes that it has.
class PgConnection::Arguments {
 public:
  explicit Arguments(std::span<const Value> values) {
    numbers_.resize(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      types_.push_back(type_of(values[i]));
      add(values[i], numbers_[i]);
    }
  }
  int count() const { return static_cast<int>(pointers_.size()); }
  const char* const* pointers() const { return pointers_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }
  const Oid* types() const { return types_.data(); }
  static Oid type_of(const Value& value) {
    if (std::holds_alternative<std::int64_t>(value)) return kInt8;
    return std::holds_alternative<double>(value) ? kFloat8 : 0;
  }

 private:
  void add(const Value& value, std::string& number) {
    if (const auto* text = std::get_if<std::string>(&value)) {
      pointers_.push_back(text->data());
      lengths_.push_back(static_cast<int>(text->size()));
      formats_.push_back(1);
      return;
    }
    char digits[32];
    std::to_chars_result end{digits, {}};
    if (const auto* integer = std::get_if<std::int64_t>(&value))
      end = std::to_chars(digits, digits + sizeof digits, *integer);
    else if (const auto* real = std::get_if<double>(&value))
      end = std::to_chars(digits, digits + sizeof digits, *real);
    number.assign(digits, end.ptr);
    pointers_.push_back(number.empty() ? nullptr : number.c_str());
    lengths_.push_back(0);
    formats_.push_back(0);
  }

  std::vector<std::string> numbers_;
  std::vector<const char*> pointers_;
  std::vector<int> lengths_, formats_;
  std::vector<Oid> types_;
};

Result<std::unique_ptr<PgConnection>> PgConnection::open(const PgTarget& target) {
  FAIRLEAD_TRY(const Libpq* pq, Libpq::load());
  std::unique_ptr<PgConnection> made(new PgConnection(pq, target));
  std::vector<const char*> keywords, values;
  for (const auto& [keyword, value] : target.options) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  made->connection_ = pq->PQconnectdbParams(keywords.data(), values.data(), 0);
  if (made->connection_ == nullptr || pq->PQstatus(made->connection_) != CONNECTION_OK)
    return fail(made->lose("connecting"));
  FAIRLEAD_CHECK(made->set_up());
  return made;
}

Result<void> PgConnection::set_up() {
  pq_->PQsetNoticeProcessor(
      connection_, [](void*, const char*) {}, nullptr);
  pq_->PQsetnonblocking(connection_, 1);
  patience_ = kPatience;
  const char* const encoding = pq_->PQparameterStatus(connection_, "server_encoding");
  if (encoding == nullptr || std::string_view(encoding) != "UTF8")
    return fail(ErrorKind::kInvalid, "store_error",
                target_.place + " has the encoding " + (encoding != nullptr ? encoding : "?") +
                    ". Create one with `encoding 'UTF8'`, and template `template0`.");
  return run(kSession);
}

PgConnection::~PgConnection() {
  if (connection_ != nullptr) pq_->PQfinish(connection_);
}

void PgConnection::without_limits() {
  patience_ = kLongPatience;
}

Error PgConnection::lose(std::string_view doing) {
  lost_ = true;
  std::string reason = connection_ != nullptr ? pq_->PQerrorMessage(connection_) : "no memory";
  while (!reason.empty() && std::isspace(static_cast<unsigned char>(reason.back())) != 0) reason.pop_back();
  if (reason.empty()) reason = "no answer in time";
  return pg_error("", target_.without_password(std::move(reason)), target_.place, doing);
}

Error PgConnection::error_of(const PGresult* result, std::string_view doing) {
  const char* const state = pq_->PQresultErrorField(result, PG_DIAG_SQLSTATE);
  // Without details, which repeat what was to be stored.
  const char* const reason = pq_->PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (state == nullptr) return lose(doing);
  // FATAL or PANIC: the server ends the connection after it.
  const char* const severity = pq_->PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity == nullptr || std::string_view(severity) != "ERROR") lost_ = true;
  if (std::string_view(state) == kStoppedTooLong) stopped_too_long_ = true;
  return pg_error(state, target_.without_password(reason != nullptr ? reason : "no reason given"), target_.place,
                  doing);
}

bool PgConnection::wait(bool to_write) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until_ - std::chrono::steady_clock::now());
  if (left.count() <= 0) return false;
  pollfd one{pq_->PQsocket(connection_), static_cast<short>(to_write ? POLLIN | POLLOUT : POLLIN), 0};
  const int ready = poll(&one, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 3'600'000)));
  return ready > 0 || (ready < 0 && errno == EINTR);
}

bool PgConnection::next(ResultPointer& result) {
  while (true) {
    const int unsent = pq_->PQflush(connection_);
    if (unsent < 0) return false;
    if (unsent == 0 && pq_->PQisBusy(connection_) == 0) break;
    if (!wait(unsent > 0)) return false;
    if (pq_->PQconsumeInput(connection_) == 0) {
      // What the server said before it left may be there.
      if (pq_->PQisBusy(connection_) != 0) return false;
      break;
    }
  }
  result = ResultPointer(pq_->PQgetResult(connection_), ClearResult{pq_});
  return true;
}

Result<void> PgConnection::run(const char* sql) {
  if (lost_) return fail(lose(sql));
  until_ = std::chrono::steady_clock::now() + patience_;
  if (pq_->PQsendQuery(connection_, sql) == 0) return fail(lose(sql));
  Result<void> outcome;
  while (true) {
    ResultPointer result(nullptr, ClearResult{pq_});
    if (!next(result)) return fail(lose(sql));
    if (!result) return outcome;
    const ExecStatusType status = pq_->PQresultStatus(result.get());
    if (status == PGRES_FATAL_ERROR && outcome) outcome = fail(error_of(result.get(), sql));
    if (lost_) return outcome;
  }
}

Result<PgConnection::Statement*> PgConnection::statement(std::string_view sql, std::span<const Value> parameters) {
  std::string key;
  key.reserve(parameters.size() + 1 + sql.size());
  for (const Value& one : parameters) {
    const Oid type = Arguments::type_of(one);
    key.push_back(type == kInt8 ? 'i' : type == kFloat8 ? 'f' : 't');
  }
  key.push_back(' ');
  key.append(sql);
  auto found = statements_.find(key);
  if (found == statements_.end()) {
    if (statements_.size() >= kStatements) {
      statements_.clear();
      defer("deallocate all");
    }
    found = statements_.emplace(std::move(key), Statement{"s" + std::to_string(++named_), placeholders_of(sql)}).first;
  }
  if (found->second.placeholders != parameters.size())
    return fail(ErrorKind::kInternal, "store_error",
                "The statement has " + std::to_string(found->second.placeholders) + " placeholders, given were " +
                    std::to_string(parameters.size()) + ": " + std::string(sql));
  return &found->second;
}

bool PgConnection::send(Statement* statement, std::string_view sql, const Arguments* arguments) {
  const std::string text(sql);
  if (pq_->PQenterPipelineMode(connection_) == 0) return false;
  for (const std::string& one : deferred_) {
    if (pq_->PQsendQueryParams(connection_, one.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) == 0) return false;
  }
  if (statement != nullptr) {
    if (!statement->is_prepared) {
      if (pq_->PQsendPrepare(connection_, statement->name.c_str(), text.c_str(), arguments->count(),
                             arguments->types()) == 0)
        return false;
    }
    if (pq_->PQsendQueryPrepared(connection_, statement->name.c_str(), arguments->count(), arguments->pointers(),
                                 arguments->lengths(), arguments->formats(), 0) == 0)
      return false;
  }
  return pq_->PQpipelineSync(connection_) != 0;
}

Result<PgConnection::ResultPointer> PgConnection::exchange(Statement* statement, std::string_view sql,
                                                           const Arguments* arguments) {
  if (lost_) return fail(failure_ ? *failure_ : lose(sql));
  until_ = std::chrono::steady_clock::now() + patience_;
  std::size_t sent = deferred_.size();
  if (statement != nullptr) sent += statement->is_prepared ? 1 : 2;
  const bool went = send(statement, sql, arguments);
  deferred_.clear();
  sent_in_transaction_ = true;
  if (!went) {
    failure_ = lose(sql);
    return fail(*failure_);
  }
  auto answer = read_answers(sent, statement, sql);
  if (!answer) failure_ = answer.error();
  return answer;
}

Result<PgConnection::ResultPointer> PgConnection::read_answers(std::size_t sent, Statement* statement,
                                                               std::string_view doing) {
  ResultPointer last(nullptr, ClearResult{pq_});
  std::optional<Error> failed;
  for (std::size_t answered = 0;;) {
    ResultPointer result(nullptr, ClearResult{pq_});
    if (!next(result)) return fail(failed ? std::move(*failed) : lose(doing));
    if (!result) {
      if (++answered > sent) return fail(lose(doing));  // it says less than it was asked
      continue;
    }
    const ExecStatusType status = pq_->PQresultStatus(result.get());
    if (status == PGRES_PIPELINE_SYNC) break;
    if (status == PGRES_FATAL_ERROR) {
      if (!failed) failed = error_of(result.get(), doing);
      if (lost_) return fail(std::move(*failed));
    }
    if (statement != nullptr && !statement->is_prepared && answered + 2 == sent)
      statement->is_prepared = status == PGRES_COMMAND_OK;
    last = std::move(result);
  }
  if (pq_->PQexitPipelineMode(connection_) == 0) return fail(lose(doing));
  if (failed) return fail(std::move(*failed));
  return last;
}

Result<PgConnection::ResultPointer> PgConnection::ask(std::string_view sql, std::span<const Value> parameters) {
  FAIRLEAD_TRY(Statement* const prepared, statement(sql, parameters));
  const Arguments arguments(parameters);
  return exchange(prepared, sql, &arguments);
}

Result<void> PgConnection::query(std::string_view sql, std::span<const Value> parameters,
                                 const std::function<Result<void>(const Row&)>& each) {
  auto answer = ask(sql, parameters);
  if (!answer) return fail(std::move(answer).error());
  if (!each) return {};
  PgRow row(*pq_, answer->get());
  for (int i = 0; i < pq_->PQntuples(answer->get()); ++i) {
    row.move_to(i);
    FAIRLEAD_CHECK(each(row));
  }
  return {};
}

Result<std::int64_t> PgConnection::execute(std::string_view sql, std::span<const Value> parameters) {
  auto answer = ask(sql, parameters);
  if (!answer) return fail(std::move(answer).error());
  std::int64_t changed = 0;
  const std::string_view count = pq_->PQcmdTuples(answer->get());
  if (!std::string_view(pq_->PQcmdStatus(answer->get())).starts_with("SELECT"))
    std::from_chars(count.data(), count.data() + count.size(), changed);
  return changed;
}

Result<void> PgConnection::commit() {
  if (!sent_in_transaction_) {
    deferred_.clear();
    return {};
  }
  sent_in_transaction_ = false;
  if (lost_ || !is_alive()) return fail(lose("commit"));
  defer("commit");
  auto answer = exchange(nullptr, "commit", nullptr);
  sent_in_transaction_ = false;
  if (answer) {
    failure_.reset();
    if (std::string_view(pq_->PQcmdStatus(answer->get())) == "COMMIT") return {};
    return fail(ErrorKind::kInternal, "store_error", target_.place + " rolled back what was to be committed.");
  }
  // What came before it may have failed, and the transaction waits for its end.
  if (!lost_ && pq_->PQtransactionStatus(connection_) != PQTRANS_IDLE) (void)run("rollback");
  if (!lost_ || stopped_too_long_) return fail(std::move(answer).error());
  return fail(ErrorKind::kUnavailable, "store_uncertain",
              "The connection to " + target_.place +
                  " was lost while the change was being committed: it may have been made, or not. Look before you do "
                  "it again.");
}

void PgConnection::rollback() {
  deferred_.clear();
  if (std::exchange(sent_in_transaction_, false) && !lost_) (void)run("rollback");
  failure_.reset();
}

bool PgConnection::has_failed() {
  return lost_ || pq_->PQtransactionStatus(connection_) == PQTRANS_INERROR;
}

Error PgConnection::failure() const {
  if (failure_) return *failure_;
  return {ErrorKind::kInternal, "store_error", target_.place + ": the transaction has failed."};
}

bool PgConnection::is_alive() {
  for (int i = 0; i < 8 && !lost_; ++i) {
    pollfd one{pq_->PQsocket(connection_), POLLIN, 0};
    if (poll(&one, 1, 0) <= 0) return true;
    if (pq_->PQconsumeInput(connection_) == 0 || pq_->PQstatus(connection_) == CONNECTION_BAD) lost_ = true;
  }
  return !lost_;
}

void PgConnection::wait_for_news(int also, std::chrono::milliseconds at_most) {
  pollfd both[] = {{pq_->PQsocket(connection_), POLLIN, 0}, {also, POLLIN, 0}};
  poll(both, 2, static_cast<int>(at_most.count()));
  if (!is_alive()) return;
  while (PGnotify* const one = pq_->PQnotifies(connection_)) pq_->PQfreemem(one);
}

}  // namespace fairlead::store
