// The steps of a run as its events come, a line each, for a terminal on which they are drawn over and over.
#pragma once
#include <boost/json/value.hpp>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace fairlead::cli {

class LiveSteps {
 public:
  // In the order in which they are shown; steps that only events name come behind.
  explicit LiveSteps(std::vector<std::string> steps) : order_(std::move(steps)) {}
  // An event as GET /api/v1/runs/ID/events gives it.
  void take(const boost::json::value& event);
  // The steps as GET /api/v1/runs/ID gives them: which waits for which, and how many elements each has.
  void know(const boost::json::value& steps);
  // Whether elements have come of a step of which it is not known how many it has. Once for each step.
  bool wants_to_know() { return std::exchange(wants_to_know_, false); }
  // At most so many characters a line, colours not counted.
  std::string page(std::size_t width, bool colours) const;
  std::size_t size() const { return order_.size(); }

 private:
  enum class Part : std::uint8_t { kPending, kRunning, kWaiting, kBetween, kDone, kFailed };
  struct Step {
    std::map<std::string, Part> parts;  // the step itself, its elements, its turns
    std::size_t retries = 0;
    std::string why;           // of the last attempt that failed
    double pause_s = 0;        // behind it
    std::string wait;          // the last one
    std::string began, ended;  // times as events give them
  };
  struct Known {
    std::vector<std::string> after;
    std::size_t elements = 0;
    bool asked = false;
  };
  void begin_anew(const boost::json::value& retried);
  std::size_t elements_of(const std::string& name) const;  // 0: none, or not known
  bool is_over(const std::string& name) const;
  std::string pending(const std::string& name) const;
  std::string line(const std::string& name, std::size_t width, bool colours) const;

  std::vector<std::string> order_;
  std::map<std::string, Step> steps_;
  std::map<std::string, Known> known_;
  bool wants_to_know_ = false;
};

}  // namespace fairlead::cli
