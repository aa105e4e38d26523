#include "gateway/response_store.h"

#include <algorithm>
#include <memory>

#include "gateway/internal/reading.h"

namespace fairlead::gateway {
namespace {

using store::Connection;
using store::Row;
using store::Value;

constexpr std::int64_t kKeptUs = std::int64_t{30} * 24 * 3600 * 1'000'000;
constexpr std::size_t kMaxLinks = 256;

// Only what an id of ours looks like is repeated: a client may have pasted anything.
std::string shown(const std::string& id) {
  const bool plain =
      id.size() <= 64 && std::ranges::all_of(id, [](unsigned char c) { return std::isalnum(c) || c == '_'; });
  return plain && id.starts_with("resp_") ? " `" + id + "`" : "";
}

std::unexpected<Error> no_such_response(const std::string& id) {
  return fail(ErrorKind::kNotFound, "response_not_found", "There is no response" + shown(id) + ".", "response_id");
}

// Elements of a JSON array, without its brackets.
std::string_view elements(std::string_view array) {
  const std::size_t open = array.find('['), close = array.rfind(']');
  return open == std::string_view::npos ? std::string_view() : array.substr(open + 1, close - open - 1);
}

Result<std::string> output_of(const std::string& response) {
  FAIRLEAD_TRY(const internal::Document document, internal::Document::parse(response));
  internal::Element output;
  if (document.root()["output"].get(output))
    return fail(ErrorKind::kInternal, "store_corrupt", "A stored response has no output.");
  return std::string(simdjson::minify(output));
}

// Its links, the latest first, as the items of input and output.
Result<void> read_chain(Connection& connection, const std::string& project, std::string id,
                        std::vector<std::string>& turns) {
  const std::string first = id;
  while (!id.empty()) {
    if (turns.size() / 2 == kMaxLinks)
      return fail(ErrorKind::kInvalid, "invalid_value",
                  "The conversation of previous_response_id has more than 256 responses: begin a new one.",
                  "previous_response_id");
    bool found = false;
    const std::vector<Value> key{project, id};
    FAIRLEAD_CHECK(connection.query("select previous_id, input, response from responses where project = $1 and id = $2",
                                    key, [&](const Row& row) -> Result<void> {
                                      found = true;
                                      FAIRLEAD_TRY(std::string output, output_of(std::string(row.text(2))));
                                      turns.push_back(std::move(output));
                                      turns.emplace_back(row.text(1));
                                      id = row.text(0);
                                      return {};
                                    }));
    if (!found) {
      const std::string what = id == first
                                   ? "Previous response" + shown(first) + " not found."
                                   : "A response before" + shown(first) + " is gone, so it cannot be gone on from.";
      return fail(ErrorKind::kInvalid, "previous_response_not_found", what, "previous_response_id");
    }
  }
  return {};
}

}  // namespace

std::vector<store::Migration> ResponseStore::migrations() {
  return {{"responses", 1, R"sql(
create table responses (
  project text not null,
  id text not null,
  previous_id text not null,
  created_at_us bigint not null,
  input text not null,
  response text not null,
  primary key (project, id)
);
create index responses_by_age on responses (created_at_us);
)sql"}};
}

async::Task<Result<void>> ResponseStore::keep(StoredResponse response) {
  store::Database::Work work = [response = std::move(response)](Connection& connection) -> Result<void> {
    const std::vector<Value> row{response.project,       response.id,    response.previous_id,
                                 response.created_at_us, response.input, response.response};
    FAIRLEAD_CHECK(
        connection.execute("insert into responses (project, id, previous_id, created_at_us, input, response) values "
                           "($1, $2, $3, $4, $5, $6)",
                           row));
    const std::vector<Value> oldest{response.created_at_us - kKeptUs};
    FAIRLEAD_CHECK(connection.execute("delete from responses where created_at_us < $1", oldest));
    return {};
  };
  auto kept = co_await database_.write(std::move(work));
  co_return kept;
}

async::Task<Result<StoredResponse>> ResponseStore::find(std::string project, std::string id) {
  auto out = std::make_shared<StoredResponse>();
  store::Database::Work work = [out, project, id](Connection& connection) -> Result<void> {
    const std::vector<Value> key{project, id};
    return connection.query(
        "select previous_id, created_at_us, input, response from responses where project = $1 and id = $2", key,
        [&](const Row& row) -> Result<void> {
          *out = {project,
                  id,
                  std::string(row.text(0)),
                  row.integer(1),
                  std::string(row.text(2)),
                  std::string(row.text(3))};
          return {};
        });
  };
  auto read = co_await database_.read(std::move(work));
  if (!read) co_return fairlead::fail(std::move(read).error());
  if (out->id.empty()) co_return no_such_response(id);
  co_return std::move(*out);
}

async::Task<Result<void>> ResponseStore::remove(std::string project, std::string id) {
  auto changed = std::make_shared<std::int64_t>(0);
  store::Database::Work work = [changed, project, id](Connection& connection) -> Result<void> {
    const std::vector<Value> key{project, id};
    FAIRLEAD_TRY(*changed, connection.execute("delete from responses where project = $1 and id = $2", key));
    return {};
  };
  auto done = co_await database_.write(std::move(work));
  if (!done) co_return fairlead::fail(std::move(done).error());
  if (*changed == 0) co_return no_such_response(id);
  co_return Result<void>{};
}

async::Task<Result<std::string>> ResponseStore::conversation(std::string project, std::string id) {
  auto turns = std::make_shared<std::vector<std::string>>();
  store::Database::Work work = [turns, project, id](Connection& connection) -> Result<void> {
    return read_chain(connection, project, id, *turns);
  };
  auto read = co_await database_.read(std::move(work));
  if (!read) co_return fairlead::fail(std::move(read).error());
  std::string out = "[";
  for (auto turn = turns->rbegin(); turn != turns->rend(); ++turn) {
    const std::string_view items = elements(*turn);
    if (items.empty()) continue;
    if (out.size() > 1) out += ',';
    out += items;
  }
  out += ']';
  co_return out;
}

}  // namespace fairlead::gateway
