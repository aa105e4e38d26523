#include "gateway/stored_responses.h"

#include <algorithm>

#include "gateway/internal/caller.h"
#include "gateway/internal/reading.h"
#include "platform/http/problem.h"
#include "platform/json/text.h"

namespace fairlead::gateway {
namespace {

using internal::Document;
using internal::Element;

struct Page {
  std::int64_t limit = 20;
  bool oldest_first = false;
  std::string after;
};

Result<Page> page_of(const http::Exchange& exchange) {
  Page page;
  FAIRLEAD_TRY(page.limit, internal::number_parameter(exchange, "limit", 20, 1, 100));
  FAIRLEAD_TRY(page.oldest_first, internal::oldest_first(exchange));
  page.after = http::query_parameter(exchange.head().query, "after").value_or("");
  return page;
}

Result<std::string> list_items(const std::string& input, const Page& page) {
  FAIRLEAD_TRY(const Document document, Document::parse(input));
  FAIRLEAD_TRY(const internal::Array array, internal::array_of("input", document.root()));
  std::vector<Element> items(array.begin(), array.end());
  if (!page.oldest_first) std::ranges::reverse(items);
  const auto id_of = [](Element item) {
    std::string_view id;
    return item["id"].get_string().get(id) ? std::string_view() : id;
  };
  auto at = items.begin();
  if (!page.after.empty()) {
    at = std::ranges::find_if(items, [&](Element item) { return id_of(item) == page.after; });
    if (at == items.end()) return internal::invalid_value("after", "it is not the id of an item of this response");
    ++at;
  }
  const auto end = at + std::min<std::ptrdiff_t>(page.limit, items.end() - at);
  std::string out = R"({"object":"list","data":[)";
  for (auto item = at; item != end; ++item) {
    if (item != at) out += ',';
    out += simdjson::minify(*item);
  }
  out += R"(],"first_id":)" + json::quoted(at == end ? "" : id_of(*at));
  out += R"(,"last_id":)" + json::quoted(at == end ? "" : id_of(*(end - 1)));
  out += R"(,"has_more":)";
  out += end == items.end() ? "false}" : "true}";
  return out;
}

}  // namespace

async::Task<Result<StoredResponses::Found>> StoredResponses::find(http::Exchange& exchange) const {
  const std::shared_ptr<const Snapshot> snapshot = snapshots_.current(exchange.loop());
  auto caller = internal::caller_of(exchange, *snapshot, clock_.unix_micros());
  if (!caller) co_return fail(std::move(caller).error());
  std::string project = (*caller)->project, id(exchange.path_parameter("id"));
  auto found = co_await store_.find(std::move(project), std::move(id));
  if (!found) co_return fail(std::move(found).error());
  co_return Found{std::move(*found), (*caller)->name};
}

async::Task<void> StoredResponses::get(http::Exchange& exchange) const {
  auto found = co_await find(exchange);
  if (!found) {
    co_await http::respond_error(exchange, std::move(found).error());
    co_return;
  }
  if (http::query_parameter(exchange.head().query, "stream").value_or("false") != "false") {
    auto after = internal::number_parameter(exchange, "starting_after", -1, -1, INT64_MAX - 1);
    Result<void> streamed;
    if (after)
      streamed = co_await background_.stream(exchange, std::move(found->response), *after);
    else
      streamed = fail(std::move(after).error());
    if (!streamed) co_await http::respond_error(exchange, std::move(streamed).error());
    co_return;
  }
  auto now = co_await background_.standing(std::move(found->response));
  if (now)
    co_await exchange.respond(200, "application/json", *now);
  else
    co_await http::respond_error(exchange, std::move(now).error());
}

async::Task<void> StoredResponses::cancel(http::Exchange& exchange) const {
  auto found = co_await find(exchange);
  if (!found) {
    co_await http::respond_error(exchange, std::move(found).error());
    co_return;
  }
  auto now = co_await background_.cancel(std::move(found->response), std::move(found->caller), exchange.loop(),
                                         exchange.cancellation());
  if (now)
    co_await exchange.respond(200, "application/json", *now);
  else
    co_await http::respond_error(exchange, std::move(now).error());
}

async::Task<void> StoredResponses::remove(http::Exchange& exchange) const {
  auto found = co_await find(exchange);
  if (!found) {
    co_await http::respond_error(exchange, std::move(found).error());
    co_return;
  }
  const std::string id = found->response.id;
  co_await background_.leave(found->response, std::move(found->caller));
  std::string project = found->response.project, wanted = id;
  auto removed = co_await store_.remove(std::move(project), std::move(wanted));
  if (!removed) {
    co_await http::respond_error(exchange, std::move(removed).error());
    co_return;
  }
  const std::string body = R"({"id":)" + json::quoted(id) + R"(,"object":"response","deleted":true})";
  co_await exchange.respond(200, "application/json", body);
}

async::Task<void> StoredResponses::input_items(http::Exchange& exchange) const {
  auto found = co_await find(exchange);
  if (!found) {
    co_await http::respond_error(exchange, std::move(found).error());
    co_return;
  }
  auto page = page_of(exchange);
  Result<std::string> body = page ? list_items(found->response.input, *page) : Result<std::string>(fail(page.error()));
  if (!body) {
    co_await http::respond_error(exchange, std::move(body).error());
    co_return;
  }
  co_await exchange.respond(200, "application/json", *body);
}

}  // namespace fairlead::gateway
