#include "access/control_plane.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "base/suggest.h"
#include "platform/http/problem.h"
#include "platform/json/text.h"

namespace fairlead::access {

async::Task<Result<boost::json::object>> read_object(http::Exchange& exchange) {
  auto body = co_await exchange.read_body();
  if (!body) co_return fail(std::move(body).error());
  auto parsed = json::parse(std::string_view(body->data(), body->size()));
  if (!parsed) co_return fail(std::move(parsed).error());
  if (!parsed->is_object()) {
    co_return fail(ErrorKind::kInvalid, "invalid_type", "The body must be a JSON object.");
  }
  co_return std::move(parsed->get_object());
}

Result<std::optional<std::string>> optional_string(const boost::json::object& body, std::string_view name) {
  const boost::json::value* value = body.if_contains(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (!value->is_string()) {
    return fail(ErrorKind::kInvalid, "invalid_type", "`" + std::string(name) + "` must be a string.",
                std::string(name));
  }
  return std::string(value->get_string());
}

Result<std::string> required_string(const boost::json::object& body, std::string_view name) {
  FAIRLEAD_TRY(auto value, optional_string(body, name));
  if (!value) {
    return fail(ErrorKind::kInvalid, "missing_required_parameter", "`" + std::string(name) + "` is required.",
                std::string(name));
  }
  return *std::move(value);
}

Result<void> only_members(const boost::json::object& body, std::initializer_list<std::string_view> known) {
  for (const auto& member : body) {
    const std::string_view name = member.key();
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::vector<std::string> candidates(known.begin(), known.end());
    const std::string shown(name.substr(0, 60));
    return fail(ErrorKind::kInvalid, "unknown_parameter",
                "`" + shown + "` is not known here." + did_you_mean(name, candidates), shown);
  }
  return {};
}

Result<std::size_t> limit_of(http::Exchange& exchange, std::size_t otherwise, std::size_t most) {
  const auto text = http::query_parameter(exchange.head().query, "limit");
  if (!text) return otherwise;
  std::size_t limit = 0;
  const auto parsed = std::from_chars(text->data(), text->data() + text->size(), limit);
  if (parsed.ec != std::errc() || parsed.ptr != text->data() + text->size() || limit < 1 || limit > most) {
    return fail(ErrorKind::kInvalid, "invalid_value",
                "`limit` must be a number from 1 to " + std::to_string(most) + ".", "limit");
  }
  return limit;
}

std::string parameter_of(http::Exchange& exchange, std::string_view name) {
  return http::query_parameter(exchange.head().query, name).value_or("");
}

async::Task<void> respond_json(http::Exchange& exchange, int status, boost::json::object body) {
  const std::string text = json::to_text(body);
  auto answered = co_await exchange.respond(status, "application/json", text);
  (void)answered;  // a client that has gone wants no answer
}

async::Task<void> refuse(http::Exchange& exchange, Error error) {
  auto answered = co_await http::respond_error(exchange, std::move(error));
  (void)answered;
}

}  // namespace fairlead::access
