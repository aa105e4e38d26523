#include "platform/journal/internal/step_state.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "platform/json/member.h"

namespace fairlead::journal {

StepState not_begun(const StepState& state) {
  StepState out;
  out.key = state.key;
  out.attempts = state.attempts;
  out.cost = state.cost;
  out.renewed = state.renewed;
  return out;
}

boost::json::object fields_of(const std::string& data) {
  boost::system::error_code failed;
  boost::json::value parsed = boost::json::parse(data.empty() ? "{}" : data, failed);
  return !failed && parsed.is_object() ? std::move(parsed.as_object()) : boost::json::object();
}

std::vector<std::string> text_list(const boost::json::object& fields, std::string_view name) {
  std::vector<std::string> out;
  const boost::json::value* value = fields.if_contains(name);
  if (value == nullptr || !value->is_array()) return out;
  for (const boost::json::value& one : value->get_array())
    if (one.is_string()) out.emplace_back(one.get_string());
  return out;
}

Copied copied_of(const std::string& data) {
  const auto fields = fields_of(data);
  const boost::json::value* failure = fields.if_contains("failure");
  const boost::json::value* output = fields.if_contains("output");
  if (failure != nullptr) return {true, boost::json::serialize(*failure)};
  return {false, output != nullptr ? boost::json::serialize(*output) : "null"};
}

std::int64_t number_field(const boost::json::object& fields, std::string_view name) {
  const boost::json::value* value = fields.if_contains(name);
  return value != nullptr && value->is_int64() ? value->as_int64() : 0;
}

boost::json::object failure_fields(FailureClass failure, const Error& error) {
  return {{"class", to_string(failure)}, {"code", error.code}, {"message", error.message}};
}

std::string resolve_signal(const std::string& step) {
  return "resolve:" + step;
}

Error error_of(const boost::json::object& fields) {
  Error error;
  const auto failure = failure_class(json::text_member(fields, "class")).value_or(FailureClass::kPermanent);
  error.kind = failure == FailureClass::kTimeout     ? ErrorKind::kTimeout
               : failure == FailureClass::kRateLimit ? ErrorKind::kExhausted
               : failure == FailureClass::kTransient ? ErrorKind::kUpstream
                                                     : ErrorKind::kInvalid;
  error.code = json::text_member(fields, "code");
  error.message = json::text_member(fields, "message");
  return error;
}

}  // namespace fairlead::journal
