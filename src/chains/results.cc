#include "chains/results.h"

#include <memory>
#include <utility>

namespace fairlead::chains {

async::Task<Result<std::optional<KeptResult>>> Results::find(std::string project, std::string digest, Micros within) {
  const auto found = std::make_shared<std::optional<KeptResult>>();
  const std::int64_t since = clock_.unix_micros() - within.count();
  store::Database::Work work = [=](store::Connection& connection) -> Result<void> {
    const store::Value values[] = {project, digest, since};
    return connection.query(
        "select run, step, output from chain_results where project = $1 and digest = $2 and kept_at >= $3", values,
        [&](const store::Row& row) -> Result<void> {
          *found = KeptResult{std::string(row.text(0)), std::string(row.text(1)), std::string(row.text(2))};
          return {};
        });
  };
  FAIRLEAD_CO_CHECK(co_await database_.read(std::move(work)));
  co_return std::move(*found);
}

async::Task<Result<void>> Results::keep(std::string project, std::string digest, KeptResult result, Micros within) {
  const std::int64_t now = clock_.unix_micros();
  store::Database::Work work = [=, result = std::move(result)](store::Connection& connection) -> Result<void> {
    const store::Value old[] = {now};
    FAIRLEAD_CHECK(connection.execute("delete from chain_results where kept_until < $1", old));
    const store::Value values[] = {project, digest, now, now + within.count(), result.run, result.step, result.output};
    FAIRLEAD_CHECK(connection.execute(
        "insert into chain_results (project, digest, kept_at, kept_until, run, step, output) values ($1, $2, $3, $4, "
        "$5,"
        " $6, $7) on conflict (project, digest) do update set kept_at = excluded.kept_at, kept_until ="
        " excluded.kept_until, run = excluded.run, step = excluded.step, output = excluded.output",
        values));
    return {};
  };
  auto kept = co_await database_.write(std::move(work));
  co_return kept;
}

}  // namespace fairlead::chains
