// The steps of a run as its events come, a line each, for a terminal on which they are drawn over and over.
#pragma once
#include <boost/json/value.hpp>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace fairlead::cli {

class LiveSteps {
 public:
  // In the order in which they are shown; steps that only events name come behind.
  explicit LiveSteps(std::vector<std::string> steps) : order_(std::move(steps)) {}
  // An event as GET /api/v1/runs/ID/events gives it.
  void take(const boost::json::value& event);
  // At most so many characters a line, colours not counted.
  std::string page(std::size_t width, bool colours) const;
  std::size_t size() const { return order_.size(); }

 private:
  enum class Part : std::uint8_t { kPending, kRunning, kWaiting, kBetween, kDone, kFailed };
  struct Step {
    std::map<std::string, Part> parts;  // the step itself, its elements, its turns
    std::size_t retries = 0;
    std::string why, waits_for;  // of the last attempt that failed; of the last wait
    std::string began, ended;    // times as events give them
  };
  void begin_anew(const boost::json::value& retried);
  std::string line(const std::string& name, std::size_t width, bool colours) const;

  std::vector<std::string> order_;
  std::map<std::string, Step> steps_;
};

}  // namespace fairlead::cli
