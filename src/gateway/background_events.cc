// How responses that are made in the background stand, and the events that tell of them.
#include <algorithm>
#include <boost/json/object.hpp>
#include <utility>

#include "gateway/background.h"
#include "gateway/internal/rebuilt.h"
#include "platform/journal/news.h"
#include "platform/json/member.h"
#include "platform/json/text.h"

namespace fairlead::gateway {
namespace {

namespace bj = boost::json;
using journal::Event;
using journal::EventKind;
using journal::RunState;

constexpr std::chrono::milliseconds kLookAgain{500}, kStillThere{15'000}, kCancelPatience{5'000};

bj::object object_of_response(const StoredResponse& response) {
  auto parsed = json::parse(response.response);
  return parsed && parsed->is_object() ? std::move(parsed->as_object()) : bj::object();
}

// "data: {…}\n\n" one after another, each with what stands before it.
std::vector<std::string> divided(const std::string& events) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < events.size();) {
    const std::size_t end = std::min(events.find("\n\n", at), events.size() - 2) + 2;
    out.push_back(events.substr(at, end - at));
    at = end;
  }
  return out;
}

}  // namespace

// What is told of a response so far, by number from 0.
struct Background::Told {
  std::vector<std::string> events;
  bool ended = false;
  std::string child;  // the run whose steps are told of too; empty: none is
};

bool Background::is_open(const StoredResponse& response) {
  const std::string status = json::text_member(object_of_response(response), "status");
  return status == "queued" || status == "in_progress";
}

async::Task<Result<std::string>> Background::standing(StoredResponse response) const {
  if (engine_ == nullptr || !is_open(response)) co_return std::move(response.response);
  std::string project = response.project, id = run_of_response(response.id);
  auto run = co_await engine_->find(std::move(project), std::move(id));
  bj::object fields = object_of_response(response);
  if (!run) {
    if (run.error().code != "run_not_found") co_return fail(std::move(run).error());
    fields["status"] = "failed";
    fields["error"] = bj::object{{"code", "server_error"}, {"message", "What made this response is gone."}};
  } else if (run->started_at > 0) {
    fields["status"] = "in_progress";
  }
  if (run && finished(run->state)) {  // it has been kept since it was read
    std::string its_project = response.project, its_id = response.id;
    auto ended = co_await store_.find(std::move(its_project), std::move(its_id));
    if (ended) co_return std::move(ended->response);
    co_return fail(std::move(ended).error());
  }
  co_return json::to_text(fields);
}

// One event each time that a step of the chain's run begins, ends, fails or waits.
async::Task<Result<std::vector<std::string>>> Background::progress(const std::string& project,
                                                                   const std::string& run) const {
  std::string its_project = project, its_run = run;
  auto history = co_await engine_->history(std::move(its_project), std::move(its_run), 0, INT64_MAX);
  if (!history) co_return fail(std::move(history).error());
  std::vector<std::string> out;
  for (const Event& event : *history)
    if (std::string news = journal::news_of(event); !news.empty()) out.push_back(std::move(news));
  co_return out;
}

async::Task<Result<Background::Told>> Background::events(const StoredResponse& response) const {
  Told told;
  std::string project = response.project, id = run_of_response(response.id);
  auto run = co_await engine_->find(std::move(project), std::move(id));
  if (!run) co_return fail(std::move(run).error());
  FAIRLEAD_CO_TRY(const auto rebuilt, rebuild(*run));
  const auto form = rebuilt->form(store_, true);
  std::string wire;
  form->begin(run->started_at > 0, wire);
  told.events = divided(wire);
  if (run->started_at == 0 && !finished(run->state)) co_return told;
  if (rebuilt->is_of_chain() && rebuilt->call.options.progress) {
    std::string its_project = response.project, its_run = run->id;
    auto history = co_await engine_->history(std::move(its_project), std::move(its_run), 0, INT64_MAX);
    if (!history) co_return fail(std::move(history).error());
    for (const Event& event : *history) {
      if (event.kind != EventKind::kIntent) continue;
      const auto data = json::parse(event.data);
      if (data && data->is_object()) told.child = json::text_member(data->get_object(), "child");
    }
    if (!told.child.empty()) {
      auto steps = co_await progress(response.project, told.child);
      if (!steps) co_return fail(std::move(steps).error());
      for (const std::string& one : *steps)
        told.events.push_back("event: fairlead.progress\ndata: {\"type\":\"fairlead.progress\",\"sequence_number\":" +
                              std::to_string(told.events.size()) + "," + one.substr(1) + "\n\n");
      form->leave_room(static_cast<std::int64_t>(steps->size()));
    }
  }
  if (!finished(run->state)) co_return told;
  told.ended = true;
  wire.clear();
  if (run->state == RunState::kSucceeded) {
    FAIRLEAD_CO_CHECK(rebuilt->take(run->output, *form, wire));
  } else {
    std::string its_project = response.project, its_id = response.id;
    auto ended = co_await store_.find(std::move(its_project), std::move(its_id));
    if (!ended) co_return fail(std::move(ended).error());
    wire = "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":" +
           std::to_string(told.events.size()) + ",\"response\":" + ended->response + "}\n\n";
  }
  for (std::string& event : divided(wire)) told.events.push_back(std::move(event));
  co_return told;
}

