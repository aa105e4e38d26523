#include "telemetry/metrics.h"

#include <algorithm>
#include <array>

#include "telemetry/internal/exposition.h"
#include "telemetry/internal/process.h"
#include "telemetry/internal/series.h"

namespace fairlead::telemetry {
namespace {

std::uint64_t mix(std::uint64_t hash, std::string_view text) {
  return (hash ^ std::hash<std::string_view>{}(text)) * 0x9e3779b97f4a7c15u;
}

std::uint64_t hash_of(const Labels& labels) {
  std::uint64_t hash = static_cast<std::uint64_t>(labels.status) * 2 + (labels.shadow ? 1 : 0);
  for (const auto text : {labels.project, labels.target, labels.model, labels.provider, labels.error})
    hash = mix(hash, text);
  return hash ^ (hash >> 32);
}

std::uint64_t tokens(std::int64_t count) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
}

// What has no project belongs to the process and is shown to all.
bool is_seen(const Exposition::LabelList& labels, const std::optional<std::string>& project) {
  return !project || std::ranges::none_of(
                         labels, [&](const auto& one) { return one.first == "project" && one.second != *project; });
}

}  // namespace

void Series::observe(const CallRecord& record) {
  calls.add(1);
  input.add(tokens(record.usage.input));
  cached_input.add(tokens(record.usage.cached_input));
  cache_write.add(tokens(record.usage.cache_write));
  output.add(tokens(record.usage.output));
  reasoning.add(tokens(record.usage.reasoning));
  cost_usd.store(cost_usd.load(std::memory_order_relaxed) + record.cost_usd, std::memory_order_relaxed);
  duration.observe(kDurationBounds_us, record.duration_us);
  if (record.first_token_us >= 0) first_token.observe(kFirstTokenBounds_us, record.first_token_us);
  gateway.observe(kGatewayBounds_us, record.gateway_us);
  schema_failures.add(static_cast<std::uint64_t>(std::max(record.schema_failures, 0)));
  const auto word = std::ranges::find(kCacheWords, record.cache);
  if (word != kCacheWords.end()) cache[static_cast<std::size_t>(word - kCacheWords.begin())].add(1);
}

// A loop's series: a hash table that the loop alone reads and writes, over a list that only grows and that any thread
// may walk up to its published length.
class Metrics::Shard {
 public:
  explicit Shard(std::size_t label_sets) : label_sets_(label_sets), index_(64, nullptr), list_(label_sets + kOthers) {}

  Series& find(const Labels& labels) {
    if (Series* series = look_up(labels)) return *series;
    // The others are a few for each project; only were there very many projects would they share one.
    const Labels other{labels.project, "other",      "other", "other", labels.status < 400 ? "" : "other",
                       labels.status,  labels.shadow};
    const Labels last{"other", "other", "other", "other", "", 0, labels.shadow};
    if (used() < label_sets_) return add(labels);
    if (Series* series = look_up(other)) return *series;
    if (used() + 2 < list_.size()) return add(other);  // two of `last`
    if (Series* series = look_up(last)) return *series;
    return add(last);
  }

  template <class Each>
  void each(Each each) const {
    const std::size_t count = published_.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < count; ++i) each(*list_[i]);
  }

 private:
  static constexpr std::size_t kOthers = 200;
  std::size_t used() const { return published_.load(std::memory_order_relaxed); }

  Series* look_up(const Labels& labels) {
    for (std::size_t slot = hash_of(labels);; ++slot) {
      Series* series = index_[slot & (index_.size() - 1)];
      if (series == nullptr || series->labels() == labels) return series;
    }
  }

  void put(Series* series) {
    std::size_t slot = hash_of(series->labels());
    while (index_[slot & (index_.size() - 1)] != nullptr) ++slot;
    index_[slot & (index_.size() - 1)] = series;
  }

  Series& add(const Labels& labels) {
    const std::size_t count = used();
    list_[count] = std::make_unique<Series>(labels);
    published_.store(count + 1, std::memory_order_release);
    if ((count + 1) * 2 > index_.size()) {
      index_.assign(index_.size() * 2, nullptr);
      for (std::size_t i = 0; i < count; ++i) put(list_[i].get());
    }
    put(list_[count].get());
    return *list_[count];
  }

  const std::size_t label_sets_;
  std::vector<Series*> index_;                 // open addressing; a power of two, at most half full
  std::vector<std::unique_ptr<Series>> list_;  // of a fixed size
  std::atomic<std::size_t> published_{0};
};

Metrics::Metrics(int loops, const Clock& clock, std::size_t label_sets)
    : clock_(clock), started_at_us_(clock.unix_micros()) {
  for (int i = 0; i < loops; ++i) shards_.push_back(std::make_unique<Shard>(label_sets));
}
Metrics::~Metrics() = default;

void Metrics::observe(int loop_index, const CallRecord& record) {
  const Labels labels{record.project, record.target_name,       record.model, record.provider, record.error_code,
                      record.status,  !record.shadow_of.empty()};
  shards_[static_cast<std::size_t>(loop_index)]->find(labels).observe(record);
}

void Metrics::add(std::string name, Type type, std::string help, std::function<double()> value) {
  auto values = [value = std::move(value)] { return std::vector<Sample>{{.labels = {}, .value = value()}}; };
  sources_.push_back({std::move(name), type, std::move(help), std::move(values)});
}

void Metrics::add(std::string name, Type type, std::string help, std::function<std::vector<Sample>()> values) {
  sources_.push_back({std::move(name), type, std::move(help), std::move(values)});
}

std::string Metrics::text(const std::optional<std::string>& project) const {
  Exposition out;
  CallTotals totals, shadows;
  for (const auto& shard : shards_) {
    shard->each([&](const Series& series) {
      if (!project || series.project == *project) (series.shadow ? shadows : totals).add(series);
    });
  }
  totals.write(out, "fairlead_");
  if (!shadows.empty()) shadows.write(out, "fairlead_shadow_");
  for (const auto& source : sources_) {
    out.family(source.name, source.type == Type::kCounter ? "counter" : "gauge", source.help);
    for (const Sample& sample : source.values())
      if (is_seen(sample.labels, project)) out.sample(source.name, sample.labels, sample.value);
  }
  write_process(out);
  const double uptime = static_cast<double>(clock_.unix_micros() - started_at_us_) / 1e6;
  out.family("fairlead_uptime_seconds", "gauge", "Time since the process began to serve.");
  out.sample("fairlead_uptime_seconds", {}, uptime);
  return std::move(out).text();
}

}  // namespace fairlead::telemetry
