#include "telemetry/http/routes.h"

#include "access/control_plane.h"
#include "platform/http/problem.h"

namespace fairlead::telemetry {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::int64_t kDefaultRows = 1000, kMostRows = 10'000;
constexpr int kMostWaiting = 8;  // questions in SQL; they are answered one at a time

async::Task<void> answer(http::Exchange& exchange, Result<std::string> result) {
  if (!result) {
    co_await access::refuse(exchange, std::move(result).error());
    co_return;
  }
  co_await exchange.respond(200, kJson, *result);
}

Result<std::int64_t> limit_member(const boost::json::object& body) {
  const boost::json::value* limit = body.if_contains("limit");
  if (limit == nullptr || limit->is_null()) return kDefaultRows;
  if (!limit->is_int64() && !limit->is_uint64())
    return fail(ErrorKind::kInvalid, "invalid_type", "`limit` must be a whole number.", "limit");
  if (!limit->is_int64() || limit->get_int64() < 1 || limit->get_int64() > kMostRows) {
    return fail(ErrorKind::kInvalid, "invalid_value", "`limit` must be from 1 to 10000.", "limit");
  }
  return limit->get_int64();
}

}  // namespace

Routes::Routes(LakeService& lake, Loader& loader, const Metrics& metrics)
    : lake_(lake), loader_(loader), metrics_(metrics) {}

void Routes::add(http::Router& router, const access::Guard& guard) {
  using Handle = async::Task<void> (Routes::*)(http::Exchange&, const access::Principal&);
  const auto add = [&](http::Method method, std::string_view pattern, Handle handle) {
    router.add(method, pattern,
               guard.protect(access::Scope::kRead,
                             [this, handle](http::Exchange& exchange, const access::Principal& principal) {
                               return (this->*handle)(exchange, principal);
                             }));
  };
  add(http::Method::kGet, "/api/v1/calls", &Routes::list);
  add(http::Method::kGet, "/api/v1/calls/{id}", &Routes::get);
  add(http::Method::kPost, "/api/v1/sql", &Routes::ask);
  add(http::Method::kGet, "/metrics", &Routes::metrics);
}

async::Task<void> Routes::list(http::Exchange& exchange, const access::Principal& principal) {
  std::string query(exchange.head().query);
  if (auto filter = CallFilter::parse(query); !filter) {
    co_await access::refuse(exchange, std::move(filter).error());
    co_return;
  }
  auto work = [this, project = principal.project, query = std::move(query)] {
    static_cast<void>(loader_.freshen());  // reported there; an answer that lacks the newest is better than none
    return lake_.list(project, query);
  };
  auto result = co_await reading_.run(std::move(work));
  co_await answer(exchange, std::move(result));
}

async::Task<void> Routes::get(http::Exchange& exchange, const access::Principal& principal) {
  auto work = [this, project = principal.project, id = std::string(exchange.path_parameter("id"))] {
    static_cast<void>(loader_.freshen());
    return lake_.get(project, id);
  };
  auto result = co_await reading_.run(std::move(work));
  co_await answer(exchange, std::move(result));
}

async::Task<void> Routes::ask(http::Exchange& exchange, const access::Principal& principal) {
  auto body = co_await access::read_object(exchange);
  if (!body) {
    co_await access::refuse(exchange, std::move(body).error());
    co_return;
  }
  auto known = access::only_members(*body, {"query", "limit"});
  auto query = access::required_string(*body, "query");
  auto limit = limit_member(*body);
  Result<std::string> result;
  if (!known) {
    result = fail(known.error());
  } else if (!query) {
    result = fail(query.error());
  } else if (!limit) {
    result = fail(limit.error());
  } else if (waiting_.fetch_add(1) >= kMostWaiting) {
    --waiting_;
    result = fail(ErrorKind::kExhausted, "sql_busy", "Too many queries are waiting. Try again in a few seconds.");
  } else {
    auto work = [this, project = principal.project, query = *query, limit = *limit] {
      static_cast<void>(loader_.freshen());
      auto answered = lake_.ask(project, query, limit);
      --waiting_;
      return answered;
    };
    result = co_await asking_.run(std::move(work));
  }
  co_await answer(exchange, std::move(result));
}

async::Task<void> Routes::metrics(http::Exchange& exchange, const access::Principal& principal) {
  std::optional<std::string> project;  // an operator sees every project
  if (!principal.may(access::Scope::kAdmin)) project = principal.project;
  auto work = [this, project = std::move(project)] { return metrics_.text(project); };
  const std::string text = co_await reading_.run(std::move(work));
  co_await exchange.respond(200, Metrics::kContentType, text);
}

}  // namespace fairlead::telemetry