async::Task<Result<void>> Background::stream(http::Exchange& exchange, StoredResponse response,
                                             std::int64_t after) const {
  const bj::object fields = object_of_response(response);
  const bj::value* const background = fields.if_contains("background");
  if (engine_ == nullptr || background == nullptr || !background->is_bool() || !background->get_bool())
    co_return fail(ErrorKind::kUnsupported, "unsupported_parameter",
                   "Only a response that was made in the background is streamed again.", "stream");
  journal::Listeners::Listening listening(engine_->listeners(), run_of_response(response.id), exchange.loop());
  const async::Cancellation::Registration gone(
      exchange.cancellation(), [](void* bell) { static_cast<async::Bell*>(bell)->ring(); }, &listening.bell());
  auto next = static_cast<std::size_t>(std::max<std::int64_t>(after + 1, 0));
  auto told_at = std::chrono::steady_clock::now();
  bool begun = false;
  while (!exchange.cancellation().requested()) {
    auto told = co_await events(response);
    if (!told && !begun) co_return fail(std::move(told).error());
    if (!told) break;
    if (!begun) {
      begun = true;
      exchange.add_header("cache-control", "no-cache");
      exchange.begin_stream(200, "text/event-stream; charset=utf-8");
    }
    std::string wire;
    for (; next < told->events.size(); ++next) wire += told->events[next];
    const auto now = std::chrono::steady_clock::now();
    if (wire.empty() && now - told_at > kStillThere) wire = ": still there\n\n";
    if (!wire.empty()) {
      told_at = now;
      const auto sent = co_await exchange.write(wire);
      if (!sent) co_return Result<void>();
    }
    if (told->ended) break;
    // What the steps of a chain do is told at the next look; the end of the run rings.
    if (wire.empty()) co_await listening.bell().wait_until(now + kLookAgain);
  }
  co_await exchange.finish();
  co_return Result<void>();
}

async::Task<void> Background::leave(const StoredResponse& response, std::string by) {
  if (engine_ == nullptr || !is_open(response)) co_return;
  std::string project = response.project, id = run_of_response(response.id);
  (void)co_await engine_->cancel(std::move(project), std::move(id), std::move(by));
}

async::Task<Result<std::string>> Background::cancel(StoredResponse response, std::string by, async::Loop& loop,
                                                    async::Cancellation& cancellation) {
  const bj::object fields = object_of_response(response);
  const bj::value* const background = fields.if_contains("background");
  if (background == nullptr || !background->is_bool() || !background->get_bool())
    co_return fail(ErrorKind::kInvalid, "not_in_background",
                   "Only a response that is made in the background is cancelled.", "response_id");
  if (engine_ == nullptr || !is_open(response)) co_return std::move(response.response);
  co_await leave(response, std::move(by));
  std::string project = response.project, id = run_of_response(response.id);
  const auto ended = co_await engine_->wait_for_end(std::move(project), std::move(id), loop,
                                                    clock_.steady() + kCancelPatience, cancellation);
  (void)ended;  // it may take longer: then it stands as it stands
  std::string its_project = response.project, its_id = response.id;
  auto found = co_await store_.find(std::move(its_project), std::move(its_id));
  if (!found) co_return fail(std::move(found).error());
  auto now = co_await standing(std::move(*found));
  co_return now;
}

}  // namespace fairlead::gateway
