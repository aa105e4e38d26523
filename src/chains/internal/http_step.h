// A request of a step with `http`.
#pragma once
#include <boost/json/value.hpp>
#include <expected>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "chains/http_calls.h"
#include "platform/journal/execution.h"

namespace fairlead::chains::internal {

struct HttpRequest {
  std::string project;
  http::Method method = http::Method::kGet;
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;  // a value may be "secret:NAME"
  std::string body{}, content_type{};                        // empty: none
};

// {"method", "url", "headers", "json" or "text"}, made from a step's values. Error: kInvalid, with what is wrong.
Result<HttpRequest> read_http_request(const boost::json::value& made);

// Sends it, with the attempt's key as `Idempotency-Key`. The output is {"status", "body"}: the body's JSON where its
// type says so, else its text. What is not 2xx is a failure: 429 of rate_limit, 408 and 5xx of transient (both heed
// Retry-After), the rest permanent. Redirects are not followed.
// In small letters; empty if the URL has none.
std::string host_of(std::string_view url);

async::Task<std::expected<journal::Effect, journal::EffectFailed>> send_http(const HttpCalls& calls,
                                                                             HttpRequest request, async::Loop& loop,
                                                                             journal::Attempt attempt);

}  // namespace fairlead::chains::internal
