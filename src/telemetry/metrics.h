// Counters and histograms of the process, as Prometheus text (docs/reference/metrics.md).
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "telemetry/record.h"

namespace fairlead::telemetry {

// Made before the loops start, with one shard for each; handed to whoever counts.
class Metrics {
 public:
  // `label_sets`: how many combinations of labels a loop keeps apart; calls beyond that are counted with "other" for
  // target, model, provider and error.
  Metrics(int loops, const Clock& clock, std::size_t label_sets = 1000);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // From the thread of that loop: no lock, no system call, no allocation but for a new combination of labels.
  void observe(int loop_index, const CallRecord& record);

  enum class Type : std::uint8_t { kCounter, kGauge };
  // A number that is asked for at each scrape, on the scraping thread, so thread-safe. `help` is a sentence. Before the
  // first scrape.
  void add(std::string name, Type type, std::string help, std::function<double()> value);

  struct Sample {
    std::vector<std::pair<std::string_view, std::string>> labels;  // one of them is `project`
    double value = 0;
  };
  // A number for each of several things, in the same way; of all projects, text() leaves out those of others.
  void add(std::string name, Type type, std::string help, std::function<std::vector<Sample>()> values);

  // The exposition text, format 0.0.4. With a project: its calls alone. Thread-safe.
  std::string text(const std::optional<std::string>& project) const;
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  class Shard;
  struct Source {
    std::string name;
    Type type;
    std::string help;
    std::function<std::vector<Sample>()> values;
  };
  const Clock& clock_;
  const std::int64_t started_at_us_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<Source> sources_;
};

}  // namespace fairlead::telemetry
