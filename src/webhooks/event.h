// Something that a webhook may be told of.
#pragma once
#include <array>
#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace fairlead::webhooks {

inline constexpr std::array<std::string_view, 8> kEventTypes{
    "run.completed",      "run.failed",          "run.cancelled",   "run.late",
    "response.completed", "response.incomplete", "response.failed", "response.cancelled"};

struct Event {
  std::string project;
  std::string type;            // of kEventTypes
  std::string subject;         // the id of what it happened to
  std::string chain{};         // of a run: whose; else empty
  bool is_part = false;        // of a run that another one has started for a step
  std::int64_t at = 0;         // µs since 1970
  boost::json::object data{};  // nothing personal, nothing secret
};

// What is sent: an event as OpenAI's are.
std::string body_of(const Event& event, const std::string& id);

}  // namespace fairlead::webhooks
