#include "chains/internal/http_step.h"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <memory>

#include "llm/openai_completion.h"
#include "platform/json/text.h"

namespace fairlead::chains::internal {
namespace {

namespace bj = boost::json;
using journal::Effect;
using journal::EffectFailed;
using journal::FailureClass;

constexpr std::size_t kMostBytes = 4 * 1024 * 1024;  // of an answer
constexpr std::string_view kSecret = "secret:";
constexpr std::array<std::string_view, 7> kOwn{"host",         "content-length",  "connection",     "transfer-encoding",
                                               "content-type", "idempotency-key", "accept-encoding"};
constexpr std::array kMethods{http::Method::kGet, http::Method::kHead,  http::Method::kPost,
                              http::Method::kPut, http::Method::kPatch, http::Method::kDelete};

std::unexpected<Error> wrong(std::string message) {
  return fail(ErrorKind::kInvalid, "invalid_http_request", std::move(message));
}

bool is_token(std::string_view name) {  // RFC 9110 §5.6.2
  return !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

bool is_field_value(std::string_view value) {
  return std::ranges::none_of(value, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

Result<void> read_headers(const bj::value& made, HttpRequest& request) {
  if (!made.is_object()) return wrong("`headers` is no object.");
  for (const auto& [name, value] : made.get_object()) {
    std::string lower(name);
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (!is_token(lower)) return wrong("`" + std::string(name) + "` is no name of a header.");
    if (std::ranges::count(kOwn, lower))
      return wrong("The header `" + lower + "` is not to be given: it is made here.");
    std::string text = value.is_string() ? std::string(value.get_string()) : json::to_text(value);
    if (!is_field_value(text)) return wrong("The value of the header `" + lower + "` has a control character.");
    request.headers.emplace_back(std::move(lower), std::move(text));
  }
  return {};
}

// Of one request, with its secrets in place; wiped when it goes.
async::Task<Result<SecretText>> header_lines(const HttpCalls& calls, const HttpRequest& request,
                                             const std::string& key) {
  SecretText lines("idempotency-key: ");
  lines += key;
  lines += "\r\naccept: application/json, */*\r\n";
  for (const auto& [name, value] : request.headers) {
    SecretText text(value.data(), value.size());
    if (value.starts_with(kSecret)) {
      std::string project = request.project, secret_name = value.substr(kSecret.size());
      auto secret = co_await calls.secret(std::move(project), std::move(secret_name));
      if (!secret) co_return fail(std::move(secret).error());
      text = std::move(*secret);
      if (!is_field_value({text.data(), text.size()}))
        co_return wrong("The secret for the header `" + name + "` has a control character.");
    }
    lines += name;
    lines += ": ";
    lines += text;
    lines += "\r\n";
  }
  co_return lines;
}

EffectFailed failed(Error error) {
  const FailureClass failure = error.kind == ErrorKind::kPermissionDenied || error.kind == ErrorKind::kInvalid
                                   ? FailureClass::kPermanent
                                   : journal::class_of(error);
  return {failure, std::move(error)};
}

bool says_json(std::optional<std::string_view> type) {
  if (!type) return false;
  const std::string_view name = type->substr(0, type->find(';'));
  return name.find("json") != std::string_view::npos;
}

std::expected<Effect, EffectFailed> read_answer(const http::ClientResponse& response, std::string body) {
  const int status = response.status();
  if (status >= 300 && status < 400)
    return std::unexpected(EffectFailed{FailureClass::kPermanent,
                                        {ErrorKind::kUpstream, "http_redirect",
                                         "It answered " + std::to_string(status) + ": redirects are not followed."}});
  if (status < 200 || status > 299) {
    Error error = llm::upstream_error(status, body, response.headers());
    error.code = "http_" + std::to_string(status);
    const bool passes = status == 408 || status >= 500;
    const FailureClass failure = status == 429 ? FailureClass::kRateLimit
                                 : passes      ? FailureClass::kTransient
                                               : FailureClass::kPermanent;
    return std::unexpected(EffectFailed{failure, std::move(error)});
  }
  bj::object output{{"status", status}};
  auto parsed = says_json(response.header("content-type")) ? json::parse(body) : Result<bj::value>(bj::value(nullptr));
  if (!parsed)
    return std::unexpected(EffectFailed{FailureClass::kBadOutput,
                                        {ErrorKind::kUpstream, "invalid_output", "It answered what is not JSON."}});
  if (says_json(response.header("content-type")))
    output["body"] = std::move(*parsed);
  else
    output["body"] = body.substr(0, json::valid_utf8_prefix(body));
  return Effect{json::to_text(output)};
}

}  // namespace

Result<HttpRequest> read_http_request(const bj::value& made) {
  if (!made.is_object()) return wrong("`http` is no object.");
  const bj::object& from = made.get_object();
  HttpRequest request;
  const bj::value* const url = from.if_contains("url");
  if (url == nullptr || !url->is_string()) return wrong("`url` is no text.");
  request.url = url->get_string();
  if (const bj::value* const method = from.if_contains("method")) {
    const auto found = std::ranges::find_if(kMethods, [&](http::Method one) {
      return method->is_string() && http::to_string(one) == std::string_view(method->get_string());
    });
    if (found == kMethods.end()) return wrong("`method` is one of GET, HEAD, POST, PUT, PATCH, DELETE.");
    request.method = *found;
  }
  if (const bj::value* const headers = from.if_contains("headers")) FAIRLEAD_CHECK(read_headers(*headers, request));
  if (const bj::value* const value = from.if_contains("json")) {
    request.body = json::to_text(*value);
    request.content_type = "application/json";
  } else if (const bj::value* const text = from.if_contains("text")) {
    request.body = text->is_string() ? std::string(text->get_string()) : json::to_text(*text);
    request.content_type = "text/plain; charset=utf-8";
  }
  return request;
}

std::string host_of(std::string_view url) {
  const std::size_t authority = url.find("://");
  if (authority == std::string_view::npos) return {};
  auto origin = http::Origin::parse(url.substr(0, url.find_first_of("/?#", authority + 3)));
  if (!origin) return {};
  std::ranges::transform(origin->host, origin->host.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::move(origin->host);
}

async::Task<std::expected<Effect, EffectFailed>> send_http(const HttpCalls& calls, HttpRequest request,
                                                           async::Loop& loop, journal::Attempt attempt) {
  // The path goes with the request, so that connections are shared by all that goes to one place.
  const std::size_t authority = request.url.find("://");
  const std::size_t path = authority == std::string::npos ? authority : request.url.find_first_of("/?", authority + 3);
  const std::string base = request.url.substr(0, path);
  std::string target = path == std::string::npos ? "/" : request.url.substr(path);
  if (target.front() == '?') target.insert(0, "/");
  target = target.substr(0, target.find('#'));
  const bool plain = std::ranges::all_of(target, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
  auto origin = http::Origin::parse(base);
  if (!origin || !plain)
    co_return std::unexpected(failed(
        {ErrorKind::kInvalid, "invalid_url", "The URL of step `" + attempt.step + "` is not one that can be asked."}));
  if (!calls.hosts.allows(*origin))
    co_return std::unexpected(
        failed({ErrorKind::kPermissionDenied, "host_not_allowed",
                "`" + origin->host_header +
                    "` is not among the hosts that chains may reach: see the setting `chains.hosts`."}));
  auto lines = co_await header_lines(calls, request, attempt.key);
  if (!lines) co_return std::unexpected(failed(std::move(lines).error()));
  const http::ClientRequest sent{.method = request.method,
                                 .target = target,
                                 .header_lines = {lines->data(), lines->size()},
                                 .body = request.body,
                                 .content_type = request.content_type};
  auto response = co_await calls.client(loop).send(*origin, sent, attempt.cancellation);
  const auto timed_out = [&] {
    return attempt.cancellation.requested() && attempt.cancellation.reason() == ErrorKind::kTimeout;
  };
  const Error late{ErrorKind::kTimeout, "timeout", "There was no answer within the step's `timeout`."};
  if (!response) co_return std::unexpected(failed(timed_out() ? late : std::move(response).error()));
  auto body = co_await (*response)->read_all(kMostBytes);
  if (!body) co_return std::unexpected(failed(timed_out() ? late : std::move(body).error()));
  co_return read_answer(**response, std::move(*body));
}

}  // namespace fairlead::chains::internal
