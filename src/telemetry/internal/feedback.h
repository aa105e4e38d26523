// What somebody said of an answer (docs/reference/feedback.md).
#pragma once
#include <boost/json/object.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fairlead::telemetry {

enum class Vote : std::uint8_t { kNone, kYes, kNo };  // as numbers in the spool and in the lake

struct Feedback {
  std::string id;  // ULID: of two sayings, the one with the greater id counts
  std::string project;
  std::string key_id;
  std::int64_t at_us = 0;           // unix time
  std::string call, session, user;  // what it is about: one of them
  std::string name = "feedback";
  std::string author;
  int vote = 0;                                             // Vote
  double score = std::numeric_limits<double>::quiet_NaN();  // NaN: none
  std::string category, comment, correction;
  bool withdrawn = false;

  // From the body of POST /v1/feedback, without id, project, key_id and at_us. Errors: unknown_parameter, invalid_type,
  // invalid_value, missing_required_parameter; `param` names the member.
  static Result<Feedback> parse(const boost::json::object& body, std::int64_t now_us);
};

}  // namespace fairlead::telemetry
