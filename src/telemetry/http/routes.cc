#include "telemetry/http/routes.h"

#include <utility>

#include "access/control_plane.h"
#include "base/id.h"
#include "platform/async/bell.h"
#include "platform/http/problem.h"
#include "platform/json/member.h"
#include "platform/json/text.h"

namespace fairlead::telemetry {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::int64_t kDefaultRows = 1000, kMostRows = 10'000;
constexpr std::int64_t kNewCallMillis = 600'000;
constexpr int kLooksForCall = 6, kMostLooking = 8;  // the latter: who looks again, beside others
constexpr std::chrono::milliseconds kBetweenLooks{40};
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

Routes::Routes(SpoolRecorder& recorder, LakeService& lake, Loader& loader, const Metrics& metrics, const Clock& clock)
    : recorder_(recorder), lake_(lake), loader_(loader), metrics_(metrics), clock_(clock) {}

void Routes::add(http::Router& router, const access::Guard& guard, const llm::Hiding* hiding) {
  hiding_ = hiding;
  using Handle = async::Task<void> (Routes::*)(http::Exchange&, const access::Principal&);
  const auto add = [&](http::Method method, std::string_view pattern, Handle handle,
                       access::Scope scope = access::Scope::kRead) {
    router.add(method, pattern,
               guard.protect(scope, [this, handle](http::Exchange& exchange, const access::Principal& principal) {
                 return (this->*handle)(exchange, principal);
               }));
  };
  add(http::Method::kGet, "/api/v1/calls", &Routes::list);
  add(http::Method::kGet, "/api/v1/calls/{id}", &Routes::get);
  add(http::Method::kPost, "/v1/feedback", &Routes::say, access::Scope::kCall);
  add(http::Method::kGet, "/api/v1/feedback", &Routes::feedback);
  add(http::Method::kGet, "/api/v1/stats", &Routes::stats);
  add(http::Method::kPost, "/api/v1/sql", &Routes::ask);
  add(http::Method::kGet, "/metrics", &Routes::metrics);
}

async::Task<void> Routes::look(http::Exchange& exchange, const access::Principal& principal, Look what) {
  std::string query(exchange.head().query);
  if (auto checked = check_query(what, query, clock_.unix_micros()); !checked) {
    co_await access::refuse(exchange, std::move(checked).error());
    co_return;
  }
  auto work = [this, what, project = principal.project, query = std::move(query)] {
    static_cast<void>(loader_.freshen());  // reported there; an answer that lacks the newest is better than none
    return lake_.look(what, project, query);
  };
  auto result = co_await reading_.run(std::move(work));
  co_await answer(exchange, std::move(result));
}

async::Task<void> Routes::list(http::Exchange& exchange, const access::Principal& principal) {
  return look(exchange, principal, Look::kCalls);
}
async::Task<void> Routes::feedback(http::Exchange& exchange, const access::Principal& principal) {
  return look(exchange, principal, Look::kFeedback);
}
async::Task<void> Routes::stats(http::Exchange& exchange, const access::Principal& principal) {
  return look(exchange, principal, Look::kStats);
}

async::Task<void> Routes::get(http::Exchange& exchange, const access::Principal& principal) {
  auto work = [this, project = principal.project, id = std::string(exchange.path_parameter("id"))] {
    static_cast<void>(loader_.freshen());
    return lake_.get(project, id);
  };
  auto result = co_await reading_.run(std::move(work));
  co_await answer(exchange, std::move(result));
}

async::Task<void> Routes::say(http::Exchange& exchange, const access::Principal& principal) {
  auto body = co_await access::read_object(exchange);
  if (!body) {
    co_await access::refuse(exchange, std::move(body).error());
    co_return;
  }
  const std::int64_t now_us = clock_.unix_micros();
  auto feedback = Feedback::parse(*body, now_us);
  if (!feedback) {
    co_await access::refuse(exchange, std::move(feedback).error());
    co_return;
  }
  feedback->id = new_id(now_us);
  feedback->project = principal.project;
  feedback->key_id = principal.key_id;
  feedback->at_us = now_us;
  if (feedback->author.empty()) feedback->author = principal.key_id;
  boost::json::object confirmed{{"object", "feedback"}, {"id", feedback->id}, {"at", iso8601(now_us)}};
  for (const auto& [name, about] : {std::pair("call", feedback->call), std::pair("session", feedback->session),
                                    std::pair("user", feedback->user)}) {
    if (!about.empty()) confirmed[name] = about;
  }
  confirmed["name"] = feedback->name;
  confirmed["author"] = feedback->author;
  auto hidden = co_await hide(exchange.loop(), *std::move(feedback));
  if (!hidden) {
    co_await access::refuse(exchange, std::move(hidden).error());
    co_return;
  }
  auto kept = co_await recorder_.keep(exchange.loop(), *std::move(hidden));
  if (!kept) {
    co_await access::refuse(exchange, std::move(kept).error());
    co_return;
  }
  co_await access::respond_json(exchange, 200, std::move(confirmed));
}

// What may be kept of it. Of which prompt or model the answer was is not asked: all policies count.
async::Task<Result<Feedback>> Routes::hide(async::Loop& loop, Feedback feedback) {
  if (hiding_ == nullptr || !hiding_->applies(loop, feedback.project)) co_return feedback;
  const std::pair<const char*, std::string*> texts[] = {
      {"category", &feedback.category}, {"comment", &feedback.comment}, {"correction", &feedback.correction}};
  boost::json::object said;
  for (const auto& [name, text] : texts)
    if (!text->empty()) said[name] = *text;
  llm::Kept kept{.project = feedback.project,
                 .json = json::to_text(said),
                 .session = feedback.session,
                 .user = feedback.user,
                 .names = {feedback.author}};
  if (!feedback.call.empty() && !said.empty())
    kept.find_session = [this, &loop, project = feedback.project, call = feedback.call] {
      return session_of(loop, project, call);
    };
  auto hidden = co_await hiding_->hide(loop, std::move(kept));
  if (!hidden) co_return fail(std::move(hidden).error());
  FAIRLEAD_CO_TRY(const boost::json::value made, json::parse(hidden->json));
  for (const auto& [name, text] : texts) *text = json::text_member(made.as_object(), name);
  feedback.session = std::move(hidden->session);
  feedback.user = std::move(hidden->user);
  feedback.author = std::move(hidden->names[0]);
  co_return feedback;
}

// Empty: it has none, or its record is not there. That of a call that has only just ended may be on its way.
async::Task<std::string> Routes::session_of(async::Loop& loop, std::string project, std::string call) {
  const bool is_new = clock_.unix_micros() / 1000 - id_millis(call) < kNewCallMillis;
  const struct Looking {  // of who invents ids there may be many, and reading is one thread's work
    explicit Looking(std::atomic<int>& of) : all(of), before(all.fetch_add(1)) {}
    ~Looking() { all.fetch_sub(1); }
    Looking(const Looking&) = delete;
    Looking& operator=(const Looking&) = delete;
    std::atomic<int>& all;
    const int before;
  } looking(looking_);
  for (int look = 1;; ++look) {
    auto work = [this, project, call] {
      static_cast<void>(loader_.freshen());
      return lake_.get(project, call);
    };
    const Result<std::string> found = co_await reading_.run(std::move(work));
    if (found) {
      const auto record = json::parse(*found);
      co_return record && record->is_object() ? json::text_member(record->get_object(), "session_id") : std::string();
    }
    if (!is_new || look == kLooksForCall || looking.before >= kMostLooking) co_return std::string();
    async::Bell pause(loop.executor());
    co_await pause.wait_until(std::chrono::steady_clock::now() + kBetweenLooks);
  }
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
