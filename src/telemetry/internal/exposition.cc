#include "telemetry/internal/exposition.h"

#include <charconv>
#include <cmath>

namespace fairlead::telemetry {
namespace {

void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
    return;
  }
  char buffer[32];
  const auto [end, fault] = std::to_chars(buffer, buffer + sizeof buffer, value);
  out.append(buffer, end);
}

std::string number_text(double value) {
  std::string out;
  append_number(out, value);
  return out;
}

constexpr std::string_view kTokenTypes[] = {"input", "cached_input", "cache_write", "output", "reasoning"};

}  // namespace

void Exposition::family(std::string_view name, std::string_view type, std::string_view help) {
  text_.append("# HELP ").append(name).append(" ").append(help).append("\n");
  text_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

void Exposition::begin(std::string_view name, const LabelList& labels) {
  text_ += name;
  char before = '{';
  for (const auto& [label, value] : labels) {
    text_ += before;
    text_.append(label).append("=\"");
    for (const char c : value) {
      if (c == '\\' || c == '"') text_ += '\\';
      if (c == '\n') {
        text_ += "\\n";
      } else {
        text_ += c;
      }
    }
    text_ += '"';
    before = ',';
  }
  text_ += labels.empty() ? " " : "} ";
}

void Exposition::sample(std::string_view name, const LabelList& labels, double value) {
  begin(name, labels);
  append_number(text_, value);
  text_ += '\n';
}

void Exposition::sample(std::string_view name, const LabelList& labels, std::uint64_t value) {
  begin(name, labels);
  text_ += std::to_string(value);
  text_ += '\n';
}

void CallTotals::add(const Series& series) {
  calls_[{series.project, series.target, series.model, series.provider, series.status, series.error}] +=
      series.calls.get();
  Route& route = routes_[{series.project, series.target, series.model, series.provider}];
  const Count* const counts[] = {&series.input, &series.cached_input, &series.cache_write, &series.output,
                                 &series.reasoning};
  for (std::size_t i = 0; i < route.tokens.size(); ++i) route.tokens[i] += counts[i]->get();
  route.cost_usd += series.cost_usd.load(std::memory_order_relaxed);
  route.schema_failures += series.schema_failures.get();
  for (std::size_t i = 0; i < route.cache.size(); ++i) route.cache[i] += series.cache[i].get();
  route.duration.add(series.duration);
  route.first_token.add(series.first_token);
  gateway_.add(series.gateway);
}

template <std::size_t N>
void CallTotals::write_buckets(Exposition& out, std::string_view name, const Exposition::LabelList& labels,
                               const std::array<std::int64_t, N>& bounds_us, const Buckets<N>& buckets) {
  std::uint64_t total = 0;
  Exposition::LabelList with_bound = labels;
  with_bound.emplace_back("le", "");
  const std::string bucket = std::string(name) + "_bucket";
  for (std::size_t i = 0; i <= N; ++i) {
    total += buckets.counts[i];
    with_bound.back().second = i < N ? number_text(static_cast<double>(bounds_us[i]) / 1e6) : "+Inf";
    out.sample(bucket, with_bound, total);
  }
  out.sample(std::string(name) + "_sum", labels, static_cast<double>(buckets.sum_us) / 1e6);
  out.sample(std::string(name) + "_count", labels, total);
}

void CallTotals::write(Exposition& out, const std::string& prefix) const {
  const auto labels_of = [](const RouteKey& key) {
    return Exposition::LabelList{{"project", key[0]}, {"target", key[1]}, {"model", key[2]}, {"provider", key[3]}};
  };
  out.family(prefix + "calls_total", "counter", "Calls that have ended.");
  for (const auto& [key, count] : calls_) {
    const auto& [project, target, model, provider, status, error] = key;
    out.sample(prefix + "calls_total",
               {{"project", project},
                {"target", target},
                {"model", model},
                {"provider", provider},
                {"status", std::to_string(status)},
                {"error", error}},
               count);
  }
  out.family(prefix + "tokens_total", "counter",
             "Tokens, by how they are priced; input holds cached_input and cache_write, output holds reasoning.");
  for (const auto& [key, route] : routes_) {
    for (std::size_t i = 0; i < route.tokens.size(); ++i) {
      auto labels = labels_of(key);
      labels.emplace_back("type", std::string(kTokenTypes[i]));
      out.sample(prefix + "tokens_total", labels, route.tokens[i]);
    }
  }
  out.family(prefix + "cost_usd_total", "counter", "Cost by the prices in force when each call ended, in US dollars.");
  for (const auto& [key, route] : routes_) out.sample(prefix + "cost_usd_total", labels_of(key), route.cost_usd);
  out.family(prefix + "schema_failures_total", "counter", "Answers that did not fit the JSON Schema asked for.");
  for (const auto& [key, route] : routes_)
    if (route.schema_failures > 0) out.sample(prefix + "schema_failures_total", labels_of(key), route.schema_failures);
  out.family(prefix + "cache_calls_total", "counter", "Calls for which the cache was asked, by what came of it.");
  for (const auto& [key, route] : routes_) {
    for (std::size_t i = 0; i < route.cache.size(); ++i) {
      if (route.cache[i] == 0) continue;
      auto labels = labels_of(key);
      labels.emplace_back("result", std::string(kCacheWords[i]));
      out.sample(prefix + "cache_calls_total", labels, route.cache[i]);
    }
  }
  out.family(prefix + "call_duration_seconds", "histogram",
             "Time of a call from its head to its last byte (gen_ai.client.operation.duration).");
  for (const auto& [key, route] : routes_) {
    write_buckets(out, prefix + "call_duration_seconds", labels_of(key), kDurationBounds_us, route.duration);
  }
  out.family(prefix + "first_token_seconds", "histogram",
             "Time to the first content that went out (gen_ai.server.time_to_first_token).");
  for (const auto& [key, route] : routes_) {
    write_buckets(out, prefix + "first_token_seconds", labels_of(key), kFirstTokenBounds_us, route.first_token);
  }
  out.family(prefix + "gateway_seconds", "histogram",
             "What Fairlead itself took of a call before the first upstream byte was sent.");
  write_buckets(out, prefix + "gateway_seconds", {}, kGatewayBounds_us, gateway_);
}

}  // namespace fairlead::telemetry
